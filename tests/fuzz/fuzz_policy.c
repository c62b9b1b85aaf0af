/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The input as a policy file: it is a policy, or the diagnostic is one line and nothing has changed. */
#include "fuzz.h"
#include "policy/compile.h"
#include "policy/file.h"
#include "policy/flags.h"

static void require_same_match(const struct ff_rule *rule)
{
	char buffer[RULE_MATCH_SIZE];
	__u16 value, mask;

	if (rule->class)
		return;
	REQUIRE(!flags_parse_match(rule_match_format(rule, buffer), &value, &mask));
	REQUIRE(value == rule->value && mask == rule->mask);
}

/* Every verdict is that of a rule which is in the policy, matches, and is in that mode. */
static void require_verdicts(const struct policy *policy)
{
	static struct ff_policy compiled;

	compile_policy(policy, &compiled);
	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		__u16 verdict = compiled.verdict[class];

		REQUIRE(!(verdict & FF_SILENT << 8));
		if (FF_ACTION(verdict) == FF_DROP_UNLESS_EXEMPT)
			REQUIRE(policy_has_exempt(policy));
	}
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	static struct policy policy, before;
	char buffer[SOURCE_SIZE];
	struct diag diag = {};

	memset(&policy, 0xa5, sizeof(policy));
	before = policy;
	if (policy_from_file(&policy, fuzz_file(data, size), &diag)) {
		require_one_line(&diag);
		REQUIRE(diag.usage);
		for (const char *c = diag.text; *c; c++)
			REQUIRE(*c >= ' ' && *c <= '~');
		REQUIRE(!memcmp(&policy, &before, sizeof(policy)));
		return 0;
	}
	require_policy(&policy);
	for (unsigned int i = 0; i < policy.rules; i++)
		require_same_match(&policy.rule[i]);
	for (unsigned int i = 0; i < policy.sources; i++)
		REQUIRE(strchr(source_format(&policy.source[i], buffer), '/'));
	require_verdicts(&policy);
	return 0;
}
