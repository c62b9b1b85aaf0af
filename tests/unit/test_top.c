/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "show/top.h"

#include <stdlib.h>
#include <string.h>

static struct counts counts;
static struct ff_counters base; /* what was ever counted is so much more */
static struct top_filter filter;
static struct matrix matrix;

/* The default preset, its counters numbered from the far end so that nobody takes one for a place. */
static int setup(void **state)
{
	struct diag diag;

	(void)state;
	memset(&counts, 0, sizeof(counts));
	memset(&base, 0, sizeof(base));
	counts.mark.filter = 7;
	memset(&filter, 0, sizeof(filter));
	assert_int_equal(policy_from_preset(&counts.policy, "default", &diag), 0);
	for (unsigned int i = 0; i < counts.policy.rules; i++)
		counts.policy.rule[i].counter = FF_COUNTERS - 1 - i;
	return 0;
}

static struct ff_rule_count *count_of(const char *name)
{
	return &counts.counters.rule[policy_find(&counts.policy, name)->counter];
}

static void drop(const char *rule, __u16 class, unsigned int packets)
{
	count_of(rule)->dropped.packets += packets;
	counts.counters.dropped[class] += packets;
}

static void pass(__u16 class, unsigned int packets)
{
	counts.counters.passed[class].packets += packets;
}

static __u64 at_ns(double time_s)
{
	return (1000 + time_s) * 1e9;
}

/* Counting goes on, and at TIME_S somebody looks. */
static void look(double time_s)
{
	const __u64 *counted = (const __u64 *)&counts.counters, *more = (const __u64 *)&base;
	__u64 *ever = (__u64 *)&counts.mark.ever;

	for (size_t i = 0; i < sizeof(base) / sizeof(*ever); i++)
		ever[i] = counted[i] + more[i];
	counts.mark.taken_ns = at_ns(time_s);
	top_update(&filter, &counts, time_s);
}

/* A reset at TIME_S, after a look. */
static void reset(double time_s)
{
	base = counts.mark.ever;
	memset(&counts.counters, 0, sizeof(counts.counters));
	counts.counting_ns = at_ns(time_s);
}

static const struct top_rule *row(const char *name)
{
	for (unsigned int i = 0; i < filter.rules; i++)
		if (!strcmp(filter.rule[i].name, name))
			return &filter.rule[i];
	fail_msg("no row %s", name);
	return NULL;
}

static void assert_near(double seen, double expected)
{
	if (seen < expected - 1e-6 || seen > expected + 1e-6)
		fail_msg("expected %f, saw %f", expected, seen);
}

/* ---- matrix */

static void matrix_has_what_occurred_most_frequent_first(void **state)
{
	(void)state;
	policy_find(&counts.policy, "syn-rst")->mode = FF_MONITORED;
	pass(ACK, 70);
	pass(SYN | FIN, 5); /* before the rule was enforced */
	drop("syn-fin", SYN | FIN, 30);
	pass(SYN | FF_FLAGS_RST, 33);
	pass(FF_NON_TCP, 7);
	matrix_from(&matrix, &counts, &counts.policy);

	assert_int_equal(matrix.rows, 4);
	assert_int_equal(matrix.row[0].class, ACK);
	assert_string_equal(matrix_verdict_name(&matrix.row[0]), "pass");
	assert_null(matrix_rule(&matrix.row[0], &counts.policy));
	assert_int_equal(matrix.row[1].class, SYN | FIN);
	assert_int_equal(matrix.row[1].passed.packets, 5);
	assert_int_equal(matrix.row[1].dropped, 30);
	assert_string_equal(matrix_verdict_name(&matrix.row[1]), "drop");
	assert_string_equal(matrix_rule(&matrix.row[1], &counts.policy)->name, "syn-fin");
	assert_string_equal(matrix_verdict_name(&matrix.row[2]), "would-drop");
	assert_string_equal(matrix_rule(&matrix.row[2], &counts.policy)->name, "syn-rst");
	assert_int_equal(matrix.row[3].class, FF_NON_TCP);
}

static void matrix_says_what_another_policy_would_have_done(void **state)
{
	static struct policy other;
	struct matrix_history history;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_from_preset(&other, "none", &diag), 0);
	assert_int_equal(policy_set_mode(&other, "rst-fin", FF_ENFORCED, &diag), 0);
	assert_int_equal(policy_set_mode(&other, "non-tcp", FF_MONITORED, &diag), 0);
	pass(ACK, 1000);
	pass(FF_FLAGS_RST | FIN | ACK, 12);
	drop("fin-no-ack", FF_FLAGS_RST | FIN, 3);
	drop("syn-fin", SYN | FIN, 20);
	pass(FF_NON_TCP, 4);
	matrix_from(&matrix, &counts, &other);
	history = matrix_history(&matrix);
	assert_int_equal(history.frames, 1039);
	assert_int_equal(history.dropped, 15);
	assert_int_equal(history.newly_dropped, 12);
	assert_int_equal(history.newly_passed, 20);
	assert_int_equal(history.would_drop, 4);
}

