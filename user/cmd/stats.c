/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/command.h"
#include "kernel/locate.h"
#include "show/heading.h"
#include "show/output.h"
#include "show/report.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

struct arguments {
	const char *interface;
	double interval_s;   /* 0: one report */
	unsigned long count; /* 0: until interrupted */
};

static const struct argp_option options[] = {
	{"watch", 'w', "SECONDS", OPTION_ARG_OPTIONAL, "report again every second, or every so many", 0},
	{"count", 'c', "N", 0, "end after N reports", 0},
	{},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'w':
		arguments->interval_s = command_parse_interval(text, state);
		return 0;
	case 'c':
		arguments->count = command_number(state, text, ULONG_MAX, "reports");
		return 0;
	default:
		return command_parse_interface_argument(key, text, state, &arguments->interface);
	}
}

/* What was counted since the report before this one, and in how many seconds; with the first report, nothing. */
struct growth {
	struct ff_counters counters;
	double seconds;
};

static json_t *to_json(const struct snapshot *now, const struct growth *growth)
{
	json_t *object = heading_to_json(now, false);

	if (report_to_json(&now->counts, object) ||
	    json_object_set_new(object, "rates",
				json_pack("{sf sf sf}", "interval_s", growth->seconds, "passed_pps",
					  counts_rate(counters_passed(&growth->counters), growth->seconds),
					  "dropped_pps",
					  counts_rate(counters_dropped(&growth->counters), growth->seconds)))) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static void print_tables(FILE *out, const struct snapshot *now, const struct growth *growth)
{
	heading_print(out, now);
	report_print(out, &now->counts, growth->seconds > 0 ? &growth->counters : NULL, growth->seconds);
}

/* A report as one plain line, for logs and pipes. */
static void print_line(FILE *out, const struct snapshot *now, const struct growth *growth)
{
	const struct counts *counts = &now->counts;
	__u64 passed = counts_passed(counts).packets, dropped = counts_dropped(counts).packets;
	char time[OUTPUT_TIME_SIZE];

	fprintf(out, "%s %s passed %llu (%.1f/s) dropped %llu (%.1f/s)", output_time(now->time_ns, time),
		now->location.interface.name, (unsigned long long)passed,
		counts_rate(counters_passed(&growth->counters), growth->seconds), (unsigned long long)dropped,
		counts_rate(counters_dropped(&growth->counters), growth->seconds));
	for (unsigned int i = 0; i < counts->policy.rules; i++) {
		const struct ff_rule *rule = &counts->policy.rule[i];
		const struct ff_rule_count *count = &counts->counters.rule[rule->counter];

		if (count->dropped.packets)
			fprintf(out, " %s=%llu", rule->name, (unsigned long long)count->dropped.packets);
		if (count->would_drop.packets)
			fprintf(out, " %s:would-drop=%llu", rule->name, (unsigned long long)count->would_drop.packets);
		if (count->exempted.packets)
			fprintf(out, " %s:exempted=%llu", rule->name, (unsigned long long)count->exempted.packets);
	}
	fputc('\n', out);
}

static int terminal_rows(void)
{
	struct winsize size = {};

	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row ? size.ws_row : 24;
}

/* What stands on the terminal moves up, to where it can be scrolled back to. */
static void make_room(void)
{
	for (int rows = terminal_rows(); rows > 0; rows--)
		putchar('\n');
}

/* Draws over what stood there before, so that the screen does not flicker, and no further than it reaches. */
static int redraw(const struct snapshot *now, const struct growth *growth)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int row = 0, rows = terminal_rows();

	if (!out)
		return -ENOMEM;
	print_tables(out, now, growth);
	fclose(out);
	printf("\033[H");
	for (char *line = text, *end; *line && ++row < rows; line = end + 1) {
		end = strchrnul(line, '\n');
		printf("%.*s\033[K\n", (int)(end - line), line);
		if (!*end)
			break;
	}
	printf("\033[J");
	return fflush(stdout) ? -errno : 0;
}

static int show(const struct globals *globals, const struct arguments *arguments, const struct snapshot *now,
		const struct growth *growth)
{
	if (globals->json)
		return output_json(stdout, to_json(now, growth)) || fflush(stdout) ? -EIO : 0;
	if (!arguments->interval_s)
		print_tables(stdout, now, growth);
	else if (isatty(STDOUT_FILENO))
		return redraw(now, growth);
	else
		print_line(stdout, now, growth);
	return fflush(stdout) ? -errno : 0;
}

static int watch(const struct globals *globals, const struct arguments *arguments, struct diag *diag)
{
	_cleanup_free_ struct snapshot *now = calloc(1, sizeof(*now));
	_cleanup_free_ struct counts_mark *before = calloc(1, sizeof(*before));
	_cleanup_free_ struct growth *growth = calloc(1, sizeof(*growth));
	__u64 next_ns = clock_monotonic_ns();
	int error = 0;

	if (!now || !before || !growth)
		return diag_no_memory(diag);
	for (unsigned long i = 0; !error && !command_stop; i++) {
		error = locate_and_read(now, arguments->interface, diag);
		if (!error) {
			growth->seconds = counts_growth(&now->counts, i ? before : NULL, &growth->counters);
			*before = now->counts.mark;
		}
		if (!error && show(globals, arguments, now, growth))
			error = diag_fail(diag, -EIO, "cannot write the output: %s", strerror(errno));
		if (i + 1 == arguments->count)
			break;
		next_ns += (__u64)(arguments->interval_s * 1e9);
		if (!error)
			clock_sleep_until(next_ns);
	}
	return error;
}

int cmd_stats(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {};

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!arguments.interval_s)
		arguments.count = 1;
	if (arguments.interval_s) {
		command_catch_stop(false);
		if (!globals->json && isatty(STDOUT_FILENO))
			make_room();
	}
	return watch(globals, &arguments, diag);
}
