/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file that may be packed by gzip, read as what it unpacks to, piece by piece; any other file as it is. */
#ifndef BASE_GUNZIP_H
#define BASE_GUNZIP_H

#include <stdbool.h>
#include <stdio.h>
#include <zlib.h>

struct gunzip {
	/* Why reading failed, where what was packed is to blame; NULL where errno says it. */
	const char *reason;
	int fd;
	bool begun, packed;
	bool between; /* two members of a gzip file, or behind the last one */
	z_stream stream;
	unsigned char packed_bytes[1 << 16]; /* of which the stream knows how many are left */
};

/*
 * A stream that reads FD, and closes it in the end. GUNZIP is the caller's, all zero, and outlives the stream. Nothing
 * is read before the stream is. What is there is handed on at once, as from the file itself: a pipe may be slow. NULL:
 * no memory, and FD is still open.
 */
FILE *gunzip_open(struct gunzip *gunzip, int fd);

#endif
