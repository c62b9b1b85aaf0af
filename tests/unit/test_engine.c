/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The native engine: what becomes of a frame under a policy, and that everything is counted once and where it belongs.
 */
#include "packet/engine_native.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SYN_FIN 0x003

enum { IP = 14, IPV4_TCP = IP + 20, IPV6_TCP = IP + 40 };

/* A segment to port 8443 from 192.0.2.129, with padding behind it up to SIZE. */
static void make_ipv4(__u8 *frame, size_t size, unsigned int flags)
{
	static const __u8 head[] = {
		2,    0,    0,	  0,	0, 1, 2, 0, 0,	0, 0, 2, 8,    0,			   /* Ethernet */
		0x45, 0,    0,	  40,	0, 0, 0, 0, 64, 6, 0, 0, 192,  0, 2, 129, 198, 51, 100, 1, /* IPv4 */
		0x9c, 0x40, 0x20, 0xfb, 0, 0, 0, 1, 0,	0, 0, 0, 0x50, 0, 0, 0,	  0,   0,  0,	0  /* TCP */
	};

	memset(frame, 0xff, size);
	memcpy(frame, head, size < sizeof(head) ? size : sizeof(head));
	if (size > IPV4_TCP + 13)
		frame[IPV4_TCP + 13] = flags;
}

/* The same from 2001:db8::81. */
static void make_ipv6(__u8 *frame, size_t size, unsigned int flags)
{
	static const __u8 head[] = {
		2,    0,    0,	  0,	0, 1,	 2,    0,  0,	 0, 0,	  2,	0x86, 0xdd, /* Ethernet */
		0x60, 0,    0,	  0,	0, 20,	 6,    64, 0x20, 1, 0x0d, 0xb8, 0,    0,    0, 0, 0, 0, 0, 0, 0,
		0,    0,    0x81, 0x20, 1, 0x0d, 0xb8, 0,  1,	 0, 0,	  0,	0,    0,    0, 0, 0, 0, 1,   /* IPv6 */
		0x9c, 0x40, 0x20, 0xfb, 0, 0,	 0,    1,  0,	 0, 0,	  0,	0x50, 0,    0, 0, 0, 0, 0, 0 /* TCP */
	};

	memset(frame, 0xff, size);
	memcpy(frame, head, size < sizeof(head) ? size : sizeof(head));
	if (size > IPV6_TCP + 13)
		frame[IPV6_TCP + 13] = flags;
}

static void add_flags_rule(struct policy *policy, unsigned int value, unsigned int mask, enum ff_mode mode)
{
	policy->rule[policy->rules] =
		(struct ff_rule){.value = value, .mask = mask, .mode = mode, .counter = policy->rules};
	policy->rules++;
}

static void add_class_rule(struct policy *policy, enum ff_class class, enum ff_mode mode)
{
	policy->rule[policy->rules] = (struct ff_rule){.class = class, .mode = mode, .counter = policy->rules};
	policy->rules++;
}

static void exempt_port(struct policy *policy, unsigned int port)
{
	policy->port[port / 32] |= 1u << port % 32;
}

static struct ff_source_key *exempt_source(struct policy *policy, unsigned int family, const void *address,
					   unsigned int bits)
{
	struct ff_source_key *source = &policy->source[policy->sources++];

	*source = (struct ff_source_key){.prefix_len = FF_SOURCE_PREFIX + bits, .family = family};
	memcpy(source->address, address, family == 4 ? 4 : 16);
	return source;
}

static struct outcome judge_once(const struct policy *policy, const void *frame, __u32 size)
{
	_cleanup_engine_native_ struct engine_native *engine = NULL;

	assert_int_equal(engine_native_open(&engine, policy), 0);
	return engine_native_judge(engine, frame, size);
}

