/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* matrix IF: which flags came in, and what became of them; or what another rule or policy would have made of them. */
#include "policy/matrix.h"
#include "base/cleanup.h"
#include "cmd/command.h"
#include "kernel/locate.h"
#include "policy/file.h"
#include "show/heading.h"
#include "show/output.h"
#include "show/report.h"
#include <string.h>

struct arguments {
	const char *interface;
	const char *rule;
};

enum { KEY_RULE = 256 };

static const struct argp_option options[] = {
	{"rule", KEY_RULE, "FLAGS", 0, "what would VALUE/MASK, or a rule or class by its name, have dropped?", 0},
	{},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key != KEY_RULE)
		return command_parse_interface_argument(key, text, state, &arguments->interface);
	arguments->rule = text;
	return 0;
}

/* Whom the matrix asks: the live policy what it says, or one rule or another policy what it would have done. */
struct question {
	enum { ASK_LIVE, ASK_RULE, ASK_POLICY } whom;
	struct policy policy;
};

/* A policy that is nothing but one rule. */
static int ask_rule(struct policy *policy, const char *text, struct diag *diag)
{
	struct ff_rule rule = {.mode = FF_ENFORCED};

	if (!strchr(text, '/')) {
		if (policy_known_rule(text, &rule))
			return diag_usage(diag,
					  "'%.80s' is neither VALUE/MASK, like SYN,FIN/SYN,FIN, nor a built-in rule, "
					  "nor a class",
					  text);
	} else if (flags_parse_match(text, &rule.value, &rule.mask)) {
		return diag_usage(diag,
				  "'%.80s' is not VALUE/MASK, like SYN,FIN/SYN,FIN: flags of the value must be among "
				  "those of the mask",
				  text);
	} else {
		snprintf(rule.name, sizeof(rule.name), "asked");
	}
	*policy = (struct policy){};
	snprintf(policy->label, sizeof(policy->label), "rule %.60s", text);
	return policy_add(policy, &rule);
}

static int ask(struct question *question, const struct arguments *arguments, const struct policy_options *from,
	       struct diag *diag)
{
	bool policy = from->path || from->preset;

	if (arguments->rule && policy)
		return diag_usage(diag, "--rule, --policy or --preset: one of them");
	question->whom = arguments->rule ? ASK_RULE : policy ? ASK_POLICY : ASK_LIVE;
	if (arguments->rule)
		return ask_rule(&question->policy, arguments->rule, diag);
	return policy ? policy_from_options(&question->policy, from->path, from->preset, diag) : 0;
}

/* The part that only the live policy knows: a single rule would stand under its exemptions. */
static void complete(struct question *question, const struct policy *live)
{
	if (question->whom == ASK_LIVE)
		question->policy = *live;
	if (question->whom != ASK_RULE)
		return;
	question->policy.sources = live->sources;
	memcpy(question->policy.source, live->source, sizeof(live->source));
	memcpy(question->policy.port, live->port, sizeof(live->port));
}

/*
 * Of the live policy every row is shown. Where another policy is asked, rows are left out that passed and would pass
 * there too; where one rule is asked, all rows that it does not match.
 */
static bool is_shown(const struct question *question, const struct matrix_row *row)
{
	return question->whom == ASK_LIVE || row->verdict != FF_PASS || (question->whom == ASK_POLICY && row->dropped);
}

/* A single rule would stand beside the others: what these drop, they would still drop. */
static struct matrix_history history_of(const struct question *question, const struct matrix *matrix)
{
	struct matrix_history history = matrix_history(matrix);

	if (question->whom == ASK_RULE)
		history.newly_passed = 0;
	return history;
}

static json_t *row_to_json(const struct matrix_row *row, const struct policy *policy)
{
	const struct ff_rule *rule = matrix_rule(row, policy);
	bool judged = row->class < FF_NAMED_CLASSES;
	json_t *object = json_pack("{so ss ss? so s{sI}}", "value", judged ? json_integer(row->class) : json_null(),
				   "verdict", matrix_verdict_name(row), "rule", rule ? rule->name : NULL, "passed",
				   report_count_to_json(&row->passed), "dropped", "packets", (json_int_t)row->dropped);

	output_class(object, row->class);
	return object;
}

static json_t *history_to_json(const struct matrix_history *history, bool at_most)
{
	return json_pack("{s{sI} s{sI} s{sI} s{sI} s{sI} sb}", "frames", "packets", (json_int_t)history->frames,
			 "dropped", "packets", (json_int_t)history->dropped, "newly_dropped", "packets",
			 (json_int_t)history->newly_dropped, "newly_passed", "packets",
			 (json_int_t)history->newly_passed, "would_drop", "packets", (json_int_t)history->would_drop,
			 "at_most", at_most);
}

