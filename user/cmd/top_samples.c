/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/top_samples.h"

#include <string.h>

#define WINDOW_S 10

static __u64 met(const struct ff_rule_count *count)
{
	return count->dropped.packets + count->would_drop.packets;
}

static void begin_window(struct top_samples *top, const struct top_filter *filter, double time_s)
{
	memset(&top->offenders, 0, sizeof(top->offenders));
	top->begun_s = time_s;
	top->base = filter->looked;
	top->counting_ns = filter->begun_ns;
}

/* Whether the window is of what FILTER counts now: the same filter's, and since the same moment. */
static bool window_goes_on(const struct top_samples *top, const struct top_filter *filter)
{
	return top->base.filter == filter->looked.filter && top->counting_ns == filter->begun_ns;
}

/* How many frames met the rule called NAME since the window began. */
static __u64 counted(const struct top_samples *top, const struct top_filter *filter, const char *name)
{
	for (unsigned int i = 0; i < filter->rules; i++) {
		const struct top_rule *rule = &filter->rule[i];
		__u64 since_base = met(&rule->count), in_all;

		if (rule->removed || strcmp(rule->name, name))
			continue;
		in_all = met(&filter->looked.ever.rule[rule->counter]) - met(&top->base.ever.rule[rule->counter]);
		return in_all < since_base ? in_all : since_base;
	}
	return 0;
}

/* Puts OFFENDER in its place, worst first, if it is among the worst. */
static void insert(struct top_offenders *offenders, const struct top_offender *offender)
{
	unsigned int place = offenders->count;

	while (place && offenders->offender[place - 1].pps < offender->pps)
		place--;
	if (place == TOP_OFFENDERS)
		return;
	if (offenders->count < TOP_OFFENDERS)
		offenders->count++;
	memmove(&offenders->offender[place + 1], &offenders->offender[place],
		(offenders->count - place - 1) * sizeof(*offender));
	offenders->offender[place] = *offender;
}

static void tell(struct top_samples *top, const struct top_filter *filter, double seconds,
		 struct top_offenders *offenders)
{
	offenders_sort(&top->offenders);
	offenders->count = 0;
	for (unsigned int i = 0; i < top->offenders.rules; i++) {
		const struct offenders_rule *rule = &top->offenders.rule[i];
		__u64 packets = counted(top, filter, rule->name);

		for (unsigned int j = 0; j < rule->source.entries && j < TOP_OFFENDERS; j++) {
			struct estimate estimate = offenders_estimate(rule, &rule->source.entry[j], packets);
			struct top_offender offender = {.pps = estimate.packets / seconds,
							.pps_at_least = estimate.at_least / seconds,
							.pps_at_most = estimate.at_most / seconds};

			offenders_source(&rule->source.entry[j].key, offender.who);
			memcpy(offender.rule, rule->name, sizeof(offender.rule));
			insert(offenders, &offender);
		}
	}
}

static int look_at(struct top_samples *top, const struct top_filter *filter, double time_s)
{
	/* The screen goes on meanwhile; the next look asks again. */
	static const struct samples_options options = {.no_wait = true};
	struct diag diag = {};
	int error;

	if (!strcmp(top->interface, filter->interface) && top->samples)
		return 0;
	top_samples_close(top);
	snprintf(top->interface, sizeof(top->interface), "%s", filter->interface);
	top->complete = false;
	error = samples_open(&top->samples, filter->interface, &options, observation_add_sample, &top->offenders,
			     &diag);
	if (!error)
		begin_window(top, filter, time_s);
	return error;
}

void top_samples_update(struct top_samples *top, const struct top_filter *filter, double time_s,
			struct top_offenders *offenders)
{
	struct diag diag = {};
	double seconds;

	if (look_at(top, filter, time_s) || samples_poll(top->samples, 0, &diag) < 0) {
		top_samples_close(top);
		offenders->count = 0;
		return;
	}
	if (!window_goes_on(top, filter)) {
		top->complete = false;
		offenders->count = 0;
		begin_window(top, filter, time_s);
	}
	seconds = time_s - top->begun_s;
	if (seconds <= 0 || (top->complete && seconds < WINDOW_S))
		return;
	tell(top, filter, seconds, offenders);
	if (seconds < WINDOW_S)
		return;
	top->complete = true;
	begin_window(top, filter, time_s);
}

void top_samples_close(struct top_samples *top)
{
	if (top->samples)
		samples_close(top->samples);
	top->samples = NULL;
}
