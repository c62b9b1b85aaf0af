/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "attach.h"
#include "cleanup.h"
#include "command.h"
#include "output.h"
#include <errno.h>
#include <string.h>

struct arguments {
	const char *interface;
	char **settings; /* NAME=MODE, in argv */
	int count;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key != ARGP_KEY_ARG || !arguments->interface)
		return command_parse_argument(key, text, state, &arguments->interface, "an interface");
	if (!arguments->settings)
		arguments->settings = &state->argv[state->next - 1];
	arguments->count++;
	return 0;
}

/* Sets every NAME=MODE; a policy_change. */
static int set_modes(struct policy *policy, void *context, struct diag *diag)
{
	const struct arguments *arguments = context;

	for (int i = 0; i < arguments->count; i++) {
		const char *setting = arguments->settings[i], *equals = strchr(setting, '=');
		char name[FF_NAME_SIZE];
		enum ff_mode mode;
		int error;

		if (!equals)
			return diag_usage(diag, "'%.80s' is not NAME=MODE, like syn-fin=monitor", setting);
		if (mode_parse(equals + 1, &mode))
			return diag_usage(diag, "unknown mode '%.40s' in '%.80s': one of off, monitor, enforce",
					  equals + 1, setting);
		snprintf(name, sizeof(name), "%.*s", (int)(equals - setting), setting);
		if (equals - setting >= FF_NAME_SIZE)
			return diag_usage(diag, "no rule '%.*s'", (int)(equals - setting < 80 ? equals - setting : 80),
					  setting);
		error = policy_set_mode(policy, name, mode, diag);
		if (error)
			return error;
	}
	policy_label_changed(policy);
	return 0;
}

static int print_rules(const struct globals *globals, const struct arguments *arguments, const struct policy *policy)
{
	if (globals->json)
		return output_json(stdout, json_pack("{si ss ss so}", "schema", 1, "interface", arguments->interface,
						     "policy", policy->label, "rules", output_rules(policy)));
	for (unsigned int i = 0; i < policy->rules; i++) {
		char match[RULE_MATCH_SIZE];

		printf("%-24s %-8s %s\n", policy->rule[i].name, mode_name(policy->rule[i].mode),
		       rule_match_format(&policy->rule[i], match));
	}
	return 0;
}

int cmd_rule(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {NULL, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct arguments arguments = {};
	struct location location;
	int error = 0;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!snapshot)
		return diag_no_memory(diag);
	if (arguments.count)
		error = attach_change_policy(arguments.interface, set_modes, &arguments, diag);
	if (!error)
		error = filter_locate_and_read(&location, snapshot, arguments.interface, diag);
	return error ? error : print_rules(globals, &arguments, &snapshot->report.policy);
}
