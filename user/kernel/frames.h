/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the frames of an interface begin with, as an XDP program is shown them. Neither the kernel nor the hardware type
 * tells: tunnels of one type show the inner packet or the outer one. So there is a list of what was tried, by the
 * link's kind and the kernel, and nothing else is believed to be known.
 */
#ifndef KERNEL_FRAMES_H
#define KERNEL_FRAMES_H

#include <linux/netlink.h>
#include <stdbool.h>

enum frames {
	FRAMES_NOT_KNOWN,  /* it has not been tried */
	FRAMES_OLD_TUNNEL, /* the outer headers of the tunnel, with this kernel */
	FRAMES_NO_REMOTE,  /* the outer headers of the tunnel, as long as it is not one to a single remote end */
	FRAMES_ETHERNET,   /* an Ethernet header */
	FRAMES_IP,	   /* an IP header */
};

/* What is looked at. */
#define FRAMES_KIND_SIZE 16
struct frames_link {
	char kind[FRAMES_KIND_SIZE]; /* IFLA_INFO_KIND; empty: a network card */
	unsigned short type;	     /* ARPHRD_* */
	unsigned char tun;	     /* IFF_TUN or IFF_TAP, of the kind "tun"; 0: not known */
	bool point_to_point;	     /* a tunnel to a single remote end */
};

/* From a message about a link: RTM_NEWLINK. */
struct frames_link frames_read_link(const struct nlmsghdr *message);

/* KERNEL: as system_kernel() has it. */
enum frames frames_of(const struct frames_link *link, unsigned int kernel);

/* Why no mode could judge such frames of LINK, in TEXT. NULL if they can be judged, otherwise TEXT. */
#define FRAMES_REFUSAL_SIZE 256
const char *frames_refusal(enum frames frames, const struct frames_link *link, char text[FRAMES_REFUSAL_SIZE]);

#endif
