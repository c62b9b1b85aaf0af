/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Top offenders of one interface at a time, from samples. */
#ifndef CMD_TOP_SAMPLES_H
#define CMD_TOP_SAMPLES_H

#include "cmd/observation.h"
#include "packet/offenders.h"
#include "show/top.h"

/* Zeros: nobody is looked at yet. */
struct top_samples {
	struct samples *samples;
	char interface[TOP_NAME_SIZE];
	double begun_s;		    /* the window in which samples are gathered, and ... */
	struct counts_mark base;    /* ... what was counted then ... */
	__u64 counting_ns;	    /* ... since when */
	struct offenders offenders; /* so far in it */
	bool complete;		    /* a window has ended: its offenders are shown until the next window ends */
};

/*
 * Takes in what has come of FILTER's interface by TIME_S, and says in OFFENDERS who is worst. No offenders if there is
 * nobody, or if samples cannot be read: another reader is there, or a privilege is missing.
 */
void top_samples_update(struct top_samples *top, const struct top_filter *filter, double time_s,
			struct top_offenders *offenders);
void top_samples_close(struct top_samples *top);

#endif
