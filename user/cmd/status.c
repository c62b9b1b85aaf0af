/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/cleanup.h"
#include "base/shell.h"
#include "base/text.h"
#include "cmd/command.h"
#include "kernel/cost.h"
#include "kernel/locate.h"
#include "kernel/pending.h"
#include "show/output.h"
#include <errno.h>
#include <string.h>

struct arguments {
	const char *interface;
	double cost_s; /* how long to look at what it costs; 0: not at all */
};

/* One filter, and all that is told of it. */
struct status {
	struct location location;
	char name[IF_NAMESIZE]; /* of its interface, as the kernel has it */
	char policy[FF_LABEL_SIZE];
	__s64 attached_ns, applied_ns, counting_ns; /* CLOCK_REALTIME; see struct snapshot */
	unsigned int queues_added;		    /* they run no filter: see filter_queues_added() */
	bool reset;
	bool unconfirmed;
	struct pending pending; /* the change that goes back by itself, if UNCONFIRMED */
	enum { COST_NOT_ASKED, COST_UNKNOWN, COST_KNOWN } cost_state;
	struct cost cost; /* if COST_KNOWN */
};

struct statuses {
	unsigned int count;
	struct status *filter;
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
		return command_parse_interface_argument(key, text, state, &arguments->interface);
	}
}

static json_t *unconfirmed_to_json(const struct status *status)
{
	const struct pending *pending = &status->pending;

	if (!status->unconfirmed)
		return json_null();
	return json_pack("{so so sb sI so}", "goes_back_in_s",
			 pending->guarded ? json_integer(pending_seconds(pending)) : json_null(), "to",
			 *pending->to ? json_string(pending->to) : json_null(), "guarded", pending->guarded, "guardian",
			 (json_int_t)pending->guardian, "file",
			 *pending->path ? json_string(pending->path) : json_null());
}

/* NULL, if nobody asked for it. */
static json_t *cost_to_json(const struct status *status)
{
	const struct cost *cost = &status->cost;

	if (status->cost_state != COST_KNOWN)
		return status->cost_state == COST_UNKNOWN ? json_null() : NULL;
	return json_pack("{so sf sI sf}", "ns_per_packet",
			 cost->packets ? json_real((double)cost->run_ns / cost->packets) : json_null(), "cpu_percent",
			 cost->run_ns / cost->window_s / 1e7, "packets", (json_int_t)cost->packets, "window_s",
			 cost->window_s);
}

static json_t *status_to_json(const struct status *status)
{
	char attached[OUTPUT_TIME_SIZE], applied[OUTPUT_TIME_SIZE], counting[OUTPUT_TIME_SIZE];
	const struct xdp_programs *there = &status->location.programs;
	const struct interface *interface = &status->location.interface;
	unsigned int own = status->location.program;
	json_t *beside = json_array();

	for (unsigned int i = 0; i < there->count; i++)
		if (i != own)
			json_array_append_new(beside, json_pack("{sI ss}", "id", (json_int_t)there->program[i].id,
								"name", there->program[i].name));
	return json_pack("{ss sI ss ss sI sI so ss ss ss ss sI so so*}", "interface", interface->name, "ifindex",
			 (json_int_t)interface->ifindex, "mode", xdp_mode_name(there->mode), "attached",
			 there->shared ? "shared" : "exclusive", "program_id", (json_int_t)there->program[own].id,
			 "entry_id", (json_int_t)there->entry_id, "beside", beside, "policy", status->policy,
			 "attached_since", output_time(status->attached_ns, attached), "policy_since",
			 output_time(status->applied_ns, applied), "counting_since",
			 output_time(status->counting_ns, counting), "unfiltered_queues",
			 (json_int_t)status->queues_added, "unconfirmed", unconfirmed_to_json(status), "cost",
			 cost_to_json(status));
}

static int print_json(const struct statuses *all)
{
	json_t *filters = json_array();

	for (unsigned int i = 0; i < all->count; i++)
		if (json_array_append_new(filters, status_to_json(&all->filter[i]))) {
			json_decref(filters);
			return -ENOMEM;
		}
	return output_json(stdout, json_pack("{si so}", "schema", 1, "filters", filters));
}

static void print_unconfirmed(const struct status *status)
{
	const struct pending *pending = &status->pending;

	if (!status->unconfirmed)
		return;
	if (pending->guarded)
		printf("  pending   unconfirmed: %s%s in %u s\n", *pending->to ? "goes back to " : "is detached",
		       pending->to, pending_seconds(pending));
	else
		printf("  pending   unconfirmed, and does not go back by itself: its guardian is gone\n");
	printf("            to keep it:  %s\n", shell_command("confirm", status->name, "", "").text);
	if (!pending->guarded && *pending->path)
		printf("            to go back:  %s\n", shell_command("apply", status->name, pending->path, "").text);
}

static void print_queues(const struct status *status)
{
	unsigned int added = status->queues_added;

	if (!added)
		return;
	printf("  queues    %u receive queue%s came after the attach and run%s no filter, unless it went down and up\n",
	       added, added == 1 ? "" : "s", added == 1 ? "s" : "");
	printf("            attach again:  %s\n", shell_command("attach", status->name, "", "").text);
}

