/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* explain FLAGS: what a policy makes of a segment with these flags, and what such a segment is. */
#include "cmd/command.h"
#include "policy/compile.h"
#include "policy/flags.h"
#include "show/output.h"

#include <stdio.h>
#include <string.h>

#define LABEL_WIDTH 11
#define LINE_WIDTH 80

/* What segments are; the first that matches says it. The last matches everything. */
static const struct {
	__u16 value, mask;
	const char *text;
} meanings[] = {
	/* What no stack sends. */
	{0, CLASSIC,
	 "A NULL segment: none of the six classic flags is set, which no TCP stack sends. It is the NULL scan (nmap "
	 "-sN; also probe T2 of nmap -O): a closed port answers with RST, an open one is silent."},
	{FIN | PSH | URG, CLASSIC,
	 "The Xmas scan (nmap -sX; also probe T7 of nmap -O): FIN, PSH and URG lit, and no ACK. A closed port answers "
	 "with RST, an open one is silent."},
	{CLASSIC, CLASSIC,
	 "Every classic flag at once: opens, closes and aborts a connection in one segment. Only scanners and "
	 "fuzzers send it."},
	{SYN | FIN | PSH | URG, CLASSIC,
	 "Opens and closes a connection at once. With PSH and URG it is probe T3 of nmap -O, which tells operating "
	 "systems apart by their answers."},
	{SYN | FIN, SYN | FIN,
	 "Opens and closes a connection at once, which no TCP stack does. Scanners send it because some packet filters "
	 "let it by and some stacks answer it like a SYN (nmap --scanflags SYNFIN, hping3 -SF)."},
	{SYN | RST, SYN | RST,
	 "Opens and aborts a connection at once, which no TCP stack does. Scanners send it to learn from the answer "
	 "which stack or packet filter they met (nmap --scanflags SYNRST, hping3 -SR)."},
	{FIN, CLASSIC,
	 "The FIN scan (nmap -sF): a close without ACK. A closed port answers with RST, an open one is silent. An "
	 "honest close carries ACK, as every segment does but the first SYN and some RSTs (RFC 9293)."},
	{FIN, FIN | ACK,
	 "A close without ACK, a variant of the FIN scan (nmap -sF). An honest close carries ACK, as every segment "
	 "does but the first SYN and some RSTs (RFC 9293)."},
	{RST | FIN, RST | FIN,
	 "Closes in order and aborts at once. Disputed: Linux conntrack calls it invalid, FreeBSD pf does not."},
	{SYN | ACK | URG, SYN | ACK | URG,
	 "The answer to a SYN with urgent data in it, where no data can be urgent yet. Disputed: Linux conntrack calls "
	 "it invalid, FreeBSD pf does not."},
	{RST | ACK | URG, RST | ACK | URG,
	 "An abort with urgent data. Disputed: Linux conntrack calls it invalid, FreeBSD pf does not."},
	{RST | URG, RST | URG,
	 "An abort with urgent data and without ACK, which no TCP stack sends; Linux conntrack and FreeBSD pf both "
	 "call it illegal."},
	{0, SYN | ACK | RST,
	 "Neither opens, nor acknowledges, nor aborts: only URG or PSH is set. Such a segment belongs to no "
	 "connection, and a stack discards it (RFC 9293). A variant of the NULL scan."},

	/* Opening. */
	{SYN | URG, SYN | URG,
	 "A SYN with urgent data: pointless, but neither Linux conntrack nor FreeBSD pf calls it illegal."},
	{SYN | ECN, SYN | ACK | ECN, "Opens a connection and asks for accurate ECN feedback (AccECN, RFC 9768)."},
	{SYN | ECE | CWR, SYN | ACK | ECN, "The ECN-setup SYN: opens a connection and asks for ECN (RFC 3168)."},
	{SYN | PSH, SYN | ACK | PSH,
	 "Opens a connection, with data to be pushed: TCP Fast Open puts data into the SYN (RFC 7413)."},
	{SYN, SYN | ACK,
	 "Opens a connection. In masses, from addresses that never complete the handshake, it is a SYN flood; one a "
	 "port, the SYN scan (nmap -sS). Flags do not tell these from honest clients."},
	{SYN | ACK | ECE, SYN | ACK | ECN, "The ECN-setup SYN-ACK: accepts a connection, and ECN on it (RFC 3168)."},
	{SYN | ACK, SYN | ACK | ECN, "Accepts a connection: the second step of the handshake."},
	{SYN | ACK | ECN, SYN | ACK | ECN,
	 "Accepts a connection, and mirrors the ECN flags of the SYN: a server whose ECN is broken (RFC 9768)."},
	{SYN | ACK | ECE | AE, SYN | ACK | ECN,
	 "Accepts a connection, and ECN on it with a nonce (RFC 3540, historic)."},
	{SYN | ACK, SYN | ACK,
	 "Accepts a connection, and accurate ECN feedback on it; the ECN flags say how the SYN arrived (AccECN, RFC "
	 "9768)."},

	/* Aborting and closing. */
	{RST | ACK, RST | ACK, "Refuses a connection, as a closed port does, or aborts one."},
	{RST, RST, "Aborts a connection, or answers a segment that belongs to none."},
	{FIN | PSH | URG | ACK, FIN | PSH | URG | ACK,
	 "Sends the last, urgent data and closes. Unusual but legal: with ACK it is not an Xmas scan."},
	{FIN | ACK, FIN | ACK,
	 "Closes one direction of a connection in order; PSH beside it comes with the last data. Without a "
	 "connection it is the Maimon scan (nmap -sM)."},

	/* In between. */
	{URG | ACK, URG | ACK,
	 "Data, some of it urgent, as telnet and rlogin send it (RFC 6093 advises against new uses)."},
	{PSH | ACK, PSH | ACK, "Data that the receiver is to deliver at once: the usual end of a message."},
	{0, 0,
	 "Data or a bare acknowledgement: most of all traffic. Without a connection it is the ACK scan, which maps "
	 "firewalls (nmap -sA)."},
};

