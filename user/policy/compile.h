/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rules to verdicts: the whole of what the kernel decides by, as a pure function. */
#ifndef POLICY_COMPILE_H
#define POLICY_COMPILE_H

#include "policy/policy.h"

/*
 * The verdict of every class, by brute force: the first enforced rule that matches, otherwise the first monitored one,
 * otherwise FF_PASS. RULE[].counter goes into the verdicts as it is. With EXEMPT, what would be dropped is
 * FF_DROP_UNLESS_EXEMPT instead of FF_DROP.
 */
void compile_verdicts(const struct ff_rule *rule, unsigned int rules, bool exempt, __u16 verdict[FF_CLASSES]);

/* Gives each rule its place as the number of its counter. */
void compile_number(struct ff_rule *rule, unsigned int rules);

/* The same for all of POLICY, where counters are the places of rules in it. */
void compile_by_place(const struct policy *policy, __u16 verdict[FF_CLASSES]);

/* POLICY in the kernel's form: label, rules, verdicts, ports. What belongs to a running filter (applied_ns, base, ...)
 * is left. */
void compile_policy(const struct policy *policy, struct ff_policy *compiled);

/* What became of one frame, and why. */
struct outcome {
	__u16 class;
	__u16 verdict;
	bool dropped;
	bool exempted; /* passed only because its source or port is exempt */
};
struct outcome outcome_of(const struct ff_judgement *judgement, bool dropped);

#endif
