/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/gunzip.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	MAGIC_0 = 0x1f,
	MAGIC_1 = 0x8b,
	WINDOW_BITS = 15,
	FORMAT_GZIP = 16, /* added to these: not zlib's own format */
};

/* More of the file, behind what is left. As read(2) */
static ssize_t fill(struct gunzip *gunzip)
{
	unsigned int left = gunzip->stream.avail_in;
	ssize_t got = read(gunzip->fd, gunzip->packed_bytes + left, sizeof(gunzip->packed_bytes) - left);

	gunzip->stream.next_in = gunzip->packed_bytes;
	if (got > 0)
		gunzip->stream.avail_in += got;
	return got;
}

/* Whether it is gzip. The first bytes of a pipe may come one by one. */
static int begin(struct gunzip *gunzip)
{
	z_stream *stream = &gunzip->stream;
	ssize_t got;

	while (stream->avail_in < 2) {
		got = fill(gunzip);
		if (got < 0)
			return -1;
		if (!got)
			break;
	}
	gunzip->begun = true;
	gunzip->packed = stream->avail_in >= 2 && stream->next_in[0] == MAGIC_0 && stream->next_in[1] == MAGIC_1;
	if (!gunzip->packed || inflateInit2(stream, WINDOW_BITS + FORMAT_GZIP) == Z_OK)
		return 0;
	errno = ENOMEM;
	return -1;
}

static ssize_t read_plain(struct gunzip *gunzip, char *to, size_t size)
{
	z_stream *stream = &gunzip->stream;

	if (!stream->avail_in)
		return read(gunzip->fd, to, size);
	if (size > stream->avail_in)
		size = stream->avail_in;
	memcpy(to, stream->next_in, size);
	stream->next_in += size;
	stream->avail_in -= size;
	return size;
}

static ssize_t fail(struct gunzip *gunzip, const char *reason)
{
	gunzip->reason = reason;
	errno = EIO;
	return -1;
}

/*
 * More to unpack: 1; or 0 at the end, or -1. Behind a member there may be zeros, of a tape's block or a disk's, another
 * member, or the end, and nothing else.
 */
static int next_bytes(struct gunzip *gunzip)
{
	z_stream *stream = &gunzip->stream;

	for (;;) {
		ssize_t got = stream->avail_in ? 1 : fill(gunzip);

		if (got < 0)
			return -1;
		if (!got)
			return gunzip->between ? 0 : fail(gunzip, "the gzip file is truncated");
		if (gunzip->between && *stream->next_in && *stream->next_in != MAGIC_0)
			return fail(gunzip, "the gzip file is damaged");
		if (!gunzip->between || *stream->next_in)
			break;
		stream->next_in++;
		stream->avail_in--;
	}
	gunzip->between = false;
	return 1;
}

static ssize_t read_packed(struct gunzip *gunzip, char *to, size_t size)
{
	z_stream *stream = &gunzip->stream;
	int more;

	stream->next_out = (unsigned char *)to;
	stream->avail_out = size;
	while (stream->avail_out == size) {
		more = next_bytes(gunzip);
		if (more <= 0)
			return more;
		switch (inflate(stream, Z_NO_FLUSH)) {
		case Z_OK:
			break;
		case Z_STREAM_END:
			gunzip->between = true;
			inflateReset(stream);
			break;
		case Z_MEM_ERROR:
			return fail(gunzip, strerror(ENOMEM));
		default: /* tells it again after what was good */
			if (stream->avail_out == size)
				return fail(gunzip, "the gzip file is damaged");
		}
	}
	return size - stream->avail_out;
}

static ssize_t gunzip_read(void *cookie, char *to, size_t size)
{
	struct gunzip *gunzip = cookie;

	if (!gunzip->begun && begin(gunzip))
		return -1;
	return gunzip->packed ? read_packed(gunzip, to, size) : read_plain(gunzip, to, size);
}

static int gunzip_close(void *cookie)
{
	struct gunzip *gunzip = cookie;

	if (gunzip->packed)
		inflateEnd(&gunzip->stream);
	return close(gunzip->fd);
}

FILE *gunzip_open(struct gunzip *gunzip, int fd)
{
	gunzip->fd = fd;
	return fopencookie(gunzip, "r", (cookie_io_functions_t){.read = gunzip_read, .close = gunzip_close});
}
