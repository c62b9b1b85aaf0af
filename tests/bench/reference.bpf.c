/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What flagfilter is measured against: floors that no filter can be below, and references: the same work done by a
 * program that does nothing else. Each is written as one would write it for production, with every check it needs.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define TCP_FLAGS 13 /* offset of the byte of flags */
#define FIN 0x01
#define SYN 0x02
#define IP_OFFSET 0x1fff
#define VLAN_MAX 2

struct vlan {
	__be16 tci;
	__be16 proto;
};

struct count {
	__u64 packets;
	__u64 bytes;
};

/* Counts, by verdict: passed, dropped. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct count);
} counts SEC(".maps");

/* For the program that counts rules apart from frames. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct count);
} rule_counts SEC(".maps");

/* Whether a byte of flags is dropped, as a global and as a map. The loader fills them. */
__u8 verdicts[256] SEC(".data.verdicts");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u8);
} verdict_map SEC(".maps");

/* The flags of the TCP header behind the IPv4 header AT, or -1 if there are none to be judged. */
static __always_inline int flags_ipv4(const void *at, const void *end)
{
	const struct iphdr *ip = at;
	const __u8 *flags;

	if ((const void *)(ip + 1) > end || ip->protocol != IPPROTO_TCP)
		return -1;
	if (ip->ihl < 5 || ip->frag_off & bpf_htons(IP_OFFSET))
		return -1;
	flags = at + ip->ihl * 4 + TCP_FLAGS;
	return (const void *)(flags + 1) > end ? -1 : *flags;
}

static __always_inline int flags_ipv6(const void *at, const void *end)
{
	const struct ipv6hdr *ip = at;
	const __u8 *flags = (const void *)(ip + 1) + TCP_FLAGS;

	return (const void *)(flags + 1) > end || ip->nexthdr != IPPROTO_TCP ? -1 : *flags;
}

static __always_inline int flags_untagged_ipv4(const void *data, const void *end)
{
	const struct ethhdr *eth = data;

	if ((const void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return -1;
	return flags_ipv4(eth + 1, end);
}

static __always_inline int flags_any(const void *data, const void *end)
{
	const struct ethhdr *eth = data;
	const void *at = eth + 1;
	__be16 proto;

	if (at > end)
		return -1;
	proto = eth->h_proto;
	for (int tags = 0; tags < VLAN_MAX; tags++) {
		const struct vlan *vlan = at;

		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		if ((const void *)(vlan + 1) > end)
			return -1;
		proto = vlan->proto;
		at = vlan + 1;
	}
	if (proto == bpf_htons(ETH_P_IP))
		return flags_ipv4(at, end);
	if (proto == bpf_htons(ETH_P_IPV6))
		return flags_ipv6(at, end);
	return -1;
}

static __always_inline const void *data_of(const struct xdp_md *frame)
{
	return (const void *)(long)frame->data;
}

static __always_inline const void *end_of(const struct xdp_md *frame)
{
	return (const void *)(long)frame->data_end;
}

static __always_inline bool is_syn_fin(int flags)
{
	return flags >= 0 && (flags & (SYN | FIN)) == (SYN | FIN);
}

static __always_inline void add(void *map, __u32 key, const struct xdp_md *frame)
{
	struct count *count = bpf_map_lookup_elem(map, &key);

	if (!count)
		return;
	count->packets++;
	count->bytes += end_of(frame) - data_of(frame);
}

/* Floors. */

SEC("xdp") int only_return(struct xdp_md *frame)
{
	(void)frame;
	return XDP_PASS;
}

SEC("xdp") int drop_all(struct xdp_md *frame)
{
	(void)frame;
	return XDP_DROP;
}

SEC("xdp") int parse_compare(struct xdp_md *frame)
{
	return is_syn_fin(flags_untagged_ipv4(data_of(frame), end_of(frame))) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int parse_count(struct xdp_md *frame)
{
	bool drop = is_syn_fin(flags_untagged_ipv4(data_of(frame), end_of(frame)));

	add(&counts, drop, frame);
	return drop ? XDP_DROP : XDP_PASS;
}

/* References: IPv4, IPv6, VLAN tags, and any set of flags. */

SEC("xdp") int table(struct xdp_md *frame)
{
	int flags = flags_any(data_of(frame), end_of(frame));
	bool drop = flags >= 0 && verdicts[flags & 0xff];

	add(&counts, drop, frame);
	return drop ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int table_map(struct xdp_md *frame)
{
	int flags = flags_any(data_of(frame), end_of(frame));
	__u32 key = flags;
	const __u8 *verdict = flags >= 0 ? bpf_map_lookup_elem(&verdict_map, &key) : NULL;
	bool drop = verdict && *verdict;

	add(&counts, drop, frame);
	return drop ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int table_map_two_counts(struct xdp_md *frame)
{
	int flags = flags_any(data_of(frame), end_of(frame));
	__u32 key = flags;
	const __u8 *verdict = flags >= 0 ? bpf_map_lookup_elem(&verdict_map, &key) : NULL;
	bool drop = verdict && *verdict;

	add(&counts, drop, frame);
	if (verdict)
		add(&rule_counts, *verdict, frame);
	return drop ? XDP_DROP : XDP_PASS;
}

/* The same comparison one layer up. */
SEC("tc") int tc_parse_compare(struct __sk_buff *skb)
{
	return is_syn_fin(flags_untagged_ipv4((void *)(long)skb->data, (void *)(long)skb->data_end)) ? TC_ACT_SHOT
												     : TC_ACT_OK;
}

/*
 * The generator: run on live frames, it sends each out of the interface it pretends to come from; with an interval, no
 * more than one in that time. A generator that was kept from running does not make up for it.
 */
struct {
	__u64 interval_ns; /* 0: as fast as it goes */
	__u64 next_ns;	   /* CLOCK_MONOTONIC */
} pace SEC(".data.pace");

#define PACE_LAG_NS 100000

SEC("xdp") int send_back(struct xdp_md *frame)
{
	__u64 interval = pace.interval_ns, now;

	(void)frame;
	if (!interval)
		return XDP_TX;
	now = bpf_ktime_get_ns();
	if (now < pace.next_ns)
		return XDP_DROP;
	pace.next_ns = (now - pace.next_ns > PACE_LAG_NS ? now : pace.next_ns) + interval;
	return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
