/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* diff IF FILE: what would apply change, and what would that have been to the packets seen so far? */
#include "cleanup.h"
#include "command.h"
#include "compare.h"
#include "locate.h"
#include "output.h"
#include <errno.h>
#include <string.h>

#define CLASSES_LISTED 20 /* at most, for a person; JSON has all */

struct arguments {
	const char *interface, *path;
};

/* All that the answer is written from. */
struct answer {
	struct snapshot snapshot;
	struct policy file;
	struct comparison comparison;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == ARGP_KEY_END && arguments->interface && !arguments->path)
		command_usage_error(state, "name a policy file");
	if (key != ARGP_KEY_ARG || !arguments->interface || arguments->path)
		return command_parse_argument(key, text, state, &arguments->interface, "an interface");
	arguments->path = text;
	return 0;
}

static json_t *rule_to_json(const struct ff_rule *rule)
{
	char match[RULE_MATCH_SIZE];

	return rule ? json_pack("{ss ss}", "mode", mode_name(rule->mode), "match", rule_match_format(rule, match))
		    : json_null();
}

static json_t *rules_to_json(const struct comparison *comparison)
{
	json_t *rules = json_array();

	for (unsigned int i = 0; i < comparison->rules; i++) {
		const struct rule_change *change = &comparison->rule[i];

		json_array_append_new(
			rules, json_pack("{ss so so}", "name", (change->after ? change->after : change->before)->name,
					 "before", rule_to_json(change->before), "after", rule_to_json(change->after)));
	}
	return rules;
}

static json_t *classes_to_json(const struct comparison *comparison)
{
	json_t *classes = json_array();

	for (unsigned int i = 0; i < comparison->classes; i++) {
		const struct class_change *change = &comparison->class[i];
		json_t *verdict =
			json_pack("{ss ss ss s{sI} s{sI}}", "before", action_name(change->before), "after",
				  action_name(change->after), "rule", change->rule->name, "passed", "packets",
				  (json_int_t)change->passed, "dropped", "packets", (json_int_t)change->dropped);

		output_class(verdict, change->class);
		json_array_append_new(classes, verdict);
	}
	return classes;
}

static int print_json(const struct answer *answer)
{
	const struct comparison *comparison = &answer->comparison;
	char since[OUTPUT_TIME_SIZE];
	json_t *object = json_pack(
		"{si ss ss ss sb so sb s{so so} ss so}", "schema", 1, "interface",
		answer->snapshot.location.interface.name, "policy", answer->snapshot.report.policy.label, "file",
		answer->file.label, "differs", comparison_differs(comparison), "rules", rules_to_json(comparison),
		"reordered", comparison->reordered, "exempt", "added", output_exempt(&comparison->added), "removed",
		output_exempt(&comparison->removed), "counting_since", output_time(answer->snapshot.counting_ns, since),
		"verdicts", classes_to_json(comparison));

	return output_json(stdout, object);
}

static void print_rule(char sign, const struct ff_rule *rule)
{
	char match[RULE_MATCH_SIZE];

	printf("  %c %-24s %-8s %s\n", sign, rule->name, mode_name(rule->mode), rule_match_format(rule, match));
}

static void print_rule_change(const struct ff_rule *before, const struct ff_rule *after)
{
	char match[RULE_MATCH_SIZE], old_match[RULE_MATCH_SIZE];

	printf("  ~ %-24s ", after->name);
	if (before->mode != after->mode)
		printf("%s -> ", mode_name(before->mode));
	printf("%-8s ", mode_name(after->mode));
	if (strcmp(rule_match_format(before, old_match), rule_match_format(after, match)))
		printf("%s -> ", old_match);
	printf("%s\n", match);
}

