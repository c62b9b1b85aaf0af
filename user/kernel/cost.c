/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/cost.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>

/* Adds FACTOR times what the kernel has counted of a program so far. */
static int add_statistics(struct cost *cost, __u32 program_id, int factor)
{
	_cleanup_fd_ int fd = bpf_prog_get_fd_by_id(program_id);
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	cost->packets += factor * info.run_cnt;
	cost->run_ns += factor * info.run_time_ns;
	return 0;
}

int cost_measure(const __u32 *program_id, unsigned int count, double seconds, struct cost *cost)
{
	_cleanup_fd_ int statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
	const __u64 start_ns = clock_monotonic_ns();
	int error = 0;

	if (statistics < 0)
		return -errno;
	for (unsigned int i = 0; i < count && !error; i++) {
		cost[i] = (struct cost){};
		error = add_statistics(&cost[i], program_id[i], -1);
	}
	if (!error)
		clock_sleep_until(clock_monotonic_ns() + (__u64)(seconds * 1e9));
	for (unsigned int i = 0; i < count && !error; i++) {
		error = add_statistics(&cost[i], program_id[i], 1);
		cost[i].window_s = (clock_monotonic_ns() - start_ns) / 1e9;
	}
	return error;
}