static void test_enforce_drops_and_counts(void **state)
{
	_cleanup_engine_native_ struct engine_native *engine = NULL;
	struct policy policy = {};
	const struct ff_counters *counters;
	struct outcome outcome;
	__u8 frame[60];

	(void)state;
	add_flags_rule(&policy, 0x006, 0x006, FF_ENFORCED);
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
	assert_int_equal(engine_native_open(&engine, &policy), 0);
	counters = engine_native_counters(engine);
	make_ipv4(frame, sizeof(frame), SYN_FIN);
	outcome = engine_native_judge(engine, frame, sizeof(frame));
	assert_int_equal(outcome.class, SYN_FIN);
	assert_int_equal(outcome.verdict, FF_VERDICT(FF_DROP, 1));
	assert_true(outcome.dropped);
	assert_false(outcome.exempted);
	assert_int_equal(counters->rule[1].dropped.packets, 1);
	assert_int_equal(counters->rule[1].dropped.bytes, sizeof(frame));
	assert_int_equal(counters->dropped[SYN_FIN], 1);
	assert_int_equal(counters->passed[SYN_FIN].packets, 0);

	make_ipv6(frame, sizeof(frame), SYN_FIN); /* does not reach that far */
	outcome = engine_native_judge(engine, frame, sizeof(frame));
	assert_int_equal(outcome.class, FF_TRUNCATED);
	assert_false(outcome.dropped);
	assert_int_equal(counters->passed[FF_TRUNCATED].packets, 1);
	assert_int_equal(counters->passed[FF_TRUNCATED].bytes, sizeof(frame));
	assert_int_equal(counters->rule[0].dropped.packets, 0);
}

static void test_monitor_passes_and_counts(void **state)
{
	_cleanup_engine_native_ struct engine_native *engine = NULL;
	struct policy policy = {};
	const struct ff_counters *counters;
	struct outcome outcome;
	__u8 frame[60];

	(void)state;
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_MONITORED);
	exempt_port(&policy, 8443); /* nobody asks: nothing is about to be dropped */
	assert_int_equal(engine_native_open(&engine, &policy), 0);
	counters = engine_native_counters(engine);
	make_ipv4(frame, sizeof(frame), SYN_FIN);
	outcome = engine_native_judge(engine, frame, sizeof(frame));
	assert_int_equal(outcome.verdict, FF_VERDICT(FF_MONITOR, 0));
	assert_false(outcome.dropped);
	assert_false(outcome.exempted);
	assert_int_equal(counters->rule[0].would_drop.packets, 1);
	assert_int_equal(counters->rule[0].would_drop.bytes, sizeof(frame));
	assert_int_equal(counters->rule[0].dropped.packets, 0);
	assert_int_equal(counters->rule[0].exempted.packets, 0);
	assert_int_equal(counters->passed[SYN_FIN].packets, 1);
}

static void test_monitor_never_shields(void **state)
{
	struct policy policy = {};
	struct outcome outcome;
	__u8 frame[60];

	(void)state;
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_MONITORED);
	add_flags_rule(&policy, 0x001, 0x011, FF_ENFORCED);
	make_ipv4(frame, sizeof(frame), SYN_FIN);
	outcome = judge_once(&policy, frame, sizeof(frame));
	assert_int_equal(outcome.verdict, FF_VERDICT(FF_DROP, 1));
	assert_true(outcome.dropped);
}

static void test_exempt_port(void **state)
{
	_cleanup_engine_native_ struct engine_native *engine = NULL;
	struct policy policy = {};
	const struct ff_counters *counters;
	__u8 ipv4[60], ipv6[74];
	__u64 exempted = 0, dropped = 0;

	(void)state;
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
	exempt_port(&policy, 0);
	exempt_port(&policy, 8443);
	exempt_port(&policy, 65535);
	assert_int_equal(engine_native_open(&engine, &policy), 0);
	counters = engine_native_counters(engine);
	make_ipv4(ipv4, sizeof(ipv4), SYN_FIN);
	make_ipv6(ipv6, sizeof(ipv6), SYN_FIN);
	for (unsigned int port = 0; port < 65536; port++) {
		bool exempt = port == 0 || port == 8443 || port == 65535;
		struct outcome outcome;

		ipv4[IPV4_TCP + 2] = ipv6[IPV6_TCP + 2] = port >> 8;
		ipv4[IPV4_TCP + 3] = ipv6[IPV6_TCP + 3] = port;
		outcome = engine_native_judge(engine, ipv4, sizeof(ipv4));
		assert_int_equal(outcome.dropped, !exempt);
		assert_int_equal(outcome.exempted, exempt);
		assert_int_equal(outcome.verdict, FF_VERDICT(FF_DROP_UNLESS_EXEMPT, 0));
		outcome = engine_native_judge(engine, ipv6, sizeof(ipv6));
		assert_int_equal(outcome.dropped, !exempt);
		exempted += exempt;
		dropped += !exempt;
	}
	assert_int_equal(counters->rule[0].exempted.packets, 2 * exempted);
	assert_int_equal(counters->rule[0].exempted.bytes, exempted * (sizeof(ipv4) + sizeof(ipv6)));
	assert_int_equal(counters->rule[0].dropped.packets, 2 * dropped);
	assert_int_equal(counters->passed[SYN_FIN].packets, 2 * exempted);
}

