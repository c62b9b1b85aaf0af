/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/program.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/directory.h"
#include "flagfilter.skel.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1U << 5)
#endif

struct program {
	struct flagfilter *skeleton;
};

struct program_trial {
	struct program *program;
	int program_fd;
};

const char *program_map_name(enum program_map map)
{
	static const char *const names[] = {[MAP_STATE] = "state",
					    [MAP_COUNTERS] = "counters",
					    [MAP_SOURCES] = "sources",
					    [MAP_SAMPLING] = "sampling",
					    [MAP_SAMPLES] = "samples"};

	return names[map];
}

/* Loads the smallest program there is. Returns a file descriptor or -errno. */
static int load_smallest(__u32 flags)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = flags);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "smallest", "GPL", pass, sizeof(pass) / sizeof(*pass), &options);
}

int program_kernel_has_frags(void)
{
	_cleanup_fd_ int fd = load_smallest(BPF_F_XDP_HAS_FRAGS);

	/* A kernel that does not know the flag says that it is invalid. */
	return fd >= 0 ? 1 : fd == -EINVAL ? 0 : fd;
}

bool program_kernel_has_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", F_OK);
}

bool program_wants_btf(int error)
{
	return error != -EPERM && error != -ENOMEM && !program_kernel_has_btf();
}

int program_kernel_compiles(void)
{
	_cleanup_fd_ int fd = load_smallest(0);
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (fd < 0)
		return fd;
	return bpf_obj_get_info_by_fd(fd, &info, &size) ? -errno : info.jited_prog_len > 0;
}

static int pin_maps(struct program *program, int pins)
{
	struct bpf_map *const maps[] = {
		[MAP_STATE] = program->skeleton->maps.data_state, [MAP_COUNTERS] = program->skeleton->maps.counters,
		[MAP_SOURCES] = program->skeleton->maps.sources,  [MAP_SAMPLING] = program->skeleton->maps.sampling,
		[MAP_SAMPLES] = program->skeleton->maps.samples,
	};

	for (enum program_map map = 0; map < PROGRAM_MAPS; map++) {
		char path[DIRECTORY_PATH_SIZE];
		int error;

		directory_path(pins, program_map_name(map), path);
		error = bpf_map__set_pin_path(maps[map], path);
		if (error)
			return error;
	}
	return 0;
}

int program_open(struct program **program, int pins, const struct ff_state *state, struct diag *diag)
{
	struct program *new = calloc(1, sizeof(*new));
	int error = -ENOMEM, frags = program_kernel_has_frags();

	if (!new)
		goto fail;
	if (frags < 0 && frags != -EPERM) { /* who may not load a program is told by the load what it takes */
		error = frags;
		goto fail;
	}
	new->skeleton = flagfilter__open();
	if (!new->skeleton) {
		error = -errno;
		goto fail;
	}
	if (frags > 0) {
		new->skeleton->rodata->ff_frags = true;
		bpf_program__set_flags(new->skeleton->progs.flagfilter, BPF_F_XDP_HAS_FRAGS);
	}
	new->skeleton->rodata->ff_no_ethernet = state->no_ethernet;
	bpf_program__set_autoload(new->skeleton->progs.flagfilter_trace, false);
	new->skeleton->data_state->ff_state = *state;
	error = pins < 0 ? 0 : pin_maps(new, pins);
	if (error)
		goto fail;
	*program = new;
	return 0;
fail:
	program_close(new);
	return diag_fail(diag, error, "cannot open the XDP program: %s", strerror(-error));
}

int program_create_sources(struct program *program, int pins)
{
	const struct bpf_map *sources = program->skeleton->maps.sources;
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = bpf_map__map_flags(sources));
	char path[DIRECTORY_PATH_SIZE];
	int fd;

	fd = bpf_map_create(bpf_map__type(sources), bpf_map__name(sources), bpf_map__key_size(sources),
			    bpf_map__value_size(sources), bpf_map__max_entries(sources), &options);
	if (fd < 0)
		return -errno;
	directory_path(pins, program_map_name(MAP_SOURCES), path);
	if (bpf_obj_pin(fd, path)) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

void program_close(struct program *program)
{
	if (program)
		flagfilter__destroy(program->skeleton);
	free(program);
}

struct bpf_object *program_object(struct program *program)
{
	return program->skeleton->obj;
}

int program_fd(const struct program *program)
{
	return bpf_program__fd(program->skeleton->progs.flagfilter);
}

__u32 program_id(const struct program *program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(program_fd(program), &info, &size) ? 0 : info.id;
}

/* Sums the one element, of so many words, of a per-CPU array over all CPUs. */
static int sum_cpus(int fd, __u64 *total, size_t words)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ __u64 *values = NULL;
	__u32 zero = 0;

	if (cpus < 0)
		return cpus;
	values = malloc(cpus * words * sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, values))
		return -errno;
	memcpy(total, values, words * sizeof(*total));
	for (int cpu = 1; cpu < cpus; cpu++)
		for (size_t word = 0; word < words; word++)
			total[word] += values[cpu * words + word];
	return 0;
}

