/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes that go back by themselves unless they are confirmed in time. The mark of each lies beside the pins, and so
 * is seen by whoever sees the filter: the directory PINS_ROOT/unconfirmed-ID, of which the process that keeps the time,
 * the guardian, holds a lock, and in it a link whose target says the rest. The lock goes with the process, so that
 * nobody takes for guarded what no longer is. Who removes the link has confirmed the change. All of this needs the lock
 * on the pins, but for reading.
 *
 * PENDING_ROOT/unconfirmed-ID is a policy file with the policy to go back to, for people who find the guardian killed.
 * Nothing is decided by it.
 */
#ifndef KERNEL_PENDING_H
#define KERNEL_PENDING_H

#include "base/diag.h"
#include "policy/policy.h"
#include <sys/types.h>

#define PENDING_ROOT "/run/flagfilter"
#define PENDING_PATH_SIZE 64
#define PENDING_SECONDS_MAX 86400

struct pending {
	pid_t guardian;		      /* its process id */
	bool guarded;		      /* it lives */
	__u64 deadline_ns;	      /* when the change goes back, CLOCK_BOOTTIME */
	char to[FF_LABEL_SIZE];	      /* the policy that it goes back to; empty: the filter is detached */
	__u32 generation;	      /* of the filter, as the change has left it: see filter_generation() */
	char path[PENDING_PATH_SIZE]; /* of the file with that policy; empty if there is none */
};

struct filter;
struct location;

/* What it takes to take a change back, for the process that made it. */
struct undo {
	unsigned int seconds; /* to be set by the caller: how long to wait for the confirmation */
	__u64 deadline_ns;    /* CLOCK_BOOTTIME */
	__u32 filter;	      /* its id, see below */
	unsigned int ifindex;
	int pending;	      /* the mark, open and locked */
	bool attached;	      /* detach; otherwise */
	struct policy policy; /* put this in force again */

	/* The same by what is open already, for when nothing can be opened or found. */
	struct filter *filter_held; /* for the policy */
	struct location *location;  /* to detach from, */
	int program;		    /* this program */
};

/*
 * FILTER is the id of its counters map, which stays as long as the filter does.
 *
 * Makes this process the guardian of a change of a filter, on the interface with this index, which then has this
 * GENERATION, and fills UNDO, of which the caller has set seconds, and attached or policy. -errno with DIAG filled.
 */
int pending_guard(struct undo *undo, __u32 filter, unsigned int ifindex, __u32 generation, struct diag *diag);

/* -ENOENT if nothing is to be confirmed; another -errno if that cannot be told. */
int pending_read(__u32 filter, struct pending *pending);

/* Confirms. -errno: the mark is still there. */
int pending_remove(__u32 filter);

/*
 * FILTER, which has an unconfirmed change, has got another GENERATION by something that is allowed meanwhile, such as a
 * new program in place of the old one. The mark is written anew, so that the change can still be taken back. -errno
 */
int pending_follow(__u32 filter, __u32 generation);

/* Removes the marks that nobody guards any more, of filters that are gone, from ROOT, which is PINS_ROOT. */
void pending_sweep(int root);

/* Whether this is the name of a mark in PINS_ROOT. */
bool pending_is_name(const char *name);

/*
 * Of the mark that pending_guard() has put into UNDO: whether it is still there; a descriptor on which poll() wakes
 * when it goes, or -1; and the generation that it names now (-errno).
 */
bool pending_is_on(int mark);
int pending_watch(int mark);
int pending_generation(int mark, __u32 *generation);

/* -EBUSY with DIAG filled, if another process guards a change; forgets one that nobody guards any more. */
int pending_refuse(__u32 filter, const char *interface, struct diag *diag);

/* What is left, in whole seconds, not below 0. */
unsigned int pending_seconds(const struct pending *pending);

#endif
