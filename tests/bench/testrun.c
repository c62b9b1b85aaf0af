/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Nanoseconds a packet by BPF_PROG_TEST_RUN: every program on every frame, in turn, round after round.
 *
 *	testrun REFERENCE.o ROUNDS REPEAT NAME=POLICY... [-- XDP-FILTER.o...]	measures
 *	testrun --size NAME=POLICY...						what the kernel makes of ours
 *
 * POLICY is a preset, or a path with a '/'; with a '+' before it, samples are asked for, though nobody takes them.
 *
 * The kernel tells whole nanoseconds only, and counts the time in which another task had the CPU. So the time is the
 * thread's CPU time around a large REPEAT. The same for a program that only returns is the harness, and is
 * subtracted here.
 */
#include "bench.h"
#include "kernel/filter.h"
#include "policy/file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>

#define SUBJECTS_MAX 32
#define PAIRS 11 /* runs of one program on one frame in a round, in turn with the harness */

struct subject {
	char name[32];
	int fd;
	__s64 actions[FRAME_KINDS];
};

#define HARNESS 0 /* the subject that only returns */
static struct subject subjects[SUBJECTS_MAX];
static unsigned int subject_count;

static void add_subject(const char *name, int fd)
{
	struct subject *subject = &subjects[subject_count++];

	if (subject_count > SUBJECTS_MAX)
		fail("too many programs");
	snprintf(subject->name, sizeof(subject->name), "%s", name);
	subject->fd = fd;
}

/* As a reader of samples does. */
static void ask_for_samples(struct ff_state *state)
{
	for (unsigned int class = 0; class < FF_CLASSES; ++class)
		if (state->slot[0].verdict[class] != FF_PASS)
			state->slot[0].verdict[class] |= FF_SAMPLE << 8;
	state->sample_until_ns = -1;
	state->sample_every_ns = 1000000000 / 256;
}

/* Ours, as `attach` loads it, but attached to nothing. It stays loaded until the process ends. */
static int load_flagfilter(const char *origin)
{
	_cleanup_free_ struct policy *policy = calloc(1, sizeof(*policy));
	bool is_file = strchr(origin, '/'), sampled = *origin == '+';
	_cleanup_free_ struct ff_state *state = NULL;
	struct program *program;
	struct bpf_object *object;
	struct diag diag = {};

	origin += sampled;
	if (!policy || policy_from_options(policy, is_file ? origin : NULL, is_file ? NULL : origin, &diag))
		fail_diag(&diag);
	state = program_initial_state(policy);
	if (state && sampled)
		ask_for_samples(state);
	if (!state || program_open(&program, -1, state, &diag))
		fail_diag(&diag);
	object = program_object(program);
	if (bpf_object__load(object))
		fail("cannot load the XDP program: %s", strerror(errno));
	if (filter_write_sources(bpf_object__find_map_fd_by_name(object, program_map_name(MAP_SOURCES)), 0, policy))
		fail("cannot write the exempt sources");
	return bpf_program__fd(bpf_object__find_program_by_name(object, PROGRAM_NAME));
}

static void add_flagfilter(const char *argument)
{
	const char *origin = strchr(argument, '=');
	char name[32];

	if (!origin)
		fail("'%s' is not NAME=POLICY", argument);
	snprintf(name, sizeof(name), "%.*s", (int)(origin - argument), argument);
	add_subject(name, load_flagfilter(origin + 1));
}

/* xdp-filter's programs as its package has them, with maps of their own instead of its pinned ones. */
static int load_xdp_filter(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_map *map;

	if (!object)
		return -errno;
	bpf_object__for_each_map (map, object)
		bpf_map__set_pin_path(map, NULL);
	if (bpf_object__load(object))
		return -errno;
	return bpf_program__fd(bpf_object__next_program(object, NULL));
}

/* PATHS are what there is of them; what cannot be loaded is missing. */
static json_t *add_xdp_filters(char **paths, int count)
{
	json_t *missing = json_array();

	for (int i = 0; i < count; i++) {
		char name[32];
		int fd = load_xdp_filter(paths[i]);

		snprintf(name, sizeof(name), "%s", strrchr(paths[i], '/') + 1);
		name[strcspn(name, ".")] = '\0';
		if (fd >= 0)
			add_subject(name, fd);
		else
			json_array_append_new(missing, json_sprintf("%s: %s", name, strerror(-fd)));
	}
	return missing;
}

/* One measurement: CPU time of the whole system call, divided by REPEAT. */
static double measure(const struct subject *subject, const struct frame *frame, __u32 repeat, __s64 *action)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->data, .data_size_in = frame->size, .repeat = repeat);
	__u64 begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	if (bpf_prog_test_run_opts(subject->fd, &run))
		fail("cannot run %s on %s: %s", subject->name, frame->name, strerror(errno));
	*action = run.retval;
	return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / repeat;
}

/*
 * The kernel calls a program that is attached somewhere directly, and any other through a table that it patches before
 * and after each test run, with a wait for a grace period. Attached to interfaces that nothing goes through, program
 * and harness are called the same way, and measuring takes a tenth of the time.
 */
