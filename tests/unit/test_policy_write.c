/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What policy_write() writes, policy_from_file() reads back: the same rules, order, modes, sources, ports, verdicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/compile.h"
#include "policy/file.h"
#include "policy/syntax.h"
#include "policy/write.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writes POLICY, reads it back, and compares all but the label. Sources have an order only here. */
static void assert_round_trip(const struct policy *policy)
{
	static struct ff_policy compiled[2];
	static struct policy read;
	char path[] = "/tmp/flagfilter-write-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	struct diag diag = {};
	int error;

	assert_int_equal(policy_write(file, policy), 0);
	assert_int_equal(fclose(file), 0);
	error = policy_from_file(&read, path, &diag);
	unlink(path);
	if (error)
		fail_msg("%s", diag.text);
	assert_int_equal(read.rules, policy->rules);
	assert_memory_equal(read.rule, policy->rule, policy->rules * sizeof(*policy->rule));
	assert_int_equal(read.sources, policy->sources);
	assert_memory_equal(read.source, policy->source, policy->sources * sizeof(*policy->source));
	assert_memory_equal(read.port, policy->port, sizeof(policy->port));
	compile_policy(policy, &compiled[0]);
	compile_policy(&read, &compiled[1]);
	memcpy(compiled[1].label, compiled[0].label, sizeof(compiled[0].label));
	assert_memory_equal(&compiled[0], &compiled[1], sizeof(compiled[0]));
}

static void test_presets(void **state)
{
	struct policy policy;
	struct diag diag;

	(void)state;
	for (unsigned int i = 0; preset_name(i); i++) {
		assert_int_equal(policy_from_preset(&policy, preset_name(i), &diag), 0);
		assert_round_trip(&policy);
	}
}

/* However many rules a preset has: "mode: monitor" drops no frame of any class, and what is saved of it neither. */
static void test_watch_only(void **state)
{
	static struct ff_policy compiled;
	char path[] = "/tmp/flagfilter-watch-XXXXXX";
	int fd = mkstemp(path);
	struct policy policy;
	struct diag diag;
	int error;

	(void)state;
	assert_true(fd >= 0);
	for (unsigned int i = 0; preset_name(i); i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_true(dprintf(fd, "version: 1\npreset: %s\nmode: monitor\n", preset_name(i)) > 0);
		error = policy_from_file(&policy, path, &diag);
		if (error)
			fail_msg("%s", diag.text);
		compile_policy(&policy, &compiled);
		for (unsigned int class = 0; class < FF_CLASSES; class ++)
			assert_true(FF_ACTION(compiled.verdict[class]) < FF_DROP);
		assert_round_trip(&policy);
	}
	close(fd);
	unlink(path);
}

static unsigned int below(unsigned int limit)
{
	return rand() % limit;
}

static void add_random_rule(struct policy *policy)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	unsigned int length = 1 + below(FF_NAME_SIZE - 1);
	struct ff_rule rule = {.mode = below(3)};

	switch (below(3)) {
	case 0:
		rule = *builtin_rule(below(BUILTIN_RULES));
		break;
	case 1:
		policy_known_rule(class_name(FF_NAMED_CLASSES + below(FF_CLASSES - FF_NAMED_CLASSES)), &rule);
		break;
	default:
		for (unsigned int i = 0; i < length; i++)
			rule.name[i] = letters[below(i ? 37 : 36)];
		rule.mask = 1 + below(FF_FLAGS_ALL);
		rule.value = below(FF_FLAGS_ALL + 1) & rule.mask;
	}
	rule.mode = below(3);
	if (!policy_find(policy, rule.name))
		policy_add(policy, &rule);
}

static void add_random_source(struct policy *policy)
{
	char text[INT8_MAX], address[INT8_MAX];
	struct ff_source_key source;
	struct diag diag;

	if (below(2))
		snprintf(text, sizeof(text), "%u.%u.%u.0/24", below(256), below(256), below(256));
	else
		snprintf(text, sizeof(text), "%x:%x:%x::%x", below(65536), below(65536), below(65536), below(65536));
	if (syntax_source(text, &source, &diag))
		fail_msg("%s: %s", text, diag.text);
	source_format(&source, address);
	if (!policy_find_source(policy, &source) && policy->sources < FF_SOURCES_MAX)
		policy->source[policy->sources++] = source;
}

static void test_random(void **state)
{
	static struct policy policy;

	(void)state;
	srand(20261122);
	for (int i = 0; i < 500; i++) {
		memset(&policy, 0, sizeof(policy));
		snprintf(policy.label, sizeof(policy.label), "preset strict, changed");
		for (unsigned int rules = below(FF_RULES_MAX + 20); rules; rules--)
			add_random_rule(&policy);
		for (unsigned int sources = below(4) ? below(5) : 0; sources; sources--)
			add_random_source(&policy);
		for (unsigned int ports = below(4) ? below(50) : 0, port; ports; ports--)
			if ((port = 1 + below(65535)) && !policy_port_exempt(&policy, port))
				policy_flip_port(&policy, port);
		assert_round_trip(&policy);
	}
}

/* The largest there can be: the file is still one that is read. */
static void test_full(void **state)
{
	static struct policy policy;

	(void)state;
	while (policy.rules < FF_RULES_MAX)
		add_random_rule(&policy);
	while (policy.sources < FF_SOURCES_MAX)
		add_random_source(&policy);
	for (unsigned int port = 1; port < 65536; port++)
		policy_flip_port(&policy, port);
	assert_round_trip(&policy);
}

static void test_cannot_write(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct policy policy;
	struct diag diag;

	(void)state;
	setbuf(full, NULL);
	assert_int_equal(policy_from_preset(&policy, "default", &diag), 0);
	assert_int_not_equal(policy_write(full, &policy), 0);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets), cmocka_unit_test(test_watch_only),   cmocka_unit_test(test_random),
		cmocka_unit_test(test_full),	cmocka_unit_test(test_cannot_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