static void exempted_verdicts_are_drops(void **state)
{
	(void)state;
	counts.policy.port[0] = 2;
	drop("syn-fin", SYN | FIN, 1);
	matrix_from(&matrix, &counts, &counts.policy);
	assert_string_equal(matrix_verdict_name(&matrix.row[0]), "drop");
	assert_int_equal(matrix_history(&matrix).dropped, 1);
}

/* ---- rates */

static void the_first_look_has_counts_and_no_rates(void **state)
{
	(void)state;
	drop("syn-fin", SYN | FIN, 500);
	pass(FF_NON_IP, 3);
	look(1000);
	assert_int_equal(filter.rules, 7);
	assert_int_equal(filter.dropped.packets, 500);
	assert_int_equal(filter.not_judged.packets, 3);
	assert_int_equal(row("syn-fin")->count.dropped.packets, 500);
	assert_near(row("syn-fin")->line.pps, 0);
	assert_near(filter.class[0].pps, 0);
	assert_near(filter.dropped.history[TOP_SECONDS - 1], 0);
}

static void a_rate_is_growth_by_time(void **state)
{
	(void)state;
	drop("syn-fin", SYN | FIN, 500);
	look(1000);
	drop("syn-fin", SYN | FIN, 300);
	count_of("syn-fin")->exempted.packets += 20;
	pass(SYN | FIN, 20);
	look(1002);
	assert_near(row("syn-fin")->line.pps, 160);
	assert_near(filter.dropped.pps, 150);
	assert_near(filter.passed.pps, 10);
	assert_near(filter.class[0].pps, 160);
	assert_near(row("syn-rst")->line.pps, 0);
	assert_string_equal(filter.class[0].rule, "syn-fin");
}

static void a_look_soon_after_brings_counts_and_leaves_rates(void **state)
{
	(void)state;
	look(0);
	drop("syn-fin", SYN | FIN, 100);
	look(1);
	drop("syn-fin", SYN | FIN, 7);
	look(1.1);
	assert_int_equal(filter.dropped.packets, 107);
	assert_near(filter.dropped.pps, 100);
	assert_near(filter.class[0].pps, 100);
	drop("syn-fin", SYN | FIN, 93);
	look(2);
	assert_near(filter.dropped.pps, 100);
	assert_near(filter.class[0].pps, 100);
}

static void after_a_reset_a_rate_is_of_what_came_since(void **state)
{
	(void)state;
	drop("syn-fin", SYN | FIN, 1000);
	look(0);
	reset(1);
	drop("syn-fin", SYN | FIN, 4);
	pass(ACK, 8);
	look(2);
	assert_near(row("syn-fin")->line.pps, 4);
	assert_near(filter.dropped.pps, 4);
	assert_near(filter.passed.pps, 8);
	/* More since then than ever before. */
	reset(3);
	drop("syn-fin", SYN | FIN, 5000);
	look(4);
	assert_near(filter.dropped.pps, 5000);
	/* One that was just now is taken for one of half a second ago, or two packets would be thousands a second. */
	reset(4.999);
	drop("syn-fin", SYN | FIN, 2);
	look(5);
	assert_near(filter.dropped.pps, 4);
	assert_int_equal(filter.counting_ns / 1000000, 1);
}

static void another_filter_s_counts_are_its_own(void **state)
{
	(void)state;
	drop("syn-fin", SYN | FIN, 1000);
	look(0);
	counts.mark.filter++;
	counts.counting_ns = at_ns(1);
	drop("syn-fin", SYN | FIN, 10);
	look(2);
	assert_near(filter.dropped.pps, 1010);
	assert_near(row("syn-fin")->line.pps, 1010);
	assert_near(filter.class[0].pps, 1010);
	/* It counts less than the one before. */
	counts.mark.filter++;
	memset(&counts.counters, 0, sizeof(counts.counters));
	counts.counting_ns = at_ns(3);
	look(4);
	assert_near(filter.dropped.pps, 0);
}

