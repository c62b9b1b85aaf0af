/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cleanup.h"
#include "command.h"
#include "guardian.h"
#include "output.h"
#include "text.h"
#include <errno.h>
#include <string.h>

struct arguments {
	char *interface, *path;
	unsigned int confirm_s; /* 0: for good */
	struct policy *policy;
};

static const struct argp_option options[] = {
	{"confirm", COMMAND_CONFIRM, "SECONDS", 0, COMMAND_CONFIRM_HELP, 0},
	{},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == COMMAND_CONFIRM) {
		arguments->confirm_s = command_number(state, text, COMMAND_CONFIRM_MAX, "seconds");
		return 0;
	}
	if (key == ARGP_KEY_END && arguments->interface && !arguments->path)
		command_usage_error(state, "name a policy file");
	if (key != ARGP_KEY_ARG || !arguments->interface || arguments->path)
		return command_parse_argument(key, text, state, (const char **)&arguments->interface, "an interface");
	arguments->path = text;
	return 0;
}

/* A policy_change to another policy as a whole. */
static int take_over(struct policy *policy, void *context, struct diag *diag)
{
	(void)diag;
	*policy = *(const struct policy *)context;
	return 0;
}

static int apply(void *context, struct undo *undo, struct snapshot *snapshot, struct diag *diag)
{
	const struct arguments *arguments = context;

	return change_policy(snapshot, arguments->interface, take_over, arguments->policy, undo, diag);
}

int cmd_apply(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct policy *policy = malloc(sizeof(*policy));
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct arguments arguments = {.policy = policy};
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!policy || !snapshot)
		return diag_no_memory(diag);
	error = policy_from_file(policy, arguments.path, diag);
	if (!error)
		error = guardian_run(arguments.confirm_s, apply, &arguments, snapshot, diag);
	if (error)
		return error;
	text_clean(arguments.interface);
	if (globals->json)
		return output_json(stdout,
				   json_pack("{si ss ss so so}", "schema", 1, "interface", arguments.interface,
					     "policy", policy->label, "confirm_within_s",
					     output_confirm(arguments.confirm_s), "rules", output_rules(policy)));
	printf("%s is in force on %s: %u rules\n", policy->label, arguments.interface, policy->rules);
	output_how_to_confirm(arguments.interface, arguments.confirm_s);
	return 0;
}
