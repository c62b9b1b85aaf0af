/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `rule IF ...` is asked to change. */
#ifndef CMD_RULE_ARGUMENTS_H
#define CMD_RULE_ARGUMENTS_H

#include "base/diag.h"
#include "policy/policy.h"

/*
 * Changes POLICY as WORDS arguments, at least one, ask for: NAME=MODE each, or "add" NAME FLAGS MODE (exactly four), or
 * "del" and names of rules. -errno with DIAG filled; POLICY may then be changed in part.
 */
int rule_arguments_apply(struct policy *policy, char **word, int words, struct diag *diag);

#endif
