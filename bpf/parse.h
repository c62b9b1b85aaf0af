/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet parser: from the bytes of a frame to its class.
 *
 * It compiles for BPF and natively, so that unit tests, fuzzers and the rootless replay run these very lines. It reads
 * nothing outside the frame and, within IP, nothing past the datagram: what follows the IP length is padding.
 *
 * All positions are offsets from the start of the frame. Natively a frame must start at an address that is 2 modulo 4
 * (the kernel's NET_IP_ALIGN), so that every header in it is aligned.
 */
#ifndef FLAGFILTER_PARSE_H
#define FLAGFILTER_PARSE_H

#include "flagfilter.h"

#ifdef __bpf__
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* A frame is what the kernel hands to an XDP program. */
#define ff_frame xdp_md
#define ff_data(frame) ((const char *)(long)(frame)->data)
#define ff_data_end(frame) ((const char *)(long)(frame)->data_end)

/* A function of its own, verified once and not again for every way that leads to it. */
#define FF_OUT_OF_LINE __attribute__((noinline))
#else
#include <arpa/inet.h>
#include <stddef.h>

struct ff_frame {
	const void *data;
	const void *data_end;
	const struct ff_state *state;	    /* for ff_judge() */
	const struct ff_source_key *source; /* and the exempt sources of the live policy */
};
#define ff_data(frame) ((const char *)(frame)->data)
#define ff_data_end(frame) ((const char *)(frame)->data_end)

#define FF_OUT_OF_LINE static inline
#ifndef __always_inline /* glibc has one too */
#define __always_inline inline __attribute__((always_inline))
#endif
#define bpf_htons htons
#define bpf_ntohs ntohs
#endif

#define ff_unlikely(condition) __builtin_expect(!!(condition), 0)

enum {
	FF_ETH_P_IP = 0x0800,
	FF_ETH_P_IPV6 = 0x86dd,
	FF_ETH_P_8021Q = 0x8100,
	FF_ETH_P_8021AD = 0x88a8,

	FF_IP_MF = 0x2000,     /* more fragments follow */
	FF_IP_OFFSET = 0x1fff, /* in units of 8 bytes */
	FF_IP6_MF = 0x0001,
	FF_IP6_OFFSET = 0xfff8, /* in bytes: the low three bits are not part of it */

	FF_NEXTHDR_HOP = 0,
	FF_NEXTHDR_TCP = 6,
	FF_NEXTHDR_ROUTING = 43,
	FF_NEXTHDR_FRAGMENT = 44,
	FF_NEXTHDR_AUTH = 51,
	FF_NEXTHDR_DEST = 60,

	FF_TCP_PORTS_END = 4,
	FF_TCP_FLAGS = 12,     /* offset of the 16 bits that end in the nine flags */
	FF_TCP_FLAGS_END = 14, /* so many bytes of the TCP header must be there */
};

/*
 * What the parser says of a frame: its class, and where an exemption finds what it looks at. Offsets are 0 if there is
 * no such header. One word, so that a function of its own can return it.
 */
#define FF_TCP_SHIFT 16
#define FF_IP_SHIFT 10
#define FF_CLASS_MASK 0x3ff
#define FF_IP_MASK 0x3f	   /* the IP header lies at 14, 18 or 22 */
#define FF_TCP_MASK 0x7fff /* and TCP 22 + 40 + FF_EXTHDR_MAX * 2048 from the start at the most */

/* Where SIZE bytes at OFFSET are, or NULL if the frame ends before. */
static __always_inline const void *ff_at(const struct ff_frame *frame, __u32 offset, __u32 size)
{
	const char *at = ff_data(frame) + offset;

	return at + size > ff_data_end(frame) ? NULL : at;
}

/*
 * The flags of the TCP header at TCP, if the frame and the datagram, which has LEFT bytes from there, reach that far;
 * otherwise what a cut at this place means.
 */
static __always_inline __u32 ff_class_tcp(const struct ff_frame *frame, __u32 tcp, __u32 left, bool first_fragment)
{
	const __be16 *flags = ff_at(frame, tcp + FF_TCP_FLAGS, sizeof(*flags));
	__u32 class;

	if (ff_unlikely(!flags || left < FF_TCP_FLAGS_END)) {
		class = first_fragment ? FF_TINY_FRAGMENT : FF_TRUNCATED;
		if (left < FF_TCP_PORTS_END)
			tcp = 0; /* it has no ports that could be exempt: what stands there is padding */
	} else {
		class = bpf_ntohs(*flags) & FF_FLAGS_ALL;
	}
	return class | tcp << FF_TCP_SHIFT;
}

static __always_inline __u32 ff_class_ipv4(const struct ff_frame *frame, __u32 at)
{
	const struct iphdr *ip = ff_at(frame, at, sizeof(*ip));
	__u32 header, total;
	__be16 offset;

	if (!ip || ip->version != 4)
		return FF_MALFORMED;
	header = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (header < sizeof(*ip) || total < header || !ff_at(frame, at, header))
		return FF_MALFORMED;
	if (ip->protocol != FF_NEXTHDR_TCP)
		return FF_NON_TCP;
	offset = ip->frag_off & bpf_htons(FF_IP_OFFSET);
	if (ff_unlikely(offset))
		return offset == bpf_htons(1) ? FF_TINY_FRAGMENT : FF_FRAGMENT;
	return ff_class_tcp(frame, at + header, total - header, ip->frag_off & bpf_htons(FF_IP_MF));
}

static __always_inline bool ff_is_exthdr(__u8 nexthdr)
{
	return nexthdr == FF_NEXTHDR_HOP || nexthdr == FF_NEXTHDR_DEST || nexthdr == FF_NEXTHDR_ROUTING ||
	       nexthdr == FF_NEXTHDR_FRAGMENT || nexthdr == FF_NEXTHDR_AUTH;
}

/*
 * The class of a non-first fragment, OFFSET bytes into its datagram. NEXTHDR is the first header of the whole: behind
 * an extension header there may be TCP or not.
 */
static __always_inline __u32 ff_class_ipv6_fragment(__u8 nexthdr, __u32 offset)
{
	if (nexthdr == FF_NEXTHDR_TCP)
		return offset == 8 ? FF_TINY_FRAGMENT : FF_FRAGMENT;
	return ff_is_exthdr(nexthdr) ? FF_FRAGMENT : FF_NON_TCP;
}

/* Walks the extension headers: one of type NEXTHDR at AT, with LEFT bytes of the datagram from there. */
FF_OUT_OF_LINE __u32 ff_class_exthdr(struct ff_frame *frame, __u32 at, __u8 nexthdr, __u32 left)
{
	bool first_fragment = false;
	__u32 i;

	at &= FF_TCP_MASK;
	for (i = 0; i < FF_EXTHDR_MAX; i++) {
		const struct frag_hdr *header = ff_at(frame, at, sizeof(*header)); /* none is shorter */
		__u32 size;

		if (!header || left < sizeof(*header))
			return FF_MALFORMED;
		if (nexthdr == FF_NEXTHDR_FRAGMENT) {
			__u32 frag_off = bpf_ntohs(header->frag_off);

			if (frag_off & FF_IP6_OFFSET)
				return ff_class_ipv6_fragment(header->nexthdr, frag_off & FF_IP6_OFFSET);
			if (frag_off & FF_IP6_MF)
				first_fragment = true;
			size = sizeof(*header);
		} else {
			__u32 length = ((const struct ipv6_opt_hdr *)header)->hdrlen;

			size = nexthdr == FF_NEXTHDR_AUTH ? (length + 2) * 4 : (length + 1) * 8;
		}
		if (left < size || !ff_at(frame, at, size))
			return FF_MALFORMED;
		nexthdr = header->nexthdr;
		at += size;
		left -= size;
		if (nexthdr == FF_NEXTHDR_TCP)
			return ff_class_tcp(frame, at, left, first_fragment);
		if (!ff_is_exthdr(nexthdr))
			return FF_NON_TCP;
	}
	return FF_IPV6_EXTHDR;
}

static __always_inline __u32 ff_class_ipv6(struct ff_frame *frame, __u32 at)
{
	const struct ipv6hdr *ip = ff_at(frame, at, sizeof(*ip));
	__u32 left;

	if (!ip || ip->version != 6)
		return FF_MALFORMED;
	left = bpf_ntohs(ip->payload_len);
	at += sizeof(*ip);
	if (ip->nexthdr == FF_NEXTHDR_TCP)
		return ff_class_tcp(frame, at, left, false);
	if (ff_is_exthdr(ip->nexthdr))
		return ff_class_exthdr(frame, at, ip->nexthdr, left);
	return FF_NON_TCP;
}

/* The class of FRAME, in FF_CLASS_MASK, and where its headers are. */
static __always_inline __u32 ff_parse(struct ff_frame *frame)
{
	const struct ethhdr *eth = ff_at(frame, 0, sizeof(*eth));
	__u32 at = sizeof(*eth), tags;
	__be16 proto;

	if (!eth)
		return FF_RUNT;
	proto = eth->h_proto;
	for (tags = 0; proto == bpf_htons(FF_ETH_P_8021Q) || proto == bpf_htons(FF_ETH_P_8021AD); tags++) {
		const struct vlan_hdr *vlan = ff_at(frame, at, sizeof(*vlan));

		if (tags == FF_VLAN_MAX)
			return FF_VLAN_DEPTH;
		if (!vlan)
			return FF_RUNT;
		proto = vlan->h_vlan_encapsulated_proto;
		at += sizeof(*vlan);
	}
	if (proto == bpf_htons(FF_ETH_P_IP))
		return ff_class_ipv4(frame, at) | at << FF_IP_SHIFT;
	if (proto == bpf_htons(FF_ETH_P_IPV6))
		return ff_class_ipv6(frame, at) | at << FF_IP_SHIFT;
	return FF_NON_IP;
}

#endif
