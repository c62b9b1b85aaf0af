/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flips: how soon the next packet meets the new policy, how many a second there can be, and whether any packet is
 * judged by neither policy or lost from the counts.
 *
 *	toggle REFERENCE.o STOPWATCH.o ATTACKER-NETNS TX VICTIM-NETNS RX
 *
 * Attaches flagfilter to RX and detaches it in the end. There are three ways to flip: the product's own change of
 * policy, which waits until no packet is under way in the slot it writes next; the bare store between two slots that
 *are both written and settled, while a flood comes in; and the same against a program that is run over and over, so
 *that a packet is judged every few ten nanoseconds.
 */
#include "bench.h"
#include "kernel/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#define FLIPPER_CPU 0 /* the flood's too */
#define RECEIVER_CPU 1
#define RUN_NS 1000000000ull
#define FLIP_EVERY_NS 40000 /* under flood; the flood has the CPU meanwhile */
#define LATENCY_FLIPS 1000
#define JUDGED 30000000 /* packets in a test run */
#define SETTLE_NS 100000000

/* As in stopwatch.bpf.c. */
struct stopwatch {
	volatile __u32 armed;
	volatile __s32 wanted;
	volatile __u64 first_wanted_ns;
	volatile __u64 last_other_ns;
};

/* A program that is run over and over in a thread of its own. */
struct judge {
	int program;
	int repeat;
	struct frame frame;
	pthread_t thread;
	volatile bool stop; /* before REPEAT is over */
	volatile bool done;
};

struct totals {
	__u64 arrived;
	__u64 dropped;
	__u64 passed;
};

/* A policy of one rule for SYN+FIN. */
static void make_policy(struct policy *policy, const char *name, enum ff_mode mode)
{
	struct ff_rule rule = {.value = 0x03, .mask = 0x03, .mode = mode};
	struct diag diag = {};

	if (policy_from_preset(policy, "none", &diag))
		fail_diag(&diag);
	snprintf(rule.name, sizeof(rule.name), "%s", name);
	if (policy_add(policy, &rule))
		fail("cannot make a policy");
}

static void change(struct filter *filter, const struct policy *policy)
{
	struct diag diag = {};

	if (filter_change(filter, policy, &diag))
		fail_diag(&diag);
}

static void flip(struct filter *filter)
{
	__atomic_store_n(&filter->state->generation, filter->state->generation + 1, __ATOMIC_RELEASE);
}

static void read_totals(const struct filter *filter, const struct receiver *receiver, struct totals *totals)
{
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct diag diag = {};

	if (!snapshot || filter_read(filter, snapshot, &diag))
		fail_diag(&diag);
	totals->arrived = receiver ? receiver_packets(receiver) : 0;
	totals->dropped = counts_dropped(&snapshot->counts).packets;
	totals->passed = counts_passed(&snapshot->counts).packets;
}

static json_t *outcome_to_json(__u64 flips, __u64 elapsed_ns, __u64 arrived, const struct totals *before,
			       const struct totals *after)
{
	__u64 dropped = after->dropped - before->dropped, passed = after->passed - before->passed;

	return json_pack("{sf sf sI sI sI sI}", "flips_per_s", flips * 1e9 / elapsed_ns, "packets_per_s",
			 arrived * 1e9 / elapsed_ns, "arrived", (json_int_t)arrived, "dropped", (json_int_t)dropped,
			 "passed", (json_int_t)passed, "misjudged",
			 (json_int_t)(passed + (arrived > dropped + passed ? arrived - dropped - passed
									   : dropped + passed - arrived)));
}

/* Under flood. POLICIES: change by the product between these two. NULL: bare stores, an even number. */
static json_t *flip_under_flood(struct filter *filter, struct flood *flood, const struct receiver *receiver,
				const struct policy *policies)
{
	struct sched_param first = {.sched_priority = 1}, others = {};
	struct totals before, after;
	__u64 begin, elapsed, flips = 0;

	read_totals(filter, receiver, &before);
	flood_start(flood);
	sleep_ns(SETTLE_NS);
	sched_setscheduler(0, SCHED_FIFO, &first);
	begin = clock_ns(CLOCK_MONOTONIC);
	do {
		if (policies) {
			change(filter, &policies[(flips + 1) % 2]);
		} else {
			flip(filter);
			sleep_ns(FLIP_EVERY_NS);
		}
		flips++;
		elapsed = clock_ns(CLOCK_MONOTONIC) - begin;
	} while (elapsed < RUN_NS || flips % 2);
	sched_setscheduler(0, SCHED_OTHER, &others);
	flood_stop(flood);
	sleep_ns(SETTLE_NS);
	read_totals(filter, receiver, &after);
	return outcome_to_json(flips, elapsed, after.arrived - before.arrived, &before, &after);
}

