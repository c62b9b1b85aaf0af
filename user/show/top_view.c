/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "show/top_view.h"

#include "show/output.h"
#include "show/report.h"
#include "show/screen.h"
#include <string.h>

#define COLUMNS_MAX 8
#define COUNT_WIDTH 11
#define RATE_WIDTH 9
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

struct column {
	const char *title;
	int width; /* 0: a sparkline, which takes what room is left, and that of its title at the least */
	bool right;
	int rank; /* where there is no room for all, those of high rank go first */
};

struct table {
	const struct top_area *area;
	unsigned int columns;
	struct column column[COLUMNS_MAX];
};

typedef char cells[COLUMNS_MAX][TOP_SPARKLINE_SIZE];

static int least_width(const struct column *column)
{
	return column->width ? column->width : (int)strlen(column->title);
}

static int width_of(const struct table *table)
{
	int width = 0;

	for (unsigned int i = 0; i < table->columns; i++)
		if (table->column[i].rank >= 0)
			width += 1 + least_width(&table->column[i]);
	return width;
}

/* Hides columns until the others fit, and gives the sparkline the rest. */
static void fit(struct table *table)
{
	struct column *last = &table->column[table->columns - 1];
	int rest;

	while (width_of(table) > table->area->width) {
		struct column *least = &table->column[0];

		for (unsigned int i = 1; i < table->columns; i++)
			if (table->column[i].rank > least->rank)
				least = &table->column[i];
		if (least == &table->column[0])
			break;
		least->rank = -1;
	}
	rest = least_width(last) + table->area->width - width_of(table);
	if (!last->width)
		last->width = rest < TOP_SECONDS ? rest : TOP_SECONDS;
}

static void draw_row(const struct table *table, int row, bool selected, enum screen_style style, const cells text)
{
	int y = table->area->y + row, x = table->area->x;

	screen_put(y, x, table->area->width, style, selected ? ">" : "");
	for (unsigned int i = 0; i < table->columns; i++) {
		const struct column *column = &table->column[i];
		int indent = column->right ? column->width - (int)strlen(text[i]) : 0;

		if (column->rank < 0)
			continue;
		indent = indent > 0 ? indent : 0;
		/* What is not zero stands out. */
		screen_put(y, x + 1 + indent, column->width - indent, strcmp(text[i], "0") ? style : SCREEN_DIM,
			   text[i]);
		x += 1 + column->width;
	}
}

static void draw_header(struct table *table)
{
	cells titles;

	fit(table);
	for (unsigned int i = 0; i < table->columns; i++)
		snprintf(titles[i], sizeof(titles[i]), "%s", table->column[i].title);
	draw_row(table, 0, false, SCREEN_REVERSE, titles);
}

/* Row 1 of a table that has none. */
static void draw_empty(const struct top_area *area, const char *why)
{
	if (area->height > 1)
		screen_put(area->y + 1, area->x + 1, area->width - 1, SCREEN_PLAIN, why);
}

/* A count as it is, if it fits. */
static void put_count(char cell[TOP_SPARKLINE_SIZE], __u64 count)
{
	char text[REPORT_SCALED_SIZE];

	snprintf(cell, TOP_SPARKLINE_SIZE, "%s", report_scaled(text, count, 1e11, ""));
}

static void put_rate(char cell[TOP_SPARKLINE_SIZE], double pps)
{
	char text[REPORT_SCALED_SIZE];

	snprintf(cell, TOP_SPARKLINE_SIZE, "%s", report_scaled(text, pps, 100000, ""));
}

/* Estimates are no whole numbers, which matters where they are small. */
static void put_estimate(char cell[TOP_SPARKLINE_SIZE], double pps)
{
	if (pps < 10)
		snprintf(cell, TOP_SPARKLINE_SIZE, "%.1f", pps);
	else
		put_rate(cell, pps);
}

static void put_text(char cell[TOP_SPARKLINE_SIZE], const char *text)
{
	snprintf(cell, TOP_SPARKLINE_SIZE, "%s", text);
}

static void widen(int *width, const char *text)
{
	if (*width < (int)strlen(text))
		*width = strlen(text);
}

static enum screen_style style_of(enum ff_action action, double pps)
{
	if (pps <= 0 || action == FF_PASS)
		return SCREEN_PLAIN;
	return action == FF_MONITOR ? SCREEN_YELLOW : SCREEN_RED;
}