/* The source port exempts nothing. */
static void test_source_port_is_not_exempt(void **state)
{
	struct policy policy = {};
	__u8 frame[60];

	(void)state;
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
	exempt_port(&policy, 40000);
	make_ipv4(frame, sizeof(frame), SYN_FIN);
	assert_true(judge_once(&policy, frame, sizeof(frame)).dropped);
}

/* Only ports inside the datagram count: those of a tiny fragment may lie in the padding. */
static void test_no_exempt_port_in_padding(void **state)
{
	struct policy policy = {};
	__u8 frame[60];

	(void)state;
	add_class_rule(&policy, FF_TINY_FRAGMENT, FF_ENFORCED);
	exempt_port(&policy, 8443);
	for (unsigned int left = 0; left < 14; left++) {
		struct outcome outcome;

		make_ipv4(frame, sizeof(frame), SYN_FIN);
		frame[IP + 3] = 20 + left;
		frame[IP + 6] = 0x20; /* more fragments */
		outcome = judge_once(&policy, frame, sizeof(frame));
		assert_int_equal(outcome.class, FF_TINY_FRAGMENT);
		assert_int_equal(outcome.exempted, left >= 4);
	}
}

/* A source whose address differs in bit N is covered by a prefix of up to N bits, and by no longer one. */
static void check_prefixes(unsigned int family, const __u8 *frame, size_t size, size_t address_at, unsigned int bits)
{
	for (unsigned int prefix = 0; prefix <= bits; prefix++)
		for (unsigned int bit = 0; bit < bits; bit++) {
			struct policy policy = {};
			struct ff_source_key *source;

			add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
			exempt_source(&policy, family == 4 ? 6 : 4, frame + address_at, 0)->prefix_len += 1;
			source = exempt_source(&policy, family, frame + address_at, prefix);
			source->address[bit / 8] ^= 0x80 >> bit % 8;
			assert_int_equal(judge_once(&policy, frame, size).exempted, bit >= prefix);
		}
}

static void test_exempt_source(void **state)
{
	__u8 ipv4[60], ipv6[74];

	(void)state;
	make_ipv4(ipv4, sizeof(ipv4), SYN_FIN);
	check_prefixes(4, ipv4, sizeof(ipv4), IP + 12, 32);
	make_ipv6(ipv6, sizeof(ipv6), SYN_FIN);
	for (unsigned int i = 8; i < 24; i++)
		ipv6[IP + i] = 0x5a + i;
	check_prefixes(6, ipv6, sizeof(ipv6), IP + 8, 128);
}

/* A whole prefix of one family says nothing about the other. */
static void test_exempt_family(void **state)
{
	static const __u8 any[16];
	struct policy policy = {};
	__u8 ipv4[60], ipv6[74];

	(void)state;
	make_ipv4(ipv4, sizeof(ipv4), SYN_FIN);
	make_ipv6(ipv6, sizeof(ipv6), SYN_FIN);
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
	exempt_source(&policy, 4, any, 0);
	assert_true(judge_once(&policy, ipv4, sizeof(ipv4)).exempted);
	assert_true(judge_once(&policy, ipv6, sizeof(ipv6)).dropped);
	policy.source[0].family = 6;
	assert_true(judge_once(&policy, ipv4, sizeof(ipv4)).dropped);
	assert_true(judge_once(&policy, ipv6, sizeof(ipv6)).exempted);
}

/* The last of as many as there can be. */
static void test_many_sources(void **state)
{
	struct policy policy = {};
	__u8 frame[60];

	(void)state;
	make_ipv4(frame, sizeof(frame), SYN_FIN);
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
	for (unsigned int i = 0; i < FF_SOURCES_MAX - 1; i++) {
		const __u8 address[4] = {10, 0, i >> 8, i};

		exempt_source(&policy, 4, address, 32);
	}
	assert_true(judge_once(&policy, frame, sizeof(frame)).dropped);
	exempt_source(&policy, 4, frame + IP + 12, 32);
	assert_true(judge_once(&policy, frame, sizeof(frame)).exempted);
}

/* A frame whose IP header is nonsense has no source either, a fragment has one. */
static void test_source_of_classes(void **state)
{
	struct policy policy = {};
	__u8 frame[60];

	(void)state;
	add_class_rule(&policy, FF_MALFORMED, FF_ENFORCED);
	add_class_rule(&policy, FF_FRAGMENT, FF_ENFORCED);
	add_class_rule(&policy, FF_NON_IP, FF_ENFORCED);
	make_ipv4(frame, sizeof(frame), SYN_FIN);
	exempt_source(&policy, 4, frame + IP + 12, 24);
	frame[IP + 7] = 2;
	assert_true(judge_once(&policy, frame, sizeof(frame)).exempted);
	frame[IP] = 0x44;
	assert_true(judge_once(&policy, frame, sizeof(frame)).dropped);
	frame[12] = 0x07;
	assert_true(judge_once(&policy, frame, sizeof(frame)).dropped);
}

