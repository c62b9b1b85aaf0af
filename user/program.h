/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The XDP program as an object not yet loaded, and a private copy of it to try frames on. Includes the one skeleton. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "compile.h"

/*
 * A private, unpinned, loaded copy with POLICY in force, to be run by BPF_PROG_TEST_RUN. -errno with DIAG filled.
 */
struct program_trial;
int program_trial_open(struct program_trial **trial, const struct policy *policy, struct diag *diag);
void program_trial_close(struct program_trial *trial);

/* Judges one frame of at least 14 bytes in the kernel. The kernel has its own upper limit on SIZE: -EINVAL or -E2BIG.
 */
int program_trial_run(struct program_trial *trial, const void *frame, __u32 size, struct ff_judgement *judgement);

/* What the copy has counted so far, all CPUs together. */
int program_trial_counters(struct program_trial *trial, struct ff_counters *counters);

#endif
