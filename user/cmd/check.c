/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* check FILE: is the policy valid, and what would it drop? */
#include "cmd/command.h"
#include "policy/compile.h"
#include "show/output.h"

#include <stdio.h>
#include <string.h>

#define BYTE_13_VALUES 256u
#define LISTED_MAX 8 /* exempt sources or ports shown to a person; JSON has all */

/* Of the values of TCP byte 13, how many the rules decide. The last entry is the total. */
struct tally {
	unsigned int dropped[FF_RULES_MAX + 1];
	unsigned int would_drop[FF_RULES_MAX + 1];
};

/* EXTRA, 0 or FF_FLAGS_AE, is set beside byte 13. */
static struct tally tally_of(const struct policy *policy, __u16 extra)
{
	__u16 verdict[FF_CLASSES];
	struct tally tally = {};

	compile_by_place(policy, verdict);
	for (unsigned int flags = extra; flags < extra + BYTE_13_VALUES; flags++) {
		unsigned int *count = FF_ACTION(verdict[flags]) != FF_MONITOR ? tally.dropped : tally.would_drop;

		if (verdict[flags] == FF_PASS)
			continue;
		count[FF_COUNTER(verdict[flags])]++;
		count[FF_RULES_MAX]++;
	}
	return tally;
}

static json_t *rules_to_json(const struct policy *policy, const struct tally *tally)
{
	json_t *rules = json_array();
	char match[RULE_MATCH_SIZE];

	for (unsigned int i = 0; i < policy->rules; i++) {
		const struct ff_rule *rule = &policy->rule[i];

		json_array_append_new(rules,
				      json_pack("{ss ss ss si si}", "name", rule->name, "mode", mode_name(rule->mode),
						"match", rule_match_format(rule, match), "values_dropped",
						tally->dropped[i], "values_would_drop", tally->would_drop[i]));
	}
	return rules;
}

static int print_json(const struct policy *policy, const struct tally *tally)
{
	json_t *object =
		json_pack("{si ss so si si so}", "schema", 1, "policy", policy->label, "rules",
			  rules_to_json(policy, tally), "dropped_values", tally->dropped[FF_RULES_MAX],
			  "would_drop_values", tally->would_drop[FF_RULES_MAX], "exempt", output_exempt(policy));

	return output_json(stdout, object);
}

static void print_total(int width, const char *what, const struct tally *tally)
{
	printf("%-*s  %-7s  %5u  %5u  of %u values of the flags byte\n", width, what, "", tally->dropped[FF_RULES_MAX],
	       tally->would_drop[FF_RULES_MAX], BYTE_13_VALUES);
}

static void print_rules(const struct policy *policy, const struct tally *tally)
{
	struct tally with_ae = tally_of(policy, FF_FLAGS_AE);
	int width = strlen("with AE");
	char match[RULE_MATCH_SIZE];

	for (unsigned int i = 0; i < policy->rules; i++)
		if (width < (int)strlen(policy->rule[i].name))
			width = strlen(policy->rule[i].name);
	printf("%-*s  %-7s  %5s  %5s  %s\n", width, "RULE", "MODE", "DROPS", "WOULD", "MATCH");
	for (unsigned int i = 0; i < policy->rules; i++) {
		const struct ff_rule *rule = &policy->rule[i];

		printf("%-*s  %-7s  ", width, rule->name, mode_name(rule->mode));
		if (rule->class)
			printf("%5s  %5s", "-", "-");
		else
			printf("%5u  %5u", tally->dropped[i], tally->would_drop[i]);
		printf("  %s\n", rule_match_format(rule, match));
	}
	print_total(width, "total", tally);
	if (memcmp(with_ae.dropped, tally->dropped, sizeof(with_ae.dropped)) ||
	    memcmp(with_ae.would_drop, tally->would_drop, sizeof(with_ae.would_drop)))
		print_total(width, "with AE", &with_ae);
}

static void print_exempt(const struct policy *policy)
{
	char text[SOURCE_SIZE];
	unsigned int ports = 0;

	if (policy->sources)
		printf("\nexempt sources: %u\n", policy->sources);
	for (unsigned int i = 0; i < policy->sources && i < LISTED_MAX; i++)
		printf("  %s\n", source_format(&policy->source[i], text));
	if (policy->sources > LISTED_MAX)
		printf("  ...\n");
	for (unsigned int port = 0; port < 65536; port++)
		if (policy_port_exempt(policy, port) && ports++ < LISTED_MAX)
			printf("%s%u", ports == 1 ? "\nexempt ports: " : ", ", port);
	if (ports > LISTED_MAX)
		printf(", ... (%u)", ports);
	if (ports)
		putchar('\n');
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	return command_parse_argument(key, value, state, state->input, "a policy file");
}

static const struct argp argp = {.parser = parse_option};

int cmd_check(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	struct policy_options from = {};
	struct policy policy;
	struct tally tally;
	int error;

	command_parse(globals, &argp, argc, argv, &from.path, NULL);
	if ((error = command_open_policy(&from, diag)))
		return error;
	command_confine(globals, false);
	if ((error = command_read_policy(&policy, &from, diag)))
		return error;
	tally = tally_of(&policy, 0);
	if (globals->json)
		return print_json(&policy, &tally);
	printf("%s: valid\n\n", policy.label);
	print_rules(&policy, &tally);
	print_exempt(&policy);
	return 0;
}
