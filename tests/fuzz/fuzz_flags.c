/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The input's lines as FLAGS, as VALUE/MASK, and all of them together as the arguments of one `rule IF ...`. */
#include "cmd/rule_arguments.h"
#include "fuzz.h"
#include "policy/flags.h"

#define ARGUMENTS 80

/* What was understood is written and understood again as the same; what was not has changed nothing. */
static void try_flags(const char *text)
{
	char buffer[FLAGS_SIZE];
	__u16 flags = 0xa5a5, again = 0x5a5a;

	if (flags_parse(text, &flags)) {
		REQUIRE(flags == 0xa5a5);
		return;
	}
	REQUIRE(flags <= FF_FLAGS_ALL);
	REQUIRE(!flags_parse(flags_format(flags, buffer), &again) && again == flags);
}

static void try_match(const char *text)
{
	struct ff_rule rule = {.name = "mine", .value = 0xa5a5, .mask = 0xa5a5};
	char buffer[RULE_MATCH_SIZE];
	__u16 value, mask;

	if (flags_parse_match(text, &rule.value, &rule.mask)) {
		REQUIRE(rule.value == 0xa5a5 && rule.mask == 0xa5a5);
		return;
	}
	REQUIRE(rule.mask && rule.mask <= FF_FLAGS_ALL && !(rule.value & ~rule.mask));
	REQUIRE(!flags_parse_match(rule_match_format(&rule, buffer), &value, &mask));
	REQUIRE(value == rule.value && mask == rule.mask);
}

static void try_settings(char **settings, int count)
{
	struct diag diag = {};
	struct policy policy;
	bool add = !strcmp(settings[0], "add"), delete = !strcmp(settings[0], "del");

	if (add && count != 4) /* cmd_rule.c asks for that */
		return;
	REQUIRE(!policy_from_preset(&policy, "strict", &diag));
	if (rule_arguments_apply(&policy, settings, count, &diag)) {
		REQUIRE(diag.usage && diag.text[0] && memchr(diag.text, '\0', sizeof(diag.text)));
		return;
	}
	require_policy(&policy);
	if (add || delete)
		return;
	for (int i = 0; i < count; i++) { /* each has its effect, unless a later one names the same rule */
		char *equals = strchr(settings[i], '=');
		struct ff_rule *rule;

		REQUIRE(equals);
		*equals = '\0';
		rule = policy_find(&policy, settings[i]);
		REQUIRE(rule);
		if (i == count - 1)
			REQUIRE(!strcmp(mode_name(rule->mode), equals + 1));
	}
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	char *text = malloc(size + 1), *line[ARGUMENTS];
	int lines = 0;

	REQUIRE(text);
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *rest = text; rest && lines < ARGUMENTS;)
		line[lines++] = strsep(&rest, "\n");
	for (int i = 0; i < lines; i++) {
		/* in a block of its own, so that the sanitizer sees a read behind its end */
		char *alone = strdup(line[i]);

		REQUIRE(alone);
		try_flags(alone);
		try_match(alone);
		free(alone);
	}
	try_settings(line, lines);
	free(text);
	return 0;
}
