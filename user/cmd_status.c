/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cleanup.h"
#include "command.h"
#include "cost.h"
#include "locate.h"
#include "output.h"
#include "pending.h"
#include <errno.h>
#include <string.h>

struct arguments {
	const char *interface;
	double cost_s; /* how long to look at what it costs; 0: not at all */
};

static const struct argp_option options[] = {
	{"cost", 'c', "SECONDS", OPTION_ARG_OPTIONAL, "look for a second, or so many, at what it costs", 0},
	{},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->cost_s = command_parse_interval(text, state);
		return 0;
	case ARGP_KEY_END:
		return 0; /* without an interface: all */
	default:
		return command_parse_argument(key, text, state, &arguments->interface, "an interface");
	}
}

/* null, or the change that goes back by itself. */
static json_t *unconfirmed_to_json(const struct location *location)
{
	struct pending pending;

	if (pending_read(pins_filter_id(location->pins), &pending))
		return json_null();
	return json_pack("{so so sb sI ss}", "goes_back_in_s",
			 pending.guarded ? json_integer(pending_seconds(&pending)) : json_null(), "to",
			 *pending.to ? json_string(pending.to) : json_null(), "guarded", pending.guarded, "guardian",
			 (json_int_t)pending.guardian, "file", pending.path);
}

static void print_unconfirmed(const char *interface, const json_t *unconfirmed)
{
	const char *to, *file;
	json_int_t seconds;
	int guarded;

	if (json_is_null(unconfirmed))
		return;
	if (json_unpack((json_t *)unconfirmed, "{sb ss}", "guarded", &guarded, "file", &file))
		return;
	to = json_string_value(json_object_get(unconfirmed, "to"));
	seconds = json_integer_value(json_object_get(unconfirmed, "goes_back_in_s"));
	if (guarded)
		printf("  pending   unconfirmed: %s%s in %lld s\n", to ? "goes back to " : "is detached", to ? to : "",
		       (long long)seconds);
	else
		printf("  pending   unconfirmed, and does not go back by itself: its guardian is gone\n");
	printf("            to keep it:  flagfilter confirm %s\n", interface);
	if (!guarded && to)
		printf("            to go back:  flagfilter apply %s %s\n", interface, file);
}

static json_t *to_json(const struct snapshot *snapshot)
{
	const struct location *location = &snapshot->location;
	char attached[OUTPUT_TIME_SIZE], applied[OUTPUT_TIME_SIZE], counting[OUTPUT_TIME_SIZE];
	const struct xdp_programs *there = &location->programs;
	json_t *beside = json_array();

	for (unsigned int i = 0; i < there->count; i++)
		if (i != location->program)
			json_array_append_new(beside, json_pack("{sI ss}", "id", (json_int_t)there->program[i].id,
								"name", there->program[i].name));
	return json_pack("{ss sI ss ss sI sI so ss ss ss ss so}", "interface", location->interface.name, "ifindex",
			 (json_int_t)location->interface.ifindex, "mode", xdp_mode_name(there->mode), "attached",
			 there->shared ? "shared" : "exclusive", "program_id",
			 (json_int_t)there->program[location->program].id, "entry_id", (json_int_t)there->entry_id,
			 "beside", beside, "policy", snapshot->report.policy.label, "attached_since",
			 output_time(snapshot->attached_ns, attached), "policy_since",
			 output_time(snapshot->applied_ns, applied), "counting_since",
			 output_time(snapshot->counting_ns, counting), "unconfirmed", unconfirmed_to_json(location));
}

static json_t *cost_to_json(const struct cost *cost)
{
	return json_pack("{so sf sI sf}", "ns_per_packet",
			 cost->packets ? json_real((double)cost->run_ns / cost->packets) : json_null(), "cpu_percent",
			 cost->run_ns / cost->window_s / 1e7, "packets", (json_int_t)cost->packets, "window_s",
			 cost->window_s);
}

