/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What `top` shows, as plain numbers: snapshots in, rows out. Nothing here knows of terminals, clocks or the kernel.
 */
#ifndef SHOW_TOP_H
#define SHOW_TOP_H

#include "policy/matrix.h"

#define TOP_SECONDS 60 /* of history */
#define TOP_NAME_SIZE 64
#define TOP_INTERVAL_MIN_S 0.5 /* rates of less are noise: then they stay as they were */

/* One thing that is counted: how many there were, how fast they come, and how fast they came. */
struct top_line {
	__u64 packets;
	double pps;		    /* in the last interval */
	float history[TOP_SECONDS]; /* packets a second, the last second last */
};

struct top_rule {
	char name[FF_NAME_SIZE];
	enum ff_mode mode;
	bool removed;	    /* stands for all that are no longer in the policy */
	unsigned int place; /* in the evaluation order */
	__u8 counter;	    /* its place among those of the filter */
	struct ff_rule_count count;
	struct top_line line; /* of all that it matched: dropped, would drop, exempted */
};

struct top_class {
	struct matrix_row row;
	char rule[FF_NAME_SIZE]; /* that has a say; empty: none */
	double pps;
};

/* One interface's filter. All zero is one that has not been seen yet. */
struct top_filter {
	char interface[TOP_NAME_SIZE];
	char attached[TOP_NAME_SIZE]; /* "native, exclusive" */
	char policy[FF_LABEL_SIZE];
	__u64 counting_ns;	   /* for how long, and ... */
	__u64 begun_ns;		   /* ... since when; CLOCK_BOOTTIME */
	double time_s;		   /* when rates were taken, and ... */
	double start_s;		   /* ... when for the first time */
	struct counts_mark rated;  /* what was counted when rates were taken, ... */
	struct counts_mark looked; /* ... and at the last look */
	bool started;
	struct top_line passed, dropped, not_judged;
	unsigned int rules, classes;
	struct top_rule rule[FF_RULES_MAX + 1];
	struct top_class class[FF_CLASSES];
	double class_pps[FF_CLASSES]; /* by class; class[] is sorted, and has no rows of classes that did not occur */
};

/* Takes in what COUNTS says at TIME_S, on a clock that never goes back. */
void top_update(struct top_filter *filter, const struct counts *counts, double time_s);

enum top_order { TOP_BY_PLACE, TOP_BY_RATE, TOP_BY_PACKETS, TOP_ORDERS };
const char *top_order_name(enum top_order order);

/* Sorts rules; and classes, which have no place, for TOP_BY_PLACE by packets. */
void top_sort(struct top_filter *filter, enum top_order order);

/*
 * The history as a line of WIDTH characters (at most TOP_SECONDS), each the greatest rate of its part of the minute,
 * scaled to the greatest of all. Any rate above zero can be seen. Returns BUFFER.
 */
#define TOP_SPARKLINE_SIZE (TOP_SECONDS * 3 + 1)
const char *top_sparkline(const struct top_line *line, unsigned int width, bool utf8, char buffer[TOP_SPARKLINE_SIZE]);

/*
 * Who sends what the rules drop, worst first: what whoever samples packets hands in. No offenders, no panel.
 */
#define TOP_OFFENDERS 32
struct top_offender {
	char who[TOP_NAME_SIZE];
	char rule[FF_NAME_SIZE];
	double pps; /* an estimate, and its bounds */
	double pps_at_least, pps_at_most;
};
struct top_offenders {
	unsigned int count;
	struct top_offender offender[TOP_OFFENDERS];
};

/* Where on a screen the tables are; a height of 0: there is no room for it. The header is included. */
struct top_area {
	int y, x, height, width;
};
enum top_table { TOP_INTERFACES, TOP_RULES, TOP_CLASSES, TOP_OFFENDING, TOP_TABLES };

/* WANTED: how many rows each table has. The first line and the last are left for title and keys. */
void top_layout(struct top_area area[TOP_TABLES], int height, int width, const unsigned int wanted[TOP_TABLES]);

/* The first row to show of COUNT in a table of HEIGHT lines, so that row SELECTED is among them. */
unsigned int top_scroll(unsigned int count, unsigned int selected, int height);

#endif
