/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames from a capture file: pcap and pcapng, packed by gzip or not, of the link types that link_type.h tells. Frames
 * of other link types are counted, and passed over.
 */
#ifndef PACKET_CAPTURE_H
#define PACKET_CAPTURE_H

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/diag.h"
#include "flagfilter.h"

struct capture;

/* Opens PATH ("-": standard input), and reads nothing of it yet. -errno with DIAG filled. */
int capture_open(struct capture **capture, const char *path, struct diag *diag);

/* Reads the capture's header. Before the first frame; apart from the above for those who give up rights in between. */
int capture_begin(struct capture *capture, struct diag *diag);
void capture_close(struct capture *capture);

/* A frame, as far as it was captured. */
struct captured {
	const void *data; /* an Ethernet frame, made of what it was: see link_type_to_ethernet(); until the next call */
	__u32 size;
	__u32 file_size; /* as it is in the file */
	__u64 number;	 /* in the file, where the first frame of any link type is 1 */
	struct moment time;
};

/*
 * The next frame that can be judged. 1, or 0 at the end, or -EIO with DIAG filled where the file is broken; what was
 * read before is good. -EPROTONOSUPPORT at the end of a file that has frames, and none of them can be judged.
 */
int capture_next(struct capture *capture, struct captured *frame, struct diag *diag);

/* How many frames of link type TYPE were passed over. */
__u64 capture_passed_over(const struct capture *capture, __u16 type);

DEFINE_CLEANUP(cleanup_capture, struct capture *, capture_close)
#define _cleanup_capture_ _cleanup_(cleanup_capture)

#endif