static int print_json(const struct snapshot *snapshot, const struct question *question, const struct matrix *matrix)
{
	const struct matrix_history history = history_of(question, matrix);
	json_t *object = heading_to_json(snapshot, true), *classes = json_array();

	for (unsigned int i = 0; i < matrix->rows; i++)
		if (is_shown(question, &matrix->row[i]))
			json_array_append_new(classes, row_to_json(&matrix->row[i], &question->policy));
	json_object_set_new(object, "policy", json_string(question->policy.label));
	json_object_set_new(object, "classes", classes);
	if (question->whom != ASK_LIVE)
		json_object_set_new(object, "history", history_to_json(&history, policy_has_exempt(&question->policy)));
	return output_json(stdout, object);
}

struct widths {
	int class, rule;
};

static struct widths widths_of(const struct question *question, const struct matrix *matrix)
{
	struct widths widths = {strlen("flags"), strlen("rule")};

	for (unsigned int i = 0; i < matrix->rows; i++) {
		const struct ff_rule *rule = matrix_rule(&matrix->row[i], &question->policy);
		char class[FLAGS_SIZE];
		int length = strlen(class_format(matrix->row[i].class, class));

		if (length > widths.class)
			widths.class = length;
		if (rule && (int)strlen(rule->name) > widths.rule)
			widths.rule = strlen(rule->name);
	}
	return widths;
}

/* Returns how many rows were worth showing. */
static unsigned int print_rows(const struct question *question, const struct matrix *matrix)
{
	struct widths widths = widths_of(question, matrix);
	unsigned int shown = 0;

	for (unsigned int i = 0; i < matrix->rows; i++) {
		const struct matrix_row *row = &matrix->row[i];
		const struct ff_rule *rule = matrix_rule(row, &question->policy);
		char class[FLAGS_SIZE];

		if (!is_shown(question, row))
			continue;
		if (!shown++)
			printf("\n%-*s  %-10s  %-*s  %12s  %12s\n", widths.class, "flags", "verdict", widths.rule,
			       "rule", "passed", "dropped");
		printf("%-*s  %-10s  %-*s  %12llu  %12llu\n", widths.class, class_format(row->class, class),
		       matrix_verdict_name(row), widths.rule, rule ? rule->name : "-",
		       (unsigned long long)row->passed.packets, (unsigned long long)row->dropped);
	}
	return shown;
}

static void print_answer(const struct snapshot *snapshot, const struct question *question, const struct matrix *matrix)
{
	const struct matrix_history history = history_of(question, matrix);
	const char *at_most = policy_has_exempt(&question->policy) && history.dropped ? "at most " : "";
	const char *asked = question->policy.label;
	char since[OUTPUT_TIME_SIZE], answer[FF_LABEL_SIZE + 256];

	output_time(snapshot_wall_ns(snapshot, snapshot->counts.counting_ns), since);
	if (!history.dropped)
		snprintf(answer, sizeof(answer), "%s: nothing would have been dropped of %llu frames since %s", asked,
			 (unsigned long long)history.frames, since);
	else
		snprintf(answer, sizeof(answer),
			 "%s: would have dropped %s%llu of %llu frames since %s; "
			 "%llu of these passed, %llu were dropped already",
			 asked, at_most, (unsigned long long)history.dropped, (unsigned long long)history.frames, since,
			 (unsigned long long)history.newly_dropped,
			 (unsigned long long)(history.dropped - history.newly_dropped));
	putchar('\n');
	output_wrapped(stdout, 0, answer);
	if (history.would_drop)
		printf("only monitored, and passed: %llu\n", (unsigned long long)history.would_drop);
	if (history.newly_passed)
		printf("would have passed, and were dropped: %llu\n", (unsigned long long)history.newly_passed);
	if (*at_most)
		printf("how many of these the exempt sources and ports would have let pass is not known\n");
}

static void print_text(const struct snapshot *snapshot, const struct question *question, const struct matrix *matrix)
{
	heading_print(stdout, snapshot);
	if (!print_rows(question, matrix) && question->whom == ASK_LIVE)
		printf("\nno frame has come in yet\n");
	if (question->whom != ASK_LIVE)
		print_answer(snapshot, question, matrix);
}

int cmd_matrix(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct question *question = calloc(1, sizeof(*question));
	_cleanup_free_ struct matrix *matrix = malloc(sizeof(*matrix));
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct arguments arguments = {};
	struct policy_options from = {};
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, &from);
	if (!question || !matrix || !snapshot)
		return diag_no_memory(diag);
	error = ask(question, &arguments, &from, diag);
	if (!error)
		error = locate_and_read(snapshot, arguments.interface, diag);
	if (error)
		return error;
	complete(question, &snapshot->counts.policy);
	matrix_from(matrix, &snapshot->counts, &question->policy);
	if (globals->json)
		return print_json(snapshot, question, matrix);
	print_text(snapshot, question, matrix);
	return 0;
}
