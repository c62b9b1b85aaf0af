/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every report of numbers begins with: whose they are, of when, and by which policy. */
#ifndef SHOW_HEADING_H
#define SHOW_HEADING_H

#include "kernel/filter.h"
#include <jansson.h>
#include <stdio.h>

/* The keys schema, interface, ifindex, mode, attached, time, and with SINCE counting_since. NULL: no memory. */
json_t *heading_to_json(const struct snapshot *snapshot, bool since);

/* The policy, for how long the filter has been there, and for how long it counts, if that is not the same. */
void heading_print_policy(FILE *out, const struct snapshot *snapshot);

/* "eth0  native, exclusive  TIME", and heading_print_policy() on the next line. */
void heading_print(FILE *out, const struct snapshot *snapshot);

#endif
