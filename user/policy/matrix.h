/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The flag matrix: what came in, by class, and what a policy says about it. */
#ifndef POLICY_MATRIX_H
#define POLICY_MATRIX_H

#include "policy/compile.h"
#include "policy/counts.h"

struct matrix_row {
	__u16 class;
	__u16 verdict; /* of the policy that was asked; its counter is the rule's place there */
	struct ff_count passed;
	__u64 dropped; /* packets: bytes are not counted by class */
};

struct matrix {
	unsigned int rows; /* classes that occurred, the most frequent first */
	struct matrix_row row[FF_CLASSES];
};

/* What COUNTS says came in, beside the verdicts of POLICY: its own, or another, to ask what that would have done. */
void matrix_from(struct matrix *matrix, const struct counts *counts, const struct policy *policy);

__u64 matrix_packets(const struct matrix_row *row); /* passed and dropped */

/* The rule of POLICY that has a say about ROW; NULL if none has. */
const struct ff_rule *matrix_rule(const struct matrix_row *row, const struct policy *policy);

const char *matrix_verdict_name(const struct matrix_row *row); /* pass, drop or would-drop */

/*
 * What another policy would have made of the packets that were counted. The counters do not say which packets were
 * exempt; so if that policy exempts anything, the number of packets that it would have dropped is an upper bound.
 */
struct matrix_history {
	__u64 frames;
	__u64 dropped;	     /* would have been ... */
	__u64 newly_dropped; /* ... and had passed */
	__u64 newly_passed;  /* would have passed, and had been dropped */
	__u64 would_drop;    /* would only have been counted as such */
};
struct matrix_history matrix_history(const struct matrix *matrix);

#endif
