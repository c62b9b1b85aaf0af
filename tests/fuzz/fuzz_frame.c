/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The input as a frame. Its class is what a second, naive reading of docs/contract.md says; the shortcut agrees or has
 * no opinion; what stands behind the datagram changes nothing; it is counted once. With FUZZ_ENGINE=kernel (root) the
 * program in the running kernel must also judge it alike.
 */
#include "fuzz.h"
#include "kernel/program.h"
#include "packet/engine_native.h"
#include "parse.h"
#include "policy/file.h"

#define POLICIES 2
#define FILLER 64 /* bytes put behind a datagram */

static const char mixed_policy[] = "version: 1\n"
				   "preset: conntrack\n"
				   "rules:\n"
				   "  - {name: syn-rst, mode: monitor}\n"
				   "  - {name: rst-fin, mode: off}\n"
				   "  - {name: fragment, mode: monitor}\n"
				   "  - {name: truncated, mode: enforce}\n"
				   "  - {name: malformed, mode: enforce}\n"
				   "  - {name: vlan-depth, mode: enforce}\n"
				   "  - {name: ipv6-exthdr, mode: enforce}\n"
				   "  - {name: accurate-ecn, flags: AE/AE, mode: enforce}\n"
				   "exempt:\n"
				   "  sources: [192.0.2.128/25, '2001:db8:8000::/33']\n"
				   "  ports: [3, 8443]\n";

static struct engine_native *native[POLICIES];
static struct program_trial *trial[POLICIES]; /* NULL: without the kernel */

static void open_engines(void)
{
	bool kernel = getenv("FUZZ_ENGINE") && !strcmp(getenv("FUZZ_ENGINE"), "kernel");
	static struct policy policy[POLICIES];
	struct diag diag = {};

	REQUIRE(!policy_from_preset(&policy[0], "strict", &diag));
	REQUIRE(!policy_from_file(&policy[1], fuzz_file((const __u8 *)mixed_policy, strlen(mixed_policy)), &diag));
	for (int i = 0; i < POLICIES; i++) {
		for (unsigned int rule = 0; rule < policy[i].rules; rule++)
			policy[i].rule[rule].counter = rule;
		REQUIRE(!engine_native_open(&native[i], &policy[i]));
		if (kernel &&
		    (program_trial_open(&trial[i], &diag) || program_trial_set_policy(trial[i], &policy[i]))) {
			fprintf(stderr, "%s\n", diag.text);
			exit(1);
		}
	}
}

/*
 * Classes of docs/contract.md, told once more.
 */

struct expected {
	unsigned int class;
	size_t end; /* no byte from here on matters; 0: all might */
};

static unsigned int get16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static unsigned int expect_tcp(const __u8 *frame, size_t at, size_t end, bool first_fragment)
{
	if (end >= at + 14)
		return get16(frame + at + 12) & 0x1ff;
	return first_fragment ? FF_TINY_FRAGMENT : FF_TRUNCATED;
}

static struct expected expect_ipv4(const __u8 *frame, size_t size, size_t at)
{
	unsigned int header, total, fragment;
	size_t end;

	if (size < at + 20)
		return (struct expected){FF_MALFORMED, 0};
	header = (frame[at] & 15) * 4;
	total = get16(frame + at + 2);
	fragment = get16(frame + at + 6);
	end = !total ? 0 : at + (total < 20 ? 20 : total);
	if (!total)
		total = size - at;
	if (frame[at] >> 4 != 4 || header < 20 || total < header || size < at + header)
		return (struct expected){FF_MALFORMED, end};
	if (frame[at + 9] != 6)
		return (struct expected){FF_NON_TCP, end};
	if (fragment & 0x1fff)
		return (struct expected){(fragment & 0x1fff) == 1 ? FF_TINY_FRAGMENT : FF_FRAGMENT, end};
	return (struct expected){expect_tcp(frame, at + header, smaller(at + total, size), fragment & 0x2000), end};
}

