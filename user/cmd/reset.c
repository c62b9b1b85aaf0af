/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/text.h"
#include "cmd/several.h"
#include "kernel/change.h"
#include "show/output.h"
#include <errno.h>

struct arguments {
	struct several several;
	const struct globals *globals;
	struct filter_waits waits;
};

static const struct argp_option options[] = {SEVERAL_OPTION, {}};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	return several_parse(key, text, state, &arguments->several);
}

/* A several_work. */
static int reset(struct several *several, const char *interface, void *context, struct diag *diag)
{
	struct arguments *arguments = context;
	int error = change_reset(interface, several->many ? &arguments->waits : NULL, diag);
	char name[IF_NAMESIZE];

	if (error)
		return error;
	snprintf(name, sizeof(name), "%s", interface);
	text_clean(name);
	if (arguments->globals->json)
		return several_report(several, json_pack("{si ss sb}", "schema", 1, "interface", name, "reset", 1));
	printf("counting on %s begins anew\n", name);
	return 0;
}

int cmd_reset(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {.globals = globals, .waits = FILTER_NO_WAITS};
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	error = several_open(&arguments.several, diag);
	if (!error) {
		error = several_do(&arguments.several, reset, &arguments, diag);
		filter_wait(&arguments.waits);
		error = several_end(&arguments.several, globals->json, error);
	}
	filter_waits_close(&arguments.waits);
	several_close(&arguments.several);
	return error;
}
