/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "show/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDE 150      /* columns from which on there are two tables side by side */
#define RULES_FIRST 6 /* lines that the rules get before others get any */

/* From one update to the next. */
struct tick {
	bool rates;		   /* whether it is time for new ones */
	unsigned int seconds;	   /* how many new ones the history gets */
	struct ff_counters growth; /* since the last ones, ... */
	double growth_s;	   /* ... and in how long */
};

static unsigned long rounded(double seconds)
{
	return ((unsigned long)(seconds * 1000) + 500) / 1000;
}

static void take_tick(struct tick *tick, struct top_filter *filter, const struct counts *counts, double time_s)
{
	bool first = !filter->started;

	if (first)
		filter->start_s = filter->time_s = time_s;
	filter->started = true;
	filter->looked = counts->mark;
	filter->begun_ns = counts->counting_ns;
	filter->counting_ns = counts->mark.taken_ns - counts->counting_ns;
	tick->rates = first || time_s - filter->time_s >= TOP_INTERVAL_MIN_S;
	if (!tick->rates)
		return;
	tick->growth_s = counts_growth(counts, first ? NULL : &filter->rated, &tick->growth);
	/* Rounded, not cut: updates that come a little late or early each get their second. */
	tick->seconds = rounded(time_s - filter->start_s) - rounded(filter->time_s - filter->start_s);
	if (tick->seconds > TOP_SECONDS)
		tick->seconds = TOP_SECONDS;
	filter->time_s = time_s;
	filter->rated = counts->mark;
}

static float larger(float a, float b)
{
	return a > b ? a : b;
}

/* There are PACKETS now, and GROWTH of them are new. */
static void advance(struct top_line *line, __u64 packets, __u64 growth, const struct tick *tick)
{
	unsigned int kept = TOP_SECONDS - tick->seconds;

	line->packets = packets;
	if (tick->rates)
		line->pps = counts_rate(growth, tick->growth_s);
	memmove(line->history, line->history + tick->seconds, kept * sizeof(*line->history));
	for (unsigned int i = kept; i < TOP_SECONDS; i++)
		line->history[i] = line->pps;
	/* A second rate within one second: what it has seen is not forgotten. */
	line->history[TOP_SECONDS - 1] = larger(line->history[TOP_SECONDS - 1], tick->rates ? line->pps : 0);
}

static __u64 matched(const struct ff_rule_count *count)
{
	return count->dropped.packets + count->would_drop.packets + count->exempted.packets;
}

/* Row number PLACE, which goes on where the row of that name among BEFORE was. */
static void add_rule(struct top_filter *filter, const struct top_filter *before, const char *name, enum ff_mode mode,
		     const struct ff_rule_count *count, const struct ff_rule_count *growth, const struct tick *tick)
{
	unsigned int place = filter->rules++;
	struct top_rule *rule = &filter->rule[place];

	*rule = (struct top_rule){};
	for (unsigned int i = 0; i < before->rules; i++)
		if (!strcmp(before->rule[i].name, name))
			*rule = before->rule[i];
	snprintf(rule->name, sizeof(rule->name), "%s", name);
	rule->mode = mode;
	rule->place = place;
	rule->count = *count;
	advance(&rule->line, matched(count), matched(growth), tick);
}

static void update_rules(struct top_filter *filter, const struct counts *counts, const struct tick *tick)
{
	static const struct ff_rule_count none; /* a rule that is gone counts no more */
	struct top_filter *before = malloc(sizeof(*before));

	if (!before)
		return; /* the rows stay as they were */
	*before = *filter;
	filter->rules = 0;
	for (unsigned int i = 0; i < counts->policy.rules; i++) {
		const struct ff_rule *rule = &counts->policy.rule[i];

		add_rule(filter, before, rule->name, rule->mode, &counts->counters.rule[rule->counter],
			 &tick->growth.rule[rule->counter], tick);
		filter->rule[i].counter = rule->counter;
	}
	if (counts_anything_removed(counts)) {
		add_rule(filter, before, COUNTS_REMOVED, FF_OFF, &counts->removed, &none, tick);
		filter->rule[filter->rules - 1].removed = true;
	}
	free(before);
}

