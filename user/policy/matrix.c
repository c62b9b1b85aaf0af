/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "policy/matrix.h"

#include <stdlib.h>

__u64 matrix_packets(const struct matrix_row *row)
{
	return row->passed.packets + row->dropped;
}

static int most_frequent_first(const void *left, const void *right)
{
	const struct matrix_row *a = left, *b = right;

	if (matrix_packets(a) != matrix_packets(b))
		return matrix_packets(a) < matrix_packets(b) ? 1 : -1;
	return a->class - b->class;
}

void matrix_from(struct matrix *matrix, const struct counts *counts, const struct policy *policy)
{
	__u16 verdict[FF_CLASSES];

	compile_by_place(policy, verdict);
	matrix->rows = 0;
	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		struct matrix_row row = {class, verdict[class], counts->counters.passed[class],
					 counts->counters.dropped[class]};

		if (matrix_packets(&row))
			matrix->row[matrix->rows++] = row;
	}
	qsort(matrix->row, matrix->rows, sizeof(*matrix->row), most_frequent_first);
}

const struct ff_rule *matrix_rule(const struct matrix_row *row, const struct policy *policy)
{
	return row->verdict == FF_PASS ? NULL : &policy->rule[FF_COUNTER(row->verdict)];
}

const char *matrix_verdict_name(const struct matrix_row *row)
{
	return action_name(FF_ACTION(row->verdict));
}

struct matrix_history matrix_history(const struct matrix *matrix)
{
	struct matrix_history history = {};

	for (unsigned int i = 0; i < matrix->rows; i++) {
		const struct matrix_row *row = &matrix->row[i];

		history.frames += matrix_packets(row);
		if (FF_ACTION(row->verdict) >= FF_DROP) {
			history.dropped += matrix_packets(row);
			history.newly_dropped += row->passed.packets;
		} else {
			history.newly_passed += row->dropped;
		}
		if (FF_ACTION(row->verdict) == FF_MONITOR)
			history.would_drop += matrix_packets(row);
	}
	return history;
}
