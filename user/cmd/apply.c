/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/guarded.h"
#include "policy/file.h"
#include <errno.h>
#include <string.h>

struct arguments {
	struct guarded guarded;
	const struct globals *globals;
	const char *path;
	struct policy *policy;	   /* what is in the file */
	struct snapshot *snapshot; /* of one interface after the other */
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	bool is_next = several_is_next(&arguments->guarded.several);

	if (key == ARGP_KEY_END && !is_next && !arguments->path)
		command_usage_error(state, "name a policy file");
	if (key == ARGP_KEY_ARG && arguments->path)
		command_usage_error(state, "unexpected argument '%s' behind '%s'", text, arguments->path);
	if (key != ARGP_KEY_ARG || is_next)
		return guarded_parse_several(key, text, state, &arguments->guarded);
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

/* A several_work. */
static int apply(struct several *several, const char *interface, void *context, struct diag *diag)
{
	struct arguments *arguments = context;
	const struct policy *policy = arguments->policy;
	struct snapshot *snapshot = arguments->snapshot;
	const char *name = snapshot->location.interface.name;
	int error = guarded_change_policy(snapshot, &arguments->guarded, interface, take_over, arguments->policy, diag);
	json_t *object;

	if (error)
		return error;
	if (arguments->globals->json) {
		object = guarded_to_json(&arguments->guarded, name, policy, "rules", output_rules(policy));
		json_object_set_new(object, "changed", json_boolean(snapshot->changed));
		return several_report(several, object);
	}
	printf("%s is in force on %s: %u rules\n", policy->label, name, policy->rules);
	guarded_how_to_confirm(&arguments->guarded, interface);
	return 0;
}

int cmd_apply(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {guarded_options, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	_cleanup_free_ struct policy *policy = malloc(sizeof(*policy));
	struct arguments arguments = {.globals = globals, .policy = policy, .snapshot = snapshot};
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!policy || !snapshot)
		return diag_no_memory(diag);
	error = policy_from_file(policy, arguments.path, diag);
	return error ? error : guarded_do(globals, &arguments.guarded, apply, diag);
}
