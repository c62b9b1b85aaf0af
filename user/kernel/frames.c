/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/frames.h"

#include "base/system.h"
#include "kernel/netlink.h"
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

/*
 * A TUNNEL of the kernel's own shows its outer headers to a generic XDP program before Linux 5.14, which made all of
 * them forget where those were ("net: reset MAC header consistently across L3 virtual devices"). A gre tunnel without a
 * remote end does it to this day, because there the outer header says who sent a packet.
 */
static const struct {
	const char *kind;
	unsigned short type;
	bool tunnel, needs_remote;
} begin_with_ip[] = {
	{.kind = "wireguard", .type = ARPHRD_NONE},
	{.kind = "ppp", .type = ARPHRD_PPP},
	{.kind = "ipip", .type = ARPHRD_TUNNEL, .tunnel = true},
	{.kind = "sit", .type = ARPHRD_SIT, .tunnel = true},
	{.kind = "gre", .type = ARPHRD_IPGRE, .tunnel = true, .needs_remote = true},
	{.kind = "ip6tnl", .type = ARPHRD_TUNNEL6, .tunnel = true},
};

struct frames_link frames_read_link(const struct nlmsghdr *message)
{
	const struct ifinfomsg *header = NLMSG_DATA(message);
	const struct nlattr *info = netlink_find_link(message, IFLA_LINKINFO, 0), *tun;
	struct frames_link link = {.type = header->ifi_type, .point_to_point = header->ifi_flags & IFF_POINTOPOINT};

	netlink_copy_text(link.kind, sizeof(link.kind), netlink_find_nested(info, IFLA_INFO_KIND, 1));
	tun = netlink_find_nested(netlink_find_nested(info, IFLA_INFO_DATA, 0), IFLA_TUN_TYPE, 1);
	if (tun && !strcmp(link.kind, "tun"))
		link.tun = *(const unsigned char *)netlink_data(tun);
	return link;
}

enum frames frames_of(const struct frames_link *link, unsigned int kernel)
{
	/* The owner of a tun may give it any hardware type. */
	if (!strcmp(link->kind, "tun"))
		return link->tun == IFF_TUN ? FRAMES_IP : link->tun == IFF_TAP ? FRAMES_ETHERNET : FRAMES_NOT_KNOWN;
	if (link->type == ARPHRD_ETHER || link->type == ARPHRD_LOOPBACK)
		return FRAMES_ETHERNET;
	for (size_t i = 0; i < sizeof(begin_with_ip) / sizeof(*begin_with_ip); i++) {
		if (strcmp(link->kind, begin_with_ip[i].kind) != 0 || link->type != begin_with_ip[i].type)
			continue;
		if (begin_with_ip[i].tunnel && kernel < KERNEL(5, 14))
			return FRAMES_OLD_TUNNEL;
		return begin_with_ip[i].needs_remote && !link->point_to_point ? FRAMES_NO_REMOTE : FRAMES_IP;
	}
	return FRAMES_NOT_KNOWN;
}

const char *frames_refusal(enum frames frames, const struct frames_link *link, char text[FRAMES_REFUSAL_SIZE])
{
	static const char no_header[] = "its frames have no Ethernet header";

	switch (frames) {
	case FRAMES_ETHERNET:
	case FRAMES_IP:
		return NULL;
	case FRAMES_OLD_TUNNEL:
		snprintf(text, FRAMES_REFUSAL_SIZE,
			 "%s: before Linux 5.14 a program on %s is shown the tunnel's outer headers", no_header,
			 link->kind);
		break;
	case FRAMES_NO_REMOTE:
		snprintf(text, FRAMES_REFUSAL_SIZE,
			 "%s: a program on %s without a remote end is shown the tunnel's outer headers", no_header,
			 link->kind);
		break;
	default:
		snprintf(text, FRAMES_REFUSAL_SIZE,
			 "%s, and what they begin with on %s, hardware type %u, has not been tried", no_header,
			 *link->kind ? link->kind : "such an interface", link->type);
	}
	return text;
}
