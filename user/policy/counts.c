/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "policy/counts.h"

#include <string.h>

#define RATE_MIN_NS 500000000ull /* rates over less are noise */

/* Counters are 64-bit words throughout. */
double counts_growth(const struct counts *counts, const struct counts_mark *before, struct ff_counters *growth)
{
	const __u64 *since_base = (const __u64 *)&counts->counters, *ever = (const __u64 *)&counts->mark.ever;
	bool same = before && before->filter == counts->mark.filter;
	const __u64 *ever_before = same ? (const __u64 *)&before->ever : NULL;
	const __u64 now_ns = counts->mark.taken_ns;
	__u64 *grown = (__u64 *)growth, from_ns;

	memset(growth, 0, sizeof(*growth));
	if (!before)
		return 0;
	for (size_t i = 0; i < sizeof(*growth) / sizeof(*grown); i++) {
		__u64 in_all = ever[i] - (same ? ever_before[i] : 0);

		grown[i] = in_all < since_base[i] ? in_all : since_base[i];
	}
	from_ns = now_ns - RATE_MIN_NS < counts->counting_ns ? now_ns - RATE_MIN_NS : counts->counting_ns;
	if (from_ns < before->taken_ns)
		from_ns = before->taken_ns;
	return now_ns > from_ns ? (now_ns - from_ns) / 1e9 : 0;
}

__u64 counters_passed(const struct ff_counters *counters)
{
	__u64 packets = 0;

	for (unsigned int class = 0; class < FF_CLASSES; ++class)
		packets += counters->passed[class].packets;
	return packets;
}

__u64 counters_dropped(const struct ff_counters *counters)
{
	__u64 packets = 0;

	for (unsigned int class = 0; class < FF_CLASSES; ++class)
		packets += counters->dropped[class];
	return packets;
}

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
