/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/guarded.h"
#include "policy/file.h"
#include <errno.h>
#include <string.h>

struct arguments {
	struct guarded guarded;
	const char *path;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == ARGP_KEY_END && arguments->guarded.interface && !arguments->path)
		command_usage_error(state, "name a policy file");
	if (key != ARGP_KEY_ARG || !arguments->guarded.interface || arguments->path)
		return guarded_parse(key, text, state, &arguments->guarded);
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

int cmd_apply(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {guarded_options, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	_cleanup_free_ struct policy *policy = malloc(sizeof(*policy));
	struct arguments arguments = {};
	const char *interface;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!policy || !snapshot)
		return diag_no_memory(diag);
	error = policy_from_file(policy, arguments.path, diag);
	if (!error)
		error = guarded_change_policy(snapshot, &arguments.guarded, take_over, policy, diag);
	if (error)
		return error;
	interface = snapshot->location.interface.name;
	if (globals->json)
		return output_json(
			stdout, guarded_to_json(&arguments.guarded, interface, policy, "rules", output_rules(policy)));
	printf("%s is in force on %s: %u rules\n", policy->label, interface, policy->rules);
	guarded_how_to_confirm(&arguments.guarded);
	return 0;
}
