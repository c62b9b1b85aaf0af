/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "packet/pcapng.h"
#include "base/output_file.h"

#include <errno.h>
#include <string.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6, /* "enhanced" */

	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_NAME = 2,	    /* of an interface */
	OPTION_RESOLUTION = 9,	    /* of its times */
	OPTION_APPLICATION = 4,	    /* in a section */
	OPTION_RECEIVED = 4,	    /* isb_ifrecv: packets, since the capture began */
	OPTION_DROPPED = 5,	    /* isb_ifdrop: of these, by whoever captures */
	RESOLUTION_NANOSECONDS = 9, /* 10^-9 s */
	LINKTYPE_ETHERNET = 1,
	LINKTYPE_RAW = 101, /* IPv4 or IPv6, as the version says */
	BLOCK_SIZE_MAX = 1 << 17,
};

struct pcapng {
	FILE *file;
	__u8 block[BLOCK_SIZE_MAX]; /* the one that is being made */
	__u32 size;
};

static void put(struct pcapng *pcapng, const void *data, __u32 size)
{
	memcpy(pcapng->block + pcapng->size, data, size);
	pcapng->size += size;
}

static void put16(struct pcapng *pcapng, __u16 value)
{
	put(pcapng, &value, sizeof(value));
}

static void put32(struct pcapng *pcapng, __u32 value)
{
	put(pcapng, &value, sizeof(value));
}

/* Everything is padded to 32 bits. */
static void put_padded(struct pcapng *pcapng, const void *data, __u32 size)
{
	put(pcapng, data, size);
	while (pcapng->size % 4)
		pcapng->block[pcapng->size++] = 0;
}

static void put_option(struct pcapng *pcapng, __u16 code, const void *data, __u16 size)
{
	put16(pcapng, code);
	put16(pcapng, size);
	put_padded(pcapng, data, size);
}

static void begin_block(struct pcapng *pcapng, __u32 type)
{
	pcapng->size = 0;
	put32(pcapng, type);
	put32(pcapng, 0); /* the length, which also ends the block */
}

static int end_block(struct pcapng *pcapng)
{
	__u32 size;

	put_option(pcapng, OPTION_END, "", 0);
	size = pcapng->size + sizeof(size);
	put32(pcapng, size);
	memcpy(pcapng->block + sizeof(__u32), &size, sizeof(size));
	errno = 0;
	return fwrite(pcapng->block, size, 1, pcapng->file) == 1 ? 0 : errno ? -errno : -EIO;
}

/* The format knows no time before 1970. */
static void put_time(struct pcapng *pcapng, __s64 time_ns)
{
	if (time_ns < 0)
		time_ns = 0;
	put32(pcapng, time_ns >> 32);
	put32(pcapng, time_ns);
}

static int write_header(struct pcapng *pcapng, const char *interface, bool no_ethernet, __u32 snaplen)
{
	static const char application[] = "flagfilter " FLAGFILTER_VERSION;
	const __u64 unknown_length = -1;
	const __u8 resolution = RESOLUTION_NANOSECONDS;
	int error;

	begin_block(pcapng, BLOCK_SECTION);
	put32(pcapng, 0x1a2b3c4d); /* the byte order of everything */
	put16(pcapng, 1);
	put16(pcapng, 0);
	put(pcapng, &unknown_length, sizeof(unknown_length));
	put_option(pcapng, OPTION_APPLICATION, application, strlen(application));
	error = end_block(pcapng);
	if (error)
		return error;
	begin_block(pcapng, BLOCK_INTERFACE);
	put16(pcapng, no_ethernet ? LINKTYPE_RAW : LINKTYPE_ETHERNET);
	put16(pcapng, 0);
	put32(pcapng, snaplen);
	put_option(pcapng, OPTION_NAME, interface, strlen(interface));
	put_option(pcapng, OPTION_RESOLUTION, &resolution, sizeof(resolution));
	error = end_block(pcapng);
	return error ? error : pcapng_flush(pcapng);
}

int pcapng_open(struct pcapng **pcapng, const char *path, const char *interface, bool no_ethernet, __u32 snaplen,
		struct diag *diag)
{
	_cleanup_pcapng_ struct pcapng *opened = calloc(1, sizeof(*opened));
	int error;

	if (!opened)
		return diag_no_memory(diag);
	error = output_file_open(&opened->file, path, diag);
	if (error)
		return error;
	error = write_header(opened, interface, no_ethernet, snaplen);
	if (error)
		return diag_fail(diag, error, "cannot write %s: %s", output_file_name(path), strerror(-error));
	*pcapng = opened;
	opened = NULL;
	return 0;
}

int pcapng_write(struct pcapng *pcapng, __s64 time_ns, const void *data, __u32 captured, __u32 length,
		 const char *comment)
{
	size_t comment_size = strlen(comment);

	if (captured > BLOCK_SIZE_MAX / 2 || comment_size > BLOCK_SIZE_MAX / 4)
		return -E2BIG;
	begin_block(pcapng, BLOCK_PACKET);
	put32(pcapng, 0); /* the interface */
	put_time(pcapng, time_ns);
	put32(pcapng, captured);
	put32(pcapng, length);
	put_padded(pcapng, data, captured);
	put_option(pcapng, OPTION_COMMENT, comment, comment_size);
	return end_block(pcapng);
}

int pcapng_write_statistics(struct pcapng *pcapng, __s64 time_ns, __u64 received, __u64 dropped)
{
	begin_block(pcapng, BLOCK_STATISTICS);
	put32(pcapng, 0); /* the interface */
	put_time(pcapng, time_ns);
	put_option(pcapng, OPTION_RECEIVED, &received, sizeof(received));
	put_option(pcapng, OPTION_DROPPED, &dropped, sizeof(dropped));
	return end_block(pcapng);
}

int pcapng_flush(struct pcapng *pcapng)
{
	return fflush(pcapng->file) ? -errno : 0;
}

void pcapng_close(struct pcapng *pcapng)
{
	if (pcapng->file)
		fclose(pcapng->file);
	free(pcapng);
}
