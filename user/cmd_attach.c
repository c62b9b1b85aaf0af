/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "attach.h"
#include "cleanup.h"
#include "command.h"
#include "output.h"
#include <errno.h>
#include <string.h>

struct arguments {
	const char *interface;
	enum xdp_mode mode;
};

static const struct argp_option options[] = {
	{"mode", 'm', "MODE", 0, "native (default), generic, offload, or auto: native, or else generic", 0},
	{},
};

static int parse_mode(const char *text, enum xdp_mode *mode)
{
	if (!strcmp(text, "auto")) {
		*mode = XDP_MODE_NONE;
		return 0;
	}
	for (enum xdp_mode m = XDP_NATIVE; m <= XDP_OFFLOAD; m++)
		if (!strcmp(text, xdp_mode_name(m))) {
			*mode = m;
			return 0;
		}
	return -EINVAL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'm':
		if (parse_mode(text, &arguments->mode))
			command_usage_error(state, "unknown mode '%s': one of native, generic, offload, auto", text);
		return 0;
	default:
		return command_parse_argument(key, text, state, &arguments->interface, "an interface");
	}
}

static int print_attached(const struct globals *globals, const char *interface, struct diag *diag)
{
	struct location location;
	int error = filter_locate(&location, interface, diag);

	if (error)
		return error;
	if (globals->json) {
		json_t *object =
			json_pack("{si ss sI ss ss}", "schema", 1, "interface", interface, "ifindex",
				  (json_int_t)location.interface.ifindex, "mode", xdp_mode_name(location.programs.mode),
				  "attached", location.programs.shared ? "shared" : "exclusive");

		return output_json(stdout, object);
	}
	printf("flagfilter is attached to %s: %s mode, %s\nwatch it:  flagfilter stats %s --watch\nundo it:   "
	       "flagfilter "
	       "detach %s\n",
	       interface, xdp_mode_name(location.programs.mode),
	       location.programs.shared ? "shared with other programs" : "exclusive", interface, interface);
	return 0;
}

int cmd_attach(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {.mode = XDP_NATIVE};
	_cleanup_free_ struct policy *policy = NULL;
	struct policy_options from = {};
	int error = 0;

	command_parse(globals, &argp, argc, argv, &arguments, &from);
	if (from.path || from.preset) {
		policy = malloc(sizeof(*policy));
		if (!policy)
			return diag_no_memory(diag);
		error = policy_from_options(policy, from.path, from.preset, diag);
	}
	if (!error)
		error = attach(arguments.interface, arguments.mode, policy, diag);
	return error ? error : print_attached(globals, arguments.interface, diag);
}
