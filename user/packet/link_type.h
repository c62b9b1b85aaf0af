/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The link types of captures (https://www.tcpdump.org/linktypes.html), and what is judged of their frames. */
#ifndef PACKET_LINK_TYPE_H
#define PACKET_LINK_TYPE_H

#include "flagfilter.h"

enum {
	LINKTYPE_NULL = 0,
	LINKTYPE_ETHERNET = 1,
	LINKTYPE_RAW_BSD = 12, /* older names of RAW: what the systems call it */
	LINKTYPE_RAW_OPENBSD = 14,
	LINKTYPE_RAW = 101,
	LINKTYPE_LOOP = 108,
	LINKTYPE_LINUX_SLL = 113,
	LINKTYPE_IPV4 = 228,
	LINKTYPE_IPV6 = 229,
	LINKTYPE_LINUX_SLL2 = 276,
};

/* As tcpdump.org has it, without LINKTYPE_; NUMBER if it is of those that are not known here. */
const char *link_type_name(__u16 type, char number[8]);

/* Those for a diagnostic. */
#define LINK_TYPES_JUDGED "Ethernet, LINUX_SLL, LINUX_SLL2, RAW, IPV4, IPV6, NULL and LOOP"
bool link_type_is_judged(__u16 type);

/*
 * The frame of SIZE bytes at FRAME, of a link type that is judged, as an Ethernet frame: its own header gives way to
 * one of Ethernet, for which there are LINK_HEADROOM bytes before FRAME. SIZE becomes that of the Ethernet frame, which
 * is returned. Of a frame that ends within its own header, or has none and is empty, nothing is left: a runt, too.
 */
#define LINK_HEADROOM 14
const void *link_type_to_ethernet(__u16 type, void *frame, __u32 *size);

#endif
