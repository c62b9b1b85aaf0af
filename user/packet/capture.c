/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng). They are read here and not by libpcap, which
 * does not tell a frame without a time from one of 1970, takes seconds for signed, and not every resolution of times.
 */
#include "packet/capture.h"

#include "base/gunzip.h"
#include "packet/link_type.h"
#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

enum {
	PCAP_MICROSECONDS = 0xa1b2c3d4,
	PCAP_NANOSECONDS = 0xa1b23c4d,
	PCAP_MODIFIED = 0xa1b2cd34,	     /* each frame's header is 8 bytes longer */
	PCAP_IXIA_MICROSECONDS = 0x1c0001ab, /* the file's header is 4 bytes longer */
	PCAP_IXIA_NANOSECONDS = 0x1c0001ac,
	PCAP_HEADER_SIZE = 24,
	PCAP_MAJOR_DGUX = 543, /* otherwise 2 */
	PCAP_FRAME_MAX = 262144,

	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_ENHANCED_PACKET = 6,
	BLOCK_MAX = 16 << 20,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	OPTION_END = 0,
	OPTION_RESOLUTION = 9,
	OPTION_OFFSET = 14,
	RESOLUTION_MICROSECONDS = 6,
	RESOLUTION_BINARY = 0x80,
	INTERFACES_MAX = 65536,

	LINK_TYPES = 65536,
	SECOND_NS = 1000000000,
};

/* One interface of a section; a file in the older format is as one that has only this. */
struct interface_block {
	__u16 link_type;
	__u32 snaplen;	 /* 0: any */
	__u8 resolution; /* of its times: 10^-n s, with RESOLUTION_BINARY 2^-n s */
	__s64 offset_s;	 /* to be added to them */
};

struct capture {
	FILE *file;
	struct gunzip gunzip; /* below FILE */
	bool swapped;	      /* the other byte order */
	bool is_pcapng;
	bool lengths_exchanged; /* pcap: a frame's two lengths, maybe */
	__u32 frame_header;	/* size, in pcap */
	struct interface_block *interface;
	unsigned int interfaces;
	__u64 frames;		   /* read so far */
	__u64 passed_over;	   /* of these */
	__u64 of_type[LINK_TYPES]; /* passed over */
	__u8 *memory;		   /* the block, and room before it for another header */
	__u8 *block;		   /* what was read last: a frame, or a block without type and length */
	__u32 size, room;
	const char *reason;   /* why nothing more is read */
	char buffer[1 << 18]; /* of the file, whose own would be 4096 bytes */
	char name[];	      /* in diagnostics */
};

static __u32 get32(const struct capture *capture, const void *from)
{
	__u32 value;

	memcpy(&value, from, sizeof(value));
	return capture->swapped ? bswap_32(value) : value;
}

static __u16 get16(const struct capture *capture, const void *from)
{
	__u16 value;

	memcpy(&value, from, sizeof(value));
	return capture->swapped ? bswap_16(value) : value;
}

/* -EIO, because of REASON. */
static int broken(struct capture *capture, const char *reason)
{
	capture->reason = reason;
	return -EIO;
}

/* 1; or 0 at the end of the file; or -EIO where that comes in the midst. */
static int read_bytes(struct capture *capture, void *to, __u32 size)
{
	size_t got = fread(to, 1, size, capture->file);

	if (got == size)
		return 1;
	if (ferror(capture->file))
		return broken(capture, capture->gunzip.reason ? capture->gunzip.reason : strerror(errno));
	return got ? broken(capture, "the file ends in the midst") : 0;
}

/* The next SIZE bytes, into the block. -EIO, also at the end of the file. */
static int read_block(struct capture *capture, __u32 size)
{
	if (size > capture->room || !capture->memory) {
		__u8 *larger = realloc(capture->memory, LINK_HEADROOM + size);

		if (!larger)
			return broken(capture, strerror(ENOMEM));
		capture->memory = larger;
		capture->block = larger + LINK_HEADROOM;
		capture->room = size;
	}
	capture->size = size;
	if (size && read_bytes(capture, capture->block, size) != 1)
		return broken(capture, capture->reason ? capture->reason : "the file ends in the midst");
	return 0;
}

