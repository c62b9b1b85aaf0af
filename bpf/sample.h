/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Samples of what is dropped, or would be, for a reader in user space.
 *
 * Only a verdict with FF_SAMPLE leads here, and only a reader sets it, so while nobody reads this costs nothing. A
 * reader that was killed cannot clear it: then its deadline passes, and the program does, class by class.
 *
 * A sample is drawn by chance, not when time is up: whatever order frames arrive in, a sample that was drawn with
 * probability 1 / weight stands for weight frames. The emptier the bucket, the smaller the probability, so the bucket
 * settles where as many samples are taken as it can pay for. The clock is looked at once a jiffy and once a sample.
 */
#ifndef FLAGFILTER_SAMPLE_H
#define FLAGFILTER_SAMPLE_H

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ff_sampling);
} sampling SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); /* of one event per CPU */
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} samples SEC(".maps");

/* Looks at the clock: how full the bucket is, and what follows. Returns the time, or 0: the reader's time is up. */
static __always_inline __u64 ff_refill(struct ff_sampling *cpu)
{
	const __u64 half = FF_SAMPLE_BUCKET_NS / 2;
	__u64 now = bpf_ktime_get_ns(), there = now - cpu->spent_ns;

	if (there > FF_SAMPLE_BUCKET_NS) {
		there = FF_SAMPLE_BUCKET_NS;
		cpu->spent_ns = now - there;
	}
	cpu->mask = 0;
	if (there < half)
		cpu->mask = (1u << (FF_SAMPLE_SHIFT_MAX - there * FF_SAMPLE_SHIFT_MAX / half)) - 1;
	cpu->random ^= now;
	return now < *(const volatile __u64 *)&ff_state.sample_until_ns ? now : 0;
}

/* Hands the frame to the reader, if the bucket can pay for it. */
static __always_inline bool ff_deliver(struct ff_frame *frame, struct ff_sampling *cpu, struct ff_sample *sample)
{
	__u64 price = *(const volatile __u64 *)&ff_state.sample_every_ns;
	__u64 captured = sample->length; /* the helper takes it from all buffers */

	if (sample->time_ns - cpu->spent_ns < price)
		return false;
	cpu->spent_ns += price;
	if (captured > FF_SAMPLE_SIZE_MAX)
		captured = FF_SAMPLE_SIZE_MAX;
	sample->captured = captured;
	return !bpf_perf_event_output(frame, &samples, BPF_F_CURRENT_CPU | captured << 32, sample, sizeof(*sample));
}

/* A frame that was drawn, or the first in its jiffy, of which it is not known yet whether it is drawn. */
FF_OUT_OF_LINE __u32 ff_take_sample(struct ff_frame *frame, __u32 slot, __u32 class, __u32 verdict, __u64 bytes)
{
	struct ff_sample sample = {.length = bytes, .class = class, .verdict = verdict, .slot = slot & 1};
	__u64 index = class, mask, jiffies = bpf_jiffies64();
	struct ff_sampling *cpu;
	__u32 zero = 0;

	cpu = bpf_map_lookup_elem(&sampling, &zero);
	if (!cpu)
		return 0;
	mask = cpu->mask;
	sample.time_ns = ff_refill(cpu);
	if (!sample.time_ns) {
		cpu->seen--;
		index = ff_bound(index, FF_CLASS_MASK);
		ff_state.slot[slot & 1].verdict[index] = verdict & ~(FF_SAMPLE << 8);
		return 0;
	}
	if (cpu->jiffies != jiffies) {
		cpu->jiffies = jiffies;
		mask = cpu->mask;
		if (cpu->random >> 33 & mask)
			return 0;
	}
	sample.weight = mask + 1;
	if (ff_deliver(frame, cpu, &sample))
		cpu->sampled++;
	else
		cpu->lost++;
	return 0;
}

/* Out of a flood few frames get beyond this: it calls nothing (which is what costs), and has its own dice. */
static __always_inline void ff_sample(struct ff_frame *frame, __u32 slot, __u32 class, __u32 verdict, __u64 bytes)
{
	struct ff_sampling *cpu;
	__u32 zero = 0;

	cpu = bpf_map_lookup_elem(&sampling, &zero);
	if (!cpu)
		return;
	cpu->seen++;
	cpu->random = cpu->random * 6364136223846793005ull + 1442695040888963407ull; /* Knuth's MMIX */
	if (cpu->jiffies != bpf_jiffies64() || !(cpu->random >> 33 & cpu->mask))
		ff_take_sample(frame, slot, class, verdict, bytes);
}

#endif
