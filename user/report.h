/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was counted, by which policy: one structure behind every output of numbers. */
#ifndef REPORT_H
#define REPORT_H

#include "policy.h"
#include <jansson.h>
#include <stdio.h>

struct report {
	struct policy policy;	      /* rule[].counter: its place in counters.rule */
	struct ff_counters counters;  /* since counting began, all CPUs together */
	struct ff_rule_count removed; /* of rules that are no longer in the policy */
};

struct ff_count report_passed(const struct report *report);
struct ff_count report_dropped(const struct report *report);
struct ff_count report_frames(const struct report *report); /* passed and dropped */

/* Frames of a named class, whatever became of them. */
__u64 report_not_judged(const struct report *report, enum ff_class class);

/* Whether rules that are no longer in the policy have counted anything: listed under a name that no rule can have. */
bool report_anything_removed(const struct report *report);
#define REPORT_REMOVED "(removed)"

/* The keys packets and bytes. */
json_t *report_count_to_json(const struct ff_count *count);

/* Adds the keys frames, passed, dropped, rules and not_judged to OBJECT. -ENOMEM */
int report_to_json(const struct report *report, json_t *object);

/*
 * As tables for a person, at most 80 columns wide. PREVIOUS, of INTERVAL_S seconds ago, gives the rates; without it
 * (NULL) there are none.
 */
void report_print(FILE *out, const struct report *report, const struct report *previous, double interval_s);

/* A number in at most eight columns, from LIMIT on with a decimal prefix. Returns BUFFER. */
#define REPORT_SCALED_SIZE 24
const char *report_scaled(char buffer[REPORT_SCALED_SIZE], double number, double limit, const char *unit);

#endif
