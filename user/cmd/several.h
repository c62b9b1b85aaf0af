/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Commands on several interfaces at once: --all, or IF,IF where no interface has that very name. */
#ifndef CMD_SEVERAL_H
#define CMD_SEVERAL_H

#include "cmd/command.h"
#include <jansson.h>

#define SEVERAL_ALL 'a' /* the option's key */
#define SEVERAL_OPTION                                                                                                 \
	{                                                                                                              \
		"all", SEVERAL_ALL, NULL, 0, "every interface of this network namespace that has a filter", 0          \
	}

struct several_one {
	char *name;
	unsigned int ifindex; /* with --all, else 0 */
};

/* Which interfaces a command is about. */
struct several {
	bool all;    /* those that have a filter; to be set by the caller */
	char *named; /* the argument, or NULL; likewise */
	bool many;   /* not just one by its name */
	unsigned int count;
	struct several_one *one;
	unsigned int done; /* of these */
	json_t *reports;   /* what there is to say of each, as JSON */
};

/* The part of an argp parser that reads --all and, as command_parse_argument() does, the interfaces. */
error_t several_parse(int key, char *text, struct argp_state *state, struct several *several);

/* Whether the next argument is the interfaces. */
static inline bool several_is_next(const struct several *several)
{
	return !several->all && !several->named;
}

/* Behind command_parse(): finds out which interfaces are meant. -errno with DIAG filled. */
int several_open(struct several *several, struct diag *diag);
void several_close(struct several *several); /* for _cleanup_ */

/*
 * Does WORK on each. One that fails does not keep the others: each is told on stderr, the last one in DIAG, and the
 * error is one that ends with exit status 1, or 2 if nothing but usage errors kept any from being done. An interface
 * that has no filter any more is no failure with --all.
 */
typedef int several_work(struct several *several, const char *interface, void *context, struct diag *diag);
int several_do(struct several *several, several_work *work, void *context, struct diag *diag);

/* Prints OBJECT, of one interface, or keeps it for several_end(). -ENOMEM if it is NULL. */
int several_report(struct several *several, json_t *object);

/* Tells in words of which interface the next lines are, if that is not clear by itself. */
void several_head(const struct several *several, const char *interface);

/* Prints what has to be printed behind all. ERROR: of several_do(). Returns it, or another one. */
int several_end(struct several *several, bool json, int error);

#endif
