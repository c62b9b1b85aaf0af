/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cleanup.h"
#include "command.h"
#include "field.h"
#include "guardian.h"
#include "output.h"
#include <errno.h>
#include <string.h>

struct arguments {
	const char *interface;
	char **word; /* what stands behind it, in argv */
	int words;
	unsigned int confirm_s; /* 0: for good */
};

static const struct argp_option options[] = {
	{"confirm", COMMAND_CONFIRM, "SECONDS", 0, COMMAND_CONFIRM_HELP, 0},
	{},
};

static void check(const struct argp_state *state, const struct arguments *arguments)
{
	const char *first = arguments->words ? arguments->word[0] : "";

	if (!strcmp(first, "add") && arguments->words != 4)
		command_usage_error(state, "add takes NAME FLAGS MODE, like `add urgent-syn SYN,URG/SYN,URG monitor`");
	if (!strcmp(first, "del") && arguments->words < 2)
		command_usage_error(state, "name the rule to delete");
	if (!arguments->words && arguments->confirm_s)
		command_usage_error(state, "--confirm without a change");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == COMMAND_CONFIRM) {
		arguments->confirm_s = command_number(state, text, COMMAND_CONFIRM_MAX, "seconds");
		return 0;
	}
	if (key == ARGP_KEY_END)
		check(state, arguments);
	if (key != ARGP_KEY_ARG || !arguments->interface)
		return command_parse_argument(key, text, state, &arguments->interface, "an interface");
	if (!arguments->word)
		arguments->word = &state->argv[state->next - 1];
	arguments->words++;
	return 0;
}

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
	error = field_rule_name(name, rule.name, diag);
	if (!error)
		error = field_match(match, &rule.value, &rule.mask, diag);
	if (!error)
		error = field_mode(mode_text, &mode, diag);
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

/* A policy_change, by what was asked for. */
static int change_rules(struct policy *policy, void *context, struct diag *diag)
{
	const struct arguments *arguments = context;
	bool add = !strcmp(arguments->word[0], "add"), delete = !strcmp(arguments->word[0], "del");
	int error = add ? add_rule(policy, arguments->word + 1, diag) : 0;

	for (int i = delete; !add && !error && i < arguments->words; i++)
		error = delete ? delete_rule(policy, arguments->word[i], diag)
			       : set_mode(policy, arguments->word, i, diag);
	policy_label_changed(policy);
	return error;
}

static int change(void *context, struct undo *undo, struct snapshot *snapshot, struct diag *diag)
{
	const struct arguments *arguments = context;

	return change_policy(snapshot, arguments->interface, change_rules, context, undo, diag);
}

static int print_rules(const struct globals *globals, const char *interface, unsigned int confirm_s,
		       const struct policy *policy)
{
	if (globals->json)
		return output_json(stdout, json_pack("{si ss ss so so}", "schema", 1, "interface", interface, "policy",
						     policy->label, "confirm_within_s", output_confirm(confirm_s),
						     "rules", output_rules(policy)));
	for (unsigned int i = 0; i < policy->rules; i++) {
		char match[RULE_MATCH_SIZE];

		printf("%-24s %-8s %s\n", policy->rule[i].name, mode_name(policy->rule[i].mode),
		       rule_match_format(&policy->rule[i], match));
	}
	output_how_to_confirm(interface, confirm_s);
	return 0;
}

int cmd_rule(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct arguments arguments = {};
	int error = 0;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!snapshot)
		return diag_no_memory(diag);
	if (arguments.words)
		error = guardian_run(arguments.confirm_s, change, &arguments, snapshot, diag);
	else
		error = locate_and_read(snapshot, arguments.interface, diag);
	return error ? error
		     : print_rules(globals, snapshot->location.interface.name, arguments.confirm_s,
				   &snapshot->report.policy);
}
