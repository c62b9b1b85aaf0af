/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Nanoseconds a packet by BPF_PROG_TEST_RUN: every program on its frames, in turn, round after round.
 *
 *	testrun REFERENCE.o SEED ROUNDS REPEAT SUBJECT...	measures
 *	testrun --both REFERENCE.o ROUNDS REPEAT SUBJECT	measures on each of two CPUs, alone and both at once
 *	testrun --size SUBJECT...				what the kernel makes of ours
 *
 * SUBJECT is NAME[/FRAME,...]=KIND:WHAT: a program and the frames that it is run on (none named: all). KIND is
 *
 *	preset, file	flagfilter with that policy
 *	sampled		flagfilter with that preset, samples asked for, though nobody takes them
 *	shared		flagfilter with that preset, and an exempt source that the frames' own cannot be told from by
 *the filter reference	the program of that name in REFERENCE.o object		the first program of another's object,
 *with maps of its own instead of pinned ones
 *
 * The kernel tells whole nanoseconds only, and counts the time in which another task had the CPU. So the time is the
 * thread's CPU time around a large REPEAT. The same for a program that only returns is the harness, and is
 * subtracted here.
 *
 * Where code and data lie in memory moves a figure by a fifth. SEED decides in which order programs are loaded, and
 * what is put between them, so that another seed is another placement.
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

#define SUBJECTS_MAX 48
#define PAIRS 11 /* runs of one program on one frame in a round, in turn with the harness */

struct subject {
	char name[32];
	char kind[16];
	const char *what;
	__u32 frames; /* bit set of enum frame_kind */
	int fd;
	__s64 actions[FRAME_KINDS]; /* XDP_ABORTED: not run on it */
};

_Static_assert(FRAME_KINDS <= 32, "they are the bits of a word");

#define HARNESS 0 /* the subject that only returns */
static struct subject subjects[SUBJECTS_MAX] = {
	{.name = "only_return", .kind = "reference", .what = "only_return", .frames = -1}};
static unsigned int subject_count = 1;

static __u32 parse_frame(const char *name, size_t length)
{
	for (unsigned int kind = 0; kind < FRAME_KINDS; kind++)
		if (strlen(frame_names[kind]) == length && !strncmp(frame_names[kind], name, length))
			return 1u << kind;
	fail("no frame '%.*s'", (int)length, name);
}

/* "syn_fin,ack", up to END. */
static __u32 parse_frames(const char *text, const char *end)
{
	__u32 frames = 0;

	while (text < end) {
		size_t length = strcspn(text, ",=");

		frames |= parse_frame(text, length);
		text += length + 1;
	}
	return frames;
}

static void add_subject(const char *argument)
{
	const char *equals = strchr(argument, '='), *colon = equals ? strchr(equals, ':') : NULL;
	const char *name_end = argument + strcspn(argument, "/=");
	struct subject *subject = &subjects[subject_count];

	if (subject_count++ == SUBJECTS_MAX)
		fail("too many programs");
	if (!colon)
		fail("'%s' is not NAME[/FRAME,...]=KIND:WHAT", argument);
	snprintf(subject->name, sizeof(subject->name), "%.*s", (int)(name_end - argument), argument);
	snprintf(subject->kind, sizeof(subject->kind), "%.*s", (int)(colon - equals - 1), equals + 1);
	subject->what = colon + 1;
	subject->frames = *name_end == '/' ? parse_frames(name_end + 1, equals) : -1u;
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
static int load_flagfilter(const struct subject *subject)
{
	_cleanup_free_ struct policy *policy = calloc(1, sizeof(*policy));
	bool is_file = !strcmp(subject->kind, "file");
	_cleanup_free_ struct ff_state *state = NULL;
	struct program *program;
	struct bpf_object *object;
	struct diag diag = {};

	if (!policy ||
	    policy_from_options(policy, is_file ? subject->what : NULL, is_file ? NULL : subject->what, &diag))
		fail_diag(&diag);
	state = program_initial_state(policy);
	if (state && !strcmp(subject->kind, "sampled"))
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

static int load_object(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_map *map;

	if (!object)
		fail("cannot open %s: %s", path, strerror(errno));
	bpf_object__for_each_map (map, object)
		bpf_map__set_pin_path(map, NULL);
	if (bpf_object__load(object))
		fail("cannot load %s: %s", path, strerror(errno));
	return bpf_program__fd(bpf_object__next_program(object, NULL));
}

static void load(struct subject *subject, const char *reference_path)
{
	struct reference reference;

	if (!strcmp(subject->kind, "object")) {
		subject->fd = load_object(subject->what);
	} else if (!strcmp(subject->kind, "reference")) {
		reference_load(&reference, reference_path, subject->what);
		subject->fd = reference.fd;
	} else {
		subject->fd = load_flagfilter(subject);
	}
}

/* Takes room where the next program and its per-CPU counters would have been. It is held until the process ends. */
static void load_padding(void)
{
	struct bpf_insn code[256];
	unsigned int size = 1 + rand() % 255;

	for (unsigned int i = 0; i < size; i++)
		code[i] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K};
	code[size] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
	if (bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "padding", "GPL", code, size + 1, NULL) < 0 ||
	    bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "padding", sizeof(__u32), 8 * size, 1, NULL) < 0)
		fail("cannot load padding: %s", strerror(errno));
}

