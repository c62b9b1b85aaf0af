/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What libxdp leaves when it is killed.
 *
 * It pins the programs behind a dispatcher in DISPATCHER_PINS/dispatch-IFINDEX-ID, ID being the dispatcher's own. It
 * makes them before it attaches a new dispatcher, and removes those of the old one after that. Killed in between it
 * leaves one directory that nobody removes, and that holds programs of ours and so their maps.
 * libxdp_clean_references() would remove it, but also the pins of a dispatcher that is attached to an interface of the
 * same index in another network namespace.
 *
 * So both dispatchers of a change are noted before it, as symbolic links named like those directories, to the number of
 * the network namespace. The links are kept where a filter's maps are pinned, and are gone when the change is done.
 */
#ifndef KERNEL_DISPATCHER_H
#define KERNEL_DISPATCHER_H

#include "kernel/bpffs.h"
#include <linux/types.h>

#define DISPATCHER_DIR "xdp" /* of BPFFS */
#define DISPATCHER_PINS BPFFS "/" DISPATCHER_DIR

#define DISPATCHER_NAME "xdp_dispatcher" /* what libxdp calls its program */
#define DISPATCHER_PROGRAMS_MAX 10

/*
 * Opens the programs behind the dispatcher with this id. Returns how many there are, 0 if libxdp has pinned none for it
 * here, or -errno. They are read without libxdp, whose version 1.3.1 leaves descriptors open at each look, takes its
 * lock for one, and a dispatcher whose pins it fails to read for a program that has the interface for itself. What is
 * pinned for a dispatcher is complete from before it is attached until after it is replaced: so whoever finds it
 * attached behind the look, too, has seen all of it.
 */
int dispatcher_programs(unsigned int ifindex, __u32 id, int fd[DISPATCHER_PROGRAMS_MAX]);

/*
 * libxdp opens DISPATCHER_PINS by its path, follows a link, and waits for a lock on it. So before libxdp is asked to
 * change something, what is there must be a directory that nobody else may write to, and nobody else may hold its lock
 * for more than some seconds: -ETIMEDOUT. -errno with DIAG filled.
 */
int dispatcher_check(struct diag *diag);

/* Notes in the open directory NOTES a dispatcher that is about to be pinned for the interface with this index here. */
void dispatcher_note(int notes, unsigned int ifindex, __u32 id);

/* Notes in NOTES the one that is attached to the interface now, if any. */
void dispatcher_note_attached(int notes, unsigned int ifindex);

/*
 * Removes the pins of each noted dispatcher that is not attached, and the note. What is of another network namespace,
 * or of an interface that is not there, is left alone: it may be attached.
 */
void dispatcher_settle(int notes);

#endif
