/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this process may do is given up before it parses what others wrote. */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <stdbool.h>

/*
 * From here on the process reads and writes the descriptors that it has, asks for memory, and ends. It can open,
 * execute, connect, signal and trace nothing: root becomes nobody, all capabilities go, and a seccomp filter answers
 * every other system call with EPERM. With BPF the process still runs loaded programs, and reads and writes maps, by
 * descriptors that it has.
 *
 * What cannot be given up (the kernel has no seccomp, nobody is no user in this user namespace) is kept, and the rest
 * is given up all the same. Returns NULL, or what is missing.
 */
const char *sandbox_enter(bool bpf);

#endif
