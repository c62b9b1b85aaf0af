/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Waiting for a lock that another process has: interruptible, not without end, and not in silence. */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "base/diag.h"

/*
 * Takes an exclusive flock() on FD, waiting for whoever has it; with PATIENCE_S not longer than so many seconds for one
 * and the same process. After a second of waiting, the standard error is told who has WHAT. -errno, and DIAG may be
 * filled: -EINTR if a signal was caught, or SIGTERM came although it is blocked; -ECANCELED if the asker is gone;
 * -ETIMEDOUT.
 */
int lock_take(int fd, const char *what, unsigned int patience_s, struct diag *diag);

/*
 * From now on this process takes locks only while somebody reads from the pipe ASKER: what was asked for by a process
 * that has ended since is not done. -1: whether or not.
 */
void lock_set_asker(int asker);

#endif
