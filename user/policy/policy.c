/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "policy/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum preset { NONE, DEFAULT, STRICT, CONNTRACK };
static const char *const presets[PRESETS] = {
	[NONE] = "none", [DEFAULT] = "default", [STRICT] = "strict", [CONNTRACK] = "conntrack"};

static const struct {
	struct ff_rule rule;
	const char *alias;
	const char *match;  /* as the documentation writes it */
	enum preset preset; /* the first that has it */
} builtins[] = {
	{{"syn-fin", SYN | FIN, SYN | FIN, 0, FF_ENFORCED}, NULL, "SYN,FIN/SYN,FIN", DEFAULT},
	{{"syn-rst", SYN | RST, SYN | RST, 0, FF_ENFORCED}, NULL, "SYN,RST/SYN,RST", DEFAULT},
	{{"fin-no-ack", FIN, FIN | ACK, 0, FF_ENFORCED}, "fin", "FIN/FIN,ACK", DEFAULT},
	{{"tcp-no-flag", 0, URG | ACK | PSH | RST | SYN | FIN, 0, FF_ENFORCED},
	 "null",
	 "NONE/URG,ACK,PSH,RST,SYN,FIN",
	 DEFAULT},
	{{"tiny-fragment", 0, 0, FF_TINY_FRAGMENT, FF_ENFORCED}, NULL, "class", DEFAULT},
	{{"vlan-depth", 0, 0, FF_VLAN_DEPTH, FF_ENFORCED}, NULL, "class", DEFAULT},
	{{"ipv6-exthdr", 0, 0, FF_IPV6_EXTHDR, FF_ENFORCED}, NULL, "class", DEFAULT},
	{{"no-syn-ack-rst", 0, SYN | ACK | RST, 0, FF_ENFORCED}, NULL, "NONE/SYN,ACK,RST", STRICT},
	{{"rst-urg-no-ack", RST | URG, RST | URG | ACK, 0, FF_ENFORCED}, NULL, "RST,URG/RST,URG,ACK", STRICT},
	{{"rst-fin", RST | FIN, RST | FIN, 0, FF_ENFORCED}, NULL, "RST,FIN/RST,FIN", CONNTRACK},
	{{"syn-ack-urg", SYN | ACK | URG, SYN | ACK | URG, 0, FF_ENFORCED}, NULL, "SYN,ACK,URG/SYN,ACK,URG", CONNTRACK},
	{{"rst-ack-urg", RST | ACK | URG, RST | ACK | URG, 0, FF_ENFORCED}, NULL, "RST,ACK,URG/RST,ACK,URG", CONNTRACK},
};

_Static_assert(COUNT(builtins) == BUILTIN_RULES, "BUILTIN_RULES is how many there are");

static const char *const classes[] = {
	[FF_NON_IP - FF_NAMED_CLASSES] = "non-ip",
	[FF_NON_TCP - FF_NAMED_CLASSES] = "non-tcp",
	[FF_FRAGMENT - FF_NAMED_CLASSES] = "fragment",
	[FF_TINY_FRAGMENT - FF_NAMED_CLASSES] = "tiny-fragment",
	[FF_TRUNCATED - FF_NAMED_CLASSES] = "truncated",
	[FF_MALFORMED - FF_NAMED_CLASSES] = "malformed",
	[FF_VLAN_DEPTH - FF_NAMED_CLASSES] = "vlan-depth",
	[FF_IPV6_EXTHDR - FF_NAMED_CLASSES] = "ipv6-exthdr",
	[FF_RUNT - FF_NAMED_CLASSES] = "runt",
};
_Static_assert(COUNT(classes) == FF_CLASSES - FF_NAMED_CLASSES, "every class has a name");

static const char *const modes[] = {[FF_OFF] = "off", [FF_MONITORED] = "monitor", [FF_ENFORCED] = "enforce"};

const char *mode_name(enum ff_mode mode)
{
	return modes[mode];
}

int mode_parse(const char *text, enum ff_mode *mode)
{
	for (size_t i = 0; i < COUNT(modes); i++) {
		if (strcmp(text, modes[i]))
			continue;
		*mode = i;
		return 0;
	}
	return -EINVAL;
}

