/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "packet/link_type.h"

#include <arpa/inet.h>
#include <byteswap.h>
#include <stdio.h>
#include <string.h>

const char *link_type_name(__u16 type, char number[8])
{
	static const struct {
		__u16 type;
		const char *name;
	} known[] = {
		{LINKTYPE_NULL, "NULL"},
		{LINKTYPE_ETHERNET, "ETHERNET"},
		{6, "IEEE802_5"},
		{8, "SLIP"},
		{9, "PPP"},
		{10, "FDDI"},
		{50, "PPP_HDLC"},
		{51, "PPP_ETHER"},
		{LINKTYPE_RAW, "RAW"},
		{104, "C_HDLC"},
		{105, "IEEE802_11"},
		{107, "FRELAY"},
		{LINKTYPE_LOOP, "LOOP"},
		{LINKTYPE_LINUX_SLL, "LINUX_SLL"},
		{117, "PFLOG"},
		{119, "IEEE802_11_PRISM"},
		{127, "IEEE802_11_RADIOTAP"},
		{147, "USER0"},
		{163, "IEEE802_11_AVS"},
		{187, "BLUETOOTH_HCI_H4"},
		{189, "USB_LINUX"},
		{192, "PPI"},
		{195, "IEEE802_15_4_WITHFCS"},
		{197, "ERF"},
		{201, "BLUETOOTH_HCI_H4_WITH_PHDR"},
		{220, "USB_LINUX_MMAPPED"},
		{227, "CAN_SOCKETCAN"},
		{LINKTYPE_IPV4, "IPV4"},
		{LINKTYPE_IPV6, "IPV6"},
		{230, "IEEE802_15_4_NOFCS"},
		{239, "NFLOG"},
		{249, "USBPCAP"},
		{252, "WIRESHARK_UPPER_PDU"},
		{253, "NETLINK"},
		{LINKTYPE_LINUX_SLL2, "LINUX_SLL2"},
	};

	for (unsigned int i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].type == type)
			return known[i].name;
	snprintf(number, 8, "%u", type);
	return number;
}

enum {
	AF_INET_ANYWHERE = 2,
	AF_INET6_LINUX = 10,
	AF_INET6_NETBSD = 24, /* and of OpenBSD and BSD/OS */
	AF_INET6_FREEBSD = 28,
	AF_INET6_DARWIN = 30,

	ETHERTYPE_MIN = 0x600,
	ETHERTYPE_NONE = 0, /* it is no IP */
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ARPHRD_OF_NETLINK = 824,
};

static __u16 get_be16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

static __u32 get_be32(const __u8 *at)
{
	return (__u32)get_be16(at) << 16 | get_be16(at + 2);
}

static __u16 protocol_of_family(__u32 family)
{
	switch (family) {
	case AF_INET_ANYWHERE:
		return ETHERTYPE_IPV4;
	case AF_INET6_LINUX:
	case AF_INET6_NETBSD:
	case AF_INET6_FREEBSD:
	case AF_INET6_DARWIN:
		return ETHERTYPE_IPV6;
	}
	return ETHERTYPE_NONE;
}

/*
 * The family is in the byte order of the host that captured, which need not be that of the file: it is told by families
 * being small. libpcap on Linux once wrote an EtherType there.
 */
static __u16 protocol_of_null(const __u8 *header)
{
	__u32 family = get_be32(header);

	if (family > 0xffff)
		family = bswap_32(family);
	return family >= ETHERTYPE_MIN && family <= 0xffff ? family : protocol_of_family(family);
}

static __u16 protocol_of_version(const __u8 *ip)
{
	return *ip >> 4 == 4 ? ETHERTYPE_IPV4 : *ip >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_NONE;
}

/* The field is an EtherType, or less for what is none; for netlink it is a number of its own. */
static __u16 protocol_of_cooked(const __u8 *protocol, const __u8 *hardware_type)
{
	return get_be16(hardware_type) == ARPHRD_OF_NETLINK ? ETHERTYPE_NONE : get_be16(protocol);
}

/* How long the header of a frame of this TYPE is; -1: it is not judged. */
static int header_size(__u16 type)
{
	switch (type) {
	case LINKTYPE_RAW:
	case LINKTYPE_RAW_BSD:
	case LINKTYPE_RAW_OPENBSD:
	case LINKTYPE_IPV4:
	case LINKTYPE_IPV6:
		return 0;
	case LINKTYPE_NULL:
	case LINKTYPE_LOOP:
		return 4;
	case LINKTYPE_ETHERNET:
		return 14;
	case LINKTYPE_LINUX_SLL:
		return 16;
	case LINKTYPE_LINUX_SLL2:
		return 20;
	}
	return -1;
}

bool link_type_is_judged(__u16 type)
{
	return header_size(type) >= 0;
}

/* What is behind the header at HEADER, which is all there; where there is none, at least a byte of IP is. */
static __u16 protocol_of(__u16 type, const __u8 *header)
{
	switch (type) {
	case LINKTYPE_IPV4:
		return ETHERTYPE_IPV4;
	case LINKTYPE_IPV6:
		return ETHERTYPE_IPV6;
	case LINKTYPE_NULL:
		return protocol_of_null(header);
	case LINKTYPE_LOOP:
		return protocol_of_family(get_be32(header));
	case LINKTYPE_LINUX_SLL:
		return protocol_of_cooked(header + 14, header + 2);
	case LINKTYPE_LINUX_SLL2:
		return protocol_of_cooked(header, header + 8);
	}
	return protocol_of_version(header);
}

const void *link_type_to_ethernet(__u16 type, void *frame, __u32 *size)
{
	struct ethhdr ethernet = {};
	__u32 header;
	__u8 *behind;

	if (type == LINKTYPE_ETHERNET)
		return frame;
	header = header_size(type);
	if (!*size || *size < header) {
		*size = 0;
		return frame;
	}
	ethernet.h_proto = htons(protocol_of(type, frame));
	behind = (__u8 *)frame + header;
	*size += sizeof(ethernet) - header;
	return memcpy(behind - sizeof(ethernet), &ethernet, sizeof(ethernet));
}

_Static_assert(LINK_HEADROOM == sizeof(struct ethhdr), "a frame may have no header at all");
