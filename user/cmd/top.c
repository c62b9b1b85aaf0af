/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* top [IF]: what is attached, what it counts, and its switches, on the whole screen. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/command.h"
#include "cmd/top_samples.h"
#include "kernel/change.h"
#include "show/screen.h"
#include "show/top_view.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#define INTERVAL_MS 1000
#define RESCAN 2 /* intervals after which to look for filters on other interfaces */
#define CTRL_L 12

/* To put a rule into another mode. It stays what was asked, whatever is selected when the answer comes. */
struct question {
	bool open;
	char interface[TOP_NAME_SIZE];
	char rule[FF_NAME_SIZE];
	enum ff_mode mode;
};

struct top {
	const char *only; /* interface; NULL: all that there are */
	struct snapshot *snapshot;
	struct top_filter *filter;
	unsigned int filters, room;
	unsigned int selected;		/* interface */
	char rule[FF_NAME_SIZE];	/* selected; empty: the first */
	struct top_samples samples;	/* of the selected interface, and ... */
	struct top_offenders offenders; /* ... who is worst there */
	enum top_order order;
	bool paused, help;
	struct question question;
	struct diag answer;  /* to the last key; until the next one */
	struct diag problem; /* of the last look */
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	if (key == ARGP_KEY_END)
		return 0; /* without an interface: all */
	return command_parse_interface_argument(key, text, state, state->input);
}

/* The place of an interface among those that are shown; behind the last if it is not. */
static unsigned int find(const struct top *top, const char *interface)
{
	unsigned int i = 0;

	while (i < top->filters && strcmp(top->filter[i].interface, interface))
		i++;
	return i;
}

static void forget(struct top *top, unsigned int index)
{
	memmove(&top->filter[index], &top->filter[index + 1], (top->filters - index - 1) * sizeof(*top->filter));
	top->filters--;
	if (top->selected > index || top->selected == top->filters)
		top->selected -= top->selected > 0;
}

