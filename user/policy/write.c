/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A policy as a policy file: what policy_from_file() reads back is the same policy. */
#include "policy/write.h"

#include "policy/flags.h"

#include <errno.h>
#include <string.h>

#define PORTS_PER_LINE 12

/* Whether RULE is written with its flags: built-in rules and classes are known by name. */
static bool is_own(const struct ff_rule *rule)
{
	struct ff_rule known;

	return policy_known_rule(rule->name, &known);
}

static void write_rules(FILE *out, const struct policy *policy)
{
	char value[FLAGS_SIZE], mask[FLAGS_SIZE];

	if (policy->rules)
		fputs("rules:\n", out);
	for (unsigned int i = 0; i < policy->rules; i++) {
		const struct ff_rule *rule = &policy->rule[i];

		fprintf(out, "  - name: %s\n", rule->name);
		if (is_own(rule))
			fprintf(out, "    flags: %s/%s\n", flags_format(rule->value, value),
				flags_format(rule->mask, mask));
		fprintf(out, "    mode: %s\n", mode_name(rule->mode));
	}
}

static void write_exempt(FILE *out, const struct policy *policy)
{
	char text[SOURCE_SIZE];
	unsigned int ports = 0;

	if (!policy_has_exempt(policy))
		return;
	fputs("exempt:\n", out);
	if (policy->sources)
		fputs("  sources:\n", out);
	for (unsigned int i = 0; i < policy->sources; i++)
		fprintf(out, "    - \"%s\"\n", source_format(&policy->source[i], text));
	for (unsigned int port = 0; port < 65536; port++) {
		if (!policy_port_exempt(policy, port))
			continue;
		fprintf(out, "%s%u", !ports ? "  ports: [" : ports % PORTS_PER_LINE ? ", " : ",\n    ", port);
		ports++;
	}
	if (ports)
		fputs("]\n", out);
}

/* The preset is "none": all rules are listed, whatever later presets will have. */
int policy_write(FILE *out, const struct policy *policy)
{
	fprintf(out, "# %s\nversion: 1\npreset: none\n", policy->label);
	write_rules(out, policy);
	write_exempt(out, policy);
	return ferror(out) ? -EIO : 0;
}
