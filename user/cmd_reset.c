/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "attach.h"
#include "command.h"
#include "output.h"
#include <errno.h>

static error_t parse(int key, char *text, struct argp_state *state)
{
	return command_parse_argument(key, text, state, state->input, "an interface");
}

int cmd_reset(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {NULL, parse, NULL, NULL, NULL, NULL, NULL};
	const char *interface = NULL;
	int error;

	command_parse(globals, &argp, argc, argv, &interface, NULL);
	error = attach_reset(interface, diag);
	if (error)
		return error;
	if (globals->json)
		return output_json(stdout, json_pack("{si ss sb}", "schema", 1, "interface", interface, "reset", 1));
	printf("counting on %s begins anew\n", interface);
	return 0;
}
