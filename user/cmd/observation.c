/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/observation.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/locate.h"
#include "show/heading.h"
#include "show/report.h"
#include <errno.h>
#include <string.h>

void observation_add_sample(void *offenders, const struct sample *sample)
{
	struct packet packet;

	packet_parse(&packet, sample->data, sample->captured, sample->no_ethernet);
	offenders_add(offenders, sample->rule, &packet, sample->weight);
}

static int watch(struct observation *observation, struct samples *samples, unsigned int seconds,
		 const volatile sig_atomic_t *stop, struct diag *diag)
{
	const __u64 end_ns = clock_monotonic_ns() + seconds * 1000000000ull;
	__u64 now_ns = 0;
	int handled = 0, error;

	while (!*stop && handled >= 0 && (now_ns = clock_monotonic_ns()) < end_ns) {
		__u64 left_ms = (end_ns - now_ns) / 1000000 + 1;

		handled = samples_poll(samples, left_ms < 1000 ? left_ms : 1000, diag);
	}
	if (handled < 0)
		return handled;
	error = samples_count(samples, &observation->count);
	return error ? diag_fail(diag, error, "cannot read how many samples there were: %s", strerror(-error)) : 0;
}

static int run(struct observation *observation, const char *interface, unsigned int seconds,
	       const struct samples_options *options, const volatile sig_atomic_t *stop, struct diag *diag)
{
	_cleanup_free_ struct counts_mark *before = malloc(sizeof(*before));
	_cleanup_samples_ struct samples *samples = NULL;
	struct snapshot *after = &observation->after;
	int error;

	if (!before)
		return diag_no_memory(diag);
	error = samples_open(&samples, interface, options, observation_add_sample, &observation->offenders, diag);

	if (!error)
		error = locate_and_read(after, interface, diag);
	if (!error)
		*before = after->counts.mark;
	if (!error)
		error = watch(observation, samples, seconds, stop, diag);
	if (!error)
		error = locate_and_read(after, interface, diag);
	if (!error)
		observation->seconds = counts_growth(&after->counts, before, &observation->growth);
	offenders_sort(&observation->offenders);
	return error;
}

struct observation *observation_run(const char *interface, unsigned int seconds, const struct samples_options *options,
				    const volatile sig_atomic_t *stop, int *error, struct diag *diag)
{
	struct observation *observation = calloc(1, sizeof(*observation));

	*error = observation ? run(observation, interface, seconds, options, stop, diag) : diag_no_memory(diag);
	if (!*error)
		return observation;
	free(observation);
	return NULL;
}

json_t *observation_to_json(const struct observation *observation)
{
	const struct counts *counts = &observation->after.counts;
	const struct ff_count frames = counts_frames(counts);
	json_t *object = heading_to_json(&observation->after, true);
	json_t *sampled =
		json_pack("{so sf sI sI sI}", "frames", report_count_to_json(&frames), "interval_s",
			  observation->seconds, "seen", (json_int_t)observation->count.seen, "sampled",
			  (json_int_t)observation->count.sampled, "lost", (json_int_t)observation->count.lost);

	if (!json_object_update_new(object, sampled))
		return object;
	json_decref(object);
	return NULL;
}

struct ff_rule_count observation_counted(const struct observation *observation, const char *name)
{
	const struct policy *policy = &observation->after.counts.policy;

	for (unsigned int i = 0; i < policy->rules; i++)
		if (!strcmp(policy->rule[i].name, name))
			return observation->growth.rule[policy->rule[i].counter];
	return (struct ff_rule_count){};
}

const struct offenders_rule *observation_offenders(const struct observation *observation, const char *name)
{
	for (unsigned int i = 0; i < observation->offenders.rules; i++)
		if (!strcmp(observation->offenders.rule[i].name, name))
			return &observation->offenders.rule[i];
	return NULL;
}
