/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clocks of the kernel, in nanoseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <linux/types.h>

__u64 clock_wall_ns(void);	/* CLOCK_REALTIME: what is shown; it may be set, also back */
__u64 clock_boot_ns(void);	/* CLOCK_BOOTTIME: nobody sets it, and it goes on while the machine is suspended */
__u64 clock_monotonic_ns(void); /* CLOCK_MONOTONIC: the XDP program's own (bpf_ktime_get_ns); stops when suspended */

/* Waits until clock_monotonic_ns() says so, or for a signal. */
void clock_sleep_until(__u64 monotonic_ns);

#endif
