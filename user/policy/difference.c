/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "policy/difference.h"

#include <stdlib.h>
#include <string.h>

static bool same_rule(const struct ff_rule *a, const struct ff_rule *b)
{
	return a->value == b->value && a->mask == b->mask && a->class == b->class && a->mode == b->mode;
}

static void compare_rules(struct policy *before, struct policy *after, struct difference *difference)
{
	const struct ff_rule *last = before->rule;

	for (unsigned int i = 0; i < before->rules; i++)
		if (!policy_find(after, before->rule[i].name))
			difference->rule[difference->rules++] = (struct rule_change){&before->rule[i], NULL};
	for (unsigned int i = 0; i < after->rules; i++) {
		const struct ff_rule *rule = &after->rule[i], *old = policy_find(before, rule->name);

		if (!old || !same_rule(old, rule))
			difference->rule[difference->rules++] = (struct rule_change){old, rule};
		if (!old)
			continue;
		difference->reordered |= old < last;
		last = old;
	}
}

/* The rule that decides what becomes of each class, exempt or not; NULL if none has a say. */
static void decide(const struct policy *policy, const struct ff_rule *rule[FF_CLASSES],
		   enum ff_action action[FF_CLASSES])
{
	__u16 verdict[FF_CLASSES];

	compile_by_place(policy, verdict);
	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		action[class] = FF_ACTION(verdict[class]);
		if (action[class] == FF_DROP_UNLESS_EXEMPT)
			action[class] = FF_DROP;
		rule[class] = action[class] == FF_PASS ? NULL : &policy->rule[FF_COUNTER(verdict[class])];
	}
}

/* For qsort(): the most packets first, otherwise in the order of the classes. */
static int by_packets(const void *a, const void *b)
{
	const struct class_change *left = a, *right = b;
	__u64 l = left->passed + left->dropped, r = right->passed + right->dropped;

	return l == r ? left->class - right->class : l < r ? 1 : -1;
}

static void compare_classes(const struct policy *before, const struct policy *after, const struct ff_counters *counters,
			    struct difference *difference)
{
	const struct ff_rule *old_rule[FF_CLASSES], *new_rule[FF_CLASSES];
	enum ff_action old[FF_CLASSES], new[FF_CLASSES];

	decide(before, old_rule, old);
	decide(after, new_rule, new);
	for (unsigned int class = 0; class < FF_CLASSES; ++class)
		if (old[class] != new[class])
			difference->class[difference->classes++] = (struct class_change){
				.class = class,
				.before = old[class],
				.after = new[class],
				.rule = new_rule[class] ? new_rule[class] : old_rule[class],
				.passed = counters->passed[class].packets,
				.dropped = counters->dropped[class],
			};
	qsort(difference->class, difference->classes, sizeof(*difference->class), by_packets);
}

/* Into ONLY what is exempt in HAS, and not in LACKS. */
static void compare_exempt(const struct policy *has, struct policy *lacks, struct policy *only)
{
	for (unsigned int i = 0; i < has->sources; i++)
		if (!policy_find_source(lacks, &has->source[i]))
			only->source[only->sources++] = has->source[i];
	for (unsigned int i = 0; i < sizeof(has->port) / sizeof(*has->port); i++)
		only->port[i] = has->port[i] & ~lacks->port[i];
}

void difference_find(struct policy *before, struct policy *after, const struct ff_counters *counters,
		     struct difference *difference)
{
	memset(difference, 0, sizeof(*difference));
	compare_rules(before, after, difference);
	compare_classes(before, after, counters, difference);
	compare_exempt(after, before, &difference->added);
	compare_exempt(before, after, &difference->removed);
}

bool difference_any(const struct difference *difference)
{
	return difference->rules || difference->reordered || policy_has_exempt(&difference->added) ||
	       policy_has_exempt(&difference->removed);
}
