/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finding the filter on an interface, by the interface's name. */
#ifndef KERNEL_LOCATE_H
#define KERNEL_LOCATE_H

#include "kernel/filter.h"

/*
 * Looks for the filter on an interface. A loader that was killed while it replaced one filter by another may leave both
 * there: then this is the filter that counts what passes. -ENOENT, and LOCATION filled but for pins and program, if
 * there is no filter; another -errno if that cannot be told. DIAG is filled in both cases.
 */
int locate_filter(struct location *location, const char *interface, struct diag *diag);

/* The same for who has the LOCK, which first sweeps what was left behind of earlier filters there. */
int locate_to_change(struct location *location, const char *interface, int lock, struct diag *diag);

/* The same on an interface that has been found before, whatever has its name by now. */
int locate_on(struct location *location, const struct interface *interface, struct diag *diag);

/*
 * The same, and reads the filter, for those who only want to know: the interface's name in SNAPSHOT is one that can be
 * shown.
 */
int locate_and_read(struct snapshot *snapshot, const char *interface, struct diag *diag);

/* Puts LOCATION into SNAPSHOT, with a name that can be shown. */
void locate_note(struct snapshot *snapshot, const struct location *location);

#endif