static bool is_extension(unsigned int type)
{
	return type == 0 || type == 43 || type == 44 || type == 51 || type == 60;
}

static unsigned int expect_later_fragment(unsigned int type, unsigned int offset)
{
	if (type == 6)
		return offset == 1 ? FF_TINY_FRAGMENT : FF_FRAGMENT;
	return is_extension(type) ? FF_FRAGMENT : FF_NON_TCP;
}

/* END is the datagram's, and may lie beyond the frame. */
static unsigned int expect_chain(const __u8 *frame, size_t size, size_t at, size_t end, unsigned int type)
{
	bool first_fragment = false;

	for (int headers = 0; is_extension(type); headers++) {
		size_t length = 8;

		if (headers == 8)
			return FF_IPV6_EXTHDR;
		if (end < at + 8)
			return first_fragment ? FF_TINY_FRAGMENT : FF_MALFORMED;
		if (size < at + 8)
			return FF_MALFORMED;
		if (type == 44 && get16(frame + at + 2) >> 3)
			return expect_later_fragment(frame[at], get16(frame + at + 2) >> 3);
		if (type == 44)
			first_fragment |= frame[at + 3] & 1;
		else
			length = type == 51 ? (frame[at + 1] + 2) * 4 : (frame[at + 1] + 1) * 8;
		if (end < at + length)
			return first_fragment ? FF_TINY_FRAGMENT : FF_MALFORMED;
		if (size < at + length)
			return FF_MALFORMED;
		type = frame[at];
		at += length;
	}
	return type == 6 ? expect_tcp(frame, at, smaller(end, size), first_fragment) : FF_NON_TCP;
}

static struct expected expect_ipv6(const __u8 *frame, size_t size, size_t at)
{
	size_t end, payload;

	if (size < at + 40)
		return (struct expected){FF_MALFORMED, 0};
	payload = get16(frame + at + 4);
	end = payload ? at + 40 + payload : 0;
	if (frame[at] >> 4 != 6)
		return (struct expected){FF_MALFORMED, end};
	return (struct expected){expect_chain(frame, size, at + 40, end ? end : size, frame[at + 6]), end};
}

static struct expected expect(const __u8 *frame, size_t size)
{
	unsigned int type = 0x8100;
	size_t at = 12;

	for (int tags = 0; tags <= FF_VLAN_MAX; tags++, at += 4) {
		if (size < at + 2)
			return (struct expected){FF_RUNT, 0};
		type = get16(frame + at);
		if (type == 0x0800)
			return expect_ipv4(frame, size, at + 2);
		if (type == 0x86dd)
			return expect_ipv6(frame, size, at + 2);
		if (type != 0x8100 && type != 0x88a8)
			return (struct expected){FF_NON_IP, at + 2};
	}
	return (struct expected){FF_VLAN_DEPTH, at - 2};
}

/*
 * The properties.
 */

/*
 * Judges the frame, of which the first buffer has the SHOWN bytes, where it is: in blocks that end where it ends, so
 * that the sanitizer sees every byte too many.
 */
static struct outcome judge_shown(struct engine_native *engine, const __u8 *frame, size_t shown, size_t size)
{
	char *block = malloc(2 + shown), *whole = malloc(size);
	struct ff_frame view = {.data = block + 2, .data_end = block + 2 + shown, .whole = whole, .bytes = size};
	struct outcome outcome;
	__u32 plain;

	REQUIRE(block && (whole || !size));
	memcpy(block + 2, frame, shown);
	memcpy(whole, frame, size);
	plain = ff_class_plain(&view);
	outcome = engine_native_judge_in_place(engine, view.data, shown, whole, size);
	REQUIRE(plain == FF_UNCLEAR || plain == (ff_parse(&view, size) & FF_CLASS_MASK));
	free(block);
	free(whole);
	return outcome;
}

static struct outcome judge(struct engine_native *engine, const __u8 *frame, size_t size)
{
	return judge_shown(engine, frame, size, size);
}