static void update_classes(struct top_filter *filter, const struct counts *counts, const struct tick *tick)
{
	struct matrix *matrix = malloc(sizeof(*matrix));

	if (!matrix)
		return;
	for (unsigned int class = 0; tick->rates && class < FF_CLASSES; ++class)
		filter->class_pps[class] =
			counts_rate(tick->growth.passed[class].packets + tick->growth.dropped[class], tick->growth_s);
	matrix_from(matrix, counts, &counts->policy);
	filter->classes = matrix->rows;
	for (unsigned int i = 0; i < matrix->rows; i++) {
		const struct ff_rule *rule = matrix_rule(&matrix->row[i], &counts->policy);
		struct top_class *class = &filter->class[i];

		class->row = matrix->row[i];
		class->pps = filter->class_pps[class->row.class];
		snprintf(class->rule, sizeof(class->rule), "%s", rule ? rule->name : "");
	}
	free(matrix);
}

void top_update(struct top_filter *filter, const struct counts *counts, double time_s)
{
	__u64 not_judged = 0, not_judged_growth = 0;
	struct tick tick = {};

	take_tick(&tick, filter, counts, time_s);
	for (unsigned int class = FF_NAMED_CLASSES; class < FF_CLASSES; ++class) {
		not_judged += counts_not_judged(counts, class);
		not_judged_growth += tick.growth.passed[class].packets + tick.growth.dropped[class];
	}
	advance(&filter->passed, counts_passed(counts).packets, counters_passed(&tick.growth), &tick);
	advance(&filter->dropped, counts_dropped(counts).packets, counters_dropped(&tick.growth), &tick);
	advance(&filter->not_judged, not_judged, not_judged_growth, &tick);
	snprintf(filter->policy, sizeof(filter->policy), "%s", counts->policy.label);
	update_rules(filter, counts, &tick);
	update_classes(filter, counts, &tick);
}

const char *top_order_name(enum top_order order)
{
	static const char *const names[] = {"order", "packets/s", "packets"};

	return names[order];
}

static int by_place(const void *left, const void *right)
{
	const struct top_rule *a = left, *b = right;

	return a->place < b->place ? -1 : 1;
}

static int rule_by_rate(const void *left, const void *right)
{
	const struct top_rule *a = left, *b = right;

	return a->line.pps != b->line.pps ? (a->line.pps < b->line.pps ? 1 : -1) : by_place(left, right);
}

static int rule_by_packets(const void *left, const void *right)
{
	const struct top_rule *a = left, *b = right;

	return a->line.packets != b->line.packets ? (a->line.packets < b->line.packets ? 1 : -1)
						  : by_place(left, right);
}

static int class_by_packets(const void *left, const void *right)
{
	const struct matrix_row *a = &((const struct top_class *)left)->row;
	const struct matrix_row *b = &((const struct top_class *)right)->row;
	__u64 of_a = matrix_packets(a), of_b = matrix_packets(b);

	return of_a != of_b ? (of_a < of_b ? 1 : -1) : a->class - b->class;
}

static int class_by_rate(const void *left, const void *right)
{
	const struct top_class *a = left, *b = right;

	return a->pps != b->pps ? (a->pps < b->pps ? 1 : -1) : class_by_packets(left, right);
}

void top_sort(struct top_filter *filter, enum top_order order)
{
	static int (*const rules[])(const void *, const void *) = {by_place, rule_by_rate, rule_by_packets};

	qsort(filter->rule, filter->rules, sizeof(*filter->rule), rules[order]);
	qsort(filter->class, filter->classes, sizeof(*filter->class),
	      order == TOP_BY_RATE ? class_by_rate : class_by_packets);
}

const char *top_sparkline(const struct top_line *line, unsigned int width, bool utf8, char buffer[TOP_SPARKLINE_SIZE])
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
	const char *const *levels = utf8 ? blocks : ascii;
	const unsigned int highest = sizeof(blocks) / sizeof(*blocks) - 1;
	float greatest = 0;
	char *end = buffer;

	for (unsigned int i = 0; i < TOP_SECONDS; i++)
		greatest = larger(greatest, line->history[i]);
	for (unsigned int column = 0; column < width; column++) {
		float part = 0;

		for (unsigned int i = column * TOP_SECONDS / width; i < (column + 1) * TOP_SECONDS / width; i++)
			part = larger(part, line->history[i]);
		/* Rounded up to a level, but the greatest is the highest. */
		end = stpcpy(end, levels[part < greatest ? (part > 0) + (unsigned int)(part / greatest * (highest - 1))
							 : (part > 0) * highest]);
	}
	*end = '\0';
	return buffer;
}

