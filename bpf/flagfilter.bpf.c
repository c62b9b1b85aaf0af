/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "vmlinux.h"

#include "judge.h"

/* The policy, in a global that is a map of its own: read without a lookup. The loader pins it and maps it. */
struct ff_state ff_state SEC(".data.state");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ff_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * FF_SOURCES_MAX);
	__type(key, struct ff_source_key);
	__type(value, __u8);
} sources SEC(".maps");

#include "sample.h"

struct ff_judgement ff_last;

static __always_inline const struct ff_state *ff_state_of(const struct ff_frame *frame)
{
	(void)frame;
	return &ff_state;
}

static __always_inline struct ff_counters *ff_counters_of(struct ff_frame *frame)
{
	__u32 zero = 0;

	(void)frame;
	return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline bool ff_source_matches(const struct ff_frame *frame, const struct ff_source_key *key)
{
	(void)frame;
	return bpf_map_lookup_elem(&sources, key);
}

SEC("xdp")
int flagfilter(struct xdp_md *frame)
{
	return ff_judge(frame, NULL);
}

/* The same, for the replay's kernel engine: attached to nothing, it leaves each judgement in ff_last. */
SEC("xdp")
int flagfilter_trace(struct xdp_md *frame)
{
	return ff_judge(frame, &ff_last);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
