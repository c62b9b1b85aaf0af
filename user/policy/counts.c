/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "policy/counts.h"

struct ff_count counts_passed(const struct counts *counts)
{
	struct ff_count sum = {};

	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		sum.packets += counts->counters.passed[class].packets;
		sum.bytes += counts->counters.passed[class].bytes;
	}
	return sum;
}

struct ff_count counts_dropped(const struct counts *counts)
{
	struct ff_count sum = counts->removed.dropped;

	for (unsigned int i = 0; i < counts->policy.rules; i++) {
		const struct ff_count *dropped = &counts->counters.rule[counts->policy.rule[i].counter].dropped;

		sum.packets += dropped->packets;
		sum.bytes += dropped->bytes;
	}
	return sum;
}

struct ff_count counts_frames(const struct counts *counts)
{
	struct ff_count passed = counts_passed(counts), dropped = counts_dropped(counts);

	return (struct ff_count){passed.packets + dropped.packets, passed.bytes + dropped.bytes};
}

__u64 counts_not_judged(const struct counts *counts, enum ff_class class)
{
	return counts->counters.passed[class].packets + counts->counters.dropped[class];
}

bool counts_anything_removed(const struct counts *counts)
{
	const struct ff_rule_count *removed = &counts->removed;

	return removed->dropped.packets || removed->would_drop.packets || removed->exempted.packets;
}