static void draw_interfaces(const struct top_view *view, const struct top_area *area)
{
	struct table table = {area,
			      7,
			      /* So wide that both sparklines begin at the same column where there is room. */
			      {{"interface", 11, false, 0},
			       {"passed", COUNT_WIDTH, true, 3},
			       {"/s", RATE_WIDTH, true, 4},
			       {"dropped", COUNT_WIDTH, true, 1},
			       {"/s", RATE_WIDTH, true, 2},
			       {"not judged", COUNT_WIDTH, true, 6},
			       {"drops, 60 s", 0, false, 5}}};
	unsigned int first = top_scroll(view->filters, view->selected, area->height);

	for (unsigned int i = 0; i < view->filters; i++)
		widen(&table.column[0].width, view->filter[i].interface);
	draw_header(&table);
	for (int row = 1; row < area->height && first + row - 1 < view->filters; row++) {
		const struct top_filter *filter = &view->filter[first + row - 1];
		bool selected = first + row - 1 == view->selected;
		cells text;

		put_text(text[0], filter->interface);
		put_count(text[1], filter->passed.packets);
		put_rate(text[2], filter->passed.pps);
		put_count(text[3], filter->dropped.packets);
		put_rate(text[4], filter->dropped.pps);
		put_count(text[5], filter->not_judged.packets);
		top_sparkline(&filter->dropped, table.column[6].width, screen_is_utf8(), text[6]);
		draw_row(&table, row, selected, style_of(FF_DROP, filter->dropped.pps) | (selected ? SCREEN_BOLD : 0),
			 text);
	}
}

static void draw_rules(const struct top_view *view, const struct top_filter *filter, const struct top_area *area)
{
	static const enum ff_action actions[] = {
		[FF_OFF] = FF_PASS, [FF_MONITORED] = FF_MONITOR, [FF_ENFORCED] = FF_DROP};
	struct table table = {area,
			      7,
			      {{"rule", 13, false, 0},
			       {"mode", 7, false, 0},
			       {"packets/s", RATE_WIDTH, true, 1},
			       {"dropped", COUNT_WIDTH, true, 2},
			       {"would drop", COUNT_WIDTH, true, 3},
			       {"exempted", COUNT_WIDTH, true, 5},
			       {"last 60 seconds", 0, false, 4}}};
	unsigned int first = top_scroll(filter->rules, view->rule, area->height);

	for (unsigned int i = 0; i < filter->rules; i++)
		widen(&table.column[0].width, filter->rule[i].name);
	draw_header(&table);
	for (int row = 1; row < area->height && first + row - 1 < filter->rules; row++) {
		const struct top_rule *rule = &filter->rule[first + row - 1];
		bool selected = first + row - 1 == view->rule;
		cells text;

		put_text(text[0], rule->name);
		put_text(text[1], rule->removed ? "" : mode_name(rule->mode));
		put_rate(text[2], rule->line.pps);
		put_count(text[3], rule->count.dropped.packets);
		put_count(text[4], rule->count.would_drop.packets);
		put_count(text[5], rule->count.exempted.packets);
		top_sparkline(&rule->line, table.column[6].width, screen_is_utf8(), text[6]);
		draw_row(&table, row, selected,
			 style_of(actions[rule->mode], rule->line.pps) | (selected ? SCREEN_BOLD : 0), text);
	}
	if (!filter->rules)
		draw_empty(area, "no rules: every frame passes");
}

static void draw_classes(const struct top_filter *filter, const struct top_area *area)
{
	struct table table = {area,
			      6,
			      {{"flags", 13, false, 0},
			       {"verdict", 10, false, 3},
			       {"packets/s", RATE_WIDTH, true, 4},
			       {"passed", COUNT_WIDTH, true, 1},
			       {"dropped", COUNT_WIDTH, true, 2},
			       {"rule", 14, false, 5}}};

	for (unsigned int i = 0; i < filter->classes; i++) {
		char flags[FLAGS_SIZE];

		widen(&table.column[0].width, class_format(filter->class[i].row.class, flags));
	}
	draw_header(&table);
	for (int row = 1; row < area->height && row - 1 < (int)filter->classes; row++) {
		const struct top_class *class = &filter->class[row - 1];
		char flags[FLAGS_SIZE];
		cells text;

		put_text(text[0], class_format(class->row.class, flags));
		put_text(text[1], matrix_verdict_name(&class->row));
		put_rate(text[2], class->pps);
		put_count(text[3], class->row.passed.packets);
		put_count(text[4], class->row.dropped);
		put_text(text[5], class->rule);
		draw_row(&table, row, false, style_of(FF_ACTION(class->row.verdict), class->pps), text);
	}
	if (!filter->classes)
		draw_empty(area, "no frame has come in yet");
}

static void draw_offenders(const struct top_offenders *offenders, const struct top_area *area)
{
	struct table table = {area,
			      5,
			      {{"top offenders (10 s)", 20, false, 0},
			       {"packets/s", RATE_WIDTH, true, 1},
			       {"at least", RATE_WIDTH, true, 3},
			       {"at most", RATE_WIDTH, true, 4},
			       {"rule", 14, false, 2}}};

	for (unsigned int i = 0; i < offenders->count; i++)
		widen(&table.column[0].width, offenders->offender[i].who);
	draw_header(&table);
	for (int row = 1; row < area->height && row - 1 < (int)offenders->count; row++) {
		const struct top_offender *offender = &offenders->offender[row - 1];
		cells text;

		put_text(text[0], offender->who);
		put_estimate(text[1], offender->pps);
		put_estimate(text[2], offender->pps_at_least);
		put_estimate(text[3], offender->pps_at_most);
		put_text(text[4], offender->rule);
		draw_row(&table, row, false, SCREEN_PLAIN, text);
	}
}

