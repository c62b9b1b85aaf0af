/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A network interface of this network namespace. */
#ifndef KERNEL_INTERFACE_H
#define KERNEL_INTERFACE_H

#include "base/cleanup.h"
#include "base/diag.h"
#include "kernel/frames.h"
#include <net/if.h>

struct interface {
	char name[IF_NAMESIZE]; /* the kernel's own */
	unsigned int ifindex;
	struct frames_link link;
	enum frames frames; /* what they begin with */
};

/* The interface with this name, or alternative name. -ENODEV with DIAG filled if there is none. */
int interface_find(struct interface *interface, const char *name, struct diag *diag);

DEFINE_CLEANUP(cleanup_interfaces, struct if_nameindex *, if_freenameindex)
#define _cleanup_interfaces_ _cleanup_(cleanup_interfaces)

/*
 * Lists all interfaces of this network namespace; behind the last one comes an index of 0. -errno with DIAG filled if
 * that fails, which does not mean that there is none.
 */
int interface_list(struct if_nameindex **interfaces, struct diag *diag);

#endif
