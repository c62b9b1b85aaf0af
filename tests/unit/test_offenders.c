/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The heavy hitters and their estimates, beside a naive exact count; sources and ports as they are told apart. */
#include "packet/offenders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 20000

static __u64 exact[KEYS];
static struct heavy_hitters heavy;

static struct heavy_key key_of(unsigned int number)
{
	struct heavy_key key = {.family = 4};

	memcpy(key.bytes, &number, sizeof(number));
	return key;
}

static unsigned int number_of(const struct heavy_key *key)
{
	unsigned int number;

	memcpy(&number, key->bytes, sizeof(number));
	return number;
}

static void add(unsigned int number, __u32 weight)
{
	struct heavy_key key = key_of(number);

	heavy_add(&heavy, &key, weight);
	exact[number] += weight;
}

/* What the heavy hitters promise, of every key there was. */
static void check_promises(void)
{
	bool here[KEYS] = {};
	__u64 total = 0, sum = 0;

	for (unsigned int i = 0; i < heavy.entries; i++) {
		const struct heavy_entry *entry = &heavy.entry[i];
		unsigned int number = number_of(&entry->key);

		assert_false(here[number]);
		here[number] = true;
		assert_true(entry->weight - entry->error <= exact[number] && exact[number] <= entry->weight);
		assert_true(entry->error <= heavy.total / HEAVY_ENTRIES);
		sum += entry->weight;
	}
	for (unsigned int number = 0; number < KEYS; number++) {
		total += exact[number];
		if (exact[number] > heavy.total / HEAVY_ENTRIES)
			assert_true(here[number]);
	}
	assert_int_equal(heavy.total, total);
	assert_int_equal(sum, total);
	assert_true(heavy.entries <= HEAVY_ENTRIES);
}

static int begin(void **state)
{
	(void)state;
	memset(exact, 0, sizeof(exact));
	memset(&heavy, 0, sizeof(heavy));
	srandom(1);
	return 0;
}

static void test_few_keys_are_exact(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 5000; i++)
		add(random() % HEAVY_ENTRIES, 1 + random() % 100);
	check_promises();
	assert_false(heavy.overflowed);
	for (unsigned int i = 0; i < heavy.entries; i++) {
		assert_int_equal(heavy.entry[i].weight, exact[number_of(&heavy.entry[i].key)]);
		assert_int_equal(heavy.entry[i].error, 0);
	}
}

static void test_made_up_sources_do_not_hide_the_heavy_ones(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < KEYS - 10; i++) {
		add(10 + i, 64); /* each once */
		if (i % 20 == 0)
			add(i / 20 % 10, 64);
	}
	assert_true(heavy.overflowed);
	check_promises();
	heavy_sort(&heavy);
	for (unsigned int i = 0; i < 9; i++)
		assert_true(heavy.entry[i].weight >= heavy.entry[i + 1].weight);
}

static void test_skewed_streams(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 100000; i++) {
		/* key k about as often as 1 / k */
		double u = random() / (double)RAND_MAX, k = 1;

		for (double left = u * 10; left > 0 && k < KEYS - 1; k++)
			left -= 1 / k;
		add(k - 1, 1u << random() % 6);
		if (i % 1000 == 0)
			heavy_sort(&heavy); /* `top` does, and goes on */
	}
	check_promises();
}

static void test_an_order_made_to_evict(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 20; round++)
		for (unsigned int i = 0; i < HEAVY_ENTRIES + 1; i++)
			add(i, 1);
	check_promises();
}

/*
 * Frames of two keys, one in five of the first, are sampled by chance as the program does: the bounds must hold in most
 * of many trials, and mean something.
 */
static void test_bounds_hold(void **state)
{
	unsigned int held = 0, tight = 0;

	(void)state;
	for (unsigned int trial = 0; trial < 400; trial++) {
		struct heavy_stream stream = {};
		double true_count = 0;

		memset(&heavy, 0, sizeof(heavy));
		for (unsigned int i = 0; i < 20000; i++) {
			struct heavy_key key = key_of(random() % 5 != 0);
			__u32 weight = 16u << (i / 5000);

			true_count += !number_of(&key);
			if (random() % weight)
				continue;
			heavy_add(&heavy, &key, weight);
			stream.samples++;
			stream.weight += weight;
			stream.variance += (double)weight * (weight - 1);
		}
		for (unsigned int i = 0; i < heavy.entries; i++) {
			struct estimate estimate = heavy_estimate(&heavy.entry[i], &stream, 20000);

			if (number_of(&heavy.entry[i].key))
				continue;
			held += estimate.at_least <= true_count && true_count <= estimate.at_most;
			tight += estimate.at_most - estimate.at_least < true_count;
		}
	}
	assert_in_range(held, 400 * 90 / 100, 400 * 99 / 100);
	assert_true(tight > 390);
}

