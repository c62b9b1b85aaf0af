/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was counted, by which policy: one structure behind every output of numbers. */
#ifndef POLICY_COUNTS_H
#define POLICY_COUNTS_H

#include "policy/policy.h"

struct counts {
	struct policy policy;	      /* rule[].counter: its place in counters.rule */
	struct ff_counters counters;  /* since counting began, all CPUs together */
	struct ff_rule_count removed; /* of rules that are no longer in the policy */
};

struct ff_count counts_passed(const struct counts *counts);
struct ff_count counts_dropped(const struct counts *counts);
struct ff_count counts_frames(const struct counts *counts); /* passed and dropped */

/* Frames of a named class, whatever became of them. */
__u64 counts_not_judged(const struct counts *counts, enum ff_class class);

/* Whether rules that are no longer in the policy have counted anything: listed under a name that no rule can have. */
bool counts_anything_removed(const struct counts *counts);
#define COUNTS_REMOVED "(removed)"

#endif
