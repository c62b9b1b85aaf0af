/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Directories where others may have put something of their own: opened without following a link, believed only if they
 * are this user's and nobody else may write to them, and from then on used by descriptor, never by path again.
 */
#ifndef BASE_DIRECTORY_H
#define BASE_DIRECTORY_H

#include "base/diag.h"
#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

#define DIRECTORY_SHARED 022  /* what may not be set in a directory's mode: nobody else may write to it */
#define DIRECTORY_PRIVATE 077 /* nobody else may open it either, and so hold a lock on it */

/*
 * Opens the last name of PATH in PARENT, whatever else PATH, which messages show, says; where PARENT is AT_FDCWD, all
 * of PATH. FORBIDDEN: see above. MAGIC: of the file system (0: any). Returns a descriptor; -ENOENT if there is nothing
 * of that name, -EPERM if what is there is not to be trusted; another -errno if that cannot be told. DIAG, which may be
 * NULL, is filled but for -ENOENT.
 */
int directory_open(int parent, const char *path, mode_t forbidden, long magic, struct diag *diag);

/* Fills DIAG as directory_open() does, for a directory that is open. 0 or -errno */
int directory_check(int dir, const char *path, mode_t forbidden, long magic, struct diag *diag);

/* Reads an open directory from its beginning, by a descriptor of its own. NULL with errno */
DIR *directory_read(int dir);

/* Whether NAME in PARENT is what DIR was opened as: the same file system and number. */
bool directory_is(int dir, int parent, const char *name);

/* Removes an open directory with what is in it but other directories; NAME is its name in PARENT. -errno */
int directory_remove(int dir, int parent, const char *name);

/* How a file in an open directory is called for those who want a path. */
#define DIRECTORY_PATH_SIZE 320
void directory_path(int dir, const char *name, char path[DIRECTORY_PATH_SIZE]);

#endif
