/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Classify, look up, count: what becomes of one frame. Like the parser it runs in the kernel and natively; the includer
 * says where the policies and the counters are, and how an exempt source is found.
 */
#ifndef FLAGFILTER_JUDGE_H
#define FLAGFILTER_JUDGE_H

#include "parse.h"

static __always_inline const struct ff_state *ff_state_of(const struct ff_frame *frame);

/* This CPU's counters, or NULL. */
static __always_inline struct ff_counters *ff_counters_of(struct ff_frame *frame);

/* Whether an exempt source of KEY's slot and family covers KEY's address. */
static __always_inline bool ff_source_matches(const struct ff_frame *frame, const struct ff_source_key *key);

/* Takes a sample, or not, of a frame that was dropped or would have been: its verdict asks for it (FF_SAMPLE). */
static __always_inline void ff_sample(struct ff_frame *frame, __u32 slot, __u32 class, __u32 verdict, __u64 bytes);

static __always_inline void ff_count(struct ff_count *count, __u64 bytes)
{
	count->packets++;
	count->bytes += bytes;
}

static __always_inline bool ff_port_exempt(const struct ff_policy *policy, struct ff_frame *frame, __u32 tcp)
{
	const __be16 *port; /* source, destination */
	__be16 copy[2];
	__u32 dest;

	if (!tcp)
		return false;
	port = ff_at(frame, tcp, copy, sizeof(copy));
	if (!port)
		return false;
	dest = bpf_ntohs(port[1]);
	return policy->port[dest / 32] & 1u << dest % 32;
}

static __always_inline bool ff_source_exempt(__u32 slot, struct ff_frame *frame, __u32 parsed)
{
	const __u32 at = parsed >> FF_IP_SHIFT & FF_IP_MASK;
	struct ff_source_key key = {.slot = slot};
	const struct ipv6hdr *ip6;
	const struct iphdr *ip;
	struct ipv6hdr copy;

	if (!(parsed & FF_IP_FOUND))
		return false;
	ip = ff_at(frame, at, &copy, sizeof(*ip));
	if (!ip)
		return false;
	key.family = ip->version;
	if (ip->version == 4) {
		key.prefix_len = FF_SOURCE_PREFIX + 32;
		__builtin_memcpy(key.address, &ip->saddr, sizeof(ip->saddr));
	} else {
		ip6 = ff_at(frame, at, &copy, sizeof(copy));
		if (!ip6)
			return false;
		key.prefix_len = FF_SOURCE_PREFIX + 128;
		__builtin_memcpy(key.address, ip6->saddr, sizeof(ip6->saddr));
	}
	return ff_source_matches(frame, &key);
}

/*
 * Whether the policy in SLOT exempts FRAME. Only a frame about to be dropped comes here, so this parses it once more
 * for its headers, and spares every other frame the remembering of where they are.
 */
FF_OUT_OF_LINE __u32 ff_exempt(struct ff_frame *frame, __u32 slot)
{
	__u32 parsed = ff_parse(frame, ff_size(frame));

	slot &= 1;
	return ff_port_exempt(&ff_state_of(frame)->slot[slot], frame, parsed >> FF_TCP_SHIFT & FF_TCP_MASK) ||
	       ((parsed & FF_CLASS_MASK) != FF_MALFORMED && ff_source_exempt(slot, frame, parsed));
}

/* What the rarer verdicts ask for. Returns XDP_DROP or XDP_PASS. */
FF_OUT_OF_LINE __u32 ff_judge_rare(struct ff_frame *frame, __u32 slot, __u32 class, __u32 verdict, __u64 bytes)
{
	struct ff_counters *counters = ff_counters_of(frame);
	struct ff_rule_count *rule;
	__u64 index = class;
	bool exempt = false;
	__u32 fate = XDP_PASS;

	if (!counters)
		return XDP_PASS;
	index = ff_bound(index, FF_CLASS_MASK);
	rule = &counters->rule[FF_COUNTER(verdict) % FF_COUNTERS];
	if (FF_ACTION(verdict) == FF_DROP_UNLESS_EXEMPT)
		exempt = ff_exempt(frame, slot);
	if (FF_ACTION(verdict) >= FF_DROP && !exempt) {
		counters->dropped[index]++;
		ff_count(&rule->dropped, bytes);
		fate = XDP_DROP;
	} else if (verdict & FF_SILENT << 8) {
		return XDP_PASS;
	} else {
		if (exempt)
			ff_count(&rule->exempted, bytes);
		else if (FF_ACTION(verdict) == FF_MONITOR)
			ff_count(&rule->would_drop, bytes);
		ff_count(&counters->passed[index], bytes);
	}
	if (verdict & FF_SAMPLE << 8 && !exempt)
		ff_sample(frame, slot, class, verdict, bytes);
	return fate;
}

/*
 * The datagram of a plain frame is in the first buffer, and further ones can have padding alone. Drivers put at least
 * this much of a frame that is not TCP into the first before they take another.
 */
#define FF_FIRST_BUFFER_MIN 1024

/*
 * Judges FRAME by the live policy, and counts it. Returns XDP_DROP or XDP_PASS. The common frame, which no rule has a
 * say about, is through at the first test. Without counters it passes: nothing is dropped that is not counted. TRACE,
 * if not NULL, is told the judgement.
 */
static __always_inline __u32 ff_judge(struct ff_frame *frame, struct ff_judgement *trace)
{
	__u64 class = ff_class_plain(frame), bytes = ff_shown(frame);
	struct ff_counters *counters;
	__u32 slot, counter;
	__u16 verdict;

	if (ff_unlikely(class == FF_UNCLEAR)) {
		bytes = ff_size(frame);
		class = ff_parse(frame, bytes);
		class = ff_bound(class, FF_CLASS_MASK);
	} else if (ff_unlikely(bytes >= FF_FIRST_BUFFER_MIN)) {
		bytes = ff_size(frame);
	}
	counters = ff_counters_of(frame);
	slot = *(const volatile __u32 *)&ff_state_of(frame)->generation & 1;
	verdict = ff_state_of(frame)->slot[slot].verdict[class];
	if (trace)
		*trace = (struct ff_judgement){.class = class, .verdict = verdict};
	if (ff_unlikely(!counters))
		return XDP_PASS;
	if (verdict == FF_PASS) {
		ff_count(&counters->passed[class], bytes);
		return XDP_PASS;
	}
	counter = verdict - FF_VERDICT(FF_DROP, 0);
	if (counter >= FF_COUNTERS)
		return ff_judge_rare(frame, slot, class, verdict, bytes);
	counters->dropped[class]++;
	ff_count(&counters->rule[counter].dropped, bytes);
	return XDP_DROP;
}

#endif
