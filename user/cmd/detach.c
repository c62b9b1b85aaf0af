/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/text.h"
#include "cmd/several.h"
#include "kernel/attach.h"
#include "show/output.h"
#include <errno.h>

struct arguments {
	struct several several;
	json_t *detached; /* names */
};

static const struct argp_option options[] = {SEVERAL_OPTION, {}};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	return several_parse(key, text, state, &arguments->several);
}

/* A several_work. */
static int detach_one(struct several *several, const char *interface, void *context, struct diag *diag)
{
	struct arguments *arguments = context;
	int error = detach(interface, diag);
	char name[IF_NAMESIZE];

	(void)several;
	if (error)
		return error;
	snprintf(name, sizeof(name), "%s", interface);
	text_clean(name);
	return json_array_append_new(arguments->detached, json_string(name)) ? diag_no_memory(diag) : 0;
}

/* Takes over DETACHED. */
static int print(const struct globals *globals, json_t *detached, bool nowhere)
{
	json_t *name;
	size_t index;

	if (globals->json)
		return output_json(stdout, json_pack("{si so}", "schema", 1, "detached", detached));
	json_array_foreach (detached, index, name)
		printf("detached from %s\n", json_string_value(name));
	if (nowhere)
		printf("attached nowhere in this network namespace\n");
	json_decref(detached);
	return 0;
}

int cmd_detach(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {.detached = json_array()};
	struct several *several = &arguments.several;
	int error, failed;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	error = several_open(several, diag);
	if (!error)
		error = several_do(several, detach_one, &arguments, diag);
	if (!error && several->all) /* last: an interface may have gone meanwhile, and have left its pins */
		error = attach_sweep(diag);
	failed = print(globals, arguments.detached, several->all && !error && !several->done);
	several_close(several);
	return error ? error : failed;
}
