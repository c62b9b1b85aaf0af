/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames from a capture file: pcap and pcapng, Ethernet only. */
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

/*
 * The next frame, as far as it was captured: DATA is valid until the next call. 1, or 0 at the end, or -EIO with DIAG
 * filled where the file is broken; what was read before is good.
 */
int capture_next(struct capture *capture, const void **data, __u32 *size, struct diag *diag);

/* When the last frame was captured. */
const struct moment *capture_time(const struct capture *capture);

DEFINE_CLEANUP(cleanup_capture, struct capture *, capture_close)
#define _cleanup_capture_ _cleanup_(cleanup_capture)

#endif