static void draw_title(const struct top_view *view, const struct top_filter *filter)
{
	char text[256], time[OUTPUT_TIME_SIZE], since[OUTPUT_TIME_SIZE];
	int width = screen_width(), left;

	if (filter)
		snprintf(text, sizeof(text), "%s  %s  counting for %s  %s", filter->interface, filter->attached,
			 output_duration(filter->counting_ns, since), filter->policy);
	else
		snprintf(text, sizeof(text), view->unknown ? "attached: unknown" : "attached nowhere");
	screen_put(0, 0, width, SCREEN_BOLD, text);
	left = width - (int)strlen(text);
	/* Of "2026-11-22T17:00:00.000Z" the time of day. */
	output_time(view->time_ns, time);
	snprintf(text, sizeof(text), "%.8sZ", strchr(time, 'T') + 1);
	if (view->paused)
		screen_put(0, width - 8, 8, SCREEN_REVERSE | SCREEN_BOLD, " PAUSED ");
	else if (left >= (int)strlen("  HH:MM:SSZ"))
		screen_put(0, width - 9, 9, SCREEN_BOLD, text);
}

/* So many of the keys as there is room for; help has them all. */
static void draw_keys(const struct top_view *view)
{
	char order[24];
	const char *const keys[] = {"? help",	 "q quit",    view->filters > 1 ? "tab next" : "",  "j/k rule", "o off",
				    "m monitor", "e enforce", view->paused ? "p go on" : "p pause", order};
	int x = 0;

	snprintf(order, sizeof(order), "s by %s", top_order_name(view->order));
	for (unsigned int i = 0; i < LENGTH(keys) && x + (int)strlen(keys[i]) <= screen_width(); i++) {
		screen_put(screen_height() - 1, x, screen_width() - x, SCREEN_PLAIN, keys[i]);
		x += *keys[i] ? (int)strlen(keys[i]) + 2 : 0;
	}
}

static void draw_footer(const struct top_view *view)
{
	if (*view->message)
		screen_put(screen_height() - 1, 0, screen_width(), SCREEN_REVERSE | SCREEN_BOLD, view->message);
	else
		draw_keys(view);
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"q          quit",
		"up, down   select a rule (also k, j)",
		"o m e      off, monitor, enforce: asks",
		"s          sort: order, rate, packets",
		"p          pause; counting goes on",
		"tab, i     next interface",
		"Ctrl-L     draw everything anew",
		"",
		"Counts are since the filter was attached or reset. Of a rule, the rate and the",
		"last 60 seconds are of all it matched. Each such line has a scale of its own;",
		"blank is no packet at all. In red is what drops now, in yellow what would.",
		"",
		"\"flags\" has every combination of flags that came in, and what could not be",
		"judged by its flags; the verdict is that of the rules as they are now.",
		"",
		"Offenders are estimated, from samples of ten seconds.",
	};

	screen_put(0, 0, screen_width(), SCREEN_BOLD, "flagfilter top: keys");
	for (unsigned int i = 0; i < LENGTH(lines); i++)
		screen_put(2 + i, 0, screen_width(), SCREEN_PLAIN, lines[i]);
	screen_put(screen_height() - 1, 0, screen_width(), SCREEN_BOLD, "any key: back");
}

static void draw_tables(const struct top_view *view, const struct top_filter *filter)
{
	/* A table without rows has one that says so; but offenders, which have a table only if there are any. */
	const unsigned int wanted[TOP_TABLES] = {view->filters, filter->rules ? filter->rules : 1,
						 filter->classes ? filter->classes : 1, view->offenders->count};
	struct top_area area[TOP_TABLES];

	top_layout(area, screen_height(), screen_width(), wanted);
	if (area[TOP_INTERFACES].height)
		draw_interfaces(view, &area[TOP_INTERFACES]);
	if (area[TOP_RULES].height)
		draw_rules(view, filter, &area[TOP_RULES]);
	if (area[TOP_CLASSES].height)
		draw_classes(filter, &area[TOP_CLASSES]);
	if (area[TOP_OFFENDING].height)
		draw_offenders(view->offenders, &area[TOP_OFFENDING]);
}

void top_view_draw(const struct top_view *view)
{
	const struct top_filter *filter = view->filters ? &view->filter[view->selected] : NULL;

	screen_clear();
	if (view->help) {
		draw_help();
	} else {
		draw_title(view, filter);
		if (filter)
			draw_tables(view, filter);
		draw_footer(view);
	}
	screen_show();
}
