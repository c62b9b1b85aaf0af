/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types this project uses, and no others, in the shape that
 *
 *	bpftool btf dump file /sys/kernel/btf/vmlinux format c
 *
 * gives them. A whole dump has 130,000 lines, changes with every kernel, cannot be included beside libc, and carries
 * preserve_access_index, which would let the loader relocate fields of wire formats that never change. This one builds on
 * any host, loads on kernels without BTF, and serves the parser natively too.
 *
 * `make check-vmlinux` compares every struct here with the running kernel's BTF.
 */
#ifndef VMLINUX_H
#define VMLINUX_H

#ifdef __bpf__
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false = 0, true = 1 };

enum bpf_map_type {
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LPM_TRIE = 11,
};

enum {
	BPF_F_NO_PREALLOC = 1,
};

enum {
	BPF_F_CURRENT_CPU = 4294967295ULL,
};

enum xdp_action {
	XDP_ABORTED = 0,
	XDP_DROP = 1,
	XDP_PASS = 2,
	XDP_TX = 3,
	XDP_REDIRECT = 4,
};

struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
	__u32 rx_queue_index;
	__u32 egress_ifindex;
};
#else
#include <linux/types.h>
#include <stdbool.h>
#endif

struct ethhdr {
	unsigned char h_dest[6];
	unsigned char h_source[6];
	__be16 h_proto;
};

struct vlan_hdr {
	__be16 h_vlan_TCI;
	__be16 h_vlan_encapsulated_proto;
};

struct iphdr {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u8 ihl : 4;
	__u8 version : 4;
#else
	__u8 version : 4;
	__u8 ihl : 4;
#endif
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__sum16 check;
	__be32 saddr;
	__be32 daddr;
};

struct ipv6hdr {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u8 priority : 4;
	__u8 version : 4;
#else
	__u8 version : 4;
	__u8 priority : 4;
#endif
	__u8 flow_lbl[3];
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	__be32 saddr[4];
	__be32 daddr[4];
};

struct ipv6_opt_hdr {
	__u8 nexthdr;
	__u8 hdrlen;
};

struct frag_hdr {
	__u8 nexthdr;
	__u8 reserved;
	__be16 frag_off;
	__be32 identification;
};

_Static_assert(sizeof(struct ethhdr) == 14, "IEEE 802.3");
_Static_assert(sizeof(struct vlan_hdr) == 4, "IEEE 802.1Q");
_Static_assert(sizeof(struct iphdr) == 20, "RFC 791");
_Static_assert(sizeof(struct ipv6hdr) == 40, "RFC 8200");
_Static_assert(sizeof(struct ipv6_opt_hdr) == 2, "RFC 8200, section 4");
_Static_assert(sizeof(struct frag_hdr) == 8, "RFC 8200, section 4.5");

#endif
