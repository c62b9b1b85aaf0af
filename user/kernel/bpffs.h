/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The BPF filesystem, and the directory in it where everything of ours is. Where others may write to /sys/fs/bpf (a
 * plain `mount -t bpf` makes it mode 1777) they can put something of theirs under any name that is not taken yet. So
 * both are opened and looked at for each use: see base/directory.h.
 */
#ifndef KERNEL_BPFFS_H
#define KERNEL_BPFFS_H

#include "base/directory.h"
#include "base/system.h"
#include <linux/magic.h>

#define BPFFS_OURS "flagfilter"
#define PINS_ROOT BPFFS "/" BPFFS_OURS

/*
 * The BPF filesystem's own directory, which is trusted if it is this user's and if others cannot remove there what is
 * not theirs. Returns a descriptor, or -errno with DIAG filled: -ENOMEDIUM if none is mounted, for what is in it may be
 * there all the same.
 */
int bpffs_open(struct diag *diag);

/* PINS_ROOT, in that directory. Returns a descriptor; -ENOENT, and no DIAG, if there is none; -errno with DIAG filled.
 */
int bpffs_open_ours(int bpffs, struct diag *diag);

/* Both at once. */
int bpffs_open_root(struct diag *diag);

/* A directory in PINS_ROOT, which is open as ROOT. Returns a descriptor; -EPERM if it is not to be trusted; -errno */
int bpffs_open_in(int root, const char *name);

/* Says, once for each run of the command, that something in PINS_ROOT is none of ours, and stays as it is. */
void bpffs_pass_over(const char *name, const char *why);

/* The mode of the BPF filesystem's own directory, if others may write to it; otherwise 0. */
unsigned int bpffs_open_to_others(void);

#endif
