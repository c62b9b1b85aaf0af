/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "policy/compile.h"

#include <string.h>

static const struct ff_rule *first_match(const struct ff_rule *rule, unsigned int rules, __u16 class, enum ff_mode mode)
{
	for (unsigned int i = 0; i < rules; i++)
		if (rule[i].mode == mode && rule_matches(&rule[i], class))
			return &rule[i];
	return NULL;
}

void compile_verdicts(const struct ff_rule *rule, unsigned int rules, bool exempt, __u16 verdict[FF_CLASSES])
{
	const struct ff_rule *first;

	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		if ((first = first_match(rule, rules, class, FF_ENFORCED)))
			verdict[class] = FF_VERDICT(exempt ? FF_DROP_UNLESS_EXEMPT : FF_DROP, first->counter);
		else if ((first = first_match(rule, rules, class, FF_MONITORED)))
			verdict[class] = FF_VERDICT(FF_MONITOR, first->counter);
		else
			verdict[class] = FF_PASS;
	}
}

void compile_number(struct ff_rule *rule, unsigned int rules)
{
	for (unsigned int i = 0; i < rules; i++)
		rule[i].counter = i;
}

void compile_by_place(const struct policy *policy, __u16 verdict[FF_CLASSES])
{
	struct ff_rule placed[FF_RULES_MAX];

	memcpy(placed, policy->rule, sizeof(placed));
	compile_number(placed, policy->rules);
	compile_verdicts(placed, policy->rules, policy_has_exempt(policy), verdict);
}

void compile_policy(const struct policy *policy, struct ff_policy *compiled)
{
	compile_verdicts(policy->rule, policy->rules, policy_has_exempt(policy), compiled->verdict);
	memcpy(compiled->label, policy->label, sizeof(compiled->label));
	memset(compiled->rule, 0, sizeof(compiled->rule));
	memcpy(compiled->rule, policy->rule, policy->rules * sizeof(*policy->rule));
	memcpy(compiled->port, policy->port, sizeof(compiled->port));
	compiled->rules = policy->rules;
	compiled->sources = policy->sources;
}

struct outcome outcome_of(const struct ff_judgement *judgement, bool dropped)
{
	return (struct outcome){
		.class = judgement->class,
		.verdict = judgement->verdict,
		.dropped = dropped,
		.exempted = !dropped && FF_ACTION(judgement->verdict) == FF_DROP_UNLESS_EXEMPT,
	};
}
