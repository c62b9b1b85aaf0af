/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Network namespaces, as iproute2 names them. */
#ifndef BASE_NETNS_H
#define BASE_NETNS_H

#include "base/diag.h"

/* Makes NAME, one of `ip netns list`, the network namespace of this process; nothing else of it changes. */
int netns_enter(const char *name, struct diag *diag);

/* The NAME that netns_enter() has made this process's namespace, or NULL: commands to be typed by its user need it. */
const char *netns_entered(void);

/* What tells this process's network namespace from every other that exists now: an inode number, 0 if unknown. */
unsigned long netns_id(void);

/* What tells it from all others since the system was started; 0 before Linux 5.14. */
unsigned long long netns_cookie(void);

#endif