const char *action_name(enum ff_action action)
{
	return action >= FF_DROP ? "drop" : action == FF_MONITOR ? "would-drop" : "pass";
}

const char *class_name(enum ff_class class)
{
	return classes[class - FF_NAMED_CLASSES];
}

const char *class_format(__u16 class, char buffer[FLAGS_SIZE])
{
	if (class < FF_NAMED_CLASSES)
		return flags_format(class, buffer);
	snprintf(buffer, FLAGS_SIZE, "%s", class_name(class));
	return buffer;
}

const struct ff_rule *builtin_rule(unsigned int index)
{
	return index < BUILTIN_RULES ? &builtins[index].rule : NULL;
}

const char *builtin_alias(unsigned int index)
{
	return index < BUILTIN_RULES ? builtins[index].alias : NULL;
}

const char *preset_name(unsigned int index)
{
	return index < COUNT(presets) ? presets[index] : NULL;
}

/* Index of the built-in rule called NAME, or BUILTIN_RULES. */
static size_t builtin_find(const char *name)
{
	size_t i;

	for (i = 0; i < BUILTIN_RULES; i++)
		if (!strcmp(builtins[i].rule.name, name) || (builtins[i].alias && !strcmp(builtins[i].alias, name)))
			break;
	return i;
}

int policy_known_rule(const char *name, struct ff_rule *rule)
{
	size_t builtin = builtin_find(name);

	if (builtin < BUILTIN_RULES) {
		*rule = builtins[builtin].rule;
		return 0;
	}
	for (size_t i = 0; i < COUNT(classes); i++) {
		if (strcmp(classes[i], name))
			continue;
		*rule = (struct ff_rule){.class = FF_NAMED_CLASSES + i, .mode = FF_ENFORCED};
		snprintf(rule->name, sizeof(rule->name), "%s", name);
		return 0;
	}
	return -ENOENT;
}

struct ff_rule *policy_find(struct policy *policy, const char *name)
{
	size_t builtin = builtin_find(name);

	if (builtin < BUILTIN_RULES)
		name = builtins[builtin].rule.name;
	for (unsigned int i = 0; i < policy->rules; i++)
		if (!strcmp(policy->rule[i].name, name))
			return &policy->rule[i];
	return NULL;
}

/* Where in the evaluation order RULE belongs; rules of one's own stay in the order in which they came. */
static unsigned int rule_rank(const struct ff_rule *rule)
{
	size_t builtin = builtin_find(rule->name);

	if (builtin < BUILTIN_RULES)
		return builtin;
	return rule->class ? rule->class : UINT_MAX;
}
_Static_assert(BUILTIN_RULES < FF_NAMED_CLASSES, "built-in rules come before classes");

int policy_add(struct policy *policy, const struct ff_rule *rule)
{
	unsigned int place = 0;

	if (policy->rules == FF_RULES_MAX)
		return -ENOSPC;
	while (place < policy->rules && rule_rank(&policy->rule[place]) <= rule_rank(rule))
		place++;
	memmove(&policy->rule[place + 1], &policy->rule[place], (policy->rules - place) * sizeof(*rule));
	policy->rule[place] = *rule;
	policy->rules++;
	return 0;
}

int policy_set_mode(struct policy *policy, const char *name, enum ff_mode mode, struct diag *diag)
{
	struct ff_rule *rule = policy_find(policy, name);
	struct ff_rule added;

	if (rule) {
		rule->mode = mode;
		return 0;
	}
	if (policy_known_rule(name, &added))
		return diag_usage(diag, "unknown rule '%s': neither built in, nor a class, nor in this policy", name);
	added.mode = mode;
	if (policy_add(policy, &added))
		return diag_usage(diag, "no room for rule '%s': the policy has %d rules already", name, FF_RULES_MAX);
	return 0;
}

/* Whether POLICY is that preset, and exempts nothing. A built-in rule's name stands for its match. */
static bool is_preset(const struct policy *policy, size_t preset)
{
	static const __u32 no_port[COUNT(policy->port)];
	unsigned int rules = 0;

	for (size_t i = 0; i < BUILTIN_RULES; i++) {
		const struct ff_rule *rule = &policy->rule[rules], *builtin = &builtins[i].rule;

		if (builtins[i].preset > preset)
			continue;
		if (rules++ == policy->rules || strcmp(rule->name, builtin->name) || rule->mode != builtin->mode)
			return false;
	}
	return rules == policy->rules && !policy->sources && !memcmp(policy->port, no_port, sizeof(no_port));
}