/* All of them, in an order and with gaps that the seed decides. */
static void load_all(const char *reference_path)
{
	unsigned int order[SUBJECTS_MAX];

	for (unsigned int i = 0; i < subject_count; i++) {
		unsigned int other = rand() % (i + 1);

		order[i] = order[other];
		order[other] = i;
	}
	for (unsigned int i = 0; i < subject_count; i++) {
		for (int gaps = rand() % 4; gaps > 0; gaps--)
			load_padding();
		load(&subjects[order[i]], reference_path);
	}
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
		json_array_append_new(costs,
				      subject->frames & 1u << kind
					      ? json_real(cost(subject, &frames[kind], repeat, &subject->actions[kind]))
					      : json_null());
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

/* A thread that runs SUBJECT on FRAME on a CPU for as long as it is wanted. */
struct company {
	const struct subject *subject;
	const struct frame *frame;
	int cpu;
	pthread_t thread;
	volatile bool runs, stop;
};

static void *keep_running(void *argument)
{
	struct company *company = argument;
	__s64 ignored;

	stay_on_cpu(0, company->cpu);
	while (!company->stop) {
		measure(company->subject, company->frame, 10000, &ignored);
		company->runs = true;
	}
	return NULL;
}

/* What SUBJECT costs on FRAME while another CPU does the same, or not. */
static double cost_in_company(struct subject *subject, const struct frame *frame, __u32 repeat, int other)
{
	struct company company = {.subject = subject, .frame = frame, .cpu = other};
	__s64 action;
	double ns;

	if (other < 0)
		return cost(subject, frame, repeat, &action);
	if (pthread_create(&company.thread, NULL, keep_running, &company))
		fail("cannot start a thread");
	while (!company.runs)
		sleep_ns(1000000);
	ns = cost(subject, frame, repeat, &action);
	company.stop = true;
	pthread_join(company.thread, NULL);
	return ns;
}

/* Prints, for each round, CPU and frame: alone, both. */
static void run_both(int rounds, __u32 repeat)
{
	static const enum frame_kind kinds[] = {FRAME_SYN_FIN, FRAME_ACK};
	json_t *list = json_array();

	for (int i = 0; i < 4 * rounds; i++) {
		enum frame_kind kind = kinds[i / 2 % 2];
		struct frame frame;
		double alone, both;
		int cpu = i % 2;

		frame_make(&frame, kind);
		stay_on_cpu(0, cpu);
		alone = cost_in_company(&subjects[1], &frame, repeat, -1);
		both = cost_in_company(&subjects[1], &frame, repeat, !cpu);
		json_array_append_new(list, json_pack("{si ss sf sf}", "cpu", cpu, "frame", frame_names[kind],
						      "alone_ns", alone, "both_ns", both));
	}
	print_json(list);
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
	for (int i = 0; i < count; i++) {
		add_subject(arguments[i]);
		load(&subjects[subject_count - 1], NULL);
	}
	subjects[HARNESS] = subjects[--subject_count];
	print_json(json_pack("{so}", "programs", subjects_to_json()));
}

static void prepare(const char *reference_path)
{
	load_all(reference_path);
	make_interfaces();
	attach("harness", &subjects[HARNESS]);
}

int main(int argc, char **argv)
{
	struct frame frames[FRAME_KINDS];
	json_t *rounds = json_array();

	libbpf_set_print(NULL);
	if (argc == 3 && !strcmp(argv[1], "--size")) {
		print_size(argc - 2, argv + 2);
		return 0;
	}
	if (argc == 6 && !strcmp(argv[1], "--both")) {
		add_subject(argv[5]);
		prepare(argv[2]);
		attach("subject", &subjects[1]);
		run_both(atoi(argv[3]), atoi(argv[4]));
		return 0;
	}
	if (argc < 6)
		fail("usage: testrun REFERENCE.o SEED ROUNDS REPEAT NAME[/FRAME,...]=KIND:WHAT...");
	for (unsigned int kind = 0; kind < FRAME_KINDS; kind++)
		frame_make(&frames[kind], kind);
	for (int i = 5; i < argc; i++)
		add_subject(argv[i]);
	srand(atoi(argv[2]));
	prepare(argv[1]);
	for (int i = 0; i < atoi(argv[3]); i++)
		json_array_append_new(rounds, run_round(frames, atoi(argv[4]), i));
	print_json(json_pack("{so so so}", "frames", frames_to_json(frames), "programs", subjects_to_json(), "rounds",
			     rounds));
	return 0;
}
