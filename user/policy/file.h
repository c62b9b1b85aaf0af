/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policy files, read. */
#ifndef POLICY_FILE_H
#define POLICY_FILE_H

#include "policy/policy.h"

#include <stdio.h>

/*
 * Fills POLICY from a policy file in YAML ("-": standard input). -EINVAL with a usage diagnostic for a mistake in the
 * file ("FILE:LINE: what is wrong with 'TEXT'"), another -errno for a file that cannot be read; POLICY is then as
 * before.
 */
int policy_from_file(struct policy *policy, const char *path, struct diag *diag);

/*
 * The same in two steps, for those who give up rights in between: opens the policy file and reads nothing of it; reads
 * it to its end. The caller closes FILE.
 */
int policy_open(FILE **file, const char *path, struct diag *diag);
int policy_read(struct policy *policy, FILE *file, const char *path, struct diag *diag);

/* For the options --policy FILE and --preset NAME, of which at most one is not NULL; neither: the default preset. */
int policy_from_options(struct policy *policy, const char *path, const char *preset, struct diag *diag);

#endif
