/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Changes that go back by themselves. */
#ifndef KERNEL_GUARDIAN_H
#define KERNEL_GUARDIAN_H

#include "kernel/change.h"

/*
 * Calls WORK, which makes a change. With SECONDS, it is called in a process of its own that has left the caller's
 * session, and takes the change back (change_undo()) unless it is confirmed in time; UNDO is then what to fill.
 * Otherwise UNDO is NULL. What is returned, SNAPSHOT and DIAG are WORK's.
 */
typedef int guarded_work(void *context, struct undo *undo, struct snapshot *snapshot, struct diag *diag);
int guardian_run(unsigned int seconds, guarded_work *work, void *context, struct snapshot *snapshot, struct diag *diag);

#endif
