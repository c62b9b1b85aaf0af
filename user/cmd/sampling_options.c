/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/sampling_options.h"

#include <string.h>

static const struct argp_option options[] = {
	{"rule", 'r', "NAME", 0, "only what this rule drops, or would; may be given several times", 0},
	{"rate", 'R', "N", 0, "sample at most N packets a second and CPU (default: 256)", 0},
	{},
};

/* Of a built-in rule that TEXT is the alias of. */
static const char *full_name(const char *text)
{
	for (unsigned int i = 0; i < BUILTIN_RULES; i++)
		if (builtin_alias(i) && !strcmp(builtin_alias(i), text))
			return builtin_rule(i)->name;
	return text;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct sampling_options *input = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		input->samples.rule = input->rule;
		return 0;
	case 'r':
		if (input->samples.rules == FF_RULES_MAX)
			command_usage_error(state, "more rules than a policy has");
		input->rule[input->samples.rules++] = full_name(text);
		return 0;
	case 'R':
		input->samples.rate = command_number(state, text, SAMPLES_RATE_MAX, "packets a second");
		if (input->samples.rate < SAMPLES_RATE_MIN)
			command_usage_error(state, "--rate is at least %d", SAMPLES_RATE_MIN);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp sampling_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
