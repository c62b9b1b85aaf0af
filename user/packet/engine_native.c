/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "packet/engine_native.h"

#include "judge.h"
#include "policy/compile.h"

#include <errno.h>
#include <string.h>

/*
 * No byte from here on is ever looked at: Ethernet with all its tags, IPv6, as many extension headers as are followed,
 * each as long as its 8-bit length can say, and TCP as far as the flags. (IPv4 with all its options ends long before.)
 * A longer frame is therefore judged by this much of it.
 */
#define EXTHDR_SIZE_MAX ((255 + 1) * 8)
#define JUDGED_SIZE                                                                                                    \
	(sizeof(struct ethhdr) + FF_VLAN_MAX * sizeof(struct vlan_hdr) + sizeof(struct ipv6hdr) +                      \
	 FF_EXTHDR_MAX * EXTHDR_SIZE_MAX + FF_TCP_FLAGS_END)

struct engine_native {
	struct ff_state state; /* the policy is in slot 0 */
	struct ff_source_key source[FF_SOURCES_MAX];
	struct ff_counters counters;
	char net_ip_align[2] __attribute__((aligned(4))); /* so that headers in the frame are aligned */
	char frame[JUDGED_SIZE];
};

_Static_assert(offsetof(struct engine_native, frame) % 4 == 2, "as parse.h asks for");

static const struct ff_state *ff_state_of(const struct ff_frame *frame)
{
	return frame->state;
}

static struct ff_counters *ff_counters_of(struct ff_frame *frame)
{
	return frame->counters;
}

/* Nobody reads samples here. */
static void ff_sample(struct ff_frame *frame, __u32 slot, __u32 class, __u32 verdict, __u64 bytes)
{
	(void)frame, (void)slot, (void)class, (void)verdict, (void)bytes;
}

/* Whether the first BITS of A and B are the same. */
static bool same_prefix(const __u8 *a, const __u8 *b, unsigned int bits)
{
	unsigned int rest = bits % 8;

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return !rest || !((a[bits / 8] ^ b[bits / 8]) >> (8 - rest));
}

/* The kernel's trie finds the longest prefix that covers the address; that there is one is all that is asked. */
static bool ff_source_matches(const struct ff_frame *frame, const struct ff_source_key *key)
{
	unsigned int i;

	for (i = 0; i < frame->state->slot[key->slot].sources; i++) {
		const struct ff_source_key *source = &frame->source[i];

		if (source->family == key->family &&
		    same_prefix(source->address, key->address, source->prefix_len - FF_SOURCE_PREFIX))
			return true;
	}
	return false;
}

int engine_native_open(struct engine_native **engine, const struct policy *policy)
{
	struct engine_native *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	compile_policy(policy, &opened->state.slot[0]);
	opened->state.slot[0].sources = policy->sources;
	memcpy(opened->source, policy->source, policy->sources * sizeof(policy->source[0]));
	*engine = opened;
	return 0;
}

void engine_native_close(struct engine_native *engine)
{
	free(engine);
}

struct outcome engine_native_judge_in_place(struct engine_native *engine, const void *first, __u32 shown,
					    const void *whole, __u32 size)
{
	struct ff_frame view = {
		.data = first,
		.data_end = (const char *)first + shown,
		.whole = whole,
		.bytes = size,
		.state = &engine->state,
		.counters = &engine->counters,
		.source = engine->source,
	};
	struct ff_judgement judgement;
	__u32 action = ff_judge(&view, &judgement);

	return outcome_of(&judgement, action == XDP_DROP);
}

struct outcome engine_native_judge(struct engine_native *engine, const void *frame, __u32 size)
{
	size_t judged = size < JUDGED_SIZE ? size : JUDGED_SIZE;

	memcpy(engine->frame, frame, judged);
	return engine_native_judge_in_place(engine, engine->frame, judged, NULL, size);
}

struct ff_policy *engine_native_policy(struct engine_native *engine)
{
	return &engine->state.slot[0];
}

const struct ff_counters *engine_native_counters(const struct engine_native *engine)
{
	return &engine->counters;
}
