/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* diff IF FILE: what would apply change, and what would that have been to the packets seen so far? */
#include "base/cleanup.h"
#include "cmd/command.h"
#include "kernel/filter.h"
#include "kernel/locate.h"
#include "policy/difference.h"
#include "policy/file.h"
#include "show/output.h"
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
	struct difference difference;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == ARGP_KEY_END && arguments->interface && !arguments->path)
		command_usage_error(state, "name a policy file");
	if (key != ARGP_KEY_ARG || !arguments->interface || arguments->path)
		return command_parse_interface_argument(key, text, state, &arguments->interface);
	arguments->path = text;
	return 0;
}

static json_t *rule_to_json(const struct ff_rule *rule)
{
	char match[RULE_MATCH_SIZE];

	return rule ? json_pack("{ss ss}", "mode", mode_name(rule->mode), "match", rule_match_format(rule, match))
		    : json_null();
}

static json_t *rules_to_json(const struct difference *difference)
{
	json_t *rules = json_array();

	for (unsigned int i = 0; i < difference->rules; i++) {
		const struct rule_change *change = &difference->rule[i];

		json_array_append_new(
			rules, json_pack("{ss so so}", "name", (change->after ? change->after : change->before)->name,
					 "before", rule_to_json(change->before), "after", rule_to_json(change->after)));
	}
	return rules;
}

static json_t *classes_to_json(const struct difference *difference)
{
	json_t *classes = json_array();

	for (unsigned int i = 0; i < difference->classes; i++) {
		const struct class_change *change = &difference->class[i];
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
	const struct difference *difference = &answer->difference;
	const struct snapshot *snapshot = &answer->snapshot;
	char since[OUTPUT_TIME_SIZE];
	json_t *object = json_pack(
		"{si ss ss ss sb so sb s{so so} ss so}", "schema", 1, "interface", snapshot->location.interface.name,
		"policy", snapshot->counts.policy.label, "file", answer->file.label, "differs",
		difference_any(difference), "rules", rules_to_json(difference), "reordered", difference->reordered,
		"exempt", "added", output_exempt(&difference->added), "removed", output_exempt(&difference->removed),
		"counting_since", output_time(snapshot_wall_ns(snapshot, snapshot->counts.counting_ns), since),
		"verdicts", classes_to_json(difference));

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

static void print_rules(const struct difference *difference)
{
	if (difference->rules || difference->reordered)
		printf("\nrules\n");
	for (unsigned int i = 0; i < difference->rules; i++) {
		const struct ff_rule *before = difference->rule[i].before, *after = difference->rule[i].after;

		if (!before)
			print_rule('+', after);
		else if (!after)
			print_rule('-', before);
		else
			print_rule_change(before, after);
	}
	if (difference->reordered)
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
	const struct difference *difference = &answer->difference;
	char words[FLAGS_SIZE], since[OUTPUT_TIME_SIZE];
	unsigned int seen = 0, listed;

	while (seen < difference->classes && difference->class[seen].passed + difference->class[seen].dropped)
		seen++;
	listed = seen < CLASSES_LISTED ? seen : CLASSES_LISTED;
	printf("\npackets seen since %s\n",
	       output_time(snapshot_wall_ns(&answer->snapshot, answer->snapshot.counts.counting_ns), since));
	for (unsigned int i = 0; i < listed; i++) {
		const struct class_change *change = &difference->class[i];

		printf("  this would %s %s: %llu packets seen", in_words(change), class_format(change->class, words),
		       (unsigned long long)(change->passed + change->dropped));
		if (change->dropped)
			printf(", %llu dropped", (unsigned long long)change->dropped);
		printf(" (rule %s)\n", change->rule->name);
	}
	if (seen > listed)
		printf("  ... and change the verdict on %u other kinds that were seen\n", seen - listed);
	if (difference->classes > seen)
		printf("  this would change the verdict on %u %skinds, of which no packet was seen\n",
		       difference->classes - seen, seen ? "other " : "");
	if (!difference->classes)
		printf("  the same verdict on every kind%s\n",
		       difference_any(difference) ? "; only what is exempt, or counted where, may differ" : "");
	else if (policy_has_exempt(&answer->file))
		printf("  what is exempt passes all the same\n");
}

static void print_words(const struct answer *answer)
{
	const struct difference *difference = &answer->difference;

	printf("in force on %s: %s; compared with it: %s\n", answer->snapshot.location.interface.name,
	       answer->snapshot.counts.policy.label, answer->file.label);
	if (!difference_any(difference)) {
		printf("no difference\n");
		return;
	}
	print_rules(difference);
	if (policy_has_exempt(&difference->added) || policy_has_exempt(&difference->removed))
		printf("\nexempt\n");
	print_exempt(&difference->added, '+');
	print_exempt(&difference->removed, '-');
	print_classes(answer);
}

int cmd_diff(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {NULL, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct answer *answer = malloc(sizeof(*answer));
	struct arguments arguments = {};
	struct counts *live;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!answer)
		return diag_no_memory(diag);
	live = &answer->snapshot.counts;
	error = policy_from_file(&answer->file, arguments.path, diag);
	if (!error)
		error = locate_and_read(&answer->snapshot, arguments.interface, diag);
	if (error)
		return error;
	difference_find(&live->policy, &answer->file, &live->counters, &answer->difference);
	if (!globals->json)
		print_words(answer);
	else if ((error = print_json(answer)))
		return error;
	return difference_any(&answer->difference) ? COMMAND_NO : 0;
}
