/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/rule_arguments.h"

#include "policy/syntax.h"
#include <stdio.h>
#include <string.h>

/* The rule that NAME=MODE speaks of; NULL: it is not in POLICY. */
static struct ff_rule *named_by(struct policy *policy, const char *setting)
{
	char name[FF_NAME_SIZE];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(setting, "="), setting);
	return policy_find(policy, name);
}

/* NAME=MODE, the one at INDEX of WORD. */
static int set_mode(struct policy *policy, char **word, int index, struct diag *diag)
{
	const char *setting = word[index], *equals = strchr(setting, '=');
	const struct ff_rule *rule;
	char name[FF_NAME_SIZE];
	enum ff_mode mode;

	if (!equals)
		return diag_usage(diag, "'%.80s' is not NAME=MODE, like syn-fin=monitor", setting);
	if (mode_parse(equals + 1, &mode))
		return diag_usage(diag, "unknown mode '%.40s' in '%.80s': one of off, monitor, enforce", equals + 1,
				  setting);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - setting), setting);
	if (equals - setting >= FF_NAME_SIZE)
		return diag_usage(diag, "no rule '%.*s'", (int)(equals - setting < 80 ? equals - setting : 80),
				  setting);
	rule = policy_find(policy, name);
	for (int i = 0; i < index; i++) /* these are in the policy, and in their modes, by now */
		if (named_by(policy, word[i]) == rule && rule->mode != mode)
			return diag_usage(diag, "'%.80s' and '%.80s': one rule, one mode", word[i], setting);
	return policy_set_mode(policy, name, mode, diag);
}

/* One of the user's own, behind all the others. */
static int add_rule(struct policy *policy, char **word, struct diag *diag)
{
	const char *name = word[0], *match = word[1], *mode_text = word[2];
	struct ff_rule rule = {}, known;
	enum ff_mode mode;
	int error;

	if (!policy_known_rule(name, &known))
		return diag_usage(diag, "rule '%s' is built in: give it a mode by %s=%s", known.name, known.name,
				  mode_parse(mode_text, &mode) ? mode_name(FF_MONITORED) : mode_text);
	error = syntax_rule_name(name, rule.name, diag);
	if (!error)
		error = syntax_match(match, &rule.value, &rule.mask, diag);
	if (!error)
		error = syntax_mode(mode_text, &mode, diag);
	if (error)
		return error;
	rule.mode = mode;
	if (policy_find(policy, name))
		return diag_usage(diag, "rule '%s' is there already: delete it first, or set its mode by %s=%s", name,
				  name, mode_text);
	if (policy_add(policy, &rule))
		return diag_usage(diag, "no room for rule '%s': the policy has %d rules already", name, FF_RULES_MAX);
	return 0;
}

static int delete_rule(struct policy *policy, const char *name, struct diag *diag)
{
	struct ff_rule *rule = policy_find(policy, name);

	if (!rule)
		return diag_usage(diag, "no rule %s in this policy", quote(name).text);
	policy->rules--;
	memmove(rule, rule + 1, (&policy->rule[policy->rules] - rule) * sizeof(*rule));
	return 0;
}

int rule_arguments_apply(struct policy *policy, char **word, int words, struct diag *diag)
{
	bool add = !strcmp(word[0], "add"), delete = !strcmp(word[0], "del");
	int error = add ? add_rule(policy, word + 1, diag) : 0;

	for (int i = delete; !add && !error && i < words; i++)
		error = delete ? delete_rule(policy, word[i], diag) : set_mode(policy, word, i, diag);
	policy_label_changed(policy);
	return error;
}