static void make_interfaces(void)
{
	if (unshare(CLONE_NEWNET) || system("ip link add harness type veth peer name subject"))
		fail("cannot make interfaces: %s", strerror(errno));
}

static void attach(const char *interface, const struct subject *subject)
{
	int error = bpf_xdp_attach(if_nametoindex(interface), subject->fd, XDP_FLAGS_SKB_MODE, NULL);

	if (error)
		fail("cannot attach %s: %s", subject->name, strerror(-error));
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/*
 * What the program costs over the harness, which runs in turn with it: many short runs, of which a disturbance hits
 * few, and their median. For the harness itself: what it costs.
 */
static double cost(struct subject *subject, const struct frame *frame, __u32 repeat, __s64 *action)
{
	double ns[PAIRS], harness = 0;
	__s64 ignored;

	for (unsigned int i = 0; i < PAIRS; i++) {
		if (subject != &subjects[HARNESS])
			harness = measure(&subjects[HARNESS], frame, repeat, &ignored);
		ns[i] = measure(subject, frame, repeat, action) - harness;
	}
	qsort(ns, PAIRS, sizeof(*ns), compare);
	return ns[PAIRS / 2];
}

static json_t *run_subject(struct subject *subject, const struct frame *frames, __u32 repeat)
{
	json_t *costs = json_array();

	attach("subject", subject);
	for (unsigned int kind = 0; kind < FRAME_KINDS; kind++)
		json_array_append_new(costs, json_real(cost(subject, &frames[kind], repeat, &subject->actions[kind])));
	return costs;
}

/* Every subject in turn, another one first in every round. */
static json_t *run_round(const struct frame *frames, __u32 repeat, unsigned int number)
{
	json_t *round = json_array();

	for (unsigned int i = 0; i < subject_count; i++)
		json_array_append_new(round, json_null());
	for (unsigned int i = 0; i < subject_count; i++) {
		unsigned int turn = (i + number * 5) % subject_count;

		json_array_set_new(round, turn, run_subject(&subjects[turn], frames, repeat));
	}
	return round;
}

static json_t *size_to_json(const struct subject *subject)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(subject->fd, &info, &size))
		fail("cannot look at %s: %s", subject->name, strerror(errno));
	return json_pack("{sI sI sI}", "verified_instructions", (json_int_t)info.verified_insns, "translated_bytes",
			 (json_int_t)info.xlated_prog_len, "jited_bytes", (json_int_t)info.jited_prog_len);
}

static json_t *subjects_to_json(void)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < subject_count; i++) {
		json_t *actions = json_array();

		for (unsigned int kind = 0; kind < FRAME_KINDS; kind++)
			json_array_append_new(actions, json_integer(subjects[i].actions[kind]));
		json_array_append_new(list, json_pack("{ss so so}", "name", subjects[i].name, "actions", actions,
						      "size", size_to_json(&subjects[i])));
	}
	return list;
}

static json_t *frames_to_json(const struct frame *frames)
{
	json_t *list = json_array();

	for (unsigned int kind = 0; kind < FRAME_KINDS; kind++)
		json_array_append_new(list,
				      json_pack("{ss si}", "name", frames[kind].name, "bytes", (int)frames[kind].size));
	return list;
}

static void print_size(int count, char **arguments)
{
	for (int i = 0; i < count; i++)
		add_flagfilter(arguments[i]);
	print_json(json_pack("{so}", "programs", subjects_to_json()));
}

int main(int argc, char **argv)
{
	static const char *const references[] = {"only_return", "drop_all",  "parse_compare",	    "parse_count",
						 "table",	"table_map", "table_map_two_counts"};
	struct frame frames[FRAME_KINDS];
	json_t *rounds = json_array(), *missing;
	int separator = 4;

	libbpf_set_print(NULL);
	if (argc >= 3 && !strcmp(argv[1], "--size")) {
		print_size(argc - 2, argv + 2);
		return 0;
	}
	if (argc < 5)
		fail("usage: testrun REFERENCE.o ROUNDS REPEAT NAME=POLICY... [-- XDP-FILTER.o...]");
	for (unsigned int kind = 0; kind < FRAME_KINDS; kind++)
		frame_make(&frames[kind], kind);
	for (unsigned int i = 0; i < sizeof(references) / sizeof(*references); i++) {
		struct reference reference;

		reference_load(&reference, argv[1], references[i]);
		add_subject(references[i], reference.fd);
	}
	for (; separator < argc && strcmp(argv[separator], "--"); separator++)
		add_flagfilter(argv[separator]);
	missing = add_xdp_filters(argv + separator + 1, argc - separator - 1);
	make_interfaces();
	attach("harness", &subjects[HARNESS]);
	for (int i = 0; i < atoi(argv[2]); i++)
		json_array_append_new(rounds, run_round(frames, atoi(argv[3]), i));
	print_json(json_pack("{so so so so}", "frames", frames_to_json(frames), "programs", subjects_to_json(),
			     "missing", missing, "rounds", rounds));
	return 0;
}
