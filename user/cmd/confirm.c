/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/text.h"
#include "cmd/command.h"
#include "kernel/change.h"
#include "show/output.h"
#include <errno.h>

int cmd_confirm(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	char *interface = command_parse_interface(globals, argc, argv);
	struct pending pending;
	bool confirmed;
	int error;

	error = change_confirm(interface, &pending, diag);
	confirmed = !error;
	if (error && *diag->text)
		return error;
	text_clean(interface);
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
