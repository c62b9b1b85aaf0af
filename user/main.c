/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/streams.h"
#include "base/text.h"
#include "cmd/command.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *argp_program_version = "flagfilter " FLAGFILTER_VERSION;

/* Every command, in the order of the help. */
static const struct command commands[] = {
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

static const struct command *find_command(const char *name)
{
	for (const struct command *command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

struct main_arguments {
	struct globals globals;
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
		arguments->globals.command = find_command(text);
		if (!arguments->globals.command)
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
	fputs("\ndetach, rule, exempt, apply and reset take IF,IF or --all in place of IF.\n"
	      "`flagfilter COMMAND --help` tells more.\n"
	      "Exit status: 0 done, 1 failed, 2 usage or policy error, 3 the answer is no.",
	      out);
	fclose(out);
	return list;
}

/* argp ends the process itself behind --help and --version: here it is noticed if that could not be written. */
static void check_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return;
	fprintf(stderr, "flagfilter: cannot write the output: %s\n", strerror(errno));
	_exit(STATUS_FAILED);
}

int main(int argc, char **argv)
{
	const struct argp_child children[] = {{&command_global_argp, 0, NULL, 0}, {}};
	const struct argp argp = {
		NULL,	  parse_main,	 "COMMAND ...", "Drop TCP segments whose flags no honest stack sends.\v",
		children, list_commands, NULL};
	struct main_arguments arguments = {};
	struct diag diag = {};
	int result;

	streams_fill();
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error, EFBIG, and is told */
	argp_err_exit_status = STATUS_USAGE;
	argv[0] = (char *)"flagfilter";
	streams_distrust();
	atexit(check_output);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	streams_trust();
	result = arguments.globals.command->run(&arguments.globals, argc - arguments.first, argv + arguments.first,
						&diag);
	if (result == -EINTR && command_stop) { /* before anything began */
		signal(command_stop, SIG_DFL);
		raise(command_stop);
	}
	errno = result < 0 ? -result : EIO; /* of a report that is longer than a buffer, part was written before */
	if ((fflush(stdout) || ferror(stdout)) && (result >= 0 || !*diag.text))
		result = diag_fail(&diag, -errno, "cannot write the output: %s", strerror(errno));
	__fpurge(stdout); /* it is told below, once */
	clearerr(stdout);
	if (result >= 0 && *diag_remarked())
		fprintf(stderr, "flagfilter: %s\n", diag_remarked());
	if (result == COMMAND_NO)
		return STATUS_NO;
	if (!result)
		return STATUS_DONE;
	text_clean(diag.text);
	fprintf(stderr, "flagfilter: %s\n%s", *diag.text ? diag.text : strerror(-result), diag.details);
	return diag.usage ? STATUS_USAGE : STATUS_FAILED;
}
