/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "command.h"
#include "netns.h"
#include "text.h"
#include "xdp.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum exit_status { STATUS_DONE, STATUS_FAILED, STATUS_USAGE, STATUS_NO };

const char *argp_program_version = "flagfilter " FLAGFILTER_VERSION;

const struct command commands[] = {
	{"doctor", "IF", "whether native attach will work, and what to change if not", cmd_doctor},
	{"attach", "IF [--mode MODE] [--policy FILE | --preset NAME] ...", "put the filter on an interface",
	 cmd_attach},
	{"detach", "IF | --all", "take it off", cmd_detach},
	{"status", "[IF] [--cost [SECONDS]]", "what is attached where, and what it costs", cmd_status},
	{"rule", "IF [NAME=MODE ... | add NAME FLAGS MODE | del NAME ...]", "list rules, or change them in one flip",
	 cmd_rule},
	{"exempt", "IF [list | add WHAT ... | del WHAT ...]", "exempt sources and ports", cmd_exempt},
	{"apply", "IF FILE [--confirm SECONDS]", "make a policy file the policy, in one flip", cmd_apply},
	{"confirm", "IF", "keep what would go back by itself", cmd_confirm},
	{"diff", "IF FILE", "what a policy file would change", cmd_diff},
	{"save", "IF", "print the policy as a policy file", cmd_save},
	{"reset", "IF", "set the counters to zero", cmd_reset},
	{"check", "FILE", "validate a policy file, and tell what it drops", cmd_check},
	{"stats", "IF [--watch [SECONDS]] [--count N]", "what is dropped, and why", cmd_stats},
	{"matrix", "IF [--rule FLAGS | --policy FILE | --preset NAME]", "which flags came in, and their fate",
	 cmd_matrix},
	{"top", "[IF]", "all of it, live, on the whole screen", cmd_top},
	{"capture", "IF [--rule NAME]... [-c N] [-w FILE]", "dropped packets as they happen, or a file of them",
	 cmd_capture},
	{"offenders", "IF [--seconds N] [--top N] [--rule NAME]...", "who sends what is dropped, and to which ports",
	 cmd_offenders},
	{"report", "IF [--since attach] [--seconds N]", "what monitored rules would drop, and what it looks like",
	 cmd_report},
	{"replay", "CAPTURE [--policy FILE | --preset NAME] ...", "judge the frames of a capture", cmd_replay},
	{"explain", "FLAGS [--policy FILE | --preset NAME]", "the verdict on a combination of flags", cmd_explain},
	{},
};

enum { OPTION_NETNS = 512, OPTION_POLICY, OPTION_PRESET }; /* above the keys of any command */

static const struct argp_option global_options[] = {
	{"json", 'j', NULL, 0, "report as JSON", -2},
	{"verbose", 'v', NULL, 0, "let libbpf and libxdp say what they do", -2},
	{"netns", OPTION_NETNS, "NAME", 0, "act in this network namespace of `ip netns list`", -2},
	{},
};

