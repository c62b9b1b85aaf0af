/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "survey.h"

#include "clock.h"
#include "heading.h"
#include "locate.h"
#include "report.h"
#include <errno.h>
#include <string.h>

void survey_add_sample(void *offenders, const struct sample *sample)
{
	struct packet packet;

	packet_parse(&packet, sample->data, sample->captured);
	offenders_add(offenders, sample->rule, &packet, sample->weight);
}

static int watch(struct survey *survey, struct samples *samples, unsigned int seconds,
		 const volatile sig_atomic_t *stop, struct diag *diag)
{
	const __u64 end_ns = clock_monotonic_ns() + seconds * 1000000000ull;
	__u64 now_ns = 0;
	int handled = 0;

	while (!*stop && handled >= 0 && (now_ns = clock_monotonic_ns()) < end_ns) {
		__u64 left_ms = (end_ns - now_ns) / 1000000 + 1;

		handled = samples_poll(samples, left_ms < 1000 ? left_ms : 1000, diag);
	}
	samples_count(samples, &survey->count);
	return handled < 0 ? handled : 0;
}

static int run(struct survey *survey, const char *interface, unsigned int seconds,
	       const struct samples_options *options, const volatile sig_atomic_t *stop, struct diag *diag)
{
	_cleanup_samples_ struct samples *samples = NULL;
	int error = samples_open(&samples, interface, options, survey_add_sample, &survey->offenders, diag);

	if (!error)
		error = locate_and_read(&survey->before, interface, diag);
	if (!error)
		error = watch(survey, samples, seconds, stop, diag);
	if (!error)
		error = locate_and_read(&survey->after, interface, diag);
	survey->seconds = snapshot_interval_s(&survey->before, &survey->after);
	offenders_sort(&survey->offenders);
	return error;
}

struct survey *survey_run(const char *interface, unsigned int seconds, const struct samples_options *options,
			  const volatile sig_atomic_t *stop, int *error, struct diag *diag)
{
	struct survey *survey = calloc(1, sizeof(*survey));

	*error = survey ? run(survey, interface, seconds, options, stop, diag) : diag_no_memory(diag);
	if (!*error)
		return survey;
	free(survey);
	return NULL;
}

json_t *survey_to_json(const struct survey *survey)
{
	const struct counts *counts = &survey->after.counts;
	const struct ff_count frames = counts_frames(counts);
	json_t *object = heading_to_json(&survey->after, true);
	json_t *sampled = json_pack("{so sf sI sI sI}", "frames", report_count_to_json(&frames), "interval_s",
				    survey->seconds, "seen", (json_int_t)survey->count.seen, "sampled",
				    (json_int_t)survey->count.sampled, "lost", (json_int_t)survey->count.lost);

	if (!json_object_update_new(object, sampled))
		return object;
	json_decref(object);
	return NULL;
}

struct ff_rule_count survey_counted(const struct snapshot *snapshot, const char *name)
{
	const struct counts *counts = &snapshot->counts;
	const struct policy *policy = &counts->policy;

	for (unsigned int i = 0; i < policy->rules; i++)
		if (!strcmp(policy->rule[i].name, name))
			return counts->counters.rule[policy->rule[i].counter];
	return (struct ff_rule_count){};
}

const struct offenders_rule *survey_offenders(const struct survey *survey, const char *name)
{
	for (unsigned int i = 0; i < survey->offenders.rules; i++)
		if (!strcmp(survey->offenders.rule[i].name, name))
			return &survey->offenders.rule[i];
	return NULL;
}
