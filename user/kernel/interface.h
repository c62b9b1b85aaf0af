/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A network interface of this network namespace. */
#ifndef KERNEL_INTERFACE_H
#define KERNEL_INTERFACE_H

#include "base/diag.h"
#include <net/if.h>

struct interface {
	char name[IF_NAMESIZE]; /* the kernel's own */
	unsigned int ifindex;
	bool ethernet; /* its frames have Ethernet headers */
};

/* The interface with this name, or alternative name. -ENODEV with DIAG filled if there is none. */
int interface_find(struct interface *interface, const char *name, struct diag *diag);

#endif