/* Bytes are those of the whole frame, however little of it decides, and however it is aligned. */
static void test_any_size_and_alignment(void **state)
{
	static const __u32 size[] = {60, 61, 1514, 9014, 16459, 16460, 16461, 65535, 262144};
	static __u8 frame[262144 + 4];
	struct policy policy = {};

	(void)state;
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
	for (unsigned int i = 0; i < sizeof(size) / sizeof(size[0]); i++)
		for (unsigned int shift = 0; shift < 4; shift++) {
			_cleanup_engine_native_ struct engine_native *engine = NULL;

			make_ipv4(frame + shift, size[i], SYN_FIN);
			assert_int_equal(engine_native_open(&engine, &policy), 0);
			assert_true(engine_native_judge(engine, frame + shift, size[i]).dropped);
			assert_int_equal(engine_native_counters(engine)->rule[0].dropped.bytes, size[i]);
		}
}

/*
 * A frame in two buffers, however much is in the first: the same verdict, the same exemption, and the bytes of the
 * whole. The content is so long that some first buffers are longer than what the program takes for short.
 */
static void expect_in_two_buffers(const struct policy *policy, const __u8 *frame, size_t size)
{
	struct outcome whole = judge_once(policy, frame, size);

	for (size_t shown = 0; shown < size; shown++) {
		_cleanup_engine_native_ struct engine_native *engine = NULL;
		const struct ff_counters *counters;
		struct outcome outcome;
		char *block = malloc(2 + shown);

		assert_int_equal(engine_native_open(&engine, policy), 0);
		assert_non_null(block);
		memcpy(block + 2, frame, shown);
		outcome = engine_native_judge_in_place(engine, block + 2, shown, frame, size);
		free(block);
		assert_int_equal(outcome.class, whole.class);
		assert_int_equal(outcome.dropped, whole.dropped);
		assert_int_equal(outcome.exempted, whole.exempted);
		counters = engine_native_counters(engine);
		assert_int_equal(counters->rule[0].dropped.bytes, whole.dropped ? size : 0);
		assert_int_equal(counters->passed[whole.class].bytes, whole.dropped ? 0 : size);
	}
}

static void test_in_two_buffers(void **state)
{
	__u8 ipv4[1200], ipv6[1200], arp[60] = {[12] = 8, 6};
	struct policy policy = {};

	(void)state;
	make_ipv4(ipv4, sizeof(ipv4), SYN_FIN);
	ipv4[IP + 2] = (sizeof(ipv4) - IP) >> 8;
	ipv4[IP + 3] = (sizeof(ipv4) - IP) & 0xff;
	make_ipv6(ipv6, sizeof(ipv6), SYN_FIN);
	ipv6[IP + 4] = (sizeof(ipv6) - IPV6_TCP) >> 8;
	ipv6[IP + 5] = (sizeof(ipv6) - IPV6_TCP) & 0xff;
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
	for (int exempt = 0; exempt < 3; exempt++) {
		policy.sources = 0;
		if (exempt == 1) {
			exempt_source(&policy, 4, ipv4 + IP + 12, 32);
			exempt_source(&policy, 6, ipv6 + IP + 8, 128);
		}
		if (exempt == 2)
			exempt_port(&policy, 8443);
		expect_in_two_buffers(&policy, ipv4, sizeof(ipv4));
		expect_in_two_buffers(&policy, ipv6, sizeof(ipv6));
	}
	ipv4[IPV4_TCP + 13] = ipv6[IPV6_TCP + 13] = 0x010;
	expect_in_two_buffers(&policy, ipv4, sizeof(ipv4));
	expect_in_two_buffers(&policy, ipv6, sizeof(ipv6));
	ipv4[IP + 9] = ipv6[IP + 6] = 17;
	expect_in_two_buffers(&policy, ipv4, sizeof(ipv4));
	expect_in_two_buffers(&policy, ipv6, sizeof(ipv6));
	expect_in_two_buffers(&policy, arp, sizeof(arp));
}