/* Deals HEIGHT lines out to tables FIRST to LAST: no more than each wants, and evenly where there are not enough. */
static void deal(int got[TOP_TABLES], const int want[TOP_TABLES], enum top_table first, enum top_table last, int height)
{
	bool any = true;

	for (enum top_table table = first; table <= last; table++)
		got[table] = 0;
	if (first == TOP_RULES) {
		got[TOP_RULES] = want[TOP_RULES] < RULES_FIRST ? want[TOP_RULES] : RULES_FIRST;
		got[TOP_RULES] = got[TOP_RULES] < height ? got[TOP_RULES] : height;
		height -= got[TOP_RULES];
	}
	while (height > 0 && any) {
		any = false;
		for (enum top_table table = first; table <= last && height > 0; table++) {
			int lines = got[table] ? 1 : 2; /* the header alone is not worth its line */

			if (got[table] == want[table] || lines > height)
				continue;
			got[table] += lines;
			height -= lines;
			any = true;
		}
	}
}

/* One below the other from line Y on. A header without a row is not worth its line. */
static void stack(struct top_area area[TOP_TABLES], const int got[TOP_TABLES], enum top_table first,
		  enum top_table last, struct top_area where)
{
	for (enum top_table table = first; table <= last; table++) {
		area[table] = (struct top_area){where.y, where.x, got[table] > 1 ? got[table] : 0, where.width};
		where.y += area[table].height + (area[table].height ? where.height : 0);
	}
}

void top_layout(struct top_area area[TOP_TABLES], int height, int width, const unsigned int wanted[TOP_TABLES])
{
	int body = height > 2 ? height - 2 : 0, gap = body >= 14;
	int want[TOP_TABLES], got[TOP_TABLES], most = body / 4 > 2 ? body / 4 : 2, rest, tables = 0;

	for (enum top_table table = 0; table < TOP_TABLES; table++)
		want[table] = wanted[table] ? wanted[table] + 1 : 0;
	for (enum top_table table = TOP_RULES; table < TOP_TABLES; table++)
		tables += want[table] > 0;
	got[TOP_INTERFACES] = want[TOP_INTERFACES] < most ? want[TOP_INTERFACES] : most;
	stack(area, got, TOP_INTERFACES, TOP_INTERFACES, (struct top_area){1, 0, gap, width});
	rest = body > got[TOP_INTERFACES] + gap ? body - got[TOP_INTERFACES] - gap : 0;
	if (width < WIDE) {
		deal(got, want, TOP_RULES, TOP_OFFENDING, rest - (tables > 1 ? (tables - 1) * gap : 0));
		stack(area, got, TOP_RULES, TOP_OFFENDING,
		      (struct top_area){1 + got[TOP_INTERFACES] + gap, 0, gap, width});
		return;
	}
	deal(got, want, TOP_RULES, TOP_RULES, rest);
	stack(area, got, TOP_RULES, TOP_RULES, (struct top_area){1 + got[TOP_INTERFACES] + gap, 0, gap, width / 2 - 1});
	deal(got, want, TOP_CLASSES, TOP_OFFENDING, rest - (want[TOP_OFFENDING] ? gap : 0));
	stack(area, got, TOP_CLASSES, TOP_OFFENDING,
	      (struct top_area){1 + got[TOP_INTERFACES] + gap, width / 2 + 1, gap, width - width / 2 - 1});
}

unsigned int top_scroll(unsigned int count, unsigned int selected, int height)
{
	unsigned int rows = height > 1 ? height - 1 : 1;

	if (count <= rows || selected < rows / 2)
		return 0;
	return selected - rows / 2 < count - rows ? selected - rows / 2 : count - rows;
}
