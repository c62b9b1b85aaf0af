/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Changes of a filter that stays attached, and what takes a change back or confirms it. */
#ifndef KERNEL_CHANGE_H
#define KERNEL_CHANGE_H

#include "kernel/locate.h"
#include "kernel/pending.h"

/*
 * Makes POLICY of the filter on an interface what CHANGE makes of it, in one flip, alone among all loaders. UNDO (NULL:
 * for good) is filled, and the change is then one that this process guards. -EBUSY with DIAG filled while another
 * change is unconfirmed. The wait for packets under way is left to WAITS (NULL: it waits). In SNAPSHOT are then the
 * counters from before, the policy now in force, and where the filter is.
 */
typedef int policy_change(struct policy *policy, void *context, struct diag *diag);
int change_policy(struct snapshot *snapshot, const char *interface, policy_change *change, void *context,
		  struct undo *undo, struct filter_waits *waits, struct diag *diag);

/*
 * Takes back the change that UNDO is of. -ECANCELED if it was confirmed, or its filter is gone: nothing is left to do.
 * -EXDEV with DIAG filled if it cannot be done from this network namespace. It goes ahead without the lock, and says so
 * in DIAG although it returns 0, if one and the same process has had that for some seconds, or if WITHOUT_LOCK, for
 * when the lock could not be taken at all.
 */
int change_undo(struct undo *undo, bool without_lock, struct diag *diag);

/* Confirms the change that is unconfirmed, and tells what it was. -ENOENT, and no DIAG, if none is. */
int change_confirm(const char *interface, struct pending *pending, struct diag *diag);

/* Lets all counters of the filter on an interface begin at zero. WAITS as above. */
int change_reset(const char *interface, struct filter_waits *waits, struct diag *diag);

#endif
