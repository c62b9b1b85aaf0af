/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `top` drawn on the screen. */
#ifndef SHOW_TOP_VIEW_H
#define SHOW_TOP_VIEW_H

#include "show/top.h"

struct top_view {
	const struct top_filter *filter; /* of each interface */
	unsigned int filters;
	unsigned int selected;		       /* of them */
	unsigned int rule;		       /* selected, of that one's */
	const struct top_offenders *offenders; /* of that one */
	enum top_order order;
	bool paused, help;
	const char *message; /* in place of the keys; empty: none */
	bool unknown;	     /* the last look failed: there may be filters that are not shown */
	__s64 time_ns;	     /* CLOCK_REALTIME */
};

void top_view_draw(const struct top_view *view);

#endif