static int add_interface(struct capture *capture, const struct interface_block *interface)
{
	struct interface_block *more;

	if (capture->interfaces == INTERFACES_MAX)
		return broken(capture, "too many interfaces");
	more = reallocarray(capture->interface, capture->interfaces + 1, sizeof(*more));
	if (!more)
		return broken(capture, strerror(ENOMEM));
	capture->interface = more;
	capture->interface[capture->interfaces++] = *interface;
	return 0;
}

/* ---- times */

static __u64 power_of_ten(unsigned int exponent)
{
	__u64 power = 1;

	while (exponent--)
		power *= 10;
	return power;
}

/* UNITS of any resolution since 1970. Seconds that no calendar tells are no time. */
static struct moment moment_from(__u64 units, __u8 resolution, __s64 offset_s)
{
	unsigned int exponent = resolution & ~RESOLUTION_BINARY;
	__u64 seconds = 0, ns;
	struct moment moment;

	if (resolution & RESOLUTION_BINARY) {
		seconds = exponent < 64 ? units >> exponent : 0;
		if (exponent < 64)
			units &= (1ull << exponent) - 1;
		ns = (unsigned __int128)units * SECOND_NS >> exponent;
	} else if (exponent <= 9) {
		seconds = units / power_of_ten(exponent);
		ns = units % power_of_ten(exponent) * power_of_ten(9 - exponent);
	} else {
		if (exponent <= 19) { /* beyond, all that fits into 64 bits is less than four minutes ... */
			seconds = units / power_of_ten(exponent);
			units %= power_of_ten(exponent);
		}
		/* ... and beyond that, nothing. */
		ns = exponent - 9 <= 19 ? units / power_of_ten(exponent - 9) : 0;
	}
	moment.ns = ns;
	moment.known = seconds <= INT64_MAX && !__builtin_add_overflow((__s64)seconds, offset_s, &moment.seconds) &&
		       moment_has_year(moment.seconds);
	return moment;
}

/* ---- the older format */

static bool is_pcap_magic(__u32 magic)
{
	return magic == PCAP_MICROSECONDS || magic == PCAP_NANOSECONDS || magic == PCAP_MODIFIED ||
	       magic == PCAP_IXIA_MICROSECONDS || magic == PCAP_IXIA_NANOSECONDS;
}

static int pcap_open(struct capture *capture, __u32 magic)
{
	const bool ixia = magic == PCAP_IXIA_MICROSECONDS || magic == PCAP_IXIA_NANOSECONDS;
	struct interface_block interface = {.resolution = RESOLUTION_MICROSECONDS};
	__u8 header[PCAP_HEADER_SIZE - sizeof(magic) + 4];
	int more = read_bytes(capture, header, sizeof(header) - (ixia ? 0 : 4));
	__u16 major, minor;

	if (more <= 0)
		return broken(capture, capture->reason && more ? capture->reason : "the file ends in its header");
	major = get16(capture, header);
	minor = get16(capture, header + 2);
	if (major != 2 && major != PCAP_MAJOR_DGUX)
		return broken(capture, "an unknown version of the format");
	/* Up to 2.2 the length on the wire came first; of files that say 2.3 some are so, too. */
	capture->lengths_exchanged = major != 2 || minor <= 3;
	capture->frame_header = magic == PCAP_MODIFIED ? 24 : 16;
	if (magic == PCAP_NANOSECONDS || magic == PCAP_IXIA_NANOSECONDS)
		interface.resolution = 9;
	interface.link_type = get32(capture, header + 16) & 0xffff; /* above: whether there is an FCS */
	return add_interface(capture, &interface);
}

