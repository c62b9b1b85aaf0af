/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Output that several commands share. */
#ifndef SHOW_OUTPUT_H
#define SHOW_OUTPUT_H

#include "base/clock.h"
#include "policy/policy.h"
#include <jansson.h>
#include <stdio.h>

/* Writes OBJECT on a line of its own and releases it. -ENOMEM if it is NULL; -EIO if it cannot be written. */
int output_json(FILE *out, json_t *object);

/* "2026-11-22T17:00:00.000Z". Returns BUFFER. */
#define OUTPUT_TIME_SIZE 40
const char *output_time(__s64 wall_ns, char buffer[OUTPUT_TIME_SIZE]);

/* The same; NULL if MOMENT is not known. */
const char *output_moment(const struct moment *moment, char buffer[OUTPUT_TIME_SIZE]);

/* "1d 02:03:04". Returns BUFFER. */
const char *output_duration(__u64 duration_ns, char buffer[OUTPUT_TIME_SIZE]);

/*
 * Prints TEXT, whose place is from COLUMN on, and ends the line. What would reach beyond OUTPUT_WIDTH goes on below,
 * from the same column; lines are parted at blanks alone.
 */
#define OUTPUT_WIDTH 80
void output_wrapped(FILE *out, size_t column, const char *text);

/* One policy's rules as a JSON list: name, mode, match. NULL: no memory. */
json_t *output_rules(const struct policy *policy);

/* One policy's exempt sources and ports as a JSON object of two lists. NULL: no memory. */
json_t *output_exempt(const struct policy *policy);

/* Adds the keys class ("tcp", or the name of a class of frames that are not judged) and flags (null for the latter). */
int output_class(json_t *object, __u16 class);

#endif