_Static_assert(sizeof(struct ff_counters) % sizeof(__u64) == 0 && sizeof(struct ff_sampling) % sizeof(__u64) == 0,
	       "the kernel pads each CPU's value to eight bytes");

int program_sum_counters(int counters_fd, struct ff_counters *sum)
{
	return sum_cpus(counters_fd, (__u64 *)sum, sizeof(*sum) / sizeof(__u64));
}

int program_sum_sampling(int sampling_fd, struct ff_sampling *sum)
{
	return sum_cpus(sampling_fd, (__u64 *)sum, sizeof(*sum) / sizeof(__u64));
}

struct ff_state *program_initial_state(const struct policy *policy)
{
	struct ff_state *state = calloc(1, sizeof(*state));
	_cleanup_free_ struct policy *numbered = malloc(sizeof(*numbered));

	if (!state || !numbered) {
		free(state);
		return NULL;
	}
	*numbered = *policy;
	compile_number(numbered->rule, numbered->rules);
	state->layout = FF_LAYOUT;
	state->attached_ns = clock_boot_ns();
	state->slot[0].applied_ns = state->slot[0].counting_ns = state->attached_ns;
	compile_policy(numbered, &state->slot[0]);
	return state;
}

static int trial_load(struct program_trial *trial)
{
	struct flagfilter *skeleton = trial->program->skeleton;
	int error;

	bpf_program__set_autoload(skeleton->progs.flagfilter, false);
	bpf_program__set_autoload(skeleton->progs.flagfilter_trace, true);
	error = flagfilter__load(skeleton);
	if (error)
		return error;
	trial->program_fd = bpf_program__fd(skeleton->progs.flagfilter_trace);
	libbpf_num_possible_cpus(); /* which remembers: who reads the counters may be unable to open files by then */
	return 0;
}

int program_trial_open(struct program_trial **trial, struct diag *diag)
{
	_cleanup_free_ struct ff_state *state = calloc(1, sizeof(*state));
	struct program_trial *new = calloc(1, sizeof(*new));
	int error;

	if (!state || !new) {
		free(new);
		return diag_fail(diag, -ENOMEM, "cannot try the XDP program: %s", strerror(ENOMEM));
	}
	error = program_open(&new->program, -1, state, diag);
	if (error) {
		free(new);
		return error;
	}
	error = trial_load(new);
	if (error) {
		program_trial_close(new);
		diag_fail(diag, error, "cannot load the XDP program: %s%s", strerror(-error),
			  program_wants_btf(error) ? PROGRAM_NO_BTF : "");
		if (program_wants_btf(error))
			return error;
		return diag_add_needs(diag, error, NEEDS_BPF | NEEDS_NET_ADMIN | NEEDS_PERFMON);
	}
	*trial = new;
	return 0;
}

int program_trial_set_policy(struct program_trial *trial, const struct policy *policy)
{
	_cleanup_free_ struct ff_state *state = program_initial_state(policy);
	struct flagfilter *skeleton = trial->program->skeleton;
	const __u8 present = 1;
	int error = 0;

	if (!state)
		return -ENOMEM;
	for (unsigned int i = 0; i < policy->sources && !error; i++)
		error = bpf_map__update_elem(skeleton->maps.sources, &policy->source[i], sizeof(policy->source[i]),
					     &present, sizeof(present), BPF_ANY);
	if (!error)
		skeleton->data_state->ff_state = *state;
	return error;
}

/*
 * Whether ERROR is not what the kernel says of the program, but of who asks: there is too little of something. (A
 * kernel without such programs may say EPERM, also to root.)
 */
static bool is_want(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EINTR || error == -EIO;
}

int program_trial_extends(const struct program_trial *trial)
{
	_cleanup_free_ struct ff_state *state = calloc(1, sizeof(*state));
	struct program *second = NULL;
	struct bpf_program *extension;
	struct diag ignored = {};
	int error = state ? program_open(&second, -1, state, &ignored) : -ENOMEM;

	if (error)
		return error;
	extension = second->skeleton->progs.flagfilter;
	bpf_program__set_type(extension, BPF_PROG_TYPE_EXT);
	bpf_program__set_expected_attach_type(extension, 0);
	error = bpf_program__set_attach_target(extension, trial->program_fd, "flagfilter_trace");
	if (!error)
		error = flagfilter__load(second->skeleton);
	if (!error) {
		struct bpf_link *link = bpf_program__attach_freplace(extension, 0, NULL);

		error = link ? 0 : -errno;
		bpf_link__destroy(link);
	}
	program_close(second);
	return !error ? 1 : is_want(error) ? error : 0;
}

void program_trial_close(struct program_trial *trial)
{
	program_close(trial->program);
	free(trial);
}

int program_trial_run(struct program_trial *trial, const void *frame, __u32 size, struct outcome *outcome)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = size, .repeat = 1);
	int error = bpf_prog_test_run_opts(trial->program_fd, &run);

	if (error)
		return error;
	*outcome = outcome_of(&trial->program->skeleton->bss->ff_last, run.retval == XDP_DROP);
	return 0;
}

int program_trial_counters(struct program_trial *trial, struct ff_counters *counters)
{
	return program_sum_counters(bpf_map__fd(trial->program->skeleton->maps.counters), counters);
}