static int pcap_next(struct capture *capture, struct captured *frame, __u16 *link_type)
{
	const struct interface_block *interface = &capture->interface[0];
	__u8 header[24];
	int more = read_bytes(capture, header, capture->frame_header);
	__u32 size, wire_size;
	__u64 units;

	if (more <= 0)
		return more;
	size = get32(capture, header + 8);
	wire_size = get32(capture, header + 12);
	if (capture->lengths_exchanged && wire_size < size)
		size = wire_size;
	if (size > PCAP_FRAME_MAX)
		return broken(capture, "a frame that is too long to be one");
	more = read_block(capture, size);
	if (more)
		return more;
	/* The seconds have no sign. */
	units = get32(capture, header) * power_of_ten(interface->resolution) + get32(capture, header + 4);
	*frame = (struct captured){
		.data = capture->block,
		.size = size,
		.time = moment_from(units, interface->resolution, 0),
	};
	*link_type = interface->link_type;
	return 1;
}

/* ---- pcapng */

/* The length of a block, of which TYPE and length are in HEADER. A new section may have the other byte order. */
static int begin_block(struct capture *capture, const __u8 header[8], __u32 *type, __u32 *length)
{
	__u32 magic;

	*type = get32(capture, header);
	if (*type == BLOCK_SECTION) { /* the same in both byte orders */
		if (read_bytes(capture, &magic, sizeof(magic)) <= 0)
			return broken(capture, "the file ends in the midst");
		if (magic != BYTE_ORDER_MAGIC && magic != bswap_32(BYTE_ORDER_MAGIC))
			return broken(capture, "a section without byte order");
		capture->swapped = magic != BYTE_ORDER_MAGIC;
		capture->interfaces = 0;
	}
	*length = get32(capture, header + 4);
	if (*length < (*type == BLOCK_SECTION ? 28 : 12) || *length % 4)
		return broken(capture, "a block of an impossible length");
	if (*length > BLOCK_MAX)
		return broken(capture, "a block of more than 16 MiB is not read");
	return 0;
}

/* The block that begins with HEADER. 1 */
static int finish_block(struct capture *capture, const __u8 header[8], __u32 *type)
{
	__u32 length;
	int error = begin_block(capture, header, type, &length);

	if (!error)
		error = read_block(capture, length - 8 - (*type == BLOCK_SECTION ? 4 : 0));
	if (error)
		return error;
	capture->size -= sizeof(length);
	if (get32(capture, capture->block + capture->size) != length)
		return broken(capture, "a block whose two lengths differ");
	return *type == BLOCK_SECTION && get16(capture, capture->block) != 1
		       ? broken(capture, "an unknown version of the format")
		       : 1;
}

/* The next block, without type and length. 1, or 0 at the end of the file. */
static int next_block(struct capture *capture, __u32 *type)
{
	__u8 header[8];
	int more = read_bytes(capture, header, sizeof(header));

	return more > 0 ? finish_block(capture, header, type) : more;
}

static int read_interface(struct capture *capture)
{
	const __u8 *block = capture->block, *end = block + capture->size;
	struct interface_block interface = {.resolution = RESOLUTION_MICROSECONDS};

	if (capture->size < 8)
		return broken(capture, "a block that is too short");
	interface.link_type = get16(capture, block);
	interface.snaplen = get32(capture, block + 4);
	for (block += 8; end - block >= 4;) {
		__u16 code = get16(capture, block), size = get16(capture, block + 2);
		__u32 padded = (size + 3u) & ~3u;

		block += 4;
		if (code == OPTION_END)
			break;
		if (padded > end - block)
			return broken(capture, "an option that is longer than its block");
		if (code == OPTION_RESOLUTION && size == 1)
			interface.resolution = *block;
		if (code == OPTION_OFFSET && size == 8) {
			__u64 offset;

			memcpy(&offset, block, sizeof(offset));
			interface.offset_s = capture->swapped ? bswap_64(offset) : offset;
		}
		block += padded;
	}
	return add_interface(capture, &interface);
}