static void print_rules(const struct comparison *comparison)
{
	if (comparison->rules || comparison->reordered)
		printf("\nrules\n");
	for (unsigned int i = 0; i < comparison->rules; i++) {
		const struct ff_rule *before = comparison->rule[i].before, *after = comparison->rule[i].after;

		if (!before)
			print_rule('+', after);
		else if (!after)
			print_rule('-', before);
		else
			print_rule_change(before, after);
	}
	if (comparison->reordered)
		printf("  those in both come in another order\n");
}

static void print_exempt(const struct policy *policy, char sign)
{
	char text[SOURCE_SIZE];

	for (unsigned int i = 0; i < policy->sources; i++)
		printf("  %c source %s\n", sign, source_format(&policy->source[i], text));
	for (unsigned int port = 0; port < 65536; port++)
		if (policy_port_exempt(policy, port))
			printf("  %c port %u\n", sign, port);
}

static const char *in_words(const struct class_change *change)
{
	if (change->after == FF_DROP)
		return "newly drop";
	if (change->before == FF_DROP)
		return change->after == FF_MONITOR ? "no longer drop but monitor" : "no longer drop";
	return change->after == FF_MONITOR ? "newly monitor" : "no longer monitor";
}

static void print_classes(const struct answer *answer)
{
	const struct comparison *comparison = &answer->comparison;
	char words[FLAGS_SIZE], since[OUTPUT_TIME_SIZE];
	unsigned int seen = 0, listed;

	while (seen < comparison->classes && comparison->class[seen].passed + comparison->class[seen].dropped)
		seen++;
	listed = seen < CLASSES_LISTED ? seen : CLASSES_LISTED;
	printf("\npackets seen since %s\n", output_time(answer->snapshot.counting_ns, since));
	for (unsigned int i = 0; i < listed; i++) {
		const struct class_change *change = &comparison->class[i];

		printf("  this would %s %s: %llu packets seen", in_words(change), class_format(change->class, words),
		       (unsigned long long)(change->passed + change->dropped));
		if (change->dropped)
			printf(", %llu dropped", (unsigned long long)change->dropped);
		printf(" (rule %s)\n", change->rule->name);
	}
	if (seen > listed)
		printf("  ... and change the verdict on %u other kinds that were seen\n", seen - listed);
	if (comparison->classes > seen)
		printf("  this would change the verdict on %u %skinds, of which no packet was seen\n",
		       comparison->classes - seen, seen ? "other " : "");
	if (!comparison->classes)
		printf("  the same verdict on every kind%s\n",
		       comparison_differs(comparison) ? "; only what is exempt, or counted where, may differ" : "");
	else if (policy_has_exempt(&answer->file))
		printf("  what is exempt passes all the same\n");
}

static void print_words(const struct answer *answer)
{
	const struct comparison *comparison = &answer->comparison;

	printf("in force on %s: %s; compared with it: %s\n", answer->snapshot.location.interface.name,
	       answer->snapshot.report.policy.label, answer->file.label);
	if (!comparison_differs(comparison)) {
		printf("no difference\n");
		return;
	}
	print_rules(comparison);
	if (policy_has_exempt(&comparison->added) || policy_has_exempt(&comparison->removed))
		printf("\nexempt\n");
	print_exempt(&comparison->added, '+');
	print_exempt(&comparison->removed, '-');
	print_classes(answer);
}

int cmd_diff(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {NULL, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct answer *answer = malloc(sizeof(*answer));
	struct arguments arguments = {};
	struct report *live;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!answer)
		return diag_no_memory(diag);
	live = &answer->snapshot.report;
	error = policy_from_file(&answer->file, arguments.path, diag);
	if (!error)
		error = locate_and_read(&answer->snapshot, arguments.interface, diag);
	if (error)
		return error;
	compare_policies(&live->policy, &answer->file, &live->counters, &answer->comparison);
	if (!globals->json)
		print_words(answer);
	else if ((error = print_json(answer)))
		return error;
	return comparison_differs(&answer->comparison) ? COMMAND_NO : 0;
}
