/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes that go back by themselves unless they are confirmed in time: one file for each, of which the process that
 * keeps the time, the guardian, holds a lock. The lock goes with the process, so that nobody takes for guarded what no
 * longer is. Who removes the file has confirmed the change. All of this needs the lock on the pins, but for reading.
 *
 * The file is also a policy file with the policy to go back to, for those who find the guardian killed.
 */
#ifndef KERNEL_PENDING_H
#define KERNEL_PENDING_H

#include "base/diag.h"
#include "policy/policy.h"
#include <sys/types.h>

#define PENDING_ROOT "/run/flagfilter"
#define PENDING_PATH_SIZE 64

struct pending {
	pid_t guardian;		/* its process id */
	bool guarded;		/* it lives */
	__u64 deadline_ns;	/* when the change goes back, CLOCK_BOOTTIME */
	char to[FF_LABEL_SIZE]; /* the policy that it goes back to; empty: the filter is detached */
	char path[PENDING_PATH_SIZE];
};

/* What it takes to take a change back, for the process that made it. */
struct undo {
	unsigned int seconds; /* to be set by the caller: how long to wait for the confirmation */
	__u64 deadline_ns;    /* CLOCK_BOOTTIME */
	__u32 filter;	      /* its id, see below */
	unsigned int ifindex;
	int pending;	      /* the file, locked */
	bool attached;	      /* detach; otherwise */
	struct policy policy; /* put this in force again */
};

/*
 * FILTER is the id of its counters map, which stays as long as the filter does.
 *
 * Makes this process the guardian of a change of a filter, on the interface with this index, and fills UNDO, of which
 * the caller has set seconds, and attached or policy. -errno with DIAG filled.
 */
int pending_guard(struct undo *undo, __u32 filter, unsigned int ifindex, struct diag *diag);

/* -ENOENT if nothing is to be confirmed. */
int pending_read(__u32 filter, struct pending *pending);
void pending_remove(__u32 filter);

/* Removes the files that nobody guards any more, of filters that are gone. Needs the lock. */
void pending_sweep(void);

/* Whether the file that pending_guard() has put into UNDO is still there. */
bool pending_is_on(int fd);

/* -EBUSY with DIAG filled, if another process guards a change; forgets one that nobody guards any more. */
int pending_refuse(__u32 filter, const char *interface, struct diag *diag);

/* What is left, in whole seconds, not below 0. */
unsigned int pending_seconds(const struct pending *pending);

#endif
