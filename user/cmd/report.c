/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What enforcing the monitored rules would do. Counts since the filter was attached come from its counters and are
 * exact; who it would have been is known only of the samples taken now.
 */
#include "show/report.h"
#include "base/shell.h"
#include "cmd/observation.h"
#include "cmd/sampling_options.h"
#include "kernel/connections.h"
#include "show/heading.h"
#include "show/output.h"
#include <errno.h>
#include <string.h>

struct arguments {
	const char *interface;
	unsigned int seconds;
};

static const struct argp_option options[] = {
	{"seconds", 's', "N", 0, "take samples for so long (default: 10)", 0},
	{"since", 'S', "attach", 0, "count since the filter was attached, or reset (there is no other choice yet)", 0},
	{},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 's':
		arguments->seconds = command_number(state, text, 86400, "seconds");
		return 0;
	case 'S':
		if (strcmp(text, "attach") != 0)
			command_usage_error(state, "'%s' is nothing to count since: `--since attach`", text);
		return 0;
	default:
		return command_parse_interface_argument(key, text, state, &arguments->interface);
	}
}

/* What samples of a rule look like. */
enum guess { NOTHING_SINCE, NOTHING_NOW, TOO_FEW, FLOOD, SCAN, HONEST, FEW_SOURCES, MIXED };

static const struct {
	const char *name; /* in JSON */
	const char *words;
	const char *advice;
} guesses[] = {
	[NOTHING_SINCE] = {"nothing", "nothing: no packet has met it",
			   "to enforce it would have changed nothing so far"},
	[NOTHING_NOW] = {"nothing-now", "nothing just now", "look again while it counts: --seconds N"},
	[TOO_FEW] = {"too-few", "too few packets to tell", "look again, for longer: --seconds N"},
	[FLOOD] = {"spoofed-flood", "a flood with spoofed sources: many sources, few packets of each", "enforce it"},
	[SCAN] = {"scan", "a scan: many ports", "enforce it"},
	[HONEST] = {"middlebox",
		    "a broken middlebox or odd TCP stack: sources that also hold connections with this host",
		    "find out what they are, or exempt them, before it is enforced"},
	[FEW_SOURCES] = {"few-sources", "somebody's test or tool: few sources, none with a connection to this host",
			 "probably nobody misses them; on a router look at the sources first"},
	[MIXED] = {"mixed", "a mixture: several sources, none with a connection to this host",
		   "look at them by `offenders` and `capture`"},
};

#define SAMPLES_FEW 10
#define PORTS_MANY 16
#define SOURCES_MANY 64
#define SOURCES_FEW 8

static enum guess guess(const struct offenders_rule *rule, __u64 since_attach, int connected)
{
	if (!rule || !rule->stream.samples)
		return since_attach ? NOTHING_NOW : NOTHING_SINCE;
	if (rule->source.overflowed ||
	    (rule->source.entries >= SOURCES_MANY && rule->source.entries * 2 >= rule->stream.samples))
		return FLOOD;
	if (rule->port.entries >= PORTS_MANY)
		return SCAN;
	if (connected > 0)
		return HONEST;
	if (rule->stream.samples < SAMPLES_FEW)
		return TOO_FEW;
	return rule->source.entries <= SOURCES_FEW ? FEW_SOURCES : MIXED;
}

/* Whatever else is among the packets: somebody whom this host talks to is not dropped without a look. */
static const char *advice(enum guess guess, int connected)
{
	return guesses[connected > 0 ? HONEST : guess].advice;
}

/* All that is said of one rule. */
struct finding {
	const struct ff_rule *rule;
	struct ff_count would_drop;		/* since attach, or reset */
	__u64 now;				/* of these, while it was looked at */
	const struct offenders_rule *offenders; /* NULL: no sample */
	int connected;				/* so many of the sources; below zero: not known */
	enum guess guess;
};

static void find(const struct observation *observation, const struct ff_rule *rule, struct finding *finding)
{
	*finding = (struct finding){
		.rule = rule,
		.would_drop = observation->after.counts.counters.rule[rule->counter].would_drop,
		.now = observation->growth.rule[rule->counter].would_drop.packets,
		.offenders = observation_offenders(observation, rule->name),
	};
	if (finding->offenders)
		finding->connected =
			connections_count(finding->offenders->source.entry, finding->offenders->source.entries);
	finding->guess = guess(finding->offenders, finding->would_drop.packets, finding->connected);
}

static json_t *finding_to_json(const struct observation *observation, const struct finding *finding)
{
	const struct offenders_rule *offenders = finding->offenders;
	char match[RULE_MATCH_SIZE];
	const struct heavy_hitters *sources = offenders ? &offenders->source : NULL,
				   *ports = offenders ? &offenders->port : NULL;
	json_t *now = json_pack("{sI sf sI si sb si sb so}", "packets", (json_int_t)finding->now, "pps",
				counts_rate(finding->now, observation->seconds), "samples",
				(json_int_t)(offenders ? offenders->stream.samples : 0), "source_count",
				sources ? (int)sources->entries : 0, "more_sources", sources && sources->overflowed,
				"port_count", ports ? (int)ports->entries : 0, "more_ports", ports && ports->overflowed,
				"connected_source_count",
				finding->connected < 0 ? json_null() : json_integer(finding->connected));

	return json_pack("{ss ss so so ss ss}", "name", finding->rule->name, "match",
			 rule_match_format(finding->rule, match), "would_drop",
			 report_count_to_json(&finding->would_drop), "now", now, "looks_like",
			 guesses[finding->guess].name, "advice", advice(finding->guess, finding->connected));
}

