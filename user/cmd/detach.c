/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/text.h"
#include "cmd/command.h"
#include "kernel/attach.h"
#include "show/output.h"
#include <errno.h>

struct arguments {
	const char *interface;
	bool all;
};

static const struct argp_option options[] = {
	{"all", 'a', NULL, 0, "detach from every interface of this network namespace", 0},
	{},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a':
		arguments->all = true;
		return 0;
	case ARGP_KEY_END:
		if (arguments->all == !!arguments->interface)
			command_usage_error(state, "name one interface, or give --all");
		return 0;
	default:
		return command_parse_interface_argument(key, text, state, &arguments->interface);
	}
}

static int add_name(json_t *detached, const char *interface)
{
	char name[IF_NAMESIZE];

	snprintf(name, sizeof(name), "%s", interface);
	text_clean(name);
	return json_array_append_new(detached, json_string(name));
}

/* Detaches everywhere; one that fails does not keep the others. */
static int detach_all(json_t *detached, struct diag *diag)
{
	_cleanup_(interfaces_free) struct interfaces interfaces = INTERFACES_NONE;
	int result = attach_sweep(diag);

	if (!result)
		result = interfaces_with_xdp(&interfaces, diag);
	for (unsigned int i = 0; i < interfaces.count; i++) {
		const char *interface = interfaces.interface[i].name;
		struct diag here = {};
		int error = detach(interface, &here);

		if (!error)
			add_name(detached, interface);
		if (error == -ENOENT || error == -ENODEV || !error)
			continue; /* done, or none is there, or the interface is gone meanwhile */
		*diag = here;
		result = error;
		if (error == -EPERM || error == -EACCES)
			break;
	}
	return result;
}

int cmd_detach(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {};
	json_t *detached = json_array(), *name;
	size_t index;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (arguments.all) {
		error = detach_all(detached, diag);
	} else {
		error = detach(arguments.interface, diag);
		if (!error)
			add_name(detached, arguments.interface);
	}
	if (globals->json) {
		int failed = output_json(stdout, json_pack("{si so}", "schema", 1, "detached", detached));

		return error ? error : failed;
	}
	json_array_foreach (detached, index, name)
		printf("detached from %s\n", json_string_value(name));
	if (arguments.all && !error && !json_array_size(detached))
		printf("attached nowhere in this network namespace\n");
	json_decref(detached);
	return error;
}