/* Adds to each of FILTERS what it costs. That it cannot be told is no failure: then it is null, and said why. */
static int add_costs(json_t *filters, double seconds, struct diag *diag)
{
	size_t count = json_array_size(filters);
	_cleanup_free_ struct cost *cost = calloc(count + 1, sizeof(*cost));
	_cleanup_free_ __u32 *id = calloc(count + 1, sizeof(*id));
	int error;

	if (!cost || !id)
		return diag_no_memory(diag);
	for (size_t i = 0; i < count; i++)
		id[i] = json_integer_value(json_object_get(json_array_get(filters, i), "entry_id"));
	error = cost_measure(id, count, seconds, cost);
	if (error) {
		diag_fail(diag, error, "cannot measure the cost: %s",
			  error == -EINVAL ? "Linux 5.8 or newer is needed" : strerror(-error));
		diag_add_needs(diag, error, NEEDS_SYS_ADMIN);
		fprintf(stderr, "flagfilter: %s\n", diag->text);
	}
	for (size_t i = 0; i < count; i++)
		json_object_set_new(json_array_get(filters, i), "cost", error ? json_null() : cost_to_json(&cost[i]));
	return 0;
}

/* With a dispatcher the kernel counts all that is behind it as one program. */
static void print_cost(const json_t *cost, bool shared)
{
	double window_s = json_real_value(json_object_get(cost, "window_s"));

	if (!cost)
		printf("  cost      not looked at: status --cost\n");
	else if (json_is_null(cost))
		printf("  cost      unknown\n");
	else if (!json_integer_value(json_object_get(cost, "packets")))
		printf("  cost      no packet came in within %.2g s\n", window_s);
	else
		printf("  cost      %.0f ns a packet, %.3g %% of a CPU (%lld packets in %.2g s%s)\n",
		       json_real_value(json_object_get(cost, "ns_per_packet")),
		       json_real_value(json_object_get(cost, "cpu_percent")),
		       (long long)json_integer_value(json_object_get(cost, "packets")), window_s,
		       shared ? "; with the dispatcher and all programs" : "");
}

static void print_status(const json_t *filters)
{
	const json_t *filter, *program;
	size_t index, other;

	json_array_foreach (filters, index, filter) {
		const char *interface, *mode, *attached, *policy, *attached_since, *policy_since, *counting_since;
		json_t *beside;
		json_int_t id;

		json_unpack((json_t *)filter, "{ss ss ss ss ss ss ss sI so}", "interface", &interface, "mode", &mode,
			    "attached", &attached, "policy", &policy, "counting_since", &counting_since,
			    "attached_since", &attached_since, "policy_since", &policy_since, "program_id", &id,
			    "beside", &beside);
		printf("%s%s\n", index ? "\n" : "", interface);
		printf("  mode      %s, %s (program id %lld)\n", mode, attached, (long long)id);
		json_array_foreach (beside, other, program)
			printf("  beside    %s (program id %lld)\n",
			       json_string_value(json_object_get(program, "name")),
			       (long long)json_integer_value(json_object_get(program, "id")));
		printf("  policy    %s\n  since     %s\n", policy, policy_since);
		printf("  attached  %s\n", attached_since);
		if (strcmp(counting_since, attached_since))
			printf("  reset     %s\n", counting_since);
		print_cost(json_object_get(filter, "cost"), !strcmp(attached, "shared"));
		print_unconfirmed(interface, json_object_get(filter, "unconfirmed"));
	}
}

/* Adds the filter of one interface, if it has one, to FILTERS. */
static int add_status(json_t *filters, const char *interface, struct diag *diag)
{
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	int error;

	if (!snapshot)
		return diag_no_memory(diag);
	error = locate_and_read(snapshot, interface, diag);
	if (!error && json_array_append_new(filters, to_json(snapshot)))
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
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {};
	json_t *filters = json_array();
	bool absent;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	error = arguments.interface ? add_status(filters, arguments.interface, diag) : add_all(filters, diag);
	if (!error && arguments.cost_s && json_array_size(filters))
		error = add_costs(filters, arguments.cost_s, diag);
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
