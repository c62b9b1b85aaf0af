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

/* Told the class and the verdict of every frame, for those who want to know. */
static __always_inline void ff_note(struct ff_frame *frame, __u16 class, __u16 verdict);

/* How long the whole frame is. */
static __always_inline __u64 ff_bytes_of(struct ff_frame *frame);

/* Whether an exempt source of KEY's slot and family covers KEY's address. */
static __always_inline bool ff_source_matches(const struct ff_frame *frame, const struct ff_source_key *key);

static __always_inline void ff_count(struct ff_count *count, struct ff_frame *frame)
{
	count->packets++;
	count->bytes += ff_bytes_of(frame);
}

static __always_inline bool ff_port_exempt(const struct ff_policy *policy, const struct ff_frame *frame, __u32 tcp)
{
	const __be16 *port = (const void *)(ff_data(frame) + tcp); /* source, destination */
	__u32 dest;

	if (!tcp || !ff_has(frame, port, 2 * sizeof(*port)))
		return false;
	dest = bpf_ntohs(port[1]);
	return policy->port[dest / 32] & 1u << dest % 32;
}

static __always_inline bool ff_source_exempt(__u32 slot, const struct ff_frame *frame, __u32 at)
{
	const struct iphdr *ip = (const void *)(ff_data(frame) + at);
	const struct ipv6hdr *ip6 = (const void *)ip;
	struct ff_source_key key = {.slot = slot};

	if (!at || !ff_has(frame, ip, sizeof(*ip)))
		return false;
	key.family = ip->version;
	if (ip->version == 4) {
		key.prefix_len = FF_SOURCE_PREFIX + 32;
		__builtin_memcpy(key.address, &ip->saddr, sizeof(ip->saddr));
	} else {
		if (!ff_has(frame, ip6, sizeof(*ip6)))
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
	__u32 parsed = ff_parse(frame, true);

	slot &= 1;
	return ff_port_exempt(&ff_state_of(frame)->slot[slot], frame, parsed >> FF_TCP_SHIFT & FF_TCP_MASK) ||
	       ((parsed & FF_CLASS_MASK) != FF_MALFORMED &&
		ff_source_exempt(slot, frame, parsed >> FF_IP_SHIFT & FF_IP_MASK));
}

/* What the rarer verdicts ask for. Returns whether FRAME is dropped. */
FF_OUT_OF_LINE __u32 ff_judge_rare(struct ff_frame *frame, __u32 slot, __u32 class, __u32 verdict)
{
	struct ff_counters *counters = ff_counters_of(frame);
	struct ff_rule_count *rule;
	__u64 index = class;
	bool exempt = false;

	if (!counters)
		return false;
	index = ff_bound(index, FF_CLASS_MASK);
	rule = &counters->rule[FF_COUNTER(verdict) % FF_COUNTERS];
	if (FF_ACTION(verdict) == FF_DROP_UNLESS_EXEMPT)
		exempt = ff_exempt(frame, slot);
	if (FF_ACTION(verdict) >= FF_DROP && !exempt) {
		counters->dropped[index]++;
		ff_count(&rule->dropped, frame);
		return true;
	}
	if (verdict & FF_SILENT << 8)
		return false;
	if (exempt)
		ff_count(&rule->exempted, frame);
	else if (FF_ACTION(verdict) == FF_MONITOR)
		ff_count(&rule->would_drop, frame);
	ff_count(&counters->passed[index], frame);
	return false;
}

/*
 * Judges FRAME by the live policy, and counts it. Returns whether it is dropped. The common frame, which no rule has a
 * say about, is through at the first test. Without counters it passes: nothing is dropped that is not counted.
 */
static __always_inline bool ff_judge(struct ff_frame *frame)
{
	__u64 parsed = ff_parse(frame, false), class = ff_bound(parsed, FF_CLASS_MASK);
	struct ff_counters *counters = ff_counters_of(frame);
	__u32 slot;
	__u16 verdict;

	if (!counters)
		return false;
	slot = *(const volatile __u32 *)&ff_state_of(frame)->generation & 1;
	verdict = ff_state_of(frame)->slot[slot].verdict[class];
	ff_note(frame, class, verdict);
	if (verdict == FF_PASS) {
		ff_count(&counters->passed[class], frame);
		return false;
	}
	if (verdict >> 8 != FF_DROP)
		return ff_judge_rare(frame, slot, class, verdict);
	counters->dropped[class]++;
	ff_count(&counters->rule[FF_COUNTER(verdict) % FF_COUNTERS].dropped, frame);
	return true;
}

#endif
