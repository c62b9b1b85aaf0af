/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Classify, look up, count: what becomes of one frame. Like the parser it runs in the kernel and natively; the includer
 * says where the policies are and how an exempt source is found.
 */
#ifndef FLAGFILTER_JUDGE_H
#define FLAGFILTER_JUDGE_H

#include "parse.h"

static __always_inline const struct ff_state *ff_state_of(const struct ff_frame *frame);

/* Whether an exempt source of KEY's slot and family covers KEY's address. */
static __always_inline bool ff_source_matches(const struct ff_frame *frame, const struct ff_source_key *key);

static __always_inline void ff_count(struct ff_count *count, __u64 bytes)
{
	count->packets++;
	count->bytes += bytes;
}

static __always_inline bool ff_port_exempt(const struct ff_policy *policy, const struct ff_frame *frame, __u32 tcp)
{
	const __be16 *port = ff_at(frame, tcp, 2 * sizeof(*port)); /* source, destination */
	__u32 dest;

	if (!tcp || !port)
		return false;
	dest = bpf_ntohs(port[1]);
	return policy->port[dest / 32] & 1u << dest % 32;
}

static __always_inline bool ff_source_exempt(__u32 slot, const struct ff_frame *frame, __u32 at)
{
	const struct ipv6hdr *ip6 = ff_at(frame, at, sizeof(*ip6));
	const struct iphdr *ip = ff_at(frame, at, sizeof(*ip));
	struct ff_source_key key = {.slot = slot};

	if (!at || !ip)
		return false;
	key.family = ip->version;
	if (ip->version == 4) {
		key.prefix_len = FF_SOURCE_PREFIX + 32;
		__builtin_memcpy(key.address, &ip->saddr, sizeof(ip->saddr));
	} else {
		if (!ip6)
			return false;
		key.prefix_len = FF_SOURCE_PREFIX + 128;
		__builtin_memcpy(key.address, ip6->saddr, sizeof(ip6->saddr));
	}
	return ff_source_matches(frame, &key);
}

/* Whether the policy in SLOT exempts the frame of which ff_parse() said PARSED. */
FF_OUT_OF_LINE __u32 ff_exempt(struct ff_frame *frame, __u32 slot, __u32 parsed)
{
	slot &= 1;
	return ff_port_exempt(&ff_state_of(frame)->slot[slot], frame, parsed >> FF_TCP_SHIFT & FF_TCP_MASK) ||
	       ((parsed & FF_CLASS_MASK) != FF_MALFORMED &&
		ff_source_exempt(slot, frame, parsed >> FF_IP_SHIFT & FF_IP_MASK));
}

/*
 * Judges FRAME, BYTES long, by the live policy, and counts it. The common frame, which no rule has a say about, is
 * through at the first test.
 */
static __always_inline struct ff_judgement ff_judge(struct ff_frame *frame, __u64 bytes, struct ff_counters *counters)
{
	__u32 slot = *(const volatile __u32 *)&ff_state_of(frame)->generation & 1;
	__u32 parsed = ff_parse(frame), class = parsed & FF_CLASS_MASK;
	__u16 verdict = ff_state_of(frame)->slot[slot].verdict[class];
	struct ff_rule_count *rule = &counters->rule[FF_COUNTER(verdict) % FF_COUNTERS];
	struct ff_judgement judgement = {.class = class, .verdict = verdict};

	if (verdict == FF_PASS) {
		ff_count(&counters->passed[class], bytes);
		return judgement;
	}
	if (FF_ACTION(verdict) == FF_DROP_UNLESS_EXEMPT)
		judgement.exempted = ff_exempt(frame, slot, parsed);
	if (FF_ACTION(verdict) >= FF_DROP && !judgement.exempted) {
		judgement.dropped = true;
		counters->dropped[class]++;
		ff_count(&rule->dropped, bytes);
		return judgement;
	}
	if (verdict & FF_SILENT << 8)
		return judgement;
	if (judgement.exempted)
		ff_count(&rule->exempted, bytes);
	else if (FF_ACTION(verdict) == FF_MONITOR)
		ff_count(&rule->would_drop, bytes);
	ff_count(&counters->passed[class], bytes);
	return judgement;
}

#endif
