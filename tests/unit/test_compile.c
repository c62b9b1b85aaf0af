/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/compile.h"
#include "policy/flags.h"

#include <stdio.h>
#include <string.h>

#define POLICIES 5000

static struct policy preset(const char *name)
{
	struct policy policy;
	struct diag diag;

	assert_int_equal(policy_from_preset(&policy, name, &diag), 0);
	return policy;
}

static struct ff_policy compiled(const struct policy *policy)
{
	struct ff_policy kernel;

	memset(&kernel, 0xa5, sizeof(kernel));
	compile_policy(policy, &kernel);
	return kernel;
}

static void test_presets_grow(void **state)
{
	struct policy small = preset("default"), strict = preset("strict"), large = preset("conntrack");
	struct ff_policy a = compiled(&small), b = compiled(&strict), c = compiled(&large);

	(void)state;
	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		assert_true(a.verdict[class] == FF_PASS || b.verdict[class] != FF_PASS);
		assert_true(b.verdict[class] == FF_PASS || c.verdict[class] != FF_PASS);
	}
}

static void test_no_preset_looks_at_ae(void **state)
{
	(void)state;
	for (unsigned int p = 0; preset_name(p); p++) {
		struct policy policy = preset(preset_name(p));
		struct ff_policy kernel = compiled(&policy);

		for (unsigned int flags = 0; flags < FF_FLAGS_AE; flags++)
			assert_int_equal(kernel.verdict[flags], kernel.verdict[flags | FF_FLAGS_AE]);
	}
}

static void test_conntrack_preset_is_conntrack(void **state)
{
	struct policy policy = preset("conntrack");
	struct ff_policy kernel = compiled(&policy);

	(void)state;
	for (unsigned int flags = 0; flags <= FF_FLAGS_ALL; flags++)
		assert_int_equal(FF_ACTION(kernel.verdict[flags]) == FF_DROP, flags_conntrack_invalid(flags));
}

/* What honest stacks send, with every combination of the flags that may stand beside it. */
static void test_honest_segments_pass(void **state)
{
	static const struct {
		const char *flags, *beside;
	} honest[] = {
		{"SYN", "PSH,ECE,CWR,AE"},     {"SYN,ACK", "PSH,ECE,CWR,AE"},	  {"RST", "PSH,ECE,CWR,AE"},
		{"RST,ACK", "PSH,ECE,CWR,AE"}, {"FIN,ACK", "PSH,URG,ECE,CWR,AE"}, {"ACK", "PSH,URG,ECE,CWR,AE"},
	};

	(void)state;
	for (unsigned int p = 0; preset_name(p); p++) {
		struct policy policy = preset(preset_name(p));
		struct ff_policy kernel = compiled(&policy);

		for (size_t i = 0; i < sizeof(honest) / sizeof(*honest); i++) {
			__u16 flags, beside;

			assert_int_equal(flags_parse(honest[i].flags, &flags), 0);
			assert_int_equal(flags_parse(honest[i].beside, &beside), 0);
			for (unsigned int more = 0; more <= FF_FLAGS_ALL; more++)
				if (!(more & ~beside))
					assert_int_equal(kernel.verdict[flags | more], FF_PASS);
		}
	}
}

/* Which built-in rule decides, by one example each. */
static void test_who_decides(void **state)
{
	static const struct {
		const char *flags, *rule;
	} example[] = {
		{"SYN,FIN", "syn-fin"},		{"SYN,FIN,RST", "syn-fin"},	{"SYN,RST,ACK", "syn-rst"},
		{"FIN", "fin-no-ack"},		{"FIN,PSH,URG", "fin-no-ack"},	{"FIN,RST", "fin-no-ack"},
		{"NONE", "tcp-no-flag"},	{"ECE,CWR,AE", "tcp-no-flag"},	{"URG", "no-syn-ack-rst"},
		{"PSH", "no-syn-ack-rst"},	{"RST,URG", "rst-urg-no-ack"},	{"FIN,RST,ACK", "rst-fin"},
		{"SYN,ACK,URG", "syn-ack-urg"}, {"RST,ACK,URG", "rst-ack-urg"},
	};
	struct policy policy = preset("conntrack");
	struct ff_policy kernel;
	__u16 flags;

	(void)state;
	for (unsigned int i = 0; i < policy.rules; i++)
		policy.rule[i].counter = 100 + i;
	kernel = compiled(&policy);
	for (size_t i = 0; i < sizeof(example) / sizeof(*example); i++) {
		assert_int_equal(flags_parse(example[i].flags, &flags), 0);
		assert_int_equal(FF_ACTION(kernel.verdict[flags]), FF_DROP);
		assert_string_equal(policy.rule[FF_COUNTER(kernel.verdict[flags]) - 100].name, example[i].rule);
	}
	assert_int_equal(FF_ACTION(kernel.verdict[FF_TINY_FRAGMENT]), FF_DROP);
	assert_string_equal(policy.rule[FF_COUNTER(kernel.verdict[FF_TINY_FRAGMENT]) - 100].name, "tiny-fragment");
}

