/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/text.h"
#include "cmd/command.h"
#include "kernel/change.h"
#include "show/output.h"
#include <errno.h>

int cmd_reset(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	char *interface = command_parse_interface(globals, argc, argv);
	int error;

	error = change_reset(interface, diag);
	if (error)
		return error;
	text_clean(interface);
	if (globals->json)
		return output_json(stdout, json_pack("{si ss sb}", "schema", 1, "interface", interface, "reset", 1));
	printf("counting on %s begins anew\n", interface);
	return 0;
}
