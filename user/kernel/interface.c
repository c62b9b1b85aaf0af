/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/interface.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int interface_find(struct interface *interface, const char *name, struct diag *diag)
{
	unsigned int ifindex = strlen(name) < IF_NAMESIZE ? if_nametoindex(name) : 0;

	if (!ifindex)
		return diag_fail(diag, -ENODEV, "no interface '%.40s' in this network namespace; see `ip link`", name);
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	interface->ifindex = ifindex;
	return 0;
}