/* Another copy of the program on the filter's own maps; behind libxdp's dispatcher the attached one cannot be run. */
static struct program *load_twin(const struct location *location, const struct filter *filter, int *fd)
{
	_cleanup_fd_ int pins = pins_dir(location->pins);
	struct program *program;
	struct diag diag = {};

	if (pins < 0)
		fail("cannot open %s: %s", location->pins, strerror(-pins));
	if (program_open(&program, pins, filter->state, &diag))
		fail_diag(&diag);
	if (bpf_object__load(program_object(program)))
		fail("cannot load the program: %s", strerror(errno));
	*fd = bpf_program__fd(bpf_object__find_program_by_name(program_object(program), PROGRAM_NAME));
	return program;
}

static void *judge_main(void *context)
{
	struct judge *judge = context;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = judge->frame.data, .data_size_in = judge->frame.size,
		    .repeat = judge->repeat);

	stay_on_cpu(0, RECEIVER_CPU);
	if (bpf_prog_test_run_opts(judge->program, &run) && !judge->stop)
		fail("cannot run the program: %s", strerror(errno));
	judge->done = true;
	return NULL;
}

static void judge_start(struct judge *judge, int repeat)
{
	judge->repeat = repeat;
	judge->stop = judge->done = false;
	if (pthread_create(&judge->thread, NULL, judge_main, judge))
		fail("cannot start a thread");
}

/* Stores as fast as they go while a known number of packets is judged. */
static json_t *flip_under_test_run(struct filter *filter, struct judge *judge)
{
	struct totals before, after;
	__u64 begin, elapsed, flips = 0;

	read_totals(filter, NULL, &before);
	judge_start(judge, JUDGED);
	begin = clock_ns(CLOCK_MONOTONIC);
	while (!judge->done || flips % 2) {
		flip(filter);
		flips++;
	}
	elapsed = clock_ns(CLOCK_MONOTONIC) - begin;
	pthread_join(judge->thread, NULL);
	read_totals(filter, NULL, &after);
	return outcome_to_json(flips, elapsed, JUDGED, &before, &after);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static json_t *quantiles_to_json(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare);
	return json_pack("{sI sf sf sf}", "count", (json_int_t)count, "median", values[count / 2], "p99",
			 values[count * 99 / 100], "max", values[count - 1]);
}

/* Time from just before the store to the first packet with the verdict of the other slot; false if none came. */
static bool time_flip(struct filter *filter, struct stopwatch *stopwatch, __s32 wanted, double *first_us,
		      double *last_us)
{
	__u64 stored;

	stopwatch->first_wanted_ns = stopwatch->last_other_ns = 0;
	stopwatch->wanted = wanted;
	__atomic_store_n(&stopwatch->armed, 1, __ATOMIC_RELEASE);
	sleep_ns(20000);
	stored = clock_ns(CLOCK_MONOTONIC);
	flip(filter);
	while (!stopwatch->first_wanted_ns && clock_ns(CLOCK_MONOTONIC) - stored < SETTLE_NS)
		;
	sleep_ns(20000);
	stopwatch->armed = 0;
	sleep_ns(20000);
	*first_us = (__s64)(stopwatch->first_wanted_ns - stored) / 1e3;
	*last_us = stopwatch->last_other_ns > stored ? (stopwatch->last_other_ns - stored) / 1e3 : 0;
	return stopwatch->first_wanted_ns;
}

/* The program with the stopwatch, on the filter's own maps. */
static struct bpf_object *load_timed(const struct location *location, const char *path, int *fd)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	char pin[PINS_PATH_SIZE + 32];

	if (!object)
		fail("%s: %s", path, strerror(errno));
	for (enum program_map map = 0; map < PROGRAM_MAPS; map++) {
		const char *name = map == MAP_STATE ? ".data.state" : program_map_name(map);
		struct bpf_map *of_object = bpf_object__find_map_by_name(object, name);

		if (!of_object)
			fail("%s: no map %s", path, name);
		snprintf(pin, sizeof(pin), "%s/%s", location->pins, program_map_name(map));
		bpf_map__set_pin_path(of_object, pin);
	}
	if (bpf_object__load(object))
		fail("%s: cannot load: %s", path, strerror(errno));
	*fd = bpf_program__fd(bpf_object__find_program_by_name(object, "timed"));
	return object;
}

