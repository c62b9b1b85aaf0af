/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a scope owns is released when it is left: file descriptors start at -1, pointers at NULL. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFINE_CLEANUP(name, type, release)                                                                            \
	static inline void name(type *owned)                                                                           \
	{                                                                                                              \
		if (*owned)                                                                                            \
			release(*owned);                                                                               \
	}

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

DEFINE_CLEANUP(cleanup_file, FILE *, fclose)
DEFINE_CLEANUP(cleanup_dir, DIR *, closedir)

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_fd_ _cleanup_(cleanup_fd)
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_file_ _cleanup_(cleanup_file)
#define _cleanup_dir_ _cleanup_(cleanup_dir)

#endif