/* The frame in the block of this TYPE. */
static int read_packet(struct capture *capture, __u32 type, struct captured *frame, __u16 *link_type)
{
	const __u32 header = type == BLOCK_SIMPLE_PACKET ? 4 : 20;
	const struct interface_block *interface;
	__u8 *block = capture->block;
	__u32 number = 0;

	if (capture->size < header)
		return broken(capture, "a block that is too short");
	if (type != BLOCK_SIMPLE_PACKET)
		number = type == BLOCK_PACKET ? get16(capture, block) : get32(capture, block);
	if (number >= capture->interfaces)
		return broken(capture, "a frame of an interface that is not described");
	interface = &capture->interface[number];
	*frame = (struct captured){.data = block + header};
	if (type == BLOCK_SIMPLE_PACKET) {
		frame->size = get32(capture, block);
		if (interface->snaplen && frame->size > interface->snaplen)
			frame->size = interface->snaplen;
	} else {
		frame->size = get32(capture, block + 12);
		frame->time = moment_from((__u64)get32(capture, block + 4) << 32 | get32(capture, block + 8),
					  interface->resolution, interface->offset_s);
	}
	if (frame->size > capture->size - header)
		return broken(capture, "a frame that is longer than its block");
	*link_type = interface->link_type;
	return 1;
}

static int pcapng_next(struct capture *capture, struct captured *frame, __u16 *link_type)
{
	__u32 type;
	int more;

	while ((more = next_block(capture, &type)) > 0) {
		if (type == BLOCK_ENHANCED_PACKET || type == BLOCK_SIMPLE_PACKET || type == BLOCK_PACKET)
			return read_packet(capture, type, frame, link_type);
		if (type == BLOCK_INTERFACE)
			more = read_interface(capture);
		if (more < 0)
			break;
	}
	return more;
}

/* The first section's header. */
static int pcapng_open(struct capture *capture)
{
	const __u32 magic = BLOCK_SECTION;
	__u8 header[8];
	__u32 type;

	memcpy(header, &magic, sizeof(magic));
	if (read_bytes(capture, header + 4, 4) <= 0)
		return broken(capture, capture->reason ? capture->reason : "the file ends in its header");
	return finish_block(capture, header, &type) < 0 ? -EIO : 0;
}

/* ---- both */

/* What is packed by something else than gzip is no damage. */
static const char *packed_by(const __u8 magic[4])
{
	static const struct {
		const char *reason;
		__u8 magic[4], size;
	} packers[] = {
		{"it is compressed: unpack it with `zstd -dc`, and replay -", {0x28, 0xb5, 0x2f, 0xfd}, 4},
		{"it is compressed: unpack it with `xz -dc`, and replay -", {0xfd, '7', 'z', 'X'}, 4},
		{"it is compressed: unpack it with `bzip2 -dc`, and replay -", {'B', 'Z', 'h'}, 3},
		{"it is compressed: unpack it with `lz4 -dc`, and replay -", {0x04, 0x22, 0x4d, 0x18}, 4},
		{"it is compressed: unpack it with `uncompress -c`, and replay -", {0x1f, 0x9d}, 2},
		{"it is an archive: unpack it with `unzip -p`, and replay -", {'P', 'K', 3, 4}, 4},
		{"it is an archive: unpack it with `7z x -so`, and replay -", {'7', 'z', 0xbc, 0xaf}, 4},
	};

	for (unsigned int i = 0; i < sizeof(packers) / sizeof(*packers); i++)
		if (!memcmp(magic, packers[i].magic, packers[i].size))
			return packers[i].reason;
	return NULL;
}

static int open_format(struct capture *capture)
{
	const char *packed;
	__u32 magic;

	if (read_bytes(capture, &magic, sizeof(magic)) <= 0)
		return broken(capture, capture->gunzip.reason ? capture->gunzip.reason : "the file ends in its header");
	packed = packed_by((const __u8 *)&magic);
	if (packed)
		return broken(capture, packed);
	capture->is_pcapng = magic == BLOCK_SECTION;
	if (capture->is_pcapng)
		return pcapng_open(capture);
	for (unsigned int i = 0; i < 2; i++) {
		if (is_pcap_magic(magic))
			return pcap_open(capture, magic);
		magic = bswap_32(magic);
		capture->swapped = true;
	}
	return broken(capture, "neither pcap nor pcapng");
}