static const char *meaning_of(__u16 flags)
{
	size_t i = 0;

	while ((flags & meanings[i].mask) != meanings[i].value)
		i++;
	return meanings[i].text;
}

struct explanation {
	__u16 flags;
	const struct ff_rule *rule; /* that decides; NULL if none has a say */
	struct policy policy;
	struct ff_rule match[FF_RULES_MAX + BUILTIN_RULES]; /* the policy's that match, then built-in ones it has not */
	unsigned int matches;
	unsigned int matches_policy; /* how many of these are the policy's */
};

static const char *verdict_name(const struct explanation *e)
{
	return !e->rule ? "pass" : e->rule->mode == FF_ENFORCED ? "drop" : "would-drop";
}

static void explain(struct explanation *e)
{
	struct policy *policy = &e->policy;
	const struct ff_rule *rule;
	__u16 verdict[FF_CLASSES];

	for (unsigned int i = 0; i < policy->rules; i++)
		if (rule_matches(&policy->rule[i], e->flags))
			e->match[e->matches++] = policy->rule[i];
	e->matches_policy = e->matches;
	for (unsigned int i = 0; (rule = builtin_rule(i)); i++)
		if (!policy_find(policy, rule->name) && rule_matches(rule, e->flags))
			e->match[e->matches++] = *rule;
	compile_by_place(policy, verdict);
	if (verdict[e->flags] != FF_PASS)
		e->rule = &policy->rule[FF_COUNTER(verdict[e->flags])];
}

