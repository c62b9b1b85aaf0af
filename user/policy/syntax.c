/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "policy/syntax.h"
#include "base/number.h"
#include "policy/flags.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct quoted quote_length(const char *text, size_t length)
{
	struct quoted quoted = {"'"};
	size_t used = 1, room = sizeof(quoted.text) - sizeof("\\x00...'");

	for (; length && used <= room; text++, length--)
		if (*text >= ' ' && *text <= '~')
			quoted.text[used++] = *text;
		else
			used += sprintf(quoted.text + used, "\\x%02x", (unsigned char)*text);
	snprintf(quoted.text + used, sizeof(quoted.text) - used, "%s'", length ? "..." : "");
	return quoted;
}

struct quoted quote(const char *text)
{
	return quote_length(text, strlen(text));
}

int syntax_rule_name(const char *text, char name[FF_NAME_SIZE], struct diag *diag)
{
	size_t length = strlen(text);

	if (!length || length >= FF_NAME_SIZE || text[0] == '-' || strspn(text, RULE_NAME_CHARS) != length)
		return diag_usage(diag, "invalid rule name %s: up to %d of a-z, 0-9 and '-', no '-' in front",
				  quote(text).text, FF_NAME_SIZE - 1);
	memcpy(name, text, length + 1);
	return 0;
}

/* Says what is wrong with MATCH, that flags_parse_match() refused. */
static int bad_match(const char *match, struct diag *diag)
{
	char value[FLAGS_VALUE_SIZE], known[FLAGS_SIZE];
	const char *slash = strchr(match, '/');
	const char *side[2] = {value, slash ? slash + 1 : NULL};
	__u16 flags[2];

	if (!slash || (size_t)(slash - match) >= sizeof(value))
		return diag_usage(diag, "flags %s: write VALUE/MASK, such as 'SYN,FIN/SYN,FIN'", quote(match).text);
	memcpy(value, match, slash - match);
	value[slash - match] = '\0';
	for (int i = 0; i < 2; i++) {
		const char *part = side[i];

		if (!flags_parse(side[i], &flags[i]))
			continue;
		while (strchr(side[i], ',') && flags_word(part, strcspn(part, ",")))
			part += strcspn(part, ",") + 1;
		return diag_usage(diag, "unknown flag %s in %s: flags are %s, or NONE alone",
				  quote_length(part, strcspn(part, ",")).text, quote(match).text,
				  flags_format(FF_FLAGS_ALL, known));
	}
	if (!flags[1])
		return diag_usage(diag, "empty mask in %s: it would match every segment", quote(match).text);
	return diag_usage(diag, "flag '%s' in %s is not in its mask: it could never match",
			  flags_format(flags[0] & ~flags[1], known), quote(match).text);
}

int syntax_match(const char *text, __u16 *value, __u16 *mask, struct diag *diag)
{
	return flags_parse_match(text, value, mask) ? bad_match(text, diag) : 0;
}

int syntax_mode(const char *text, enum ff_mode *mode, struct diag *diag)
{
	if (mode_parse(text, mode))
		return diag_usage(diag, "unknown mode %s: a rule is %s, %s or %s", quote(text).text, mode_name(FF_OFF),
				  mode_name(FF_MONITORED), mode_name(FF_ENFORCED));
	return 0;
}

/* An address, with or without "/PREFIX". */
static int parse_source(const char *text, struct ff_source_key *source)
{
	char address[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "/");
	struct ff_source_key key = {};
	unsigned long bits, prefix;

	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	key.family = strchr(address, ':') ? 6 : 4;
	if (inet_pton(key.family == 4 ? AF_INET : AF_INET6, address, key.address) != 1)
		return -EINVAL;
	bits = prefix = key.family == 4 ? 32 : 128;
	if (text[length] && number_parse(text + length + 1, 0, bits, &prefix))
		return -ERANGE;
	key.prefix_len = FF_SOURCE_PREFIX + prefix;
	*source = key;
	return 0;
}

/* Clears what is behind the prefix; whether there was anything. */
static bool clear_host_bits(struct ff_source_key *source)
{
	unsigned int prefix = source->prefix_len - FF_SOURCE_PREFIX;
	bool any = false;

	for (unsigned int bit = prefix; bit < 8 * sizeof(source->address); bit++) {
		any |= source->address[bit / 8] & 0x80 >> bit % 8;
		source->address[bit / 8] &= ~(0x80 >> bit % 8);
	}
	return any;
}

/* Whether SOURCE is IPv4 written as IPv6, ::ffff:192.0.2.1; its network as IPv4 is then in FORM. */
static bool is_mapped(const struct ff_source_key *source, struct ff_source_key *form)
{
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (source->family != 6 || source->prefix_len < FF_SOURCE_PREFIX + 8 * sizeof(mapped) ||
	    memcmp(source->address, mapped, sizeof(mapped)) != 0)
		return false;
	*form = (struct ff_source_key){.prefix_len = source->prefix_len - 8 * sizeof(mapped), .family = 4};
	memcpy(form->address, source->address + sizeof(mapped), 4);
	clear_host_bits(form);
	return true;
}

int syntax_source(const char *text, struct ff_source_key *source, struct diag *diag)
{
	struct ff_source_key key = {}, form;
	char network[SOURCE_SIZE];
	int error = parse_source(text, &key);

	if (error == -ERANGE)
		return diag_usage(diag, "bad prefix length in %s: 0 to 32 for IPv4, 0 to 128 for IPv6",
				  quote(text).text);
	if (error)
		return diag_usage(diag, "bad source %s: write an address or network, such as 192.0.2.0/24",
				  quote(text).text);
	if (is_mapped(&key, &form))
		return diag_usage(diag, "%s could never match: no frame has IPv4 written as IPv6 in it; write %s",
				  quote(text).text, source_format(&form, network));
	if (clear_host_bits(&key))
		return diag_usage(diag, "%s has bits set behind its prefix: the network is %s", quote(text).text,
				  source_format(&key, network));
	*source = key;
	return 0;
}

int syntax_port(const char *text, unsigned int *port, struct diag *diag)
{
	unsigned long number;

	if (number_parse(text, 1, 65535, &number))
		return diag_usage(diag, "bad port %s: a number from 1 to 65535", quote(text).text);
	*port = number;
	return 0;
}