/* A change of policy that is taken back gives rules their counters back. A rule that is new begins at 0. */
static void rules_that_come_and_come_back_do_not_make_huge_rates(void **state)
{
	struct policy with = counts.policy;

	(void)state;
	drop("syn-fin", SYN | FIN, 1000);
	look(0);
	counts.policy.rules--;
	memmove(counts.policy.rule, counts.policy.rule + 1, counts.policy.rules * sizeof(*counts.policy.rule));
	look(1);
	counts.policy = with;
	drop("syn-fin", SYN | FIN, 3);
	look(2);
	assert_near(row("syn-fin")->line.pps, 3);
	/* Added anew, with the same counter: its base has changed. */
	base.rule[policy_find(&counts.policy, "syn-fin")->counter] = *count_of("syn-fin");
	*count_of("syn-fin") = (struct ff_rule_count){};
	drop("syn-fin", SYN | FIN, 5);
	look(3);
	assert_near(row("syn-fin")->line.pps, 5);
	assert_near(filter.dropped.pps, 5);
}

static void a_rule_that_moves_keeps_its_history_and_one_that_goes_is_in_removed(void **state)
{
	struct diag diag;

	(void)state;
	look(0);
	drop("syn-rst", SYN | FF_FLAGS_RST, 10);
	look(1);
	/* syn-fin goes, what it counted goes to removed; syn-rst is now the first; a class is new. */
	counts.policy.rules--;
	memmove(counts.policy.rule, counts.policy.rule + 1, counts.policy.rules * sizeof(*counts.policy.rule));
	counts.removed.dropped.packets = 30;
	assert_int_equal(policy_set_mode(&counts.policy, "non-tcp", FF_MONITORED, &diag), 0);
	count_of("non-tcp")->would_drop.packets = 2;
	look(2);
	assert_string_equal(filter.rule[0].name, "syn-rst");
	assert_near(filter.rule[0].line.history[TOP_SECONDS - 2], 10);
	assert_near(filter.rule[0].line.history[TOP_SECONDS - 1], 0);
	assert_near(row("non-tcp")->line.pps, 2);
	assert_true(row(COUNTS_REMOVED)->removed);
	assert_int_equal(row(COUNTS_REMOVED)->count.dropped.packets, 30);
}

/* ---- the last minute */

static void each_second_moves_the_history_by_one_also_when_looks_come_late(void **state)
{
	static const double at[] = {0, 1.02, 1.98, 3.1, 4, 4.95};

	(void)state;
	for (unsigned int i = 0; i < sizeof(at) / sizeof(*at); i++) {
		look(77 + at[i]);
		drop("syn-fin", SYN | FIN, 10);
	}
	for (unsigned int i = 0; i < TOP_SECONDS; i++)
		assert_true((filter.dropped.history[i] > 0) == (i >= TOP_SECONDS - 5));
}

static void a_look_between_the_seconds_loses_no_packet(void **state)
{
	(void)state;
	look(0);
	look(0.6);
	drop("syn-fin", SYN | FIN, 6);
	look(1.2);
	look(2);
	assert_near(filter.dropped.history[TOP_SECONDS - 2], 10);
	assert_near(filter.dropped.history[TOP_SECONDS - 1], 0);
}

static void a_gap_is_filled_with_its_mean(void **state)
{
	(void)state;
	look(0);
	drop("syn-fin", SYN | FIN, 100);
	look(10);
	assert_near(filter.dropped.history[TOP_SECONDS - 10], 10);
	assert_near(filter.dropped.history[TOP_SECONDS - 11], 0);
	look(1000);
	assert_near(filter.dropped.history[0], 0);
	assert_near(filter.dropped.history[TOP_SECONDS - 1], 0);
}

static void sparklines_scale_to_the_greatest_and_show_any_packet(void **state)
{
	char text[TOP_SPARKLINE_SIZE];
	struct top_line line = {};

	(void)state;
	assert_string_equal(top_sparkline(&line, 5, false, text), "     ");
	line.history[0] = 0.01;
	line.history[58] = 500;
	line.history[59] = 1000;
	assert_string_equal(top_sparkline(&line, TOP_SECONDS, false, text),
			    ".                                                         =@");
	assert_string_equal(top_sparkline(&line, 6, false, text), ".    @");
	assert_string_equal(top_sparkline(&line, 6, true, text), "▁    █");
	assert_string_equal(top_sparkline(&line, 0, true, text), "");
	for (unsigned int width = 1; width <= TOP_SECONDS; width++)
		assert_int_equal(strlen(top_sparkline(&line, width, false, text)), width);
}

/* ---- order */

static void rules_and_classes_are_sorted(void **state)
{
	(void)state;
	drop("fin-no-ack", FIN, 900);
	look(0);
	drop("syn-rst", SYN | FF_FLAGS_RST, 50);
	drop("syn-fin", SYN | FIN, 40);
	look(1);

	top_sort(&filter, TOP_BY_RATE);
	assert_string_equal(filter.rule[0].name, "syn-rst");
	assert_string_equal(filter.rule[1].name, "syn-fin");
	assert_string_equal(filter.rule[2].name, "fin-no-ack"); /* those at rest as in the policy */
	assert_int_equal(filter.class[0].row.class, SYN | FF_FLAGS_RST);
	top_sort(&filter, TOP_BY_PACKETS);
	assert_string_equal(filter.rule[0].name, "fin-no-ack");
	assert_string_equal(filter.rule[1].name, "syn-rst");
	assert_int_equal(filter.class[0].row.class, FIN);
	top_sort(&filter, TOP_BY_PLACE);
	assert_string_equal(filter.rule[0].name, "syn-fin");
	assert_string_equal(filter.rule[4].name, "tiny-fragment");
}

