/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "policy/flags.h"
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Every name a flag has, in the order in which flags are written. */
static const struct {
	__u16 bit;
	char word[4];
	char letter;
} names[] = {
	{SYN, "SYN", 'S'}, {RST, "RST", 'R'}, {FIN, "FIN", 'F'}, {PSH, "PSH", 'P'}, {ACK, "ACK", 'A'},
	{URG, "URG", 'U'}, {ECE, "ECE", 'E'}, {CWR, "CWR", 'C'}, {AE, "AE", 'N'},
};
#define NAMES (sizeof(names) / sizeof(*names))
static const char none[] = "NONE";

__u16 flags_word(const char *word, size_t length)
{
	for (size_t i = 0; i < NAMES; i++)
		if (strlen(names[i].word) == length && !strncasecmp(names[i].word, word, length))
			return names[i].bit;
	return 0;
}

static __u16 letter_bit(char letter)
{
	for (size_t i = 0; i < NAMES; i++)
		if (names[i].letter == toupper((unsigned char)letter))
			return names[i].bit;
	return 0;
}

static int parse_number(const char *text, __u16 *flags)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long number;

	if (!hex) {
		if (number_parse(text, 0, FF_FLAGS_ALL, &number))
			return -EINVAL;
	} else {
		/* strtoul() alone would take blanks, signs and a second "0x". */
		if (!text[2] || text[2 + strspn(text + 2, "0123456789abcdefABCDEF")])
			return -EINVAL;
		number = strtoul(text, NULL, 16);
		if (number > FF_FLAGS_ALL)
			return -EINVAL;
	}
	*flags = number;
	return 0;
}

static int parse_words(const char *text, __u16 *flags)
{
	__u16 all = 0, bit;
	size_t length;

	for (;; text += length + 1) {
		length = strcspn(text, ",");
		bit = flags_word(text, length);
		if (!bit)
			return -EINVAL;
		all |= bit;
		if (!text[length])
			break;
	}
	*flags = all;
	return 0;
}

static int parse_letters(const char *text, __u16 *flags)
{
	__u16 all = 0, bit;

	for (; *text; text++) {
		bit = letter_bit(*text);
		if (!bit)
			return -EINVAL;
		all |= bit;
	}
	*flags = all;
	return 0;
}

int flags_parse(const char *text, __u16 *flags)
{
	if (!*text)
		return -EINVAL;
	if (isdigit((unsigned char)*text))
		return parse_number(text, flags);
	if (!strcasecmp(text, none)) {
		*flags = 0;
		return 0;
	}
	if (!parse_words(text, flags))
		return 0;
	return parse_letters(text, flags);
}

int flags_parse_match(const char *text, __u16 *value, __u16 *mask)
{
	const char *slash = strchr(text, '/');
	char first[FLAGS_VALUE_SIZE];
	__u16 v, m;

	if (!slash || (size_t)(slash - text) >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, slash - text);
	first[slash - text] = '\0';
	if (flags_parse(first, &v) || flags_parse(slash + 1, &m) || !m || v & ~m)
		return -EINVAL;
	*value = v;
	*mask = m;
	return 0;
}

const char *flags_format(__u16 flags, char buffer[FLAGS_SIZE])
{
	char *end = buffer;

	for (size_t i = 0; i < NAMES; i++) {
		if (!(flags & names[i].bit))
			continue;
		if (end > buffer)
			*end++ = ',';
		end = stpcpy(end, names[i].word);
	}
	*end = '\0';
	return flags ? buffer : memcpy(buffer, none, sizeof(none));
}

bool flags_conntrack_invalid(__u16 flags)
{
	/* tcp_valid_flags of nf_conntrack_proto_tcp.c, which does not look at PSH, ECE, CWR and AE. */
	switch (flags & (FIN | SYN | RST | ACK | URG)) {
	case SYN:
	case SYN | URG:
	case SYN | ACK:
	case RST:
	case RST | ACK:
	case FIN | ACK:
	case FIN | ACK | URG:
	case ACK:
	case ACK | URG:
		return false;
	default:
		return true;
	}
}
