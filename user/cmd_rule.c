/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cleanup.h"
#include "command.h"
#include "guardian.h"
#include "output.h"
#include "rule_arguments.h"
#include <errno.h>
#include <string.h>

struct arguments {
	const char *interface;
	char **word; /* what stands behind it, in argv */
	int words;
	unsigned int confirm_s; /* 0: for good */
};

static const struct argp_option options[] = {
	{"confirm", COMMAND_CONFIRM, "SECONDS", 0, COMMAND_CONFIRM_HELP, 0},
	{},
};

static void check(const struct argp_state *state, const struct arguments *arguments)
{
	const char *first = arguments->words ? arguments->word[0] : "";

	if (!strcmp(first, "add") && arguments->words != 4)
		command_usage_error(state, "add takes NAME FLAGS MODE, like `add urgent-syn SYN,URG/SYN,URG monitor`");
	if (!strcmp(first, "del") && arguments->words < 2)
		command_usage_error(state, "name the rule to delete");
	if (!arguments->words && arguments->confirm_s)
		command_usage_error(state, "--confirm without a change");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == COMMAND_CONFIRM) {
		arguments->confirm_s = command_number(state, text, COMMAND_CONFIRM_MAX, "seconds");
		return 0;
	}
	if (key == ARGP_KEY_END)
		check(state, arguments);
	if (key != ARGP_KEY_ARG || !arguments->interface)
		return command_parse_argument(key, text, state, &arguments->interface, "an interface");
	if (!arguments->word)
		arguments->word = &state->argv[state->next - 1];
	arguments->words++;
	return 0;
}

/* A policy_change, by what was asked for. */
static int change_rules(struct policy *policy, void *context, struct diag *diag)
{
	const struct arguments *arguments = context;

	return rule_arguments_apply(policy, arguments->word, arguments->words, diag);
}

static int change(void *context, struct undo *undo, struct diag *diag)
{
	const struct arguments *arguments = context;

	return attach_change_policy(arguments->interface, change_rules, context, undo, diag);
}

static int print_rules(const struct globals *globals, const char *interface, unsigned int confirm_s,
		       const struct policy *policy)
{
	if (globals->json)
		return output_json(stdout, json_pack("{si ss ss so so}", "schema", 1, "interface", interface, "policy",
						     policy->label, "confirm_within_s", output_confirm(confirm_s),
						     "rules", output_rules(policy)));
	for (unsigned int i = 0; i < policy->rules; i++) {
		char match[RULE_MATCH_SIZE];

		printf("%-24s %-8s %s\n", policy->rule[i].name, mode_name(policy->rule[i].mode),
		       rule_match_format(&policy->rule[i], match));
	}
	output_how_to_confirm(interface, confirm_s);
	return 0;
}

int cmd_rule(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct arguments arguments = {};
	struct location location;
	int error = 0;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!snapshot)
		return diag_no_memory(diag);
	if (arguments.words)
		error = guardian_run(arguments.confirm_s, change, &arguments, diag);
	if (!error)
		error = filter_locate_and_read(&location, snapshot, arguments.interface, diag);
	return error ? error
		     : print_rules(globals, location.interface.name, arguments.confirm_s, &snapshot->counts.policy);
}
