/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes a capture in the format pcapng (draft-ietf-opsawg-pcapng): unlike pcap it holds a comment per packet, which
 * libpcap cannot write.
 */
#ifndef PACKET_PCAPNG_H
#define PACKET_PCAPNG_H

#include "base/cleanup.h"
#include "base/diag.h"
#include "flagfilter.h"

struct pcapng;

/*
 * Begins a capture of one interface, called INTERFACE, in a new file PATH ("-": standard output), with up to SNAPLEN
 * bytes of each frame, which begins with an Ethernet header or, with NO_ETHERNET, an IP header. -errno with DIAG
 * filled.
 */
int pcapng_open(struct pcapng **pcapng, const char *path, const char *interface, bool no_ethernet, __u32 snaplen,
		struct diag *diag);

/* Adds a frame of LENGTH bytes of which the first CAPTURED are at DATA. TIME_NS: CLOCK_REALTIME. -errno */
int pcapng_write(struct pcapng *pcapng, __s64 time_ns, const void *data, __u32 captured, __u32 length,
		 const char *comment);

/* Adds how many packets there were until TIME_NS, and how many of these are not in the capture. -errno */
int pcapng_write_statistics(struct pcapng *pcapng, __s64 time_ns, __u64 received, __u64 dropped);

int pcapng_flush(struct pcapng *pcapng); /* -errno */
void pcapng_close(struct pcapng *pcapng);

DEFINE_CLEANUP(cleanup_pcapng, struct pcapng *, pcapng_close)
#define _cleanup_pcapng_ _cleanup_(cleanup_pcapng)

#endif
