/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the commands have in common: their options, how arguments are read, and how they are told to stop. */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "policy/policy.h"
#include <argp.h>
#include <limits.h>
#include <net/if.h>
#include <signal.h>

enum exit_status { STATUS_DONE, STATUS_FAILED, STATUS_USAGE, STATUS_NO };

/* The command that runs, and the options that every command takes, before or behind its name. */
struct globals {
	const struct command *command;
	bool json;
	bool verbose;
	const char *netns;	     /* NULL: the caller's */
	char interface[IF_NAMESIZE]; /* the kernel's name of the command's interface, if it has one */
};

/* A command that ran, and whose answer is no, returns this: STATUS_NO. */
#define COMMAND_NO 1

struct command {
	const char *name;
	const char *synopsis; /* of what stands behind the name */
	const char *help;     /* one line */
	/* 0, COMMAND_NO, or -errno with DIAG filled. ARGV[0] is the command's name. */
	int (*run)(struct globals *globals, int argc, char **argv, struct diag *diag);
};

/* Parses the options into the struct globals that is its input. */
extern const struct argp command_global_argp;

/* The options --policy FILE and --preset NAME; NULL where they are not given. */
struct policy_options {
	const char *path, *preset;
	FILE *file; /* what PATH names, between the two steps of command_open_policy() */
};

/*
 * Parses a command's arguments into INPUT by ARGP, the global options among them into GLOBALS, and those for a policy
 * into POLICY (NULL: the command takes none). A mistake is told on stderr, and the process ends with exit status 2.
 */
void command_parse(struct globals *globals, const struct argp *argp, int argc, char **argv, void *input,
		   struct policy_options *policy);

/* Says in one line what is wrong with the arguments, and ends the process with exit status 2. */
void command_usage_error(const struct argp_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/*
 * For commands that parse what others wrote, in three steps: opens what OPTIONS name (with everything else that is to
 * be opened), gives up what rights the process has (BPF: but for loaded programs and maps, see sandbox_enter()), and
 * reads the policy. -errno with DIAG filled.
 */
int command_open_policy(struct policy_options *options, struct diag *diag);
void command_confine(const struct globals *globals, bool bpf);
int command_read_policy(struct policy *policy, struct policy_options *options, struct diag *diag);

/* command_parse() for a command whose only argument is an interface: its name. */
char *command_parse_interface(struct globals *globals, int argc, char **argv);

/*
 * The part of an argp parser that commands on one thing share: the first argument is put into ARGUMENT; a second one,
 * or none at all, is an error. WHAT it is: "a capture".
 */
error_t command_parse_argument(int key, char *text, struct argp_state *state, const char **argument, const char *what);

/* The same for an interface. Behind command_parse() it has the kernel's name, whichever of its names was given. */
error_t command_parse_interface_argument(int key, char *text, struct argp_state *state, const char **interface);

/*
 * The value of an option for which a number of seconds is optional, --watch 2 as well as --watch=2; one second without.
 */
double command_parse_interval(const char *text, struct argp_state *state);

/*
 * For commands that run until they are told to stop: COMMAND_STOP is set by SIGINT and SIGTERM, and with a terminal of
 * one's own (HANGUP) by SIGHUP and SIGQUIT, from when command_catch_stop() is called.
 */
extern volatile sig_atomic_t command_stop;
void command_catch_stop(bool hangup);

/* A whole number from 1 to MAX of WHAT ("packets"). */
unsigned long command_number(const struct argp_state *state, const char *text, unsigned long max, const char *what);

int cmd_doctor(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_attach(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_detach(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_status(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_rule(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_apply(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_confirm(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_exempt(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_diff(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_save(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_reset(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_check(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_stats(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_matrix(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_top(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_replay(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_explain(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_capture(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_offenders(struct globals *globals, int argc, char **argv, struct diag *diag);
int cmd_report(struct globals *globals, int argc, char **argv, struct diag *diag);

#endif
