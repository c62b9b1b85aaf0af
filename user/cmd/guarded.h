/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the commands have in common whose change goes back by itself unless it is confirmed: --confirm SECONDS. */
#ifndef CMD_GUARDED_H
#define CMD_GUARDED_H

#include "cmd/several.h"
#include "kernel/guardian.h"
#include "show/output.h"

struct guarded {
	char *interface;	   /* of a command on one, in argv */
	struct several several;	   /* of a command on several */
	unsigned int confirm_s;	   /* 0: the change is for good; otherwise each has a guardian of its own */
	struct filter_waits waits; /* behind changes that are for good */
};

#define GUARDED_CONFIRM 256 /* the option's key */

/* The options of a command on several interfaces that has no other. */
extern const struct argp_option guarded_options[];

/*
 * The part of an argp parser that reads --confirm and, as command_parse_argument() does, the interface; or, for
 * commands on several, the interfaces or --all.
 */
error_t guarded_parse(int key, char *text, struct argp_state *state, struct guarded *guarded);
error_t guarded_parse_several(int key, char *text, struct argp_state *state, struct guarded *guarded);

/* change_policy() of one of them, by a guardian where there is something to confirm. */
int guarded_change_policy(struct snapshot *snapshot, struct guarded *guarded, const char *interface,
			  policy_change *change, void *context, struct diag *diag);

/*
 * Does WORK on each, whose context is the command's arguments with GUARDED as their first member; waits, once, for what
 * it has changed; and prints what is to be printed behind all. -errno with DIAG filled.
 */
int guarded_do(struct globals *globals, struct guarded *guarded, several_work *work, struct diag *diag);

/* How long there is to confirm, as JSON: null if the change is for good. */
json_t *guarded_seconds(const struct guarded *guarded);

/* What is in force on INTERFACE, as JSON: of POLICY the part that is called KEY. Takes over VALUE. */
json_t *guarded_to_json(const struct guarded *guarded, const char *interface, const struct policy *policy,
			const char *key, json_t *value);

/* Tells a person how the change of INTERFACE is kept; nothing if it is for good. */
void guarded_how_to_confirm(const struct guarded *guarded, const char *interface);

#endif
