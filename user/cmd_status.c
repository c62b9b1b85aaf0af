/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cleanup.h"
#include "command.h"
#include "filter.h"
#include "output.h"
#include <errno.h>
#include <string.h>

struct arguments {
	const char *interface;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == ARGP_KEY_END)
		return 0; /* without an interface: all */
	return command_parse_argument(key, text, state, &arguments->interface, "an interface");
}

static json_t *to_json(const struct location *location, const struct snapshot *snapshot)
{
	char attached[OUTPUT_TIME_SIZE], applied[OUTPUT_TIME_SIZE];
	const struct xdp_programs *there = &location->programs;
	json_t *beside = json_array();

	for (unsigned int i = 0; i < there->count; i++)
		if (i != location->program)
			json_array_append_new(beside, json_pack("{sI ss}", "id", (json_int_t)there->program[i].id,
								"name", there->program[i].name));
	return json_pack("{ss sI ss ss sI so ss ss ss}", "interface", location->interface.name, "ifindex",
			 (json_int_t)location->interface.ifindex, "mode", xdp_mode_name(there->mode), "attached",
			 there->shared ? "shared" : "exclusive", "program_id",
			 (json_int_t)there->program[location->program].id, "beside", beside, "policy",
			 snapshot->report.policy.label, "attached_since", output_time(snapshot->attached_ns, attached),
			 "policy_since", output_time(snapshot->applied_ns, applied));
}

static void print_status(const json_t *filters)
{
	const json_t *filter, *program;
	size_t index, other;

	json_array_foreach (filters, index, filter) {
		const char *interface, *mode, *attached, *policy, *attached_since, *policy_since;
		json_t *beside;
		json_int_t id;

		json_unpack((json_t *)filter, "{ss ss ss ss ss ss sI so}", "interface", &interface, "mode", &mode,
			    "attached", &attached, "policy", &policy, "attached_since", &attached_since, "policy_since",
			    &policy_since, "program_id", &id, "beside", &beside);
		printf("%s%s\n", index ? "\n" : "", interface);
		printf("  mode      %s, %s (program id %lld)\n", mode, attached, (long long)id);
		json_array_foreach (beside, other, program)
			printf("  beside    %s (program id %lld)\n",
			       json_string_value(json_object_get(program, "name")),
			       (long long)json_integer_value(json_object_get(program, "id")));
		printf("  policy    %s\n  since     %s\n", policy, policy_since);
		printf("  attached  %s\n", attached_since);
	}
}

/* Adds the filter of one interface, if it has one, to FILTERS. */
static int add_status(json_t *filters, const char *interface, struct diag *diag)
{
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct location location;
	int error;

	if (!snapshot)
		return diag_no_memory(diag);
	error = filter_locate_and_read(&location, snapshot, interface, diag);
	if (!error && json_array_append_new(filters, to_json(&location, snapshot)))
		return diag_no_memory(diag);
	return error;
}

static int add_all(json_t *filters, struct diag *diag)
{
	struct if_nameindex *interfaces = if_nameindex();
	int error = 0;

	for (struct if_nameindex *i = interfaces; i && i->if_index && !error; i++) {
		error = add_status(filters, i->if_name, diag);
		if (error == -ENOENT || error == -ENODEV) {
			*diag = (struct diag){};
			error = 0;
		}
	}
	if_freenameindex(interfaces);
	return error;
}

int cmd_status(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {NULL, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {};
	json_t *filters = json_array();
	bool absent;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	error = arguments.interface ? add_status(filters, arguments.interface, diag) : add_all(filters, diag);
	absent = error == -ENOENT; /* an answer, not a failure */
	if (!error || absent) {
		error = 0;
		if (globals->json)
			error = output_json(stdout, json_pack("{si sO}", "schema", 1, "filters", filters));
		else if (json_array_size(filters))
			print_status(filters);
		else if (arguments.interface)
			printf("%s\n", diag->text);
		else
			printf("attached nowhere in this network namespace\n");
	}
	json_decref(filters);
	return absent && !error ? COMMAND_NO : error;
}
