/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who has a TCP connection with this host. */
#ifndef KERNEL_CONNECTIONS_H
#define KERNEL_CONNECTIONS_H

#include "packet/heavy_hitters.h"

/*
 * How many of the first ENTRIES of ENTRY, whose keys are sources as in offenders.h, have an established TCP connection
 * with this host, in this network namespace. Connections that are only forwarded cannot be seen. -errno
 */
int connections_count(const struct heavy_entry *entry, unsigned int entries);

#endif
