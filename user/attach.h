/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Filters put on interfaces and taken away. */
#ifndef ATTACH_H
#define ATTACH_H

#include "filter.h"

/*
 * Attaches to an interface with POLICY in force (NULL: the default preset), in MODE (XDP_MODE_NONE: native, or else
 * generic). Where a filter is attached already its program is replaced in place, and keeps counters and policy, unless
 * POLICY is given. -errno with DIAG filled; the interface is then as before.
 */
int attach(const char *interface, enum xdp_mode mode, const struct policy *policy, struct diag *diag);

/* Detaches our filter and nothing else. -ENOENT with DIAG filled if there is none. */
int detach(const char *interface, struct diag *diag);

/* Makes POLICY of the filter on an interface what CHANGE makes of it, in one flip, alone among all loaders. */
typedef int policy_change(struct policy *policy, void *context, struct diag *diag);
int attach_change_policy(const char *interface, policy_change *change, void *context, struct diag *diag);

#endif