/* ---- the screen */

static bool apart(const struct top_area *a, const struct top_area *b)
{
	return !a->height || !b->height || a->y + a->height <= b->y || b->y + b->height <= a->y ||
	       a->x + a->width <= b->x || b->x + b->width <= a->x;
}

static void tables_lie_apart_on_every_screen_and_leave_title_and_keys(void **state)
{
	static const unsigned int wanted[][TOP_TABLES] = {
		{1, 5, 3, 0}, {1, 10, 40, 12}, {9, 64, 521, 32}, {1, 1, 0, 0}, {3, 5, 6, 2}};
	struct top_area area[TOP_TABLES];

	(void)state;
	for (unsigned int i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		for (int height = 6; height < 100; height++) {
			for (int width = 20; width < 300; width += 13) {
				top_layout(area, height, width, wanted[i]);
				for (int a = 0; a < TOP_TABLES; a++) {
					assert_true(area[a].height != 1);
					assert_true(!area[a].height || area[a].y >= 1);
					assert_true(area[a].y + area[a].height <= height - 1 || !area[a].height);
					assert_true(area[a].x + area[a].width <= width);
					assert_true(area[a].height <= (int)wanted[i][a] + 1);
					for (int b = 0; b < a; b++)
						assert_true(apart(&area[a], &area[b]));
				}
				assert_true(area[TOP_INTERFACES].height >= 2);
				assert_true(area[TOP_RULES].height >= 2);
			}
		}
	}
}

static void a_screen_of_24_lines_has_every_rule_of_a_preset_and_some_flags(void **state)
{
	struct top_area area[TOP_TABLES];

	(void)state;
	top_layout(area, 24, 80, (unsigned int[]){1, 10, 20, 0});
	assert_int_equal(area[TOP_RULES].height, 11);
	assert_true(area[TOP_CLASSES].height >= 5);
	assert_int_equal(area[TOP_CLASSES].y + area[TOP_CLASSES].height, 23);
}

static void no_line_of_a_small_screen_is_wasted(void **state)
{
	(void)state;
	for (int height = 6; height < 16; height++) { /* from there on there are gaps */
		struct top_area area[TOP_TABLES];
		int used = 0;

		top_layout(area, height, 80, (unsigned int[]){1, 5, 20, 20});
		for (int a = 0; a < TOP_TABLES; a++)
			used += area[a].height;
		/* One line is too few for another table. */
		assert_true(used == height - 2 || (used == height - 3 && !area[TOP_CLASSES].height));
	}
}

static void the_selected_row_is_always_in_sight(void **state)
{
	(void)state;
	for (unsigned int count = 1; count < 70; count++) {
		for (unsigned int selected = 0; selected < count; selected++) {
			for (int height = 2; height < 80; height++) {
				unsigned int first = top_scroll(count, selected, height), rows = height - 1;

				assert_true(first <= selected && selected < first + rows);
				assert_true(count <= rows ? first == 0 : first + rows <= count);
			}
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(matrix_has_what_occurred_most_frequent_first),
		TEST(matrix_says_what_another_policy_would_have_done),
		TEST(exempted_verdicts_are_drops),
		TEST(the_first_look_has_counts_and_no_rates),
		TEST(a_rate_is_growth_by_time),
		TEST(a_look_soon_after_brings_counts_and_leaves_rates),
		TEST(after_a_reset_a_rate_is_of_what_came_since),
		TEST(another_filter_s_counts_are_its_own),
		TEST(rules_that_come_and_come_back_do_not_make_huge_rates),
		TEST(a_rule_that_moves_keeps_its_history_and_one_that_goes_is_in_removed),
		TEST(each_second_moves_the_history_by_one_also_when_looks_come_late),
		TEST(a_look_between_the_seconds_loses_no_packet),
		TEST(a_gap_is_filled_with_its_mean),
		TEST(sparklines_scale_to_the_greatest_and_show_any_packet),
		TEST(rules_and_classes_are_sorted),
		TEST(tables_lie_apart_on_every_screen_and_leave_title_and_keys),
		TEST(a_screen_of_24_lines_has_every_rule_of_a_preset_and_some_flags),
		TEST(no_line_of_a_small_screen_is_wasted),
		TEST(the_selected_row_is_always_in_sight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
