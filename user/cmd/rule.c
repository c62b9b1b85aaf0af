/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/guarded.h"
#include "cmd/rule_arguments.h"
#include <errno.h>
#include <string.h>

struct arguments {
	struct guarded guarded;
	const struct globals *globals;
	struct snapshot *snapshot; /* of one after the other */
	char **word;		   /* what stands behind the interface, in argv */
	int words;
};

static void check(const struct argp_state *state, const struct arguments *arguments)
{
	const char *first = arguments->words ? arguments->word[0] : "";

	if (!strcmp(first, "add") && arguments->words != 4)
		command_usage_error(state, "add takes NAME FLAGS MODE, like `add urgent-syn SYN,URG/SYN,URG monitor`");
	if (!strcmp(first, "del") && arguments->words < 2)
		command_usage_error(state, "name the rule to delete");
	if (!arguments->words && arguments->guarded.confirm_s)
		command_usage_error(state, "--confirm without a change");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == ARGP_KEY_END)
		check(state, arguments);
	if (key != ARGP_KEY_ARG || several_is_next(&arguments->guarded.several))
		return guarded_parse_several(key, text, state, &arguments->guarded);
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

static int print_rules(struct arguments *arguments, const char *name)
{
	const struct policy *policy = &arguments->snapshot->counts.policy;
	const char *interface = arguments->snapshot->location.interface.name;
	struct guarded *guarded = &arguments->guarded;

	if (arguments->globals->json)
		return several_report(&guarded->several,
				      guarded_to_json(guarded, interface, policy, "rules", output_rules(policy)));
	several_head(&guarded->several, interface);
	for (unsigned int i = 0; i < policy->rules; i++) {
		char match[RULE_MATCH_SIZE];

		printf("%-24s %-8s %s\n", policy->rule[i].name, mode_name(policy->rule[i].mode),
		       rule_match_format(&policy->rule[i], match));
	}
	guarded_how_to_confirm(guarded, name);
	return 0;
}

/* A several_work. */
static int change_or_list(struct several *several, const char *interface, void *context, struct diag *diag)
{
	struct arguments *arguments = context;
	int error;

	(void)several;
	if (arguments->words)
		error = guarded_change_policy(arguments->snapshot, &arguments->guarded, interface, change_rules,
					      arguments, diag);
	else
		error = locate_and_read(arguments->snapshot, interface, diag);
	return error ? error : print_rules(arguments, interface);
}

int cmd_rule(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {guarded_options, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct arguments arguments = {.globals = globals, .snapshot = snapshot};

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!snapshot)
		return diag_no_memory(diag);
	return guarded_do(globals, &arguments.guarded, change_or_list, diag);
}