static void print_heaviest(const struct heavy_hitters *heavy, bool ports)
{
	for (unsigned int i = 0; i < heavy->entries && i < 3; i++) {
		char name[PACKET_ADDRESS_SIZE];

		if (ports)
			snprintf(name, sizeof(name), "%u", offenders_port(&heavy->entry[i].key));
		else
			offenders_source(&heavy->entry[i].key, name);
		printf("%s%s (%.0f%%)", i ? ", " : "", name, 100.0 * heavy->entry[i].weight / heavy->total);
	}
	printf("%s\n", heavy->entries > 3 ? ", ..." : "");
}

static void print_finding(const struct observation *observation, const struct finding *finding)
{
	const struct offenders_rule *offenders = finding->offenders;
	char match[RULE_MATCH_SIZE];

	printf("\n%s  %s\n", finding->rule->name, rule_match_format(finding->rule, match));
	printf("  since %-6s  would have dropped %llu packets, %llu bytes (counted)\n",
	       snapshot_was_reset(&observation->after) ? "reset" : "attach", finding->would_drop.packets,
	       finding->would_drop.bytes);
	printf("  now           %llu packets, %.1f/s (counted); %llu samples\n", finding->now,
	       counts_rate(finding->now, observation->seconds), offenders ? offenders->stream.samples : 0);
	if (offenders) {
		printf("  sources       %u%s, ", offenders->source.entries,
		       offenders->source.overflowed ? " or more" : "");
		if (finding->connected < 0)
			printf("it is not known how many with a connection to this host: ");
		else
			printf("%d with a connection to this host: ", finding->connected);
		print_heaviest(&offenders->source, false);
		printf("  ports         %u%s: ", offenders->port.entries, offenders->port.overflowed ? " or more" : "");
		print_heaviest(&offenders->port, true);
	}
	fputs("  looks like    ", stdout);
	output_wrapped(stdout, 16, guesses[finding->guess].words);
	fputs("  advice        ", stdout);
	output_wrapped(stdout, 16, advice(finding->guess, finding->connected));
}

/* Prints what there is to say, or adds it to LIST. Returns of how many rules. */
static unsigned int tell(const struct observation *observation, json_t *list)
{
	const struct policy *policy = &observation->after.counts.policy;
	unsigned int monitored = 0;

	for (unsigned int i = 0; i < policy->rules; i++) {
		struct finding finding;

		if (policy->rule[i].mode != FF_MONITORED)
			continue;
		monitored++;
		find(observation, &policy->rule[i], &finding);
		if (list)
			json_array_append_new(list, finding_to_json(observation, &finding));
		else
			print_finding(observation, &finding);
	}
	return monitored;
}

static int tell_json(const struct observation *observation)
{
	json_t *object = observation_to_json(observation), *rules = json_array();

	tell(observation, rules);
	json_object_set_new(object, "rules", rules);
	return output_json(stdout, object);
}

static void tell_person(const struct observation *observation, const char *interface)
{
	printf("%s  ", observation->after.location.interface.name);
	heading_print_policy(stdout, &observation->after);
	printf("\nsamples of %.1f s: %llu packets seen, %llu sampled, %llu lost\n", observation->seconds,
	       observation->count.seen, observation->count.sampled, observation->count.lost);
	if (!tell(observation, NULL))
		printf("no rule is monitored; see `%s`\n", shell_command("rule", interface, "", "").text);
}

/* Takes samples of monitored rules only, so that a flood of others does not crowd them out. NULL: *ERROR. */
static struct observation *observation_monitored(const struct arguments *arguments, int *error, struct diag *diag)
{
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	const char *rule[FF_RULES_MAX];
	struct samples_options only = {.rule = rule};

	*error = snapshot ? locate_and_read(snapshot, arguments->interface, diag) : diag_no_memory(diag);
	if (*error)
		return NULL;
	for (unsigned int i = 0; i < snapshot->counts.policy.rules; i++)
		if (snapshot->counts.policy.rule[i].mode == FF_MONITORED)
			rule[only.rules++] = snapshot->counts.policy.rule[i].name;
	return observation_run(arguments->interface, only.rules ? arguments->seconds : 0, &only, &command_stop, error,
			       diag);
}

int cmd_report(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct observation *observation = NULL;
	struct arguments arguments = {.seconds = 10};
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	command_catch_stop(false);
	observation = observation_monitored(&arguments, &error, diag);
	if (!observation)
		return error;
	if (globals->json)
		return tell_json(observation);
	tell_person(observation, arguments.interface);
	return 0;
}
