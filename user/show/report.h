/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was counted, as tables and as JSON. */
#ifndef SHOW_REPORT_H
#define SHOW_REPORT_H

#include "policy/counts.h"
#include <jansson.h>
#include <stdio.h>

/* The keys packets and bytes. */
json_t *report_count_to_json(const struct ff_count *count);

/* Adds the keys frames, passed, dropped, rules and not_judged to OBJECT. -ENOMEM */
int report_to_json(const struct counts *counts, json_t *object);

/*
 * As tables for a person, at most 80 columns wide. GROWTH in SECONDS, see counts_growth(), gives the rates; without it
 * (NULL) there are none.
 */
void report_print(FILE *out, const struct counts *counts, const struct ff_counters *growth, double seconds);

/* The part of it about the first so many named CLASSES: three to a line, so that all of it fits on 24 lines. */
void report_print_not_judged(FILE *out, const struct counts *counts, unsigned int classes);

/* A number in at most eight columns, from LIMIT on with a decimal prefix. Returns BUFFER. */
#define REPORT_SCALED_SIZE 24
const char *report_scaled(char buffer[REPORT_SCALED_SIZE], double number, double limit, const char *unit);

#endif
