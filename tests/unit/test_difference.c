/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/difference.h"
#include "policy/flags.h"

#include <stdio.h>
#include <string.h>

static struct policy before, after;
static struct ff_counters counters;
static struct difference found;

static void compare(void)
{
	difference_find(&before, &after, &counters, &found);
}

static void preset(struct policy *policy, const char *name)
{
	struct diag diag;

	assert_int_equal(policy_from_preset(policy, name, &diag), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&counters, 0, sizeof(counters));
	preset(&before, "default");
	preset(&after, "default");
	return 0;
}

static void set_mode(struct policy *policy, const char *name, enum ff_mode mode)
{
	struct diag diag;

	assert_int_equal(policy_set_mode(policy, name, mode, &diag), 0);
}

static void add(struct policy *policy, const char *name, const char *match, enum ff_mode mode)
{
	struct ff_rule rule = {.mode = mode};

	snprintf(rule.name, sizeof(rule.name), "%s", name);
	assert_int_equal(flags_parse_match(match, &rule.value, &rule.mask), 0);
	assert_int_equal(policy_add(policy, &rule), 0);
}

/* How many classes POLICY drops, by a look at each rule. */
static unsigned int dropped_by(const struct policy *policy)
{
	unsigned int dropped = 0;

	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		bool match = false;

		for (unsigned int i = 0; i < policy->rules; i++)
			match |= policy->rule[i].mode == FF_ENFORCED && rule_matches(&policy->rule[i], class);
		dropped += match;
	}
	return dropped;
}

/* What is said of the class with these flags, or NULL. */
static const struct class_change *change_of(const char *flags)
{
	__u16 class;

	assert_int_equal(flags_parse(flags, &class), 0);
	for (unsigned int i = 0; i < found.classes; i++)
		if (found.class[i].class == class)
			return &found.class[i];
	return NULL;
}

static void test_nothing(void **state)
{
	(void)state;
	counters.passed[FF_FLAGS_SYN].packets = 1000;
	snprintf(after.label, sizeof(after.label), "another label is no difference");
	after.rule[2].counter = 77; /* nor is where it is counted */
	compare();
	assert_false(difference_any(&found));
	assert_int_equal(found.classes, 0);
}

/* The issue's own example: what strict or conntrack would drop of packets that passed. */
static void test_newly_dropped(void **state)
{
	const struct class_change *change;

	(void)state;
	preset(&after, "conntrack");
	counters.passed[FF_FLAGS_RST | FF_FLAGS_ACK | FF_FLAGS_URG].packets = 12;
	counters.passed[FF_FLAGS_URG].packets = 500;
	counters.passed[FF_FLAGS_ACK].packets = 1000000;
	compare();
	assert_true(difference_any(&found));
	assert_int_equal(found.rules, after.rules - before.rules);
	for (unsigned int i = 0; i < found.rules; i++) {
		assert_null(found.rule[i].before);
		assert_null(policy_find(&before, found.rule[i].after->name));
	}
	assert_int_equal(found.classes, dropped_by(&after) - dropped_by(&before));
	change = change_of("RST,ACK,URG");
	assert_int_equal(change->passed, 12);
	assert_int_equal(change->dropped, 0);
	assert_int_equal(change->before, FF_PASS);
	assert_int_equal(change->after, FF_DROP);
	assert_string_equal(change->rule->name, "rst-ack-urg");
	assert_ptr_equal(&found.class[0], change_of("URG")); /* the most packets first */
	assert_ptr_equal(&found.class[1], change);
	assert_int_equal(found.class[2].passed, 0);
	assert_null(change_of("ACK"));
	assert_null(change_of("SYN,FIN"));
}

