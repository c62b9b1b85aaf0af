/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/clock.h"

#include "base/cleanup.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ll

/* What a time namespace adds to the clocks of the host. */
struct offsets {
	__s64 boot_ns, monotonic_ns;
};

/* Before Linux 5.6 there is no such file, and there are no offsets. */
static void read_offsets(struct offsets *offsets)
{
	_cleanup_file_ FILE *file = fopen("/proc/self/timens_offsets", "re");
	long long seconds, nanoseconds;
	char clock[16];

	while (file && fscanf(file, "%15s %lld %lld", clock, &seconds, &nanoseconds) == 3) {
		if (!strcmp(clock, "boottime") || !strcmp(clock, "7"))
			offsets->boot_ns = seconds * SECOND_NS + nanoseconds;
		if (!strcmp(clock, "monotonic") || !strcmp(clock, "1"))
			offsets->monotonic_ns = seconds * SECOND_NS + nanoseconds;
	}
}

/* A process stays in its time namespace, so they are read once. */
static const struct offsets *namespace_offsets(void)
{
	static struct offsets offsets;
	static bool known;

	if (!known)
		read_offsets(&offsets);
	known = true;
	return &offsets;
}

/* The years 1677 to 2262 fit into nanoseconds; a clock beyond stands at the end. */
static __s64 read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	if (now.tv_sec >= INT64_MAX / SECOND_NS)
		return INT64_MAX;
	if (now.tv_sec <= INT64_MIN / SECOND_NS)
		return INT64_MIN;
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

__s64 clock_wall_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

__u64 clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME) - namespace_offsets()->boot_ns;
}

__u64 clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC) - namespace_offsets()->monotonic_ns;
}

__s64 clock_wall_at(__s64 wall_ns, __u64 boot_ns, __u64 then_ns)
{
	__s64 wall_then_ns;

	if (__builtin_sub_overflow(wall_ns, (__s64)(boot_ns - then_ns), &wall_then_ns))
		return wall_ns < 0 ? INT64_MIN : INT64_MAX;
	return wall_then_ns;
}

bool moment_has_year(__s64 seconds)
{
	const time_t time = seconds;
	struct tm utc;

	/* The next five centuries need no asking, which for each frame of a capture is a quarter of reading it. */
	return (__u64)seconds >> 34 == 0 || gmtime_r(&time, &utc);
}

int moment_compare(const struct moment *a, const struct moment *b)
{
	if (a->seconds != b->seconds)
		return a->seconds < b->seconds ? -1 : 1;
	return a->ns < b->ns ? -1 : a->ns > b->ns;
}

struct timespec clock_boot_to_timer(__u64 boot_ns)
{
	__u64 here_ns = boot_ns + namespace_offsets()->boot_ns;

	return (struct timespec){.tv_sec = here_ns / SECOND_NS, .tv_nsec = here_ns % SECOND_NS};
}

void clock_sleep_until(__u64 monotonic_ns)
{
	__u64 here_ns = monotonic_ns + namespace_offsets()->monotonic_ns;
	const struct timespec then = {.tv_sec = here_ns / SECOND_NS, .tv_nsec = here_ns % SECOND_NS};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}
