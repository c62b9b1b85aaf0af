/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clocks of the kernel, in nanoseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <linux/types.h>
#include <stdbool.h>
#include <time.h>

/*
 * What is subtracted comes from a clock that nobody sets; the wall clock is for showing. Boot time and monotonic time
 * are the host's, also inside a time namespace: stamps in maps and files are read from anywhere.
 */
__s64 clock_wall_ns(void);	/* CLOCK_REALTIME: it may be set, also back, and stand before 1970 */
__u64 clock_boot_ns(void);	/* CLOCK_BOOTTIME: it goes on while the machine is suspended */
__u64 clock_monotonic_ns(void); /* CLOCK_MONOTONIC: the XDP program's own (bpf_ktime_get_ns); stops when suspended */

/* BOOT_NS and THEN_NS are times of the boot clock. If a wall clock shows WALL_NS at BOOT_NS: what it showed at THEN_NS.
 */
__s64 clock_wall_at(__s64 wall_ns, __u64 boot_ns, __u64 then_ns);

/* A time of the boot clock as this process's timers need it: they count in the process's own time namespace. */
struct timespec clock_boot_to_timer(__u64 boot_ns);

/* A wall time out of a capture: any number of seconds, also before 1970, or not known at all. */
struct moment {
	bool known;
	__u32 ns;
	__s64 seconds; /* since 1970, or before */
};
bool moment_has_year(__s64 seconds); /* false if its year does not fit into the 32 bits of struct tm */
int moment_compare(const struct moment *a, const struct moment *b);

/* Waits until clock_monotonic_ns() says so, or for a signal. */
void clock_sleep_until(__u64 monotonic_ns);

#endif
