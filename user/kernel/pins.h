/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The pins of attached filters: PINS_ROOT/NETNS-IFINDEX/{state,counters,sources,sampling,samples}.
 *
 * Which pins belong to an interface is told by which program the kernel has there and which maps it uses. The
 * directory's name is where they are looked for first, so that a command about one interface costs the same however
 * many filters there are; but a renamed or moved interface keeps its filter. Pins that no program uses any more
 * (interface deleted, program removed by another tool, loader killed) are leftovers: the next change of the interface
 * sweeps its own; whoever attaches, some of all. While libxdp is at work its dispatchers are noted
 * there, too: see dispatcher.h.
 */
#ifndef KERNEL_PINS_H
#define KERNEL_PINS_H

#include "kernel/bpffs.h"
#include "kernel/interface.h"
#include "kernel/xdp.h"
#include <errno.h>

#define PINS_PATH_SIZE 128

/* Where the filter of an interface is. */
struct location {
	struct interface interface;
	struct xdp_programs programs; /* all that are attached there */
	unsigned int program;	      /* which of them is the filter */
	char pins[PINS_PATH_SIZE];
};

/* Whether pins can be looked for: there is a BPF filesystem, and it and our directory in it are to be trusted. -errno
 * with DIAG filled: -ENOMEDIUM if none is mounted. */
int pins_check(struct diag *diag);

/*
 * Makes this process the only one that changes filters, after waiting for another that does. -errno with DIAG filled:
 * no BPF filesystem, no privilege.
 */
int pins_lock(int *lock, struct diag *diag);
int pins_lock_within(int *lock, unsigned int patience_s, struct diag *diag); /* see lock.h */
int pins_try_lock(int *lock, struct diag *diag); /* the same, but -EAGAIN instead of waiting */
void pins_unlock(int *lock);			 /* for _cleanup_ */

/*
 * For those who have the lock: removes what was left behind of filters on interfaces that had this index here; or
 * wherever they were: ALL of it, or some, of which the work does not grow with the filters that are alive.
 */
void pins_sweep_of(int lock, unsigned int ifindex);
void pins_sweep(int lock, bool all);

/* Makes a directory, of whatever number, for a new filter on the interface with this index here. -errno */
int pins_make(unsigned int ifindex, char path[PINS_PATH_SIZE]);

/*
 * Opens the directory that is called DIR, which is a name for messages: what is opened is what is there now, if it is
 * to be trusted. Returns a descriptor or -errno.
 */
int pins_dir(const char *dir);

/* Pins a map. -errno */
int pins_put(const char *dir, enum program_map map, int fd);

/*
 * Marks the filter pinned in DIR as that of the program with this id, for those who may not ask the kernel which maps a
 * program uses (that takes CAP_SYS_ADMIN). -errno
 */
int pins_mark(const char *dir, __u32 program);

/* Takes all marks away but that of EXCEPT. */
void pins_unmark(const char *dir, __u32 except);

/*
 * Looks for a filter among the programs of LOCATION other than the one pinned in EXCEPT (NULL: any), and fills in pins
 * and program. -ENOENT if there is none, another -errno if that cannot be told.
 */
int pins_find(struct location *location, const char *except);

/* Opens a pinned map, and tells its id; the same where DIR is open, by pins_dir(). Returns a descriptor or -errno. */
int pins_open(const char *dir, enum program_map map, __u32 *id);
int pins_open_in(int dir, enum program_map map, __u32 *id);

/* What tells a filter from all others for as long as it is attached: the id of its counters map; 0 if unknown. */
__u32 pins_filter_id(const char *dir);

/* The directory of the filter that is told by that, in whatever network namespace its interface is. -ENOENT */
int pins_find_filter(__u32 filter, char path[PINS_PATH_SIZE]);

void pins_remove(const char *dir);

/* Whether there are pins for an interface of this index here whose program the kernel no longer has. */
bool pins_left_behind(unsigned int ifindex);

/* diag_add_needs() where pins could not be read: -EPERM asks for CAP_BPF, and -EACCES is a matter of whose files they
 * are. */
static inline int pins_add_needs(struct diag *diag, int error)
{
	return diag_add_needs(diag, error, error == -EACCES ? 0 : NEEDS_BPF);
}

#endif