/* The flags behind the longest headers there can be are still seen. */
static void test_longest_headers(void **state)
{
	enum { TAGS = 16, TCP = IPV6_TCP + TAGS + FF_EXTHDR_MAX * 2048, SIZE = TCP + 14 };
	static __u8 frame[SIZE];
	struct policy policy = {};
	__u8 plain[74];

	(void)state;
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
	make_ipv6(plain, sizeof(plain), SYN_FIN);
	memcpy(frame, plain, 12);
	memcpy(frame + 12, "\x88\xa8\x00\x01\x81\x00\x00\x02\x81\x00\x00\x03\x88\xa8\x00\x04", TAGS);
	memcpy(frame + 12 + TAGS, plain + 12, 42);
	frame[IP + TAGS + 4] = (SIZE - IPV6_TCP - TAGS) >> 8;
	frame[IP + TAGS + 5] = (SIZE - IPV6_TCP - TAGS) & 0xff;
	frame[IP + TAGS + 6] = 60;
	for (unsigned int i = 0; i < FF_EXTHDR_MAX; i++) {
		frame[IPV6_TCP + TAGS + i * 2048] = i == FF_EXTHDR_MAX - 1 ? 6 : 60;
		frame[IPV6_TCP + TAGS + i * 2048 + 1] = 255;
	}
	frame[TCP + 13] = SYN_FIN;
	assert_true(judge_once(&policy, frame, SIZE).dropped);
	assert_int_equal(judge_once(&policy, frame, SIZE - 1).class, FF_TRUNCATED);
}

/* Whatever comes: every frame is counted once, as passed or dropped, and every drop under its class and its rule. */
static void test_invariants(void **state)
{
	_cleanup_engine_native_ struct engine_native *engine = NULL;
	struct ff_count passed = {}, by_rule = {};
	struct policy policy = {};
	const struct ff_counters *counters;
	__u64 frames = 0, bytes = 0, drops = 0, by_class = 0, monitored = 0, exempted = 0;

	(void)state;
	srand(2);
	add_flags_rule(&policy, SYN_FIN, SYN_FIN, FF_ENFORCED);
	add_flags_rule(&policy, 0x001, 0x011, FF_MONITORED);
	add_flags_rule(&policy, 0x000, 0x010, FF_ENFORCED);
	add_class_rule(&policy, FF_TRUNCATED, FF_MONITORED);
	add_class_rule(&policy, FF_MALFORMED, FF_ENFORCED);
	add_class_rule(&policy, FF_RUNT, FF_ENFORCED);
	exempt_port(&policy, 8443);
	assert_int_equal(engine_native_open(&engine, &policy), 0);
	for (; frames < 100000; frames++) {
		struct outcome outcome;
		__u32 size = rand() % 90;
		__u8 frame[90];

		(rand() % 2 ? make_ipv4 : make_ipv6)(frame, sizeof(frame), rand() % 256);
		frame[rand() % sizeof(frame)] = rand();
		outcome = engine_native_judge(engine, frame, size);
		drops += outcome.dropped;
		exempted += outcome.exempted;
		monitored += FF_ACTION(outcome.verdict) == FF_MONITOR;
		bytes += size;
	}
	counters = engine_native_counters(engine);
	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		passed.packets += counters->passed[class].packets;
		passed.bytes += counters->passed[class].bytes;
		by_class += counters->dropped[class];
	}
	for (unsigned int i = 0; i < FF_COUNTERS; i++) {
		by_rule.packets += counters->rule[i].dropped.packets;
		by_rule.bytes += counters->rule[i].dropped.bytes;
		monitored -= counters->rule[i].would_drop.packets;
		exempted -= counters->rule[i].exempted.packets;
	}
	assert_true(drops > 1000);
	assert_int_equal(passed.packets + by_rule.packets, frames);
	assert_int_equal(passed.bytes + by_rule.bytes, bytes);
	assert_int_equal(by_rule.packets, drops);
	assert_int_equal(by_class, drops);
	assert_int_equal(monitored, 0);
	assert_int_equal(exempted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enforce_drops_and_counts),
		cmocka_unit_test(test_monitor_passes_and_counts),
		cmocka_unit_test(test_monitor_never_shields),
		cmocka_unit_test(test_exempt_port),
		cmocka_unit_test(test_source_port_is_not_exempt),
		cmocka_unit_test(test_no_exempt_port_in_padding),
		cmocka_unit_test(test_exempt_source),
		cmocka_unit_test(test_exempt_family),
		cmocka_unit_test(test_many_sources),
		cmocka_unit_test(test_source_of_classes),
		cmocka_unit_test(test_any_size_and_alignment),
		cmocka_unit_test(test_in_two_buffers),
		cmocka_unit_test(test_longest_headers),
		cmocka_unit_test(test_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
