/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One interface's filter at one moment: what every report of numbers begins with. */
#ifndef MOMENT_H
#define MOMENT_H

#include "locate.h"

struct moment {
	struct location location;
	struct snapshot snapshot;
};

/* -ENOENT if nothing of ours is attached there, another -errno if that cannot be told; with DIAG filled. */
int moment_read(struct moment *moment, const char *interface, struct diag *diag);

/* From BEFORE, which may be NULL: 0. */
double moment_interval_s(const struct moment *before, const struct moment *now);

/* Counts do not go back to when it was attached. */
bool moment_was_reset(const struct moment *moment);

/* The keys schema, interface, ifindex, mode, attached, time, and with SINCE counting_since. NULL: no memory. */
json_t *moment_to_json(const struct moment *moment, bool since);

/* The policy, for how long the filter has been there, and for how long it counts, if that is not the same. */
void moment_print_policy(FILE *out, const struct moment *moment);

/* "eth0  native, exclusive  TIME", and moment_print_policy() on the next line. */
void moment_print(FILE *out, const struct moment *moment);

#endif
