/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fields of a policy as people write them, in a policy file and on the command line alike. */
#ifndef POLICY_SYNTAX_H
#define POLICY_SYNTAX_H

#include "policy/policy.h"
#include <stddef.h>

/* Text as a message shows it: in quotation marks, on one line, free of control characters, not long. */
struct quoted {
	char text[48];
};
struct quoted quote(const char *text);
struct quoted quote_length(const char *text, size_t length);

/* Each parses TEXT, or says in DIAG what is wrong with it: -EINVAL, and a usage diagnostic. */
int syntax_rule_name(const char *text, char name[FF_NAME_SIZE], struct diag *diag); /* of a rule of one's own */
int syntax_match(const char *text, __u16 *value, __u16 *mask, struct diag *diag);
int syntax_mode(const char *text, enum ff_mode *mode, struct diag *diag);
int syntax_source(const char *text, struct ff_source_key *source, struct diag *diag);
int syntax_port(const char *text, unsigned int *port, struct diag *diag);

#endif
