/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "attach.h"
#include "command.h"
#include "output.h"
#include <errno.h>

static error_t parse(int key, char *text, struct argp_state *state)
{
	return command_parse_argument(key, text, state, state->input, "an interface");
}

int cmd_confirm(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {NULL, parse, NULL, NULL, NULL, NULL, NULL};
	const char *interface = NULL;
	struct pending pending;
	bool confirmed;
	int error;

	command_parse(globals, &argp, argc, argv, &interface, NULL);
	error = attach_confirm(interface, &pending, diag);
	confirmed = !error;
	if (error && *diag->text)
		return error;
	if (globals->json)
		error = output_json(
			stdout, json_pack("{si ss sb}", "schema", 1, "interface", interface, "confirmed", confirmed));
	else
		error = printf(confirmed ? "confirmed: %s stays as it is\n" : "nothing on %s is to be confirmed\n",
			       interface) < 0
				? -EIO
				: 0;
	return error || confirmed ? error : COMMAND_NO;
}
