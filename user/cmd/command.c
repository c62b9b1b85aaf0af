/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/command.h"
#include "base/netns.h"
#include "base/number.h"
#include "base/sandbox.h"
#include "base/streams.h"
#include "base/text.h"
#include "kernel/interface.h"
#include "kernel/xdp.h"
#include "policy/file.h"
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_NETNS = 512, OPTION_POLICY, OPTION_PRESET, OPTION_NONE }; /* above the keys of any command */

static const struct argp_option global_options[] = {
	{"json", 'j', NULL, 0, "report as JSON", -2},
	{"verbose", 'v', NULL, 0, "let libbpf and libxdp say what they do", -2},
	{"netns", OPTION_NETNS, "NAME", 0, "act in this network namespace of `ip netns list`", -2},
	/* Where these are not taken argp takes them: it puts any bytes before its messages, and sleeps for an hour. */
	{"program-name", OPTION_NONE, "NAME", OPTION_HIDDEN, NULL, 0},
	{"HANG", OPTION_NONE, "SECONDS", OPTION_HIDDEN | OPTION_ARG_OPTIONAL, NULL, 0},
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
	case OPTION_NONE:
		command_usage_error(state, "--program-name and --HANG are no options of this command");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp command_global_argp = {global_options, parse_global, NULL, NULL, NULL, NULL, NULL};

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

static void enter_netns(const struct globals *globals)
{
	struct diag diag = {};

	if (globals->netns && netns_enter(globals->netns, &diag)) {
		text_clean(diag.text);
		fprintf(stderr, "flagfilter: %s\n", diag.text);
		exit(diag.usage ? STATUS_USAGE : STATUS_FAILED);
	}
}

/* Where the command has the interface that its arguments name, or NULL. Static because parsers share no other place. */
static const char **named_interface;

/* An interface that there is not the command itself will miss. */
static void resolve(struct globals *globals, const char **name)
{
	struct interface interface;
	struct diag ignored;

	if (interface_find(&interface, *name, &ignored))
		return;
	memcpy(globals->interface, interface.name, sizeof(globals->interface));
	*name = globals->interface;
}

void command_parse(struct globals *globals, const struct argp *argp, int argc, char **argv, void *input,
		   struct policy_options *policy)
{
	const struct command *command = globals->command;
	const struct argp_child children[] = {
		{&command_global_argp, 0, NULL, 0}, {argp, 0, NULL, 0}, {policy ? &policy_argp : NULL, 0, NULL, 0}, {}};
	const struct argp all = {NULL, hand_out_inputs, command->synopsis, command->help, children, NULL, NULL};
	struct command_inputs inputs = {globals, input, policy};
	char name[64];

	snprintf(name, sizeof(name), "flagfilter %s", command->name);
	argv[0] = name;
	streams_distrust();
	argp_parse(&all, argc, argv, 0, NULL, &inputs);
	streams_trust();
	argv[0] = (char *)command->name;
	xdp_set_verbose(globals->verbose);
	enter_netns(globals);
	if (named_interface)
		resolve(globals, named_interface);
}

int command_open_policy(struct policy_options *options, struct diag *diag)
{
	return options->path ? policy_open(&options->file, options->path, diag) : 0;
}

void command_confine(const struct globals *globals, bool bpf)
{
	const char *missing;

	json_object_seed(0); /* opens /dev/urandom */
	missing = sandbox_enter(bpf);
	if (missing && globals->verbose)
		fprintf(stderr, "flagfilter: goes on without %s\n", missing);
}

int command_read_policy(struct policy *policy, struct policy_options *options, struct diag *diag)
{
	int error;

	if (!options->file)
		return policy_from_preset(policy, options->preset, diag);
	error = policy_read(policy, options->file, options->path, diag);
	fclose(options->file);
	options->file = NULL;
	return error;
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
	command_stop = number;
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

	if (number_parse(text, 1, max, &number))
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

error_t command_parse_interface_argument(int key, char *text, struct argp_state *state, const char **interface)
{
	if (key == ARGP_KEY_ARG)
		named_interface = interface;
	return command_parse_argument(key, text, state, interface, "an interface");
}

static error_t parse_interface(int key, char *text, struct argp_state *state)
{
	return command_parse_interface_argument(key, text, state, state->input);
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

	if (!text && state->next < state->argc && strspn(state->argv[state->next], "0123456789."))
		text = state->argv[state->next++];
	if (!text)
		return 1;
	if (number_parse_decimal(text, 0.01, 86400, &seconds))
		command_usage_error(state, "'%s' is no interval of 0.01 to 86400 seconds", text);
	return seconds;
}
