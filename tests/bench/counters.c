/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one report of `stats` costs, on this host and on one with more CPUs.
 *
 *	counters NETNS IF CPUS...
 *
 * The report is made by the product's own code. The linker puts this file between it and the kernel (see rules.mk): for
 * a simulated host, what is read is a plain array map with one value as large as those of all CPUs together. The kernel
 * does the same for both: allocates a buffer of that size, copies into it, and from there to user space. What this does
 * not show is the price of memory that was last written by another CPU.
 */
#include "bench.h"
#include "kernel/filter.h"
#include "kernel/locate.h"
#include "show/report.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#define WARM_UP 20 /* until the allocators have memory at hand */
#define REPORTS 101

static struct {
	int cpus; /* 0: the host as it is */
	int map;
} simulated;

int __real_libbpf_num_possible_cpus(void);
int __wrap_libbpf_num_possible_cpus(void);
int __real_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);

int __wrap_libbpf_num_possible_cpus(void)
{
	return simulated.cpus ? simulated.cpus : __real_libbpf_num_possible_cpus();
}

int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	return __real_bpf_map_lookup_elem(simulated.cpus ? simulated.map : fd, key, value);
}

static void simulate(int cpus)
{
	simulated.map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counters", sizeof(__u32), cpus * sizeof(struct ff_counters),
				       1, NULL);
	if (simulated.map < 0)
		fail("cannot simulate %d CPUs", cpus);
	simulated.cpus = cpus;
}

static void make_report(const char *interface)
{
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	_cleanup_free_ char *text = NULL;
	json_t *object = json_object();
	struct diag diag = {};

	if (!snapshot || locate_and_read(snapshot, interface, &diag))
		fail_diag(&diag);
	if (report_to_json(&snapshot->counts, object))
		fail("no memory");
	text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static json_t *measure(const char *interface, int cpus)
{
	double cpu_us[REPORTS], wall_us[REPORTS];

	if (cpus)
		simulate(cpus);
	for (int i = 0; i < WARM_UP; i++)
		make_report(interface);
	for (int i = 0; i < REPORTS; i++) {
		__u64 cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), wall = clock_ns(CLOCK_MONOTONIC);

		make_report(interface);
		cpu_us[i] = (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e3;
		wall_us[i] = (clock_ns(CLOCK_MONOTONIC) - wall) / 1e3;
	}
	if (cpus)
		close(simulated.map);
	qsort(cpu_us, REPORTS, sizeof(*cpu_us), compare);
	qsort(wall_us, REPORTS, sizeof(*wall_us), compare);
	return json_pack("{si sb sf sf sf sf}", "cpus", cpus ? cpus : __real_libbpf_num_possible_cpus(), "simulated",
			 cpus != 0, "cpu_us", cpu_us[REPORTS / 2], "cpu_us_p10", cpu_us[REPORTS / 10], "cpu_us_p90",
			 cpu_us[REPORTS * 9 / 10], "wall_us", wall_us[REPORTS / 2]);
}

int main(int argc, char **argv)
{
	json_t *hosts = json_array();

	xdp_set_verbose(false);
	if (argc < 3)
		fail("usage: counters NETNS IF CPUS...");
	enter_netns(argv[1]);
	json_array_append_new(hosts, measure(argv[2], 0));
	for (int i = 3; i < argc; i++)
		json_array_append_new(hosts, measure(argv[2], atoi(argv[i])));
	print_json(json_pack("{sI so}", "value_bytes", (json_int_t)sizeof(struct ff_counters), "hosts", hosts));
	return 0;
}