/* FILTER drops in one slot and passes in the other; it passes now. JUDGE runs the program with the stopwatch. */
static json_t *time_flips(struct filter *filter, struct judge *judge, const struct bpf_object *timed)
{
	_cleanup_free_ double *first = calloc(LATENCY_FLIPS, sizeof(*first));
	_cleanup_free_ double *last = calloc(LATENCY_FLIPS, sizeof(*last));
	unsigned int count = 0, unseen = 0;
	struct stopwatch *stopwatch = global_of(timed, ".data.stopwatch", sizeof(*stopwatch));

	judge_start(judge, 1 << 30);
	sleep_ns(SETTLE_NS);
	for (unsigned int i = 0; i < LATENCY_FLIPS; i++) {
		if (time_flip(filter, stopwatch, i % 2 ? XDP_PASS : XDP_DROP, &first[count], &last[count]))
			count++;
		else
			unseen++;
	}
	judge->stop = true;
	while (!judge->done) {
		pthread_kill(judge->thread, SIGUSR1);
		sleep_ns(1000000);
	}
	pthread_join(judge->thread, NULL);
	if (!count)
		fail("no flip was ever seen");
	return json_pack("{so so sI}", "first_new_us", quantiles_to_json(first, count), "last_old_us",
			 quantiles_to_json(last, count), "unseen", (json_int_t)unseen);
}

/* How long the product's own change takes, at rest, with its waits. */
static json_t *time_changes(struct filter *filter, const struct policy *policies)
{
	double ms[50];

	for (unsigned int i = 0; i < 50; i++) {
		__u64 begin = clock_ns(CLOCK_MONOTONIC);

		change(filter, &policies[i % 2]);
		ms[i] = (clock_ns(CLOCK_MONOTONIC) - begin) / 1e6;
	}
	return quantiles_to_json(ms, 50);
}

int main(int argc, char **argv)
{
	static struct policy both_drop[2], drop, pass;
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	struct flood flood = {.cpu = FLIPPER_CPU};
	json_t *changes, *by_product, *by_store, *by_test_run, *latency;
	struct bpf_object *timed;
	struct location location;
	struct receiver receiver;
	struct program *twin;
	struct judge judge;
	struct diag diag = {};

	xdp_set_verbose(false);
	if (argc != 7)
		fail("usage: toggle REFERENCE.o STOPWATCH.o ATTACKER-NETNS TX VICTIM-NETNS RX");
	flood.object = argv[1];
	flood.netns = argv[3];
	flood.interface = argv[4];
	frame_make_flood(&flood.frame, CLOSED_PORT);
	frame_make_flood(&judge.frame, CLOSED_PORT);
	make_policy(&both_drop[0], "first", FF_ENFORCED);
	make_policy(&both_drop[1], "second", FF_ENFORCED);
	make_policy(&drop, "first", FF_ENFORCED);
	make_policy(&pass, "first", FF_MONITORED);
	enter_netns(argv[5]);
	if (attach(&location, argv[6], XDP_NATIVE, &both_drop[0], NULL, &diag) ||
	    filter_open(&filter, location.pins, &diag))
		fail_diag(&diag);
	stay_on_cpu(0, FLIPPER_CPU);
	receiver_open(&receiver, argv[6], RECEIVER_CPU);
	twin = load_twin(&location, &filter, &judge.program);

	by_product = flip_under_flood(&filter, &flood, &receiver, both_drop);
	change(&filter, &both_drop[1]);
	by_store = flip_under_flood(&filter, &flood, &receiver, NULL);
	by_test_run = flip_under_test_run(&filter, &judge);
	changes = time_changes(&filter, both_drop);
	change(&filter, &drop);
	change(&filter, &pass);
	program_close(twin);
	timed = load_timed(&location, argv[2], &judge.program);
	latency = time_flips(&filter, &judge, timed);
	bpf_object__close(timed);
	if (detach(argv[6], &diag))
		fail_diag(&diag);
	print_json(json_pack("{so so so so so}", "by_product", by_product, "by_store", by_store, "by_test_run",
			     by_test_run, "change_ms", changes, "latency", latency));
	return 0;
}
