/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one line that tells a user what went wrong: what, on what, why, what to try. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>

struct diag {
	char text[1024];    /* without "flagfilter: " and newline; empty as long as nothing failed */
	char details[3000]; /* more lines, each with its newline, already fit to be printed: what the doctor has found
			     */
	bool usage;	    /* the user's input is at fault: exit status 2, not 1 */
};

/* Each says why a function fails, once, at the level that knows the user's noun, and returns what that function
 * returns. */
int diag_fail(struct diag *diag, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
int diag_usage(struct diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3))); /* -EINVAL */
int diag_no_memory(struct diag *diag);								  /* -ENOMEM */

/* After diag_fail(): adds what else there is to say. */
void diag_add(struct diag *diag, const char *text);

/*
 * Keeps a line that a user should read although nothing failed; of several the first. It is printed when the command
 * ends, and not while a lock is held.
 */
void diag_remark(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *diag_remarked(void); /* empty, if there is none */

/* What an operation needs, as in capabilities(7): bits of a process's capability set. */
#define NEEDS_NET_ADMIN (1ull << 12)
#define NEEDS_SYS_ADMIN (1ull << 21)
#define NEEDS_PERFMON (1ull << 38)
#define NEEDS_BPF (1ull << 39)

/*
 * After diag_fail(): where privilege is what was missing, adds which of these capabilities the process does not have;
 * if it has them all, what else may stand in the way. Returns ERROR.
 */
int diag_add_needs(struct diag *diag, int error, unsigned long long capabilities);

/* clang's analyzer does not see into diag.c: these never return 0. */
#ifdef __clang_analyzer__
#define diag_fail(...) (diag_fail(__VA_ARGS__), -1)
#define diag_usage(...) (diag_usage(__VA_ARGS__), -1)
#define diag_no_memory(diag) (diag_no_memory(diag), -1)
#endif

#endif
