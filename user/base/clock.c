/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/clock.h"

#include <time.h>

#define SECOND_NS 1000000000ull

static __u64 read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

__u64 clock_wall_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

__u64 clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

__u64 clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

void clock_sleep_until(__u64 monotonic_ns)
{
	const struct timespec then = {.tv_sec = monotonic_ns / SECOND_NS, .tv_nsec = monotonic_ns % SECOND_NS};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}