static error_t parse_global(int key, char *text, struct argp_state *state)
{
	struct globals *globals = state->input;

	switch (key) {
	case 'j':
		globals->json = true;
		return 0;
	case 'v':
		globals->verbose = true;
		return 0;
	case OPTION_NETNS:
		globals->netns = text;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp global_argp = {global_options, parse_global, NULL, NULL, NULL, NULL, NULL};

static const struct argp_option policy_argp_options[] = {
	{"policy", OPTION_POLICY, "FILE", 0, "policy file (\"-\": standard input)", -1},
	{"preset", OPTION_PRESET, "NAME", 0, "none, default, strict or conntrack", -1},
	{},
};

static error_t parse_policy(int key, char *text, struct argp_state *state)
{
	struct policy_options *options = state->input;

	switch (key) {
	case OPTION_POLICY:
		options->path = text;
		break;
	case OPTION_PRESET:
		options->preset = text;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (options->path && options->preset)
		command_usage_error(state, "--policy or --preset, not both");
	return 0;
}

static const struct argp policy_argp = {policy_argp_options, parse_policy, NULL, NULL, NULL, NULL, NULL};

struct command_inputs {
	struct globals *globals;
	void *command;
	struct policy_options *policy;
};

static error_t hand_out_inputs(int key, char *text, struct argp_state *state)
{
	const struct command_inputs *inputs = state->input;

	(void)text;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = inputs->globals;
	state->child_inputs[1] = inputs->command;
	if (inputs->policy)
		state->child_inputs[2] = inputs->policy;
	return 0;
}

static const struct command *find_command(const char *name)
{
	for (const struct command *command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static void enter_netns(const struct globals *globals)
{
	struct diag diag = {};

	if (globals->netns && netns_enter(globals->netns, &diag)) {
		text_clean(diag.text);
		fprintf(stderr, "flagfilter: %s\n", diag.text);
		exit(diag.usage ? STATUS_USAGE : STATUS_FAILED);
	}
}

void command_parse(struct globals *globals, const struct argp *argp, int argc, char **argv, void *input,
		   struct policy_options *policy)
{
	const struct command *command = find_command(argv[0]);
	const struct argp_child children[] = {
		{&global_argp, 0, NULL, 0}, {argp, 0, NULL, 0}, {policy ? &policy_argp : NULL, 0, NULL, 0}, {}};
	const struct argp all = {NULL, hand_out_inputs, command->synopsis, command->help, children, NULL, NULL};
	struct command_inputs inputs = {globals, input, policy};
	char name[64];

	snprintf(name, sizeof(name), "flagfilter %s", command->name);
	argv[0] = name;
	argp_parse(&all, argc, argv, 0, NULL, &inputs);
	argv[0] = (char *)command->name;
	xdp_set_verbose(globals->verbose);
	enter_netns(globals);
}

void command_usage_error(const struct argp_state *state, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_clean(text);
	fprintf(stderr, "%s: %s; see `%s --help`\n", state->name, text, state->name);
	exit(STATUS_USAGE);
}

volatile sig_atomic_t command_stop;

static void on_stop(int number)
{
	(void)number;
	command_stop = 1;
}

void command_catch_stop(bool hangup)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = on_stop};

	for (int i = 0; i < (hangup ? 4 : 2); i++)
		sigaction(signals[i], &action, NULL);
}

unsigned long command_number(const struct argp_state *state, const char *text, unsigned long max, const char *what)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (*end || errno || *text == '-' || !number || number > max)
		command_usage_error(state, "'%s' is no number of %s", text, what);
	return number;
}

error_t command_parse_argument(int key, char *text, struct argp_state *state, const char **argument, const char *what)
{
	switch (key) {
	case ARGP_KEY_ARG:
		if (*argument)
			command_usage_error(state, "unexpected argument '%s' behind '%s'", text, *argument);
		*argument = text;
		return 0;
	case ARGP_KEY_END:
		if (!*argument)
			command_usage_error(state, "name %s", what);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_interface(int key, char *text, struct argp_state *state)
{
	return command_parse_argument(key, text, state, state->input, "an interface");
}

char *command_parse_interface(struct globals *globals, int argc, char **argv)
{
	static const struct argp argp = {NULL, parse_interface, NULL, NULL, NULL, NULL, NULL};
	char *interface = NULL;

	command_parse(globals, &argp, argc, argv, &interface, NULL);
	return interface;
}

double command_parse_interval(const char *text, struct argp_state *state)
{
	double seconds;
	char *end;

	if (!text && state->next < state->argc && strspn(state->argv[state->next], "0123456789."))
		text = state->argv[state->next++];
	if (!text)
		return 1;
	seconds = strtod(text, &end);
	if (*end || !(seconds >= 0.01 && seconds <= 86400))
		command_usage_error(state, "'%s' is no interval of 0.01 to 86400 seconds", text);
	return seconds;
}

struct main_arguments {
	struct globals globals;
	const struct command *command;
	int first; /* where in argv the command's name is */
};

static error_t parse_main(int key, char *text, struct argp_state *state)
{
	struct main_arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->globals;
		return 0;
	case ARGP_KEY_ARG:
		arguments->command = find_command(text);
		if (!arguments->command)
			command_usage_error(state, "unknown command '%s'", text);
		arguments->first = state->next - 1;
		state->next = state->argc; /* the rest is the command's */
		return 0;
	case ARGP_KEY_NO_ARGS:
		command_usage_error(state, "name a command");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The help's list of commands, written from the table. */
static char *list_commands(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t size = 0;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	out = open_memstream(&list, &size);
	if (!out)
		return NULL;
	fputs("Commands:\n", out);
	for (const struct command *command = commands; command->name; command++)
		fprintf(out, "  %-8s %s\n           %s\n", command->name, command->synopsis, command->help);
	fputs("\n`flagfilter COMMAND --help` tells more.\n"
	      "Exit status: 0 done, 1 failed, 2 usage or policy error, 3 the answer is no.",
	      out);
	fclose(out);
	return list;
}

int main(int argc, char **argv)
{
	const struct argp_child children[] = {{&global_argp, 0, NULL, 0}, {}};
	const struct argp argp = {
		NULL,	  parse_main,	 "COMMAND ...", "Drop TCP segments whose flags no honest stack sends.\v",
		children, list_commands, NULL};
	struct main_arguments arguments = {};
	struct diag diag = {};
	int result;

	argp_err_exit_status = STATUS_USAGE;
	argv[0] = (char *)"flagfilter";
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	result = arguments.command->run(&arguments.globals, argc - arguments.first, argv + arguments.first, &diag);
	errno = result < 0 ? -result : EIO; /* of a report that is longer than a buffer, part was written before */
	if ((fflush(stdout) || ferror(stdout)) && (result >= 0 || !*diag.text))
		result = diag_fail(&diag, -errno, "cannot write the output: %s", strerror(errno));
	if (result == COMMAND_NO)
		return STATUS_NO;
	if (!result)
		return STATUS_DONE;
	text_clean(diag.text);
	fprintf(stderr, "flagfilter: %s\n%s", *diag.text ? diag.text : strerror(-result), diag.details);
	return diag.usage ? STATUS_USAGE : STATUS_FAILED;
}
