/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this process runs on, and what it may do. */
#ifndef BASE_SYSTEM_H
#define BASE_SYSTEM_H

#include <stdbool.h>

#define BPFFS "/sys/fs/bpf" /* where the BPF filesystem is mounted */

/* KERNEL(major, minor) of the running kernel; 0: it does not say. */
unsigned int system_kernel(void);
#define KERNEL(major, minor) ((major) << 16 | (minor))

/* The effective capabilities of this process: bits 1 << CAP_... of linux/capability.h. */
unsigned long long system_capabilities(void);

/* Raises the limit on open files to so many, or as far as it is allowed; returns what is sure to be had. */
unsigned int system_raise_files(unsigned int files);

/* Raises the limits on memory and processor time as far as it is allowed. */
void system_lift_limits(void);

/* Raises the limit on the stack to SIZE bytes as far as that is allowed. Whether it is that much then. */
bool system_raise_stack(unsigned long size);

#endif
