/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet parser: from the bytes of a frame to its class.
 *
 * It compiles for BPF and natively, so that unit tests, fuzzers and the rootless replay run these very lines. It reads
 * nothing outside the frame and, within IP, nothing past the datagram: what follows the IP length is padding.
 *
 * There are two ways. The short one, ff_class_plain(), knows the frames that most are, and looks at nothing but the
 * first buffer. The long one, ff_parse(), knows all frames, and fetches what lies in further buffers.
 *
 * All positions are offsets from the start of the frame. A frame begins with its Ethernet header, or, of an interface
 * that has none, with the IP header. Natively it must start at an address that is 2 modulo 4 (the kernel's
 * NET_IP_ALIGN), or 0 modulo 4 if it has no Ethernet header, so that every header in it is aligned.
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

/* Set before loading: the kernel has multi-buffer frames (5.18), of which data and data_end show the first buffer. */
const volatile bool ff_frags = false;

/* Set before loading: the interface's frames have no Ethernet header, but begin with that of IP. */
const volatile bool ff_no_ethernet = false;
#define ff_has_ethernet(frame) ((void)(frame), !ff_no_ethernet)

/* How long the whole frame is. */
static __always_inline __u64 ff_size(struct ff_frame *frame)
{
	return ff_frags ? bpf_xdp_get_buff_len(frame) : (__u64)(ff_data_end(frame) - ff_data(frame));
}

/* Whether SIZE bytes from AT on lie in the first buffer. */
static __always_inline bool ff_shows(const struct ff_frame *frame, __u32 at, __u32 size)
{
	return ff_data(frame) + at + size <= ff_data_end(frame);
}

/* Copies SIZE bytes from AT on, whichever buffers they lie in. False if they reach beyond the frame. */
static __always_inline bool ff_fetch(struct ff_frame *frame, __u32 at, void *to, __u32 size)
{
	return ff_frags && !bpf_xdp_load_bytes(frame, at, to, size);
}

/* A function of its own, verified once and not again for every way that leads to it. */
#define FF_OUT_OF_LINE __attribute__((noinline))

/*
 * Before a loop: none is left. Where the compiler begins a loop behind its first instruction, Linux 5.10's verifier
 * refuses to fall through into it ("back-edge").
 */
#define FF_UNROLL _Pragma("clang loop unroll(full)")

/*
 * To the compiler data is a number of 32 bits, and NULL if these are zero. In the kernel it is an address, whose lower
 * half can be zero: no half of it may be asked.
 */
#define ff_whole(pointer) barrier_var(pointer)

/* A bound that the compiler may not optimise away: it knows better, but the verifier of older kernels does not. */
#define ff_bound(value, mask)                                                                                          \
	({                                                                                                             \
		barrier_var(value);                                                                                    \
		(value) & (mask);                                                                                      \
	})
#else
#include <arpa/inet.h>
#include <linux/bpf.h> /* enum xdp_action */
#include <stddef.h>
#include <string.h>

struct ff_frame {
	const void *data; /* the first buffer, or all that there is */
	const void *data_end;
	const void *whole; /* the frame in one piece, if data shows a part */
	__u64 bytes;	   /* of the whole frame */
	bool no_ethernet;  /* it begins with the IP header */
	/* For ff_judge(): */
	const struct ff_state *state;
	struct ff_counters *counters;
	const struct ff_source_key *source; /* exempt ones of the live policy */
};
#define ff_data(frame) ((const char *)(frame)->data)
#define ff_data_end(frame) ((const char *)(frame)->data_end)
#define ff_has_ethernet(frame) (!(frame)->no_ethernet)

#define FF_OUT_OF_LINE static inline
#ifndef __always_inline /* glibc has one too */
#define __always_inline inline __attribute__((always_inline))
#endif
#define bpf_htons htons
#define bpf_ntohs ntohs
#define ff_bound(value, mask) ((value) & (mask))
#define ff_whole(pointer)
#define FF_UNROLL

static __always_inline __u64 ff_size(struct ff_frame *frame)
{
	return frame->bytes;
}

static __always_inline bool ff_shows(const struct ff_frame *frame, __u32 at, __u32 size)
{
	return at + size <= ff_data_end(frame) - ff_data(frame);
}

static __always_inline bool ff_fetch(struct ff_frame *frame, __u32 at, void *to, __u32 size)
{
	if (!frame->whole || at + size > frame->bytes)
		return false;
	memcpy(to, (const char *)frame->whole + at, size);
	return true;
}
#endif

#define ff_likely(condition) __builtin_expect(!!(condition), 1)
#define ff_unlikely(condition) __builtin_expect(!!(condition), 0)

