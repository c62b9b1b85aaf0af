/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A look at a filter for some seconds: what it counted meanwhile, and samples of whom that came from. */
#ifndef SURVEY_H
#define SURVEY_H

#include "offenders.h"
#include "samples.h"
#include <jansson.h>
#include <signal.h>

struct survey {
	struct snapshot before, after; /* the counters: exact */
	double seconds;		       /* between the two */
	struct samples_count count;
	struct offenders offenders; /* estimated from the samples; sorted */
};

/*
 * Looks at INTERFACE for SECONDS, or until *STOP is set. NULL with DIAG filled, and *ERROR -errno. The caller frees it.
 */
struct survey *survey_run(const char *interface, unsigned int seconds, const struct samples_options *options,
			  const volatile sig_atomic_t *stop, int *error, struct diag *diag);

/* As heading_to_json(), of the end, and frames, interval_s, seen, sampled and lost. NULL: no memory. */
json_t *survey_to_json(const struct survey *survey);

/* A samples_handler for struct offenders OFFENDERS. */
void survey_add_sample(void *offenders, const struct sample *sample);

/* What the rule called NAME had counted at the time of SNAPSHOT; zeros if it is not there. */
struct ff_rule_count survey_counted(const struct snapshot *snapshot, const char *name);

/* What the samples say of the rule called NAME, or NULL: nothing. */
const struct offenders_rule *survey_offenders(const struct survey *survey, const char *name);

#endif
