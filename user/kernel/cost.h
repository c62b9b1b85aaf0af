/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs cost, by the kernel's own BPF run-time statistics. */
#ifndef KERNEL_COST_H
#define KERNEL_COST_H

#include "flagfilter.h"

struct cost {
	__u64 packets; /* how often the program ran */
	__u64 run_ns;  /* and for how long, all CPUs together */
	double window_s;
};

/*
 * Looks at COUNT programs for SECONDS, all at the same time. The statistics are switched on for that long, for every
 * BPF program of the system, and off again however the process ends: the kernel binds them to a file descriptor. They
 * include the reading of a clock, some ten nanoseconds a packet. -errno; -EPERM without CAP_SYS_ADMIN, -EINVAL before
 * Linux 5.8.
 */
int cost_measure(const __u32 *program_id, unsigned int count, double seconds, struct cost *cost);

#endif