void policy_label_changed(struct policy *policy)
{
	static const char note[] = ", changed";
	size_t length = strlen(policy->label), room = sizeof(policy->label) - sizeof(note);
	char label[FF_LABEL_SIZE];

	if (length >= strlen(note) && !strcmp(policy->label + length - strlen(note), note))
		length -= strlen(note);
	policy->label[length] = '\0';
	for (size_t preset = 0; preset < COUNT(presets); preset++) {
		snprintf(label, sizeof(label), "preset %s", presets[preset]);
		if (!strcmp(policy->label, label) && is_preset(policy, preset))
			return;
	}
	memcpy(policy->label + (length < room ? length : room), note, sizeof(note));
}

int policy_from_preset(struct policy *policy, const char *name, struct diag *diag)
{
	size_t preset = name ? NONE : DEFAULT;

	while (name && preset < COUNT(presets) && strcmp(presets[preset], name))
		preset++;
	if (preset == COUNT(presets))
		return diag_usage(diag, "unknown preset '%s': there are %s, %s, %s and %s", name, presets[NONE],
				  presets[DEFAULT], presets[STRICT], presets[CONNTRACK]);

	*policy = (struct policy){};
	snprintf(policy->label, sizeof(policy->label), "preset %s", presets[preset]);
	for (size_t i = 0; i < BUILTIN_RULES; i++)
		if (builtins[i].preset <= preset)
			policy->rule[policy->rules++] = builtins[i].rule;
	return 0;
}

bool rule_matches(const struct ff_rule *rule, __u16 class)
{
	if (rule->class || class >= FF_NAMED_CLASSES)
		return rule->class == class;
	return (class & rule->mask) == rule->value;
}

const char *rule_match_format(const struct ff_rule *rule, char buffer[RULE_MATCH_SIZE])
{
	char value[FLAGS_SIZE], mask[FLAGS_SIZE];
	size_t builtin = builtin_find(rule->name);

	if (rule->class)
		snprintf(buffer, RULE_MATCH_SIZE, "class");
	else if (builtin < BUILTIN_RULES && builtins[builtin].rule.value == rule->value &&
		 builtins[builtin].rule.mask == rule->mask)
		snprintf(buffer, RULE_MATCH_SIZE, "%s", builtins[builtin].match);
	else
		snprintf(buffer, RULE_MATCH_SIZE, "%s/%s", flags_format(rule->value, value),
			 flags_format(rule->mask, mask));
	return buffer;
}

bool policy_has_exempt(const struct policy *policy)
{
	if (policy->sources)
		return true;
	for (unsigned int i = 0; i < COUNT(policy->port); i++)
		if (policy->port[i])
			return true;
	return false;
}

struct ff_source_key *policy_find_source(struct policy *policy, const struct ff_source_key *source)
{
	for (unsigned int i = 0; i < policy->sources; i++)
		if (!policy_compare_sources(&policy->source[i], source))
			return &policy->source[i];
	return NULL;
}

int policy_compare_sources(const void *a, const void *b)
{
	const struct ff_source_key *left = a, *right = b;
	int order = left->family - right->family;

	if (!order)
		order = memcmp(left->address, right->address, sizeof(left->address));
	return order ? order : (int)left->prefix_len - (int)right->prefix_len;
}

bool policy_port_exempt(const struct policy *policy, unsigned int port)
{
	return policy->port[port / 32] & 1u << port % 32;
}

void policy_flip_port(struct policy *policy, unsigned int port)
{
	policy->port[port / 32] ^= 1u << port % 32;
}

const char *source_format(const struct ff_source_key *source, char buffer[SOURCE_SIZE])
{
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(source->family == 4 ? AF_INET : AF_INET6, source->address, address, sizeof(address));
	snprintf(buffer, SOURCE_SIZE, "%s/%u", address, source->prefix_len - FF_SOURCE_PREFIX);
	return buffer;
}
