/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Facts about an interface and this system, gathered without changing anything. */
#ifndef EXAMINE_H
#define EXAMINE_H

#include "doctor.h"

/* NETNS is where this process is already, as in --netns. -errno with DIAG filled if there is no such interface. */
int examine(struct facts *facts, const char *interface, const char *netns, struct diag *diag);

#endif
