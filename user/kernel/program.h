/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The XDP program as an object to load, and a private copy of it to try frames on. Includes the one skeleton. */
#ifndef KERNEL_PROGRAM_H
#define KERNEL_PROGRAM_H

#include "policy/compile.h"

struct bpf_object;

#define PROGRAM_NAME "flagfilter"

/* The names of the maps, in the object as in the pin directory. */
enum program_map { MAP_STATE, MAP_COUNTERS, MAP_SOURCES, MAP_SAMPLING, MAP_SAMPLES, PROGRAM_MAPS };
const char *program_map_name(enum program_map map);

/*
 * The state of a filter that has counted nothing yet, with POLICY in force in slot 0 and rule counters numbered in the
 * order of the rules. NULL: no memory. The caller frees it.
 */
struct ff_state *program_initial_state(const struct policy *policy);

/*
 * An object that is open and not loaded yet. Its maps are pinned in the directory PINS as soon as they exist, or are
 * those already pinned there; PINS stays open until then (-1: not pinned). STATE is what a new state map holds. -errno
 * with DIAG filled.
 */
struct program;
int program_open(struct program **program, int pins, const struct ff_state *state, struct diag *diag);
void program_close(struct program *program);
struct bpf_object *program_object(struct program *program);
__u32 program_id(const struct program *program); /* the kernel's, once it is loaded; or 0 */

/* Its file descriptor, which stays the program's, or -errno before it is loaded. */
int program_fd(const struct program *program);

/*
 * Creates the map of exempt sources ahead of the others, so that they are there when the first frame comes. Returns a
 * file descriptor or -errno.
 */
int program_create_sources(struct program *program, int pins);

/* Whether the kernel takes programs that can handle frames in several buffers (Linux 5.18): 1 or 0, or -errno. */
int program_kernel_has_frags(void);

/* Whether the kernel has type information of itself; whether it refused to load the program, by ERROR, for want of it.
 */
bool program_kernel_has_btf(void);
bool program_wants_btf(int error);
#define PROGRAM_NO_BTF                                                                                                 \
	"; this kernel has no type information (BTF), which the program needs: there is no /sys/kernel/btf/vmlinux"

/* Whether the kernel compiles programs: 1 or 0, or -errno where it does not say. */
int program_kernel_compiles(void);

/* Sums what all CPUs have counted in the map COUNTERS_FD. -errno */
int program_sum_counters(int counters_fd, struct ff_counters *sum);

/* The same for the map SAMPLING_FD: seen, sampled and lost are sums, the rest means nothing. */
int program_sum_sampling(int sampling_fd, struct ff_sampling *sum);

/*
 * A private, unpinned, loaded copy, which drops nothing yet, to be run by BPF_PROG_TEST_RUN. -errno with DIAG filled.
 */
struct program_trial;
int program_trial_open(struct program_trial **trial, struct diag *diag);

/* Once: POLICY is in force, and rule counters are numbered in the order of the rules. -errno */
int program_trial_set_policy(struct program_trial *trial, const struct policy *policy);
void program_trial_close(struct program_trial *trial);

/*
 * Whether the kernel lets the program extend another one, as it must behind libxdp's dispatcher: tried with a second
 * copy, which extends this one for a moment. 1 or 0, or -errno if that could not be tried.
 */
int program_trial_extends(const struct program_trial *trial);

/* Judges one frame of at least 14 bytes in the kernel. The kernel has its own upper limit on SIZE: -EINVAL or -E2BIG.
 */
int program_trial_run(struct program_trial *trial, const void *frame, __u32 size, struct outcome *outcome);

/* What the copy has counted so far, all CPUs together. */
int program_trial_counters(struct program_trial *trial, struct ff_counters *counters);

#endif