/* Opening a directory for reading succeeds; only reading it would fail, and be reported as a broken file. */
static int open_file(struct capture *capture, const char *path)
{
	_cleanup_fd_ int fd = !strcmp(path, "-") ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &status) && S_ISDIR(status.st_mode))
		return -EISDIR;
	capture->file = gunzip_open(&capture->gunzip, fd);
	if (!capture->file)
		return -ENOMEM;
	fd = -1;
	return 0;
}

/* There is nothing to judge, for frames are of link type TYPE, and maybe of OTHERS. */
static int refuse(const struct capture *capture, __u16 type, bool others, struct diag *diag)
{
	char number[8];

	return diag_fail(diag, -EPROTONOSUPPORT, "%s: link type is %s%s; judged are frames of " LINK_TYPES_JUDGED,
			 capture->name, link_type_name(type, number), others ? ", and others" : "");
}

/* The same, at the end of a file. */
static int refuse_all(const struct capture *capture, struct diag *diag)
{
	__u16 type = 0;

	while (!capture->of_type[type])
		type++;
	return refuse(capture, type, capture->of_type[type] < capture->passed_over, diag);
}

int capture_open(struct capture **capture, const char *path, struct diag *diag)
{
	const char *name = !strcmp(path, "-") ? "standard input" : path;
	_cleanup_capture_ struct capture *opened = calloc(1, sizeof(*opened) + strlen(name) + 1);
	int error;

	if (!opened)
		return diag_no_memory(diag);
	memcpy(opened->name, name, strlen(name) + 1);
	error = open_file(opened, path);
	if (error)
		return diag_fail(diag, error, "%s: %s", name, strerror(-error));
	setvbuf(opened->file, opened->buffer, _IOFBF, sizeof(opened->buffer));
	*capture = opened;
	opened = NULL;
	return 0;
}

int capture_begin(struct capture *capture, struct diag *diag)
{
	if (open_format(capture))
		return diag_fail(diag, -EINVAL, "%s: not a capture: %s", capture->name, capture->reason);
	if (!capture->is_pcapng && !link_type_is_judged(capture->interface[0].link_type))
		return refuse(capture, capture->interface[0].link_type, false, diag);
	return 0;
}

void capture_close(struct capture *capture)
{
	if (capture->file)
		fclose(capture->file);
	free(capture->interface);
	free(capture->memory);
	free(capture);
}

/* The next frame of any link type, as it is in the file. 1, or 0, or -EIO. */
static int next_frame(struct capture *capture, struct captured *frame, __u16 *link_type, struct diag *diag)
{
	int more = capture->is_pcapng ? pcapng_next(capture, frame, link_type) : pcap_next(capture, frame, link_type);

	if (more < 0)
		return diag_fail(diag, -EIO, "%s: broken after frame %llu: %s", capture->name, capture->frames,
				 capture->reason);
	capture->frames += more;
	return more;
}

int capture_next(struct capture *capture, struct captured *frame, struct diag *diag)
{
	__u16 link_type = 0;
	int more;

	while ((more = next_frame(capture, frame, &link_type, diag)) > 0 && !link_type_is_judged(link_type)) {
		capture->of_type[link_type]++;
		capture->passed_over++;
	}
	if (!more && capture->passed_over && capture->passed_over == capture->frames)
		return refuse_all(capture, diag);
	if (more <= 0)
		return more;
	frame->number = capture->frames;
	frame->file_size = frame->size;
	frame->data = link_type_to_ethernet(link_type, (void *)frame->data, &frame->size);
	return 1;
}

__u64 capture_passed_over(const struct capture *capture, __u16 type)
{
	return capture->of_type[type];
}
