/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A look at a filter for some seconds: what it counted meanwhile, and samples of whom that came from. */
#ifndef CMD_OBSERVATION_H
#define CMD_OBSERVATION_H

#include "kernel/samples.h"
#include "packet/offenders.h"
#include <jansson.h>
#include <signal.h>

struct observation {
	struct snapshot after;	   /* the counters: exact */
	struct ff_counters growth; /* of them meanwhile, as counts_growth() has it, ... */
	double seconds;		   /* ... and in how long */
	struct samples_count count;
	struct offenders offenders; /* estimated from the samples; sorted */
};

/*
 * Looks at INTERFACE for SECONDS, or until *STOP is set. NULL with DIAG filled, and *ERROR -errno. The caller frees it.
 */
struct observation *observation_run(const char *interface, unsigned int seconds, const struct samples_options *options,
				    const volatile sig_atomic_t *stop, int *error, struct diag *diag);

/* As heading_to_json(), of the end, and frames, interval_s, seen, sampled and lost. NULL: no memory. */
json_t *observation_to_json(const struct observation *observation);

/* A samples_handler for struct offenders OFFENDERS. */
void observation_add_sample(void *offenders, const struct sample *sample);

/* What the rule called NAME counted meanwhile; zeros if it is not there any more. */
struct ff_rule_count observation_counted(const struct observation *observation, const char *name);

/* What the samples say of the rule called NAME, or NULL: nothing. */
const struct offenders_rule *observation_offenders(const struct observation *observation, const char *name);

#endif