static void test_no_longer_dropped(void **state)
{
	const struct class_change *change;

	(void)state;
	set_mode(&after, "syn-rst", FF_MONITORED);
	set_mode(&after, "syn-fin", FF_OFF);
	set_mode(&after, "tiny-fragment", FF_OFF);
	counters.dropped[FF_FLAGS_SYN | FF_FLAGS_RST] = 7;
	counters.passed[FF_FLAGS_SYN | FF_FLAGS_RST].packets = 3; /* from when it was off */
	counters.dropped[FF_TINY_FRAGMENT] = 9;
	compare();
	assert_int_equal(found.rules, 3);
	assert_int_equal(found.rule[1].before->mode, FF_ENFORCED);
	assert_int_equal(found.rule[1].after->mode, FF_MONITORED);
	change = change_of("SYN,RST");
	assert_int_equal(change->before, FF_DROP);
	assert_int_equal(change->after, FF_MONITOR);
	assert_int_equal(change->passed, 3);
	assert_int_equal(change->dropped, 7);
	assert_null(change_of("SYN,FIN")); /* fin-no-ack drops it as well */
	change = change_of("SYN,FIN,ACK"); /* which fin-no-ack does not */
	assert_int_equal(change->after, FF_PASS);
	assert_string_equal(change->rule->name, "syn-fin");
	assert_int_equal(found.class[1].class, FF_TINY_FRAGMENT);
	assert_int_equal(found.class[1].dropped, 9);
}

static void test_rules(void **state)
{
	(void)state;
	add(&before, "gone", "URG/URG", FF_OFF);
	add(&before, "other-flags", "PSH/PSH", FF_OFF);
	add(&after, "other-flags", "PSH/PSH,URG", FF_OFF);
	add(&after, "new", "URG/URG", FF_OFF);
	compare();
	assert_int_equal(found.rules, 3);
	assert_string_equal(found.rule[0].before->name, "gone");
	assert_null(found.rule[0].after);
	assert_string_equal(found.rule[1].before->name, "other-flags");
	assert_int_equal(found.rule[1].before->mask, FF_FLAGS_PSH);
	assert_int_equal(found.rule[1].after->mask, FF_FLAGS_PSH | FF_FLAGS_URG);
	assert_null(found.rule[2].before);
	assert_int_equal(found.classes, 0); /* all of them are off */
	assert_false(found.reordered);
}

static void test_order(void **state)
{
	(void)state;
	add(&before, "a", "URG/URG", FF_MONITORED);
	add(&before, "b", "PSH/PSH", FF_MONITORED);
	add(&after, "b", "PSH/PSH", FF_MONITORED);
	add(&after, "a", "URG/URG", FF_MONITORED);
	compare();
	assert_int_equal(found.rules, 0);
	assert_true(found.reordered);
	assert_true(difference_any(&found));
	assert_int_equal(found.classes, 0); /* would drop, by the one or by the other */
}

static void test_exempt(void **state)
{
	const struct ff_source_key one = {.prefix_len = FF_SOURCE_PREFIX + 24, .family = 4, .address = {192, 0, 2}};
	struct ff_source_key wider = one;

	(void)state;
	wider.prefix_len--;
	before.source[before.sources++] = one;
	after.source[after.sources++] = wider;
	before.source[before.sources++] = after.source[after.sources++] =
		(struct ff_source_key){.prefix_len = FF_SOURCE_PREFIX + 64, .family = 6, .address = {0x20, 1}};
	policy_flip_port(&before, 80);
	policy_flip_port(&before, 443);
	policy_flip_port(&after, 443);
	policy_flip_port(&after, 65535);
	compare();
	assert_true(difference_any(&found));
	assert_int_equal(found.classes, 0);
	assert_int_equal(found.added.sources, 1);
	assert_memory_equal(&found.added.source[0], &wider, sizeof(wider));
	assert_int_equal(found.removed.sources, 1);
	assert_memory_equal(&found.removed.source[0], &one, sizeof(one));
	assert_true(policy_port_exempt(&found.added, 65535));
	assert_true(policy_port_exempt(&found.removed, 80));
	assert_false(policy_port_exempt(&found.added, 443) || policy_port_exempt(&found.removed, 443));
}

/* The order of exempt sources does not matter: the kernel keeps none. */
static void test_order_of_sources(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct ff_source_key key = {.prefix_len = FF_SOURCE_PREFIX + 32, .family = 4, .address = {10, 0, 0, i}};

		before.source[before.sources++] = key;
		key.address[3] = 2 - i;
		after.source[after.sources++] = key;
	}
	compare();
	assert_false(difference_any(&found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing, setup),
		cmocka_unit_test_setup(test_newly_dropped, setup),
		cmocka_unit_test_setup(test_no_longer_dropped, setup),
		cmocka_unit_test_setup(test_rules, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_exempt, setup),
		cmocka_unit_test_setup(test_order_of_sources, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