static int print_json(const struct explanation *e)
{
	char flags[FLAGS_SIZE], match[RULE_MATCH_SIZE];
	json_t *matches = json_array(), *object;

	for (unsigned int i = 0; i < e->matches; i++) {
		const struct ff_rule *rule = &e->match[i];
		const char *mode = i < e->matches_policy ? mode_name(rule->mode) : NULL;

		json_array_append_new(matches, json_pack("{ss ss? ss}", "name", rule->name, "mode", mode, "match",
							 rule_match_format(rule, match)));
	}
	object = json_pack("{si ss si ss ss ss? so ss ss}", "schema", 1, "flags", flags_format(e->flags, flags),
			   "value", e->flags, "policy", e->policy.label, "verdict", verdict_name(e), "rule",
			   e->rule ? e->rule->name : NULL, "matches", matches, "meaning", meaning_of(e->flags),
			   "conntrack", flags_conntrack_invalid(e->flags) ? "invalid" : "valid");
	return output_json(stdout, object);
}

/* TEXT behind LABEL, wrapped at blanks and indented. */
static void print_wrapped(const char *label, const char *text)
{
	size_t column = printf("%-*s", LABEL_WIDTH, label);

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > LABEL_WIDTH && column + 1 + word > LINE_WIDTH)
			column = printf("\n%*s", LABEL_WIDTH, "") - 1;
		if (column > LABEL_WIDTH)
			column += printf(" ");
		column += printf("%.*s", (int)word, text);
		text += word + strspn(text + word, " ");
	}
	putchar('\n');
}

static void print_verdict(const struct explanation *e)
{
	const char *exempt = policy_has_exempt(&e->policy) ? ", unless source or port is exempt" : "";

	printf("%-*s", LABEL_WIDTH, "verdict");
	if (!e->rule)
		printf("pass: no rule has a say\n");
	else if (e->rule->mode == FF_ENFORCED)
		printf("drop, by rule %s%s\n", e->rule->name, exempt);
	else
		printf("pass, and count as would-drop, by rule %s (only monitored)\n", e->rule->name);
}

static void print_matches(const struct explanation *e)
{
	char match[RULE_MATCH_SIZE];
	int width = 0;

	for (unsigned int i = 0; i < e->matches; i++)
		if (width < (int)strlen(e->match[i].name))
			width = strlen(e->match[i].name);
	for (unsigned int i = 0; i < e->matches; i++)
		printf("%-*s%-*s  %-13s  %s\n", LABEL_WIDTH, i ? "" : "rules", width, e->match[i].name,
		       i < e->matches_policy ? mode_name(e->match[i].mode) : "not in policy",
		       rule_match_format(&e->match[i], match));
}

static void print_text(const struct explanation *e)
{
	char flags[FLAGS_SIZE];

	printf("%-*s%s (0x%03x)\n", LABEL_WIDTH, "flags", flags_format(e->flags, flags), e->flags);
	printf("%-*s%s\n", LABEL_WIDTH, "policy", e->policy.label);
	print_verdict(e);
	print_matches(e);
	printf("%-*s%s\n", LABEL_WIDTH, "conntrack",
	       flags_conntrack_invalid(e->flags) ? "invalid, whatever the connection" : "valid");
	print_wrapped("meaning", meaning_of(e->flags));
	if (e->flags & ECN && e->flags & CLASSIC && !(e->flags & SYN))
		print_wrapped("", "ECE, CWR and AE beside it are congestion feedback (RFC 3168, RFC 9768).");
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	return command_parse_argument(key, value, state, state->input, "some flags: SYN,FIN or SF or 0x03");
}

static const struct argp argp = {.parser = parse_option};

int cmd_explain(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	struct policy_options from = {};
	const char *flags = NULL;
	struct explanation e = {};
	char known[FLAGS_SIZE];
	int error;

	command_parse(globals, &argp, argc, argv, &flags, &from);
	if (flags_parse(flags, &e.flags))
		return diag_usage(diag, "unknown flags '%s': write some of %s, or letters, or a number up to 0x%x",
				  flags, flags_format(FF_FLAGS_ALL, known), FF_FLAGS_ALL);
	if ((error = command_open_policy(&from, diag)))
		return error;
	command_confine(globals, false);
	if ((error = command_read_policy(&e.policy, &from, diag)))
		return error;
	explain(&e);
	if (globals->json)
		return print_json(&e);
	print_text(&e);
	return 0;
}
