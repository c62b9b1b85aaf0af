/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was counted, by which policy: one structure behind every output of numbers. */
#ifndef POLICY_COUNTS_H
#define POLICY_COUNTS_H

#include "policy/policy.h"

/*
 * One moment in the life of a filter. What was counted between two marks is their difference, also if the counters were
 * reset, or rules came and went, between them; if the filter is another one, all that it has counted is new.
 */
struct counts_mark {
	__u32 filter;	/* its id */
	__u64 taken_ns; /* CLOCK_BOOTTIME */
	struct ff_counters
		ever; /* counted since that filter was attached; counters go to other rules, but never back */
};

struct counts {
	struct policy policy;	      /* rule[].counter: its place in counters.rule */
	struct ff_counters counters;  /* since counting began, all CPUs together */
	struct ff_rule_count removed; /* of rules that are no longer in the policy */
	__u64 counting_ns;	      /* when counting began: attached, or reset; CLOCK_BOOTTIME */
	struct counts_mark mark;
};

/*
 * What COUNTS counted since BEFORE: all of it where counting began later, be it of a new filter, since a reset, or for
 * a rule that is new. Returns the seconds in which it was counted: since BEFORE, or since counting began, which is
 * taken to be half a second ago at least. Without BEFORE (NULL) nothing, in 0 seconds.
 */
double counts_growth(const struct counts *counts, const struct counts_mark *before, struct ff_counters *growth);

/* PACKETS a second; none, if no time has passed. */
static inline double counts_rate(double packets, double seconds)
{
	return seconds > 0 ? packets / seconds : 0;
}

/* Packets of the whole table, whatever became of them. */
__u64 counters_passed(const struct ff_counters *counters);
__u64 counters_dropped(const struct ff_counters *counters);

struct ff_count counts_passed(const struct counts *counts);
struct ff_count counts_dropped(const struct counts *counts);
struct ff_count counts_frames(const struct counts *counts); /* passed and dropped */

/* Frames of a named class, whatever became of them. */
__u64 counts_not_judged(const struct counts *counts, enum ff_class class);

/* Whether rules that are no longer in the policy have counted anything: listed under a name that no rule can have. */
bool counts_anything_removed(const struct counts *counts);
#define COUNTS_REMOVED "(removed)"

#endif