static int make_room(struct top *top)
{
	unsigned int room = top->room ? 2 * top->room : 4;
	struct top_filter *filter;

	if (top->filters < top->room)
		return 0;
	filter = realloc(top->filter, room * sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	top->filter = filter;
	top->room = room;
	return 0;
}

static bool is_gone(int error)
{
	return error == -ENOENT || error == -ENODEV;
}

/* Takes in what the filter of one interface says. One that has gone is forgotten, and no failure. */
static int look_at(struct top *top, const char *interface, struct diag *diag)
{
	unsigned int index = find(top, interface);
	struct snapshot *snapshot = top->snapshot;
	struct top_filter *filter;
	int error = locate_and_read(snapshot, interface, diag);

	if (is_gone(error) && index < top->filters)
		forget(top, index);
	if (!error && index == top->filters) {
		error = make_room(top) ? diag_no_memory(diag) : 0;
		if (!error)
			memset(&top->filter[top->filters++], 0, sizeof(*top->filter));
	}
	if (error)
		return error;
	filter = &top->filter[index];
	snprintf(filter->interface, sizeof(filter->interface), "%s", snapshot->location.interface.name);
	snprintf(filter->attached, sizeof(filter->attached), "%s, %s", xdp_mode_name(snapshot->location.programs.mode),
		 snapshot->location.programs.shared ? "shared" : "exclusive");
	top_update(filter, &snapshot->counts, clock_monotonic_ns() / 1e9);
	top_sort(filter, top->order);
	return 0;
}

/* All interfaces that may have a filter. */
static int scan(struct top *top, struct diag *diag)
{
	_cleanup_(interfaces_free) struct interfaces interfaces = INTERFACES_NONE;
	int error = interfaces_with_xdp(&interfaces, diag);

	for (unsigned int i = 0; i < interfaces.count && !error; i++) {
		error = look_at(top, interfaces.interface[i].name, diag);
		error = is_gone(error) ? 0 : error;
	}
	return error;
}

/* Only those that had one the last time. */
static int look_again(struct top *top, struct diag *diag)
{
	int error = 0;

	for (unsigned int i = top->filters; i-- && !error;) {
		char interface[TOP_NAME_SIZE];

		memcpy(interface, top->filter[i].interface, sizeof(interface));
		error = look_at(top, interface, diag);
		error = is_gone(error) ? 0 : error;
	}
	return error;
}

/* The INTERVAL-th look, at all there is to be seen. */
static int look(struct top *top, unsigned long interval, struct diag *diag)
{
	int error;

	if (top->only)
		return look_at(top, top->only, diag);
	/* One that went while others came is found by neither alone. */
	error = look_again(top, diag);
	return error || interval % RESCAN ? error : scan(top, diag);
}

static unsigned int selected_rule(const struct top *top)
{
	const struct top_filter *filter = &top->filter[top->selected];

	for (unsigned int i = 0; top->filters && i < filter->rules; i++)
		if (!strcmp(filter->rule[i].name, top->rule))
			return i;
	return 0;
}

/* It stays selected wherever it goes; the first takes the place of one that is gone. */
static void select_rule(struct top *top, int step)
{
	unsigned int rule = selected_rule(top) + step;

	if (top->filters && rule < top->filter[top->selected].rules)
		memcpy(top->rule, top->filter[top->selected].rule[rule].name, sizeof(top->rule));
}

static void draw(struct top *top)
{
	select_rule(top, 0);
	top_view_draw(&(struct top_view){
		.filter = top->filter,
		.filters = top->filters,
		.selected = top->selected,
		.rule = selected_rule(top),
		.offenders = &top->offenders,
		.order = top->order,
		.paused = top->paused,
		.help = top->help,
		.message = *top->answer.text ? top->answer.text : top->problem.text,
		.unknown = *top->problem.text,
		.time_ns = clock_wall_ns(),
	});
}

static void __attribute__((format(printf, 2, 3))) say(struct top *top, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(top->answer.text, sizeof(top->answer.text), format, args);
	va_end(args);
}

/* Asks once, before anything is changed. */
static void ask_mode(struct top *top, enum ff_mode mode)
{
	const struct top_filter *filter = &top->filter[top->selected];
	const struct top_rule *rule = &filter->rule[selected_rule(top)];

	if (!top->filters || !filter->rules || rule->removed)
		return;
	if (rule->mode == mode) {
		say(top, "%s is in mode %s", rule->name, mode_name(mode));
		return;
	}
	top->question = (struct question){.open = true, .mode = mode};
	memcpy(top->question.interface, filter->interface, sizeof(filter->interface));
	memcpy(top->question.rule, rule->name, sizeof(rule->name));
	say(top, "%s: rule %s from %s to %s? y/n", filter->interface, rule->name, mode_name(rule->mode),
	    mode_name(mode));
}

/* A policy_change. */
static int set_mode(struct policy *policy, void *context, struct diag *diag)
{
	const struct question *question = context;
	struct ff_rule *rule = policy_find(policy, question->rule);

	if (!rule)
		return diag_usage(diag, "%s has no rule %s any more", question->interface, question->rule);
	rule->mode = question->mode;
	policy_label_changed(policy);
	return 0;
}

static void answer(struct top *top, int key)
{
	struct question *question = &top->question;
	struct diag diag = {};

	question->open = false;
	if (key != 'y' && key != 'Y')
		say(top, "nothing was changed");
	else if (change_policy(top->snapshot, question->interface, set_mode, question, NULL, NULL, &diag))
		say(top, "%s", diag.text);
	else
		say(top, "%s: rule %s is in mode %s now", question->interface, question->rule,
		    mode_name(question->mode));
	/* Shown as it is now, also on a screen that is paused. */
	look_at(top, question->interface, &diag);
}

static void next_interface(struct top *top)
{
	if (top->filters)
		top->selected = (top->selected + 1) % top->filters;
	top->offenders.count = 0;
}

static void sort_next(struct top *top)
{
	top->order = (top->order + 1) % TOP_ORDERS;
	for (unsigned int i = 0; i < top->filters; i++)
		top_sort(&top->filter[i], top->order);
}

static void press(struct top *top, int key)
{
	if (key == SCREEN_RESIZED)
		return;
	if (top->question.open) {
		answer(top, key);
		return;
	}
	*top->answer.text = '\0';
	if (top->help) {
		top->help = false;
		return;
	}
	switch (key) {
	case 'q':
		command_stop = 1;
		return;
	case '?':
	case 'h':
		top->help = true;
		return;
	case SCREEN_UP:
	case 'k':
		select_rule(top, -1);
		return;
	case SCREEN_DOWN:
	case 'j':
		select_rule(top, 1);
		return;
	case 'o':
		ask_mode(top, FF_OFF);
		return;
	case 'm':
		ask_mode(top, FF_MONITORED);
		return;
	case 'e':
		ask_mode(top, FF_ENFORCED);
		return;
	case 's':
		sort_next(top);
		return;
	case 'p':
	case ' ':
		top->paused = !top->paused;
		return;
	case '\t':
	case 'i':
		next_interface(top);
		return;
	case CTRL_L:
		screen_redraw();
		return;
	}
}

/* Handles keys until it is time for the next look. */
static void wait_until(struct top *top, double time_s)
{
	struct pollfd terminal = {STDIN_FILENO, POLLIN, 0};

	while (!command_stop) {
		double left_s = time_s - clock_monotonic_ns() / 1e9;
		int key;

		if (left_s <= 0)
			return;
		if (poll(&terminal, 1, left_s * 1000 + 1) > 0 && terminal.revents & (POLLHUP | POLLERR | POLLNVAL))
			command_stop = 1; /* the terminal is gone */
		while (!command_stop && (key = screen_key()) != SCREEN_NO_KEY) {
			press(top, key);
			draw(top);
		}
	}
}

static void watch(struct top *top)
{
	double next_s = clock_monotonic_ns() / 1e9;

	for (unsigned long interval = 0; !command_stop; interval++) {
		if (interval && !top->paused) {
			struct diag problem = {};

			/* An interface without a filter is a problem only if it is the one that was asked for. */
			top->problem = look(top, interval, &problem) ? problem : (struct diag){};
		}
		if (!top->paused && top->filters)
			top_samples_update(&top->samples, &top->filter[top->selected], clock_monotonic_ns() / 1e9,
					   &top->offenders);
		draw(top);
		next_s += INTERVAL_MS / 1000.0;
		wait_until(top, next_s);
	}
}

static void release(struct top *top)
{
	top_samples_close(&top->samples);
	free(top->snapshot);
	free(top->filter);
}

int cmd_top(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {NULL, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_(release) struct top top = {};
	int error;

	command_parse(globals, &argp, argc, argv, &top.only, NULL);
	if (globals->json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return diag_usage(diag,
				  "top is for a terminal; elsewhere `flagfilter%s stats IF --watch` tells the same",
				  globals->json ? " --json" : "");
	top.snapshot = malloc(sizeof(*top.snapshot));
	if (!top.snapshot)
		return diag_no_memory(diag);
	/* What fails at once is said on the terminal as it is. */
	error = look(&top, 0, diag);
	if (error)
		return error;
	if (!top.filters)
		return diag_fail(diag, -ENOENT, "attached nowhere in this network namespace");
	command_catch_stop(true);
	error = screen_open(diag);
	if (error)
		return error;
	watch(&top);
	screen_close();
	return 0;
}
