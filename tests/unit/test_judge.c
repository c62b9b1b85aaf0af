/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What no policy says but a program about to be replaced is told: FF_SILENT. Verdicts are as ever, passes not counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet/engine_native.h"

/* A frame of class non-ip, one of class vlan-depth, and one that is too short. */
static const __u8 frame[3][32] = {
	{[12] = 0x08, 0x06}, {[12] = 0x81, [16] = 0x81, [20] = 0x81, [24] = 0x81, [28] = 0x81}, {0}};
static const __u32 size[3] = {60 / 4, 32, 13};
static const enum ff_class class[3] = {FF_NON_IP, FF_VLAN_DEPTH, FF_RUNT};

static void test_silent(void **state)
{
	_cleanup_engine_native_ struct engine_native *engine = NULL;
	struct policy policy = {.rules = 2};
	const struct ff_counters *counters;

	(void)state;
	policy.rule[0] = (struct ff_rule){.name = "a", .class = FF_VLAN_DEPTH, .mode = FF_ENFORCED, .counter = 0};
	policy.rule[1] = (struct ff_rule){.name = "b", .class = FF_RUNT, .mode = FF_MONITORED, .counter = 1};
	assert_int_equal(engine_native_open(&engine, &policy), 0);
	counters = engine_native_counters(engine);
	for (int silent = 0; silent < 2; silent++) {
		for (unsigned int i = 0; silent && i < FF_CLASSES; i++)
			engine_native_policy(engine)->verdict[i] |= FF_SILENT << 8;
		for (int i = 0; i < 3; i++)
			assert_int_equal(engine_native_judge(engine, frame[i], size[i]).dropped, i == 1);
	}
	/* Drops are counted by both, passes once. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(counters->passed[class[i]].packets, i != 1);
		assert_int_equal(counters->dropped[class[i]], i == 1 ? 2 : 0);
	}
	assert_int_equal(counters->rule[0].dropped.packets, 2);
	assert_int_equal(counters->rule[1].would_drop.packets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_silent)};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
