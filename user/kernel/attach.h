/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Filters put on interfaces and taken away. */
#ifndef KERNEL_ATTACH_H
#define KERNEL_ATTACH_H

#include "kernel/locate.h"
#include "kernel/pending.h"

/*
 * Attaches to an interface with POLICY in force (NULL: the default preset), in MODE (XDP_MODE_NONE: native, or else
 * generic). Where a filter is attached already its program is replaced in place; counters stay, and so does the policy
 * unless POLICY is given.
 *
 * UNDO is NULL if the filter is to stay. Otherwise UNDO is filled with what it takes to detach the filter again, and
 * this process has to guard it until the change is confirmed; then it is an error if a filter is attached already.
 *
 * On success LOCATION is where the filter is. On failure: -errno with DIAG filled, and the interface is as before.
 */
int attach(struct location *location, const char *interface, enum xdp_mode mode, const struct policy *policy,
	   struct undo *undo, struct diag *diag);

/* Detaches our filter and nothing else. -ENOENT with DIAG filled if there is none. */
int detach(const char *interface, struct diag *diag);

/* Removes all that was left behind of filters. -errno with DIAG filled */
int attach_sweep(struct diag *diag);

/* For those who hold the lock, see pins_lock(): takes the filter at LOCATION away. -errno with DIAG filled. */
int attach_remove(const struct location *location, struct diag *diag);

/*
 * The same by a file descriptor of the program, attached exclusively in MODE, with pins at LOCATION: where nothing can
 * be opened or looked up. -errno
 */
int attach_withdraw(const struct location *location, enum xdp_mode mode, int program);

/*
 * The same as attach_remove() for what a loader that was killed while it replaced a filter has left beside the one at
 * LOCATION, which counts what passes. If there was anything, LOCATION is looked up again.
 */
int attach_tidy(struct location *location, struct diag *diag);

#endif