static void test_without_sampling_the_estimate_is_the_count(void **state)
{
	struct heavy_stream stream = {.samples = 30, .weight = 30};
	struct estimate estimate;

	(void)state;
	for (unsigned int i = 0; i < 30; i++)
		add(i % 3 == 0, 1);
	heavy_sort(&heavy);
	estimate = heavy_estimate(&heavy.entry[0], &stream, 30);
	assert_float_equal(estimate.packets, 20, 1e-9);
	assert_float_equal(estimate.at_least, 20, 1e-9);
	assert_float_equal(estimate.at_most, 20, 1e-9);
}

static void test_one_source_in_all_samples_may_hide_another(void **state)
{
	struct heavy_stream stream = {.samples = 100, .weight = 1000, .variance = 100 * 10 * 9};
	struct estimate estimate;

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		add(1, 10);
	estimate = heavy_estimate(&heavy.entry[0], &stream, 1000);
	assert_float_equal(estimate.at_most, 1000, 1e-9);
	assert_true(estimate.at_least > 950 && estimate.at_least < 1000);
}

static void test_an_estimate_is_never_below_what_was_seen(void **state)
{
	/* The counter was read before the last samples came, which stand for more than it has. */
	struct heavy_stream stream = {.samples = 60, .weight = 210, .variance = 10 * 16 * 15};
	struct estimate estimate;

	(void)state;
	for (unsigned int i = 0; i < 50; i++)
		add(1, 1);
	for (unsigned int i = 0; i < 10; i++)
		add(2, 16);
	estimate = heavy_estimate(&heavy.entry[0], &stream, 100);
	assert_float_equal(estimate.at_least, 50, 1e-9);
	assert_true(estimate.packets >= 50 && estimate.packets <= estimate.at_most);
}

static const __u8 v4_frame[] = {
	2,    0,    0, 0,  0, 5, 2, 0, 0,  0, 0, 10, 8,	   0,			  /* Ethernet */
	0x45, 0,    0, 40, 0, 7, 0, 0, 64, 6, 0, 0,  192,  0, 2, 1, 192, 0, 2, 2, /* IPv4 */
	0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0,  0, 0, 0,  0x50, 3, 4, 0, 0,	 0, 0, 0, /* TCP: 40000 to 80, SYN and FIN */
};
static const __u8 v6_frame[] = {
	2,    0,    0,	 0,    0, 5,  2, 0,  0,	   0, 0,   10,	 0x81, 0, 0, 5, 0x86, 0xdd, /* VLAN 5 */
	0x60, 0,    0,	 0,    0, 20, 6, 64, 0x20, 1, 0xd, 0xb8, 0,    0, 0, 7, 0,    0,    0, 0,
	0,    0,    0,	 1,							/* 2001:db8:0:7::1 */
	0x20, 1,    0xd, 0xb8, 0, 0,  0, 0,  0,	   0, 0,   0,	 0,    0, 0, 2, /* 2001:db8::2 */
	0x9c, 0x40, 1,	 0xbb, 0, 0,  0, 1,  0,	   0, 0,   0,	 0x50, 3, 4, 0, 0,    0,    0, 0,
};

