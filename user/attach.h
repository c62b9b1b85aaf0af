/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Filters put on interfaces and taken away. */
#ifndef ATTACH_H
#define ATTACH_H

#include "locate.h"
#include "pending.h"

/* What it takes to take a change back, for the process that made it. */
struct undo {
	unsigned int seconds; /* to be set by the caller: how long to wait for the confirmation */
	__u64 deadline_ns;    /* CLOCK_BOOTTIME */
	__u32 filter;	      /* its id; see pending.h */
	unsigned int ifindex;
	int pending;	      /* the file, locked */
	bool attached;	      /* detach; otherwise */
	struct policy policy; /* put this in force again */
};

/*
 * Attaches to an interface with POLICY in force (NULL: the default preset), in MODE (XDP_MODE_NONE: native, or else
 * generic). Where a filter is attached already its program is replaced in place, and keeps counters and policy, unless
 * POLICY is given; not with UNDO. UNDO (NULL: for good) is filled, and the change is then one that this process guards.
 * -errno with DIAG filled; the interface is then as before.
 */
int attach(const char *interface, enum xdp_mode mode, const struct policy *policy, struct undo *undo,
	   struct diag *diag);

/* Detaches our filter and nothing else. -ENOENT with DIAG filled if there is none. */
int detach(const char *interface, struct diag *diag);

/*
 * Makes POLICY of the filter on an interface what CHANGE makes of it, in one flip, alone among all loaders. UNDO as
 * above. -EBUSY with DIAG filled while another change is unconfirmed.
 */
typedef int policy_change(struct policy *policy, void *context, struct diag *diag);
int attach_change_policy(const char *interface, policy_change *change, void *context, struct undo *undo,
			 struct diag *diag);

/*
 * Takes back the change that UNDO is of. -ECANCELED if it was confirmed, or its filter is gone: nothing is left to do.
 * -EXDEV with DIAG filled if it cannot be done from this network namespace.
 */
int attach_undo(const struct undo *undo, struct diag *diag);

/* Confirms the change that is unconfirmed, and tells what it was. -ENOENT, and no DIAG, if none is. */
int attach_confirm(const char *interface, struct pending *pending, struct diag *diag);

/* Lets all counters of the filter on an interface begin at zero. */
int attach_reset(const char *interface, struct diag *diag);

#endif