static void require_same(const struct outcome *a, const struct outcome *b)
{
	REQUIRE(a->class == b->class && a->verdict == b->verdict);
	REQUIRE(a->dropped == b->dropped && a->exempted == b->exempted);
}

/* How much of it is in the first buffer does not matter either: some of the ways to cut it, others in each frame. */
static void require_same_in_pieces(struct engine_native *engine, const __u8 *frame, size_t size,
				   const struct outcome *outcome)
{
	for (size_t shown = size ? frame[size / 2] % 32 : 0; shown < size; shown = 2 * shown + 1) {
		struct outcome other = judge_shown(engine, frame, shown, size);

		require_same(outcome, &other);
	}
}

/* Nothing behind END matters: not that it is gone, nor what it is, nor how much. */
static void require_end(struct engine_native *engine, const __u8 *frame, size_t end, const struct outcome *outcome)
{
	__u8 *longer = malloc(end + FILLER);
	struct outcome other = judge(engine, frame, end);

	REQUIRE(longer);
	require_same(outcome, &other);
	memcpy(longer, frame, end);
	for (int filler = 0; filler < 3; filler++) {
		for (size_t i = 0; i < FILLER; i++)
			longer[end + i] = filler == 0 ? 0x00 : filler == 1 ? 0xff : frame[i % end];
		other = judge(engine, longer, end + FILLER);
		require_same(outcome, &other);
	}
	free(longer);
}

static void require_kernel(struct program_trial *kernel, const __u8 *frame, size_t size, const struct outcome *outcome)
{
	struct outcome other;

	if (size < sizeof(struct ethhdr)) /* the kernel runs no program on these */
		return;
	REQUIRE(!program_trial_run(kernel, frame, size, &other));
	require_same(outcome, &other);
}

/* Of an untagged frame the Ethernet header says nothing that the IP header does not, if it is right. */
static void require_same_without_ethernet(const __u8 *frame, size_t size, unsigned int class)
{
	const size_t left = size - sizeof(struct ethhdr);
	struct ff_frame view = {.no_ethernet = true};
	unsigned int parsed, plain;
	char *block;

	if (size <= sizeof(struct ethhdr) ||
	    (get16(frame + 12) << 8 | frame[14] >> 4) != (frame[14] >> 4 == 4 ? 0x080004 : 0x86dd06))
		return;
	block = malloc(left);
	REQUIRE(block);
	memcpy(block, frame + sizeof(struct ethhdr), left);
	view.data = block;
	view.data_end = block + left;
	view.whole = block;
	view.bytes = left;
	parsed = ff_parse(&view, left) & FF_CLASS_MASK;
	plain = ff_class_plain(&view);
	REQUIRE(plain == FF_UNCLEAR || plain == parsed);
	REQUIRE(parsed == class || (parsed == FF_VLAN_DEPTH && !(get16(frame + 14) & FF_VLAN_VID)));
	free(block);
}

static __u64 frames_counted(const struct ff_counters *counters, unsigned int class)
{
	return counters->passed[class].packets + counters->dropped[class];
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	struct expected expected = expect(data, size);

	if (!native[0])
		open_engines();
	require_same_without_ethernet(data, size, expected.class);
	for (int i = 0; i < POLICIES; i++) {
		const struct ff_counters *counters = engine_native_counters(native[i]);
		__u64 counted = frames_counted(counters, expected.class);
		struct outcome outcome = judge(native[i], data, size), copied;

		REQUIRE(outcome.class == expected.class);
		REQUIRE(frames_counted(counters, expected.class) == counted + 1);
		copied = engine_native_judge(native[i], data, size);
		require_same(&outcome, &copied);
		require_same_in_pieces(native[i], data, size, &outcome);
		if (expected.end && expected.end <= size)
			require_end(native[i], data, expected.end, &outcome);
		if (trial[i])
			require_kernel(trial[i], data, size, &outcome);
	}
	return 0;
}
