/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The product's program, line by line, with a stopwatch around it: armed, it notes when WANTED was returned first, and
 * when something else was returned last.
 */
#include "parse.h"

/* The product's function is no program of its own here, and so must not be kept for its section's sake. */
#undef SEC
#define SEC(name) __attribute__((section(name)))
static __always_inline int flagfilter(struct xdp_md *frame);

#include "flagfilter.bpf.c"

struct {
	__u32 armed;
	__s32 wanted;
	__u64 first_wanted_ns; /* CLOCK_MONOTONIC */
	__u64 last_other_ns;
} stopwatch SEC(".data.stopwatch");

SEC("xdp") int timed(struct xdp_md *frame)
{
	int verdict = flagfilter(frame);

	if (!*(volatile __u32 *)&stopwatch.armed)
		return verdict;
	if (verdict != stopwatch.wanted)
		stopwatch.last_other_ns = bpf_ktime_get_ns();
	else if (!stopwatch.first_wanted_ns)
		stopwatch.first_wanted_ns = bpf_ktime_get_ns();
	return verdict;
}