static void test_addresses_and_ports(void **state)
{
	char text[PACKET_SIZE], odd[sizeof(v4_frame) + 1];
	struct packet packet;

	(void)state;
	packet_parse(&packet, v4_frame, sizeof(v4_frame), false);
	assert_string_equal(packet_format(&packet, text), "192.0.2.1:40000 > 192.0.2.2:80");
	packet_parse(&packet, v6_frame, sizeof(v6_frame), false);
	assert_string_equal(packet_format(&packet, text), "[2001:db8:0:7::1]:40000 > [2001:db8::2]:443");
	memcpy(odd + 1, v4_frame, sizeof(v4_frame));
	packet_parse(&packet, odd + 1, sizeof(v4_frame), false);
	assert_int_equal(packet.dest_port, 80);
	packet_parse(&packet, v4_frame + 14, sizeof(v4_frame) - 14, true);
	assert_string_equal(packet_format(&packet, text), "192.0.2.1:40000 > 192.0.2.2:80");
	packet_parse(&packet, v6_frame + 18, sizeof(v6_frame) - 18, true);
	assert_string_equal(packet_format(&packet, text), "[2001:db8:0:7::1]:40000 > [2001:db8::2]:443");
	packet_parse(&packet, v4_frame, sizeof(v4_frame), true);
	assert_string_equal(packet_format(&packet, text), "no addresses");
}

static void test_frames_that_end_early(void **state)
{
	char text[PACKET_SIZE];
	struct packet packet;

	(void)state;
	for (size_t size = 0; size <= sizeof(v4_frame); size++) {
		__u8 *exact_size = malloc(size ? size : 1);

		memcpy(exact_size, v4_frame, size);
		packet_parse(&packet, exact_size, size, false);
		assert_int_equal(packet.family, size >= 34 ? 4 : 0);
		assert_int_equal(packet.ports, size >= 38);
		packet_format(&packet, text);
		free(exact_size);
	}
}

static void test_sources_are_v4_addresses_and_v6_64s(void **state)
{
	struct offenders *offenders = calloc(1, sizeof(*offenders));
	char text[PACKET_ADDRESS_SIZE];
	struct packet packet;

	(void)state;
	packet_parse(&packet, v6_frame, sizeof(v6_frame), false);
	offenders_add(offenders, "a", &packet, 4);
	packet.source[15] = 99; /* the same /64 */
	packet.dest_port = 22;
	offenders_add(offenders, "a", &packet, 2);
	packet_parse(&packet, v4_frame, sizeof(v4_frame), false);
	offenders_add(offenders, "b", &packet, 100);
	offenders_sort(offenders);

	assert_int_equal(offenders->rules, 2);
	assert_string_equal(offenders->rule[0].name, "b");
	assert_string_equal(offenders_source(&offenders->rule[0].source.entry[0].key, text), "192.0.2.1");
	assert_int_equal(offenders->rule[1].source.entries, 1);
	assert_string_equal(offenders_source(&offenders->rule[1].source.entry[0].key, text), "2001:db8:0:7::/64");
	assert_int_equal(offenders->rule[1].source.entry[0].weight, 6);
	assert_int_equal(offenders->rule[1].port.entries, 2);
	assert_int_equal(offenders_port(&offenders->rule[1].port.entry[0].key), 443);
	free(offenders);
}

static void test_more_names_than_rules(void **state)
{
	struct offenders *offenders = calloc(1, sizeof(*offenders));
	struct packet packet;
	char name[8];

	(void)state;
	packet_parse(&packet, v4_frame, sizeof(v4_frame), false);
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		offenders_add(offenders, name, &packet, 1);
	}
	assert_int_equal(offenders->rules, FF_RULES_MAX + 1);
	free(offenders);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_few_keys_are_exact, begin),
		cmocka_unit_test_setup(test_made_up_sources_do_not_hide_the_heavy_ones, begin),
		cmocka_unit_test_setup(test_skewed_streams, begin),
		cmocka_unit_test_setup(test_an_order_made_to_evict, begin),
		cmocka_unit_test_setup(test_bounds_hold, begin),
		cmocka_unit_test_setup(test_without_sampling_the_estimate_is_the_count, begin),
		cmocka_unit_test_setup(test_one_source_in_all_samples_may_hide_another, begin),
		cmocka_unit_test_setup(test_an_estimate_is_never_below_what_was_seen, begin),
		cmocka_unit_test(test_addresses_and_ports),
		cmocka_unit_test(test_frames_that_end_early),
		cmocka_unit_test(test_sources_are_v4_addresses_and_v6_64s),
		cmocka_unit_test(test_more_names_than_rules),
	};

	return cmocka_run_group_tests_name("offenders", tests, NULL, NULL);
}