static void test_monitored_never_shields(void **state)
{
	struct ff_rule rule[] = {
		{"first", FF_FLAGS_SYN, FF_FLAGS_SYN, 0, FF_MONITORED, 7},
		{"off", FF_FLAGS_FIN, FF_FLAGS_FIN, 0, FF_OFF, 8},
		{"second", FF_FLAGS_FIN, FF_FLAGS_FIN, 0, FF_ENFORCED, 9},
	};
	__u16 verdict[FF_CLASSES];

	(void)state;
	compile_verdicts(rule, 3, false, verdict);
	assert_int_equal(verdict[FF_FLAGS_SYN], FF_VERDICT(FF_MONITOR, 7));
	assert_int_equal(verdict[FF_FLAGS_SYN | FF_FLAGS_FIN], FF_VERDICT(FF_DROP, 9));
	assert_int_equal(verdict[FF_FLAGS_ACK], FF_PASS);
	compile_verdicts(rule, 3, true, verdict);
	assert_int_equal(verdict[FF_FLAGS_SYN], FF_VERDICT(FF_MONITOR, 7));
	assert_int_equal(verdict[FF_FLAGS_FIN], FF_VERDICT(FF_DROP_UNLESS_EXEMPT, 9));
}

/*
 * "Modes and verdicts" of docs/contract.md once more, rule by rule and bit by bit: from the last rule to the first,
 * each overwrites what it matches, monitored rules before enforced ones.
 */
static void evaluate_naively(const struct ff_rule *rule, unsigned int rules, bool exempt, __u16 verdict[FF_CLASSES])
{
	memset(verdict, 0, FF_CLASSES * sizeof(*verdict));
	for (int mode = FF_MONITORED; mode <= FF_ENFORCED; mode++) {
		int action = mode == FF_MONITORED ? FF_MONITOR : exempt ? FF_DROP_UNLESS_EXEMPT : FF_DROP;

		for (int i = (int)rules - 1; i >= 0; i--) {
			if (rule[i].mode != mode)
				continue;
			if (rule[i].class) {
				verdict[rule[i].class] = action * 256 + rule[i].counter;
				continue;
			}
			for (int flags = 0; flags < FF_NAMED_CLASSES; flags++) {
				bool differs = false;

				for (int bit = 0; bit < 9; bit++)
					if (rule[i].mask >> bit & 1)
						differs |= (rule[i].value >> bit & 1) != (flags >> bit & 1);
				if (!differs)
					verdict[flags] = action * 256 + rule[i].counter;
			}
		}
	}
}

/* xorshift: the same policies everywhere and every time. */
static unsigned int random_below(__u64 *seed, unsigned int limit)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (*seed >> 20) % limit;
}

static void test_random_policies(void **state)
{
	__u64 seed = 0x9e3779b97f4a7c15;

	(void)state;
	for (int n = 0; n < POLICIES; n++) {
		struct ff_rule rule[FF_RULES_MAX] = {};
		unsigned int rules = random_below(&seed, n % 8 ? 12 : FF_RULES_MAX + 1);
		__u16 expected[FF_CLASSES], verdict[FF_CLASSES];
		bool exempt = random_below(&seed, 2);

		for (unsigned int i = 0; i < rules; i++) {
			sprintf(rule[i].name, "rule-%u", i);
			rule[i].mode = random_below(&seed, 3);
			rule[i].counter = random_below(&seed, FF_COUNTERS);
			if (!random_below(&seed, 4)) {
				rule[i].class = FF_NAMED_CLASSES + random_below(&seed, FF_CLASSES - FF_NAMED_CLASSES);
				continue;
			}
			rule[i].mask = 1 + random_below(&seed, FF_FLAGS_ALL);
			rule[i].value = rule[i].mask & random_below(&seed, FF_FLAGS_ALL + 1);
		}
		memset(verdict, 0xa5, sizeof(verdict));
		compile_verdicts(rule, rules, exempt, verdict);
		evaluate_naively(rule, rules, exempt, expected);
		for (int class = 0; class < FF_CLASSES; ++class)
			if (verdict[class] != expected[class])
				fail_msg("policy %d, class %d: 0x%04x, not 0x%04x", n, class, verdict[class],
					 expected[class]);
	}
}

/* The kernel's form has all that the policy has, and leaves alone what belongs to a running filter. */
static void test_compile_policy(void **state)
{
	struct policy policy = preset("strict");
	struct ff_policy kernel;

	(void)state;
	assert_false(policy_has_exempt(&policy));
	kernel = compiled(&policy);
	assert_int_equal(FF_ACTION(kernel.verdict[FF_FLAGS_FIN]), FF_DROP);
	assert_int_equal(kernel.applied_ns, 0xa5a5a5a5a5a5a5a5);
	assert_int_equal(kernel.base.rule[0].dropped.packets, 0xa5a5a5a5a5a5a5a5);
	assert_int_equal(kernel.rules, policy.rules);
	assert_int_equal(kernel.sources, 0);
	assert_string_equal(kernel.label, "preset strict");
	assert_memory_equal(kernel.rule, policy.rule, sizeof(policy.rule));

	policy.port[2047] = 1u << 31;
	assert_true(policy_has_exempt(&policy));
	kernel = compiled(&policy);
	assert_int_equal(FF_ACTION(kernel.verdict[FF_FLAGS_FIN]), FF_DROP_UNLESS_EXEMPT);
	assert_memory_equal(kernel.port, policy.port, sizeof(policy.port));

	policy.port[2047] = 0;
	policy.sources = 1;
	assert_true(policy_has_exempt(&policy));
	kernel = compiled(&policy);
	assert_int_equal(FF_ACTION(kernel.verdict[FF_TINY_FRAGMENT]), FF_DROP_UNLESS_EXEMPT);
	assert_int_equal(kernel.sources, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets_grow),
		cmocka_unit_test(test_no_preset_looks_at_ae),
		cmocka_unit_test(test_conntrack_preset_is_conntrack),
		cmocka_unit_test(test_honest_segments_pass),
		cmocka_unit_test(test_who_decides),
		cmocka_unit_test(test_monitored_never_shields),
		cmocka_unit_test(test_random_policies),
		cmocka_unit_test(test_compile_policy),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