/* With a dispatcher the kernel counts all that is behind it as one program. */
static void print_cost(const struct status *status)
{
	const struct cost *cost = &status->cost;

	if (status->cost_state == COST_NOT_ASKED)
		printf("  cost      not looked at: status --cost\n");
	else if (status->cost_state == COST_UNKNOWN)
		printf("  cost      unknown\n");
	else if (!cost->packets)
		printf("  cost      no packet came in within %.2g s\n", cost->window_s);
	else
		printf("  cost      %.0f ns a packet, %.3g %% of a CPU (%llu packets in %.2g s%s)\n",
		       (double)cost->run_ns / cost->packets, cost->run_ns / cost->window_s / 1e7,
		       (unsigned long long)cost->packets, cost->window_s,
		       status->location.programs.shared ? "; with the dispatcher and all programs" : "");
}

static void print_status(const struct status *status)
{
	const struct xdp_programs *there = &status->location.programs;
	unsigned int own = status->location.program;
	char time[OUTPUT_TIME_SIZE];

	printf("%s\n", status->location.interface.name);
	printf("  mode      %s, %s (program id %u)\n", xdp_mode_name(there->mode),
	       there->shared ? "shared" : "exclusive", there->program[own].id);
	for (unsigned int i = 0; i < there->count; i++)
		if (i != own)
			printf("  beside    %s (program id %u)\n", there->program[i].name, there->program[i].id);
	printf("  policy    %s\n", status->policy);
	printf("  since     %s\n", output_time(status->applied_ns, time));
	printf("  attached  %s\n", output_time(status->attached_ns, time));
	if (status->reset)
		printf("  reset     %s\n", output_time(status->counting_ns, time));
	print_queues(status);
	print_cost(status);
	print_unconfirmed(status);
}

/* Looks for SECONDS at what each filter costs. That it cannot be told is no failure: why is said, and it is unknown. */
static int add_costs(struct statuses *all, double seconds, struct diag *diag)
{
	_cleanup_free_ struct cost *cost = calloc(all->count, sizeof(*cost));
	_cleanup_free_ __u32 *id = calloc(all->count, sizeof(*id));
	int error;

	if (!cost || !id)
		return diag_no_memory(diag);
	for (unsigned int i = 0; i < all->count; i++)
		id[i] = all->filter[i].location.programs.entry_id;
	error = cost_measure(id, all->count, seconds, cost);
	if (error) {
		diag_fail(diag, error, "cannot measure the cost: %s",
			  error == -EINVAL ? "Linux 5.8 or newer is needed" : strerror(-error));
		diag_add_needs(diag, error, NEEDS_SYS_ADMIN);
		fprintf(stderr, "flagfilter: %s\n", diag->text);
	}
	for (unsigned int i = 0; i < all->count; i++) {
		all->filter[i].cost_state = error ? COST_UNKNOWN : COST_KNOWN;
		all->filter[i].cost = cost[i];
	}
	return 0;
}

/* Adds the filter of one interface, if it has one, to ALL. */
static int add_status(struct statuses *all, const char *interface, struct diag *diag)
{
	struct status *grown = reallocarray(all->filter, all->count + 1, sizeof(*grown)), *status;
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	int error;

	if (grown)
		all->filter = grown;
	if (!grown || !snapshot)
		return diag_no_memory(diag);
	status = &all->filter[all->count];
	*status = (struct status){};
	error = locate_and_read(snapshot, interface, diag);
	if (error)
		return error;
	status->location = snapshot->location;
	snprintf(status->name, sizeof(status->name), "%s", interface);
	memcpy(status->policy, snapshot->counts.policy.label, sizeof(status->policy));
	status->attached_ns = snapshot_wall_ns(snapshot, snapshot->attached_ns);
	status->applied_ns = snapshot_wall_ns(snapshot, snapshot->applied_ns);
	status->counting_ns = snapshot_wall_ns(snapshot, snapshot->counts.counting_ns);
	status->queues_added = snapshot->queues_added;
	status->reset = snapshot_was_reset(snapshot);
	error = pending_read(pins_filter_id(status->location.pins), &status->pending);
	if (error && error != -ENOENT)
		return diag_fail(diag, error, "cannot tell whether %s has an unconfirmed change: %s",
				 status->location.interface.name, strerror(-error));
	status->unconfirmed = !error;
	all->count++;
	return 0;
}

static int add_all(struct statuses *all, struct diag *diag)
{
	_cleanup_(interfaces_free) struct interfaces interfaces = INTERFACES_NONE;
	int error = interfaces_with_xdp(&interfaces, diag);

	for (unsigned int i = 0; i < interfaces.count && !error; i++) {
		error = add_status(all, interfaces.interface[i].name, diag);
		if (error == -ENOENT || error == -ENODEV) {
			*diag = (struct diag){};
			error = 0;
		}
	}
	return error;
}

static int print(const struct globals *globals, const struct statuses *all, const char *nothing)
{
	if (globals->json)
		return print_json(all);
	for (unsigned int i = 0; i < all->count; i++) {
		if (i)
			putchar('\n');
		print_status(&all->filter[i]);
	}
	if (!all->count)
		printf("%s\n", nothing);
	return 0;
}

int cmd_status(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {};
	struct statuses all = {};
	bool absent;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	error = arguments.interface ? add_status(&all, arguments.interface, diag) : add_all(&all, diag);
	if (!error && arguments.cost_s && all.count)
		error = add_costs(&all, arguments.cost_s, diag);
	absent = error == -ENOENT; /* an answer, not a failure */
	text_clean(diag->text);
	if (!error || absent)
		error = print(globals, &all, absent ? diag->text : "attached nowhere in this network namespace");
	free(all.filter);
	return absent && !error ? COMMAND_NO : error;
}