enum {
	FF_ETH_SIZE_MIN = 60, /* of a frame on a wire */
	FF_ETH_P_IP = 0x0800,
	FF_ETH_P_IPV6 = 0x86dd,
	FF_ETH_P_8021Q = 0x8100,
	FF_ETH_P_8021AD = 0x88a8,
	FF_VLAN_VID = 0x0fff, /* of the 16 bits behind 0x8100 or 0x88a8 */

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
 * What the parser says of a frame: its class, and where an exemption finds what it looks at. One word, so that a
 * function of its own can return it. The offset of TCP is 0 if there is no such header. That of the IP header is even,
 * and 0 without Ethernet header, so its lowest bit says whether there is an IP header.
 */
#define FF_TCP_SHIFT 16
#define FF_IP_SHIFT 10
#define FF_CLASS_MASK 0x3ff
#define FF_IP_MASK 0x3e /* the IP header lies at 14 + FF_VLAN_MAX * 4 at the most */
#define FF_IP_FOUND (1u << FF_IP_SHIFT)
#define FF_TCP_MASK 0x7fff /* and TCP another 40 + FF_EXTHDR_MAX * 2048 further on */

/* How much of the frame lies in the first buffer. */
static __always_inline __u64 ff_shown(const struct ff_frame *frame)
{
	return ff_data_end(frame) - ff_data(frame);
}

/* No class: it takes a closer look. */
#define FF_UNCLEAR FF_CLASS_MASK

/*
 * The SIZE bytes from AT on: where they are, or a COPY of them if they reach beyond the first buffer. NULL if they
 * reach beyond the frame.
 */
static __always_inline const void *ff_at(struct ff_frame *frame, __u32 at, void *copy, __u32 size)
{
	const void *where;

	at = ff_bound(at, FF_TCP_MASK); /* as it is: the verifier wants to hear it */
	if (ff_likely(ff_shows(frame, at, size))) {
		where = ff_data(frame) + at;
		ff_whole(where);
		return where;
	}
	return ff_fetch(frame, at, copy, size) ? copy : NULL;
}

/* The flags, from the 16 bits that end in them. */
static __always_inline __u32 ff_tcp_flags(const void *at)
{
	__u32 flags = bpf_ntohs(*(const __be16 *)at);

	return ff_bound(flags, FF_FLAGS_ALL);
}

/*
 * The class of the segment at AT, and where that is for those who look at its ports: nowhere, if the LEFT bytes of the
 * datagram are too few for them.
 */
static __always_inline __u32 ff_class_tcp(struct ff_frame *frame, __u32 at, __u32 left, bool first_fragment)
{
	__u32 class = first_fragment ? FF_TINY_FRAGMENT : FF_TRUNCATED;
	const __be16 *flags = NULL;
	__be16 copy;

	if (left >= FF_TCP_FLAGS_END)
		flags = ff_at(frame, at + FF_TCP_FLAGS, &copy, sizeof(copy));
	if (flags)
		class = ff_tcp_flags(flags);
	return left < FF_TCP_PORTS_END ? class : class | at << FF_TCP_SHIFT;
}

/*
 * How many bytes an IP header of this LENGTH speaks for, of the REST that the frame has: with 0, as segmentation
 * offload (GSO, BIG TCP) has it and Linux accepts it from IPv6 with a hop-by-hop header, all of them.
 */
static __always_inline __u32 ff_length(__be16 length, __u32 rest)
{
	return length ? bpf_ntohs(length) : rest;
}

/* The frame ends at END. */
static __always_inline __u32 ff_class_ipv4(struct ff_frame *frame, __u32 at, __u32 end)
{
	const struct iphdr *ip;
	struct iphdr copy;
	__u32 header, total;

	ip = ff_at(frame, at, &copy, sizeof(copy));
	if (!ip || ip->version != 4)
		return FF_MALFORMED;
	header = ip->ihl * 4;
	total = ff_length(ip->tot_len, end - at);
	if (header < sizeof(*ip) || total < header || at + header > end)
		return FF_MALFORMED;
	if (ip->protocol != FF_NEXTHDR_TCP)
		return FF_NON_TCP;
	if (ip->frag_off & bpf_htons(FF_IP_OFFSET))
		return (ip->frag_off & bpf_htons(FF_IP_OFFSET)) == bpf_htons(1) ? FF_TINY_FRAGMENT : FF_FRAGMENT;
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

/*
 * The class of a datagram that ends inside its chain of extension headers, or at the end of one that announces another.
 * In a first fragment that is no mistake: the rest of the chain, and TCP, may follow in the next (RFC 7112 forbids it).
 */
static __always_inline __u32 ff_class_cut_chain(bool first_fragment)
{
	return first_fragment ? FF_TINY_FRAGMENT : FF_MALFORMED;
}

/*
 * Walks the extension headers: one of type NEXTHDR at AT, with LEFT bytes of the datagram from there. The frame ends at
 * END.
 */
FF_OUT_OF_LINE __u32 ff_class_exthdr(struct ff_frame *frame, __u32 at, __u8 nexthdr, __u32 left, __u32 end)
{
	bool first_fragment = false;
	__u32 i;

	for (i = 0; i < FF_EXTHDR_MAX; i++) {
		const struct frag_hdr *header;
		struct frag_hdr copy; /* no header is shorter */
		__u32 size;

		if (left < sizeof(copy))
			return ff_class_cut_chain(first_fragment);
		header = ff_at(frame, at, &copy, sizeof(copy));
		if (!header)
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
		if (left < size)
			return ff_class_cut_chain(first_fragment);
		nexthdr = header->nexthdr;
		at += size;
		left -= size;
		if (at > end)
			return FF_MALFORMED;
		if (nexthdr == FF_NEXTHDR_TCP)
			return ff_class_tcp(frame, at, left, first_fragment);
		if (!ff_is_exthdr(nexthdr))
			return FF_NON_TCP;
	}
	return FF_IPV6_EXTHDR;
}

/* The frame ends at END. */
static __always_inline __u32 ff_class_ipv6(struct ff_frame *frame, __u32 at, __u32 end)
{
	const struct ipv6hdr *ip;
	struct ipv6hdr copy;
	__u32 left;

	ip = ff_at(frame, at, &copy, sizeof(copy));
	if (!ip || ip->version != 6)
		return FF_MALFORMED;
	at += sizeof(*ip);
	left = ff_length(ip->payload_len, end - at);
	if (ff_is_exthdr(ip->nexthdr))
		return ff_class_exthdr(frame, at, ip->nexthdr, left, end);
	if (ip->nexthdr != FF_NEXTHDR_TCP)
		return FF_NON_TCP;
	return ff_class_tcp(frame, at, left, false);
}

static __always_inline bool ff_is_vlan(__be16 proto)
{
	return proto == bpf_htons(FF_ETH_P_8021Q) || proto == bpf_htons(FF_ETH_P_8021AD);
}

/*
 * Whether a frame without Ethernet header, of which these are the first 8 bytes, begins with a VLAN tag of no VLAN,
 * which Linux takes off here, too: GRE says what it carries by an Ethernet type, and so does the owner of a tun. Nobody
 * honest sends one. The tag's first four bits may be IP's version: as IPv4 it would have no header length; as IPv6 one
 * of four flow labels, and more payload than a frame has, or no TCP.
 */
static __always_inline bool ff_is_tag(const __be16 *tag)
{
	const __u8 version = *(const __u8 *)(tag + 2) >> 4;

	if (tag[0] & bpf_htons(FF_VLAN_VID))
		return false;
	if (tag[1] == bpf_htons(FF_ETH_P_IP))
		return version == 4;
	if (tag[1] == bpf_htons(FF_ETH_P_IPV6))
		return version == 6;
	return ff_is_vlan(tag[1]) && !(tag[2] & bpf_htons(FF_VLAN_VID)) &&
	       (ff_is_vlan(tag[3]) || tag[3] == bpf_htons(FF_ETH_P_IP) || tag[3] == bpf_htons(FF_ETH_P_IPV6));
}

/* Of a frame that begins with the IP header: its first four bits are the version. Any tag is one too many. */
static __always_inline __u32 ff_parse_without_ethernet(struct ff_frame *frame, __u32 end)
{
	const __be16 *tag;
	const __u8 *ip;
	__be16 copy[4];

	tag = ff_at(frame, 0, copy, sizeof(copy));
	if (tag && ff_is_tag(tag))
		return FF_VLAN_DEPTH;
	ip = ff_at(frame, 0, copy, sizeof(*ip));
	if (!ip)
		return FF_RUNT;
	switch (*ip >> 4) {
	case 4:
		return ff_class_ipv4(frame, 0, end) | FF_IP_FOUND;
	case 6:
		return ff_class_ipv6(frame, 0, end) | FF_IP_FOUND;
	default:
		return FF_NON_IP;
	}
}

/* The class of FRAME, which ends at END = ff_size(FRAME), in FF_CLASS_MASK, and where its headers are. */
FF_OUT_OF_LINE __u32 ff_parse(struct ff_frame *frame, __u32 end)
{
	__u32 at = __builtin_offsetof(struct ethhdr, h_proto), tags;
	const __be16 *proto;
	__be16 copy;

	if (!ff_has_ethernet(frame))
		return ff_parse_without_ethernet(frame, end);
	FF_UNROLL
	for (tags = 0;; tags++) {
		proto = ff_at(frame, at, &copy, sizeof(copy));
		if (!proto)
			return FF_RUNT;
		if (!ff_is_vlan(*proto))
			break;
		if (tags == FF_VLAN_MAX)
			return FF_VLAN_DEPTH;
		at += sizeof(struct vlan_hdr);
	}
	at += sizeof(*proto);
	if (*proto == bpf_htons(FF_ETH_P_IP))
		return ff_class_ipv4(frame, at, end) | at << FF_IP_SHIFT | FF_IP_FOUND;
	if (*proto == bpf_htons(FF_ETH_P_IPV6))
		return ff_class_ipv6(frame, at, end) | at << FF_IP_SHIFT | FF_IP_FOUND;
	return FF_NON_IP;
}

/* A datagram that goes on in the next buffer is not plain: then ff_judge() asks for the length of the whole frame. */
static __always_inline __u32 ff_class_plain_ipv4(const struct ff_frame *frame, __u32 at)
{
	const struct iphdr *ip = (const void *)(ff_data(frame) + at);
	__u64 total = bpf_ntohs(ip->tot_len), rest = ff_data_end(frame) - (const char *)ip;

	if (ip->version != 4 || ip->ihl * 4 != sizeof(*ip) || ff_unlikely(total > rest))
		return FF_UNCLEAR;
	if (ff_unlikely(ip->protocol != FF_NEXTHDR_TCP))
		return total < sizeof(*ip) ? FF_UNCLEAR : FF_NON_TCP;
	if (ff_unlikely(ip->frag_off & bpf_htons(FF_IP_OFFSET)))
		return FF_UNCLEAR;
	if (ff_unlikely(total < sizeof(*ip) + FF_TCP_FLAGS_END || !ff_shows(frame, at, sizeof(*ip) + FF_TCP_FLAGS_END)))
		return FF_UNCLEAR;
	return ff_tcp_flags((const char *)(ip + 1) + FF_TCP_FLAGS);
}

static __always_inline __u32 ff_class_plain_ipv6(const struct ff_frame *frame, __u32 at)
{
	const struct ipv6hdr *ip = (const void *)(ff_data(frame) + at);
	__u64 left, rest;

	if (!ff_shows(frame, at, sizeof(*ip)) || ip->version != 6 || ff_is_exthdr(ip->nexthdr))
		return FF_UNCLEAR;
	left = bpf_ntohs(ip->payload_len);
	rest = ff_data_end(frame) - (const char *)(ip + 1);
	if (ff_unlikely(left > rest))
		return FF_UNCLEAR;
	if (ip->nexthdr != FF_NEXTHDR_TCP)
		return FF_NON_TCP;
	if (ff_unlikely(left < FF_TCP_FLAGS_END || !ff_shows(frame, at, sizeof(*ip) + FF_TCP_FLAGS_END)))
		return FF_UNCLEAR;
	return ff_tcp_flags((const char *)(ip + 1) + FF_TCP_FLAGS);
}

static __always_inline __u32 ff_class_plain_without_ethernet(const struct ff_frame *frame)
{
	const struct iphdr *ip = (const void *)ff_data(frame);

	if (!ff_shows(frame, 0, sizeof(*ip)))
		return FF_UNCLEAR;
	if (ip->version == 4)
		return ff_class_plain_ipv4(frame, 0);
	return ff_is_tag((const void *)ip) ? FF_UNCLEAR : ff_class_plain_ipv6(frame, 0);
}

/*
 * The class of FRAME if it is one of those that most are: without IP options or extension headers, unfragmented, the
 * datagram in the first buffer. FF_UNCLEAR for any other: ff_parse() knows.
 */
static __always_inline __u32 ff_class_plain(const struct ff_frame *frame)
{
	__u32 at = sizeof(struct ethhdr);

	if (!ff_has_ethernet(frame))
		return ff_class_plain_without_ethernet(frame);
	for (int tags = 0; tags <= FF_VLAN_MAX; tags++) {
		__be16 proto;

		if (!ff_shows(frame, at, sizeof(struct iphdr)))
			return FF_UNCLEAR;
		proto = *(const __be16 *)(ff_data(frame) + at - sizeof(proto));
		if (ff_likely(proto == bpf_htons(FF_ETH_P_IP)))
			return ff_class_plain_ipv4(frame, at);
		if (proto == bpf_htons(FF_ETH_P_IPV6))
			return ff_class_plain_ipv6(frame, at);
		if (!ff_is_vlan(proto))
			return ff_shows(frame, 0, FF_ETH_SIZE_MIN) ? FF_NON_IP : FF_UNCLEAR;
		at += sizeof(struct vlan_hdr);
	}
	return FF_UNCLEAR;
}

#endif
