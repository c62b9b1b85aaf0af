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

/*
 * The interfaces of this network namespace that have an XDP program, in one look: on no other there can be a filter.
 * -errno with DIAG filled if that fails, which does not mean that there is none.
 */
struct interfaces {
	unsigned int count;
	struct interface *interface;
	int failed; /* -errno, while they are read */
};
#define INTERFACES_NONE ((struct interfaces){})
int interfaces_with_xdp(struct interfaces *list, struct diag *diag);
void interfaces_free(struct interfaces *list); /* for _cleanup_ */

#endif
