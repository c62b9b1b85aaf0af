/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/observation.h"
#include "cmd/sampling_options.h"
#include "show/output.h"
#include <errno.h>

struct arguments {
	const char *interface;
	unsigned int seconds;
	unsigned int top; /* so many sources and ports of each rule */
	struct sampling_options sampling;
};

static const struct argp_option options[] = {
	{"seconds", 's', "N", 0, "look for so long (default: 10)", 0},
	{"top", 't', "N", 0, "show at most N sources and N ports of each rule (default: 10)", 0},
	{},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->sampling;
		return 0;
	case 's':
		arguments->seconds = command_number(state, text, 86400, "seconds");
		return 0;
	case 't':
		arguments->top = command_number(state, text, HEAVY_ENTRIES, "lines");
		return 0;
	default:
		return command_parse_interface_argument(key, text, state, &arguments->interface);
	}
}

/* Packets that met the rule while it was looked at: a count, not an estimate. */
static __u64 counted(const struct observation *observation, const char *rule)
{
	struct ff_rule_count count = observation_counted(observation, rule);

	return count.dropped.packets + count.would_drop.packets;
}

/* What is shown of one rule. */
struct view {
	const struct observation *observation;
	const struct offenders_rule *rule;
	__u64 counted;
	unsigned int top;
};

static json_t *entries_to_json(const struct view *view, const struct heavy_hitters *heavy, bool ports)
{
	json_t *list = json_array();
	double seconds = view->observation->seconds;

	for (unsigned int i = 0; i < heavy->entries && i < view->top; i++) {
		const struct heavy_entry *entry = &heavy->entry[i];
		struct estimate estimate = offenders_estimate(view->rule, entry, view->counted);
		char source[PACKET_ADDRESS_SIZE];

		json_array_append_new(list, json_pack("{so sI sf sf sf sf}", ports ? "port" : "source",
						      ports ? json_integer(offenders_port(&entry->key))
							    : json_string(offenders_source(&entry->key, source)),
						      "samples", (json_int_t)entry->samples, "packets",
						      estimate.packets, "pps", counts_rate(estimate.packets, seconds),
						      "pps_at_least", counts_rate(estimate.at_least, seconds),
						      "pps_at_most", counts_rate(estimate.at_most, seconds)));
	}
	return list;
}

static json_t *to_json(const struct observation *observation, unsigned int top)
{
	json_t *object = observation_to_json(observation), *rules = json_array();

	for (unsigned int i = 0; i < observation->offenders.rules; i++) {
		const struct offenders_rule *rule = &observation->offenders.rule[i];
		__u64 packets = counted(observation, rule->name);
		const struct view view = {observation, rule, packets, top};

		json_array_append_new(rules, json_pack("{ss s{sI sf} sI so sb so sb}", "name", rule->name, "counted",
						       "packets", (json_int_t)packets, "pps",
						       counts_rate(packets, observation->seconds), "samples",
						       (json_int_t)rule->stream.samples, "sources",
						       entries_to_json(&view, &rule->source, false), "more_sources",
						       rule->source.overflowed || rule->source.entries > top, "ports",
						       entries_to_json(&view, &rule->port, true), "more_ports",
						       rule->port.overflowed || rule->port.entries > top));
	}
	json_object_set_new(object, "rules", rules);
	return object;
}

static void print_entries(const struct view *view, const struct heavy_hitters *heavy, bool ports)
{
	double seconds = view->observation->seconds;
	char name[PACKET_ADDRESS_SIZE], more[8];
	unsigned int i;

	snprintf(more, sizeof(more), "%u%s", heavy->entries, heavy->overflowed ? "+" : "");
	printf("  %-6s %-18s %11s   %-25s %6s\n", ports ? "port" : "source", more, "packets/s", "95 % between",
	       "share");
	for (i = 0; i < heavy->entries && i < view->top; i++) {
		const struct heavy_entry *entry = &heavy->entry[i];
		struct estimate estimate = offenders_estimate(view->rule, entry, view->counted);

		if (ports)
			snprintf(name, sizeof(name), "%u", offenders_port(&entry->key));
		else
			offenders_source(&entry->key, name);
		printf("  %-25s %11.1f   %11.1f - %-11.1f %5.1f%%\n", name, counts_rate(estimate.packets, seconds),
		       counts_rate(estimate.at_least, seconds), counts_rate(estimate.at_most, seconds),
		       100.0 * entry->weight / view->rule->stream.weight);
	}
}

static void print(const struct observation *observation, unsigned int top)
{
	const struct samples_count *count = &observation->count;

	printf("%s, %.1f s: %llu packets seen, %llu sampled, %llu lost\n", observation->after.location.interface.name,
	       observation->seconds, count->seen, count->sampled, count->lost);
	if (!observation->offenders.rules)
		printf("no packet met a rule\n");
	for (unsigned int i = 0; i < observation->offenders.rules; i++) {
		const struct offenders_rule *rule = &observation->offenders.rule[i];
		__u64 packets = counted(observation, rule->name);
		const struct view view = {observation, rule, packets, top};

		printf("\n%s: %llu packets counted, %.1f/s; estimated from %llu samples:\n", rule->name, packets,
		       counts_rate(packets, observation->seconds), rule->stream.samples);
		print_entries(&view, &rule->source, false);
		print_entries(&view, &rule->port, true);
	}
}

int cmd_offenders(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp_child children[] = {{&sampling_argp, 0, NULL, 0}, {}};
	static const struct argp argp = {options, parse, NULL, NULL, children, NULL, NULL};
	struct arguments arguments = {.seconds = 10, .top = 10};
	_cleanup_free_ struct observation *observation = NULL;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	command_catch_stop(false);
	observation = observation_run(arguments.interface, arguments.seconds, &arguments.sampling.samples,
				      &command_stop, &error, diag);
	if (!observation)
		return error;
	if (globals->json)
		return output_json(stdout, to_json(observation, arguments.top));
	print(observation, arguments.top);
	return 0;
}
