/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/file.h"
#include "policy/flags.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/*
 * Rules, presets and classes: what docs/contract.md says. (Tests run in the top folder.)
 */

#define CELLS 4

static struct row {
	char text[160];
	char *cell[CELLS]; /* without the blanks and backquotes around them; "" where the row ends before */
} rule_rows[FF_RULES_MAX], class_rows[FF_RULES_MAX];
static size_t contract_rules, contract_classes;

/* Reads the table under the heading "## TITLE" into ROWS. Returns how many rows it has. */
static size_t read_table(const char *title, struct row rows[FF_RULES_MAX])
{
	FILE *file = fopen("docs/contract.md", "r");
	char line[sizeof(rows->text)];
	bool here = false;
	size_t count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		char *rest = rows[count].text + 1;

		if (!strncmp(line, "## ", 3))
			here = !strncmp(line + 3, title, strlen(title));
		if (!here || strncmp(line, "| `", 3))
			continue;
		assert_true(count < FF_RULES_MAX - 1);
		strcpy(rows[count].text, line);
		for (int i = 0; i < CELLS; i++) {
			char *cell = rest ? strsep(&rest, "|\n") : "";

			cell += strspn(cell, " `");
			if (*cell)
				cell[strcspn(cell, i == CELLS - 1 ? "`" : " `")] = '\0';
			rows[count].cell[i] = cell;
		}
		count++;
	}
	fclose(file);
	return count;
}

static int read_contract(void **state)
{
	(void)state;
	contract_rules = read_table("Rules", rule_rows);
	contract_classes = read_table("Classes", class_rows);
	return contract_rules && contract_classes ? 0 : -1;
}

static bool contract_preset_has(const struct row *row, const char *preset)
{
	return strstr(row->cell[3], preset); /* no preset's name is in another's */
}

static void test_builtin_rules(void **state)
{
	char match[RULE_MATCH_SIZE];
	struct policy policy;
	struct diag diag;
	__u16 value, mask;

	(void)state;
	assert_int_equal(contract_rules, BUILTIN_RULES);
	for (size_t i = 0; i < contract_rules; i++) {
		const struct row *row = &rule_rows[i];
		const struct ff_rule *rule = builtin_rule(i);

		assert_string_equal(rule->name, row->cell[0]);
		assert_string_equal(builtin_alias(i) ? builtin_alias(i) : "", row->cell[1]);
		assert_string_equal(rule_match_format(rule, match), row->cell[2]);
		if (strcmp(row->cell[2], "class")) {
			assert_int_equal(rule->class, 0);
			assert_int_equal(flags_parse_match(row->cell[2], &value, &mask), 0);
			assert_int_equal(rule->value, value);
			assert_int_equal(rule->mask, mask);
		} else {
			assert_string_equal(class_name(rule->class), rule->name);
			assert_int_equal(rule->mask, 0);
		}
		for (unsigned int p = 0; p < PRESETS; p++) {
			bool has = contract_preset_has(row, preset_name(p));

			assert_int_equal(policy_from_preset(&policy, preset_name(p), &diag), 0);
			assert_int_equal(policy_find(&policy, rule->name) != NULL, has);
			if (has)
				assert_int_equal(policy_find(&policy, rule->name)->mode, FF_ENFORCED);
		}
	}
	assert_null(builtin_rule(BUILTIN_RULES));
	assert_null(builtin_alias(BUILTIN_RULES));
	assert_null(preset_name(PRESETS));
}

/* That POLICY has the rules that the contract says PRESET has, and then MORE (" own", or ""). */
static void assert_order(const struct policy *policy, const char *preset, const char *more)
{
	char order[FF_RULES_MAX * FF_NAME_SIZE] = "", expected[sizeof(order)] = "";

	for (size_t i = 0; i < contract_rules; i++)
		if (contract_preset_has(&rule_rows[i], preset))
			sprintf(expected + strlen(expected), " %s", rule_rows[i].cell[0]);
	strcat(expected, more);
	for (unsigned int i = 0; i < policy->rules; i++)
		sprintf(order + strlen(order), " %s", policy->rule[i].name);
	assert_string_equal(order, expected);
}

static void test_presets(void **state)
{
	struct policy policy, before;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_from_preset(&policy, "none", &diag), 0);
	assert_order(&policy, "none", "");
	assert_string_equal(policy.label, "preset none");
	assert_int_equal(policy_from_options(&policy, NULL, NULL, &diag), 0);
	assert_order(&policy, "default", "");
	assert_string_equal(policy.label, "preset default");
	assert_int_equal(policy_from_options(&policy, NULL, "conntrack", &diag), 0);
	assert_order(&policy, "conntrack", "");
	before = policy;
	assert_int_equal(policy_from_options(&policy, NULL, "Strict", &diag), -EINVAL);
	assert_string_equal(diag.text, "unknown preset 'Strict': there are none, default, strict and conntrack");
	assert_true(diag.usage);
	assert_int_equal(policy_from_options(&policy, "/dev/null", "strict", &diag), -EINVAL);
	assert_non_null(strstr(diag.text, "--policy and --preset exclude each other"));
	assert_true(diag.usage);
	assert_memory_equal(&policy, &before, sizeof(policy));
}

static void test_names(void **state)
{
	enum ff_mode mode;

	(void)state;
	assert_int_equal(contract_classes, FF_CLASSES - FF_NAMED_CLASSES);
	for (size_t i = 0; i < contract_classes; i++)
		assert_string_equal(class_name(FF_NAMED_CLASSES + i), class_rows[i].cell[0]);
	assert_int_equal(mode_parse("off", &mode), 0);
	assert_int_equal(mode, FF_OFF);
	assert_int_equal(mode_parse("monitor", &mode), 0);
	assert_int_equal(mode, FF_MONITORED);
	assert_int_equal(mode_parse("enforce", &mode), 0);
	assert_int_equal(mode, FF_ENFORCED);
	assert_int_equal(mode_parse("Enforce", &mode), -EINVAL);
	assert_int_equal(mode_parse("", &mode), -EINVAL);
	assert_int_equal(mode, FF_ENFORCED);
	assert_string_equal(mode_name(FF_MONITORED), "monitor");
}

static void test_rule_matches(void **state)
{
	const struct ff_rule flags = {"a", FF_FLAGS_FIN, FF_FLAGS_FIN | FF_FLAGS_ACK};
	const struct ff_rule class = {"runt", .class = FF_RUNT};

	(void)state;
	assert_true(rule_matches(&flags, 0x1ef));
	assert_false(rule_matches(&flags, 0x011));
	assert_false(rule_matches(&flags, FF_NON_TCP)); /* 0x201, whose low bits would match */
	assert_true(rule_matches(&class, FF_RUNT));
	assert_false(rule_matches(&class, FF_NON_IP));
	assert_false(rule_matches(&class, 0));
}

static void test_set_mode(void **state)
{
	const struct ff_rule own = {"own", 1, 1, 0, FF_ENFORCED}, second = {"a-second", 2, 2, 0, FF_ENFORCED};
	struct policy policy, before;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_from_preset(&policy, "none", &diag), 0);
	assert_int_equal(policy_add(&policy, &own), 0);
	assert_int_equal(policy_add(&policy, &second), 0);
	assert_int_equal(policy_set_mode(&policy, "runt", FF_MONITORED, &diag), 0);
	assert_int_equal(policy_set_mode(&policy, "rst-fin", FF_ENFORCED, &diag), 0);
	assert_int_equal(policy_set_mode(&policy, "non-ip", FF_OFF, &diag), 0);
	assert_int_equal(policy_set_mode(&policy, "null", FF_MONITORED, &diag), 0);
	assert_int_equal(policy_set_mode(&policy, "tiny-fragment", FF_ENFORCED, &diag), 0);
	assert_int_equal(policy_set_mode(&policy, "syn-fin", FF_ENFORCED, &diag), 0);
	assert_order(&policy, "none", " syn-fin tcp-no-flag tiny-fragment rst-fin non-ip runt own a-second");
	assert_int_equal(policy_find(&policy, "null")->mode, FF_MONITORED);
	assert_int_equal(policy_find(&policy, "null")->mask, 0x3f);
	assert_int_equal(policy_find(&policy, "non-ip")->mode, FF_OFF);
	assert_int_equal(policy_find(&policy, "runt")->class, FF_RUNT);
	assert_int_equal(policy_find(&policy, "runt")->mask, 0);
	assert_null(policy_find(&policy, "fin"));
	assert_int_equal(policy_set_mode(&policy, "tcp-no-flag", FF_ENFORCED, &diag), 0);
	assert_int_equal(policy_set_mode(&policy, "own", FF_OFF, &diag), 0);
	assert_int_equal(policy_find(&policy, "null")->mode, FF_ENFORCED);
	assert_int_equal(policy_find(&policy, "own")->mode, FF_OFF);
	assert_int_equal(policy.rules, 8);

	before = policy;
	assert_int_equal(policy_set_mode(&policy, "syn-fim", FF_OFF, &diag), -EINVAL);
	assert_non_null(strstr(diag.text, "unknown rule 'syn-fim'"));
	assert_true(diag.usage);
	assert_memory_equal(&policy, &before, sizeof(policy));
}

static void test_full_policy(void **state)
{
	struct ff_rule own = {"", 1, 1, 0, FF_ENFORCED};
	struct policy policy;
	struct diag diag;

	(void)state;
	assert_int_equal(policy_from_preset(&policy, "default", &diag), 0);
	while (policy.rules < FF_RULES_MAX) {
		sprintf(own.name, "own-%u", policy.rules);
		assert_int_equal(policy_add(&policy, &own), 0);
	}
	assert_int_equal(policy_add(&policy, &own), -ENOSPC);
	assert_int_equal(policy_set_mode(&policy, "syn-fin", FF_OFF, &diag), 0);
	assert_int_equal(policy_set_mode(&policy, "rst-fin", FF_OFF, &diag), -EINVAL);
	assert_non_null(strstr(diag.text, "64"));
	assert_int_equal(policy.rules, FF_RULES_MAX);
	assert_string_equal(policy.rule[63].name, "own-63");
}

/*
 * Policy files.
 */

/* Parses TEXT, of SIZE bytes, as a file whose name goes into PATH. */
static int parse(const char *text, size_t size, char path[64], struct policy *policy, struct diag *diag)
{
	int fd = memfd_create("policy", MFD_CLOEXEC), result;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	sprintf(path, "/proc/self/fd/%d", fd);
	result = policy_from_file(policy, path, diag);
	close(fd);
	return result;
}

static void assert_parses(const char *text, struct policy *policy)
{
	struct diag diag = {};
	char path[64];

	if (parse(text, strlen(text), path, policy, &diag))
		fail_msg("%s\nin:\n%s", diag.text, text);
	assert_string_equal(policy->label, path);
}

static void assert_refused_size(const char *text, size_t size, unsigned int line, const char *message)
{
	static struct policy policy, before;
	char path[64], start[128];
	struct diag diag = {};

	memset(&policy, 0xa5, sizeof(policy));
	before = policy;
	if (parse(text, size, path, &policy, &diag) != -EINVAL)
		fail_msg("not refused: %s", text);
	sprintf(start, "%s:%u: ", path, line);
	if (strncmp(diag.text, start, strlen(start)) || !strstr(diag.text + strlen(start), message))
		fail_msg("'%s' is not '%s%s', of:\n%s", diag.text, start, message, text);
	for (const char *c = diag.text; *c; c++)
		assert_in_range(*c, ' ', '~');
	assert_true(strlen(diag.text) < 200);
	assert_true(diag.usage);
	assert_memory_equal(&policy, &before, sizeof(policy));
}

static void assert_refused(const char *text, unsigned int line, const char *message)
{
	assert_refused_size(text, strlen(text), line, message);
}

static void test_good_file(void **state)
{
	struct policy policy;
	char text[SOURCE_SIZE], match[RULE_MATCH_SIZE];

	(void)state;
	assert_parses("version: 1\n"
		      "preset: strict\n"
		      "rules:\n"
		      "  - name: zz-own\n"
		      "    flags: FIN,PSH,URG,ACK/FIN,PSH,URG,ACK\n"
		      "    mode: &m monitor\n"
		      "  - {name: fin, mode: off}\n"
		      "  - mode: *m\n"
		      "    name: malformed\n"
		      "  - name: tiny-fragment\n"
		      "    mode: monitor\n"
		      "  - name: rst-fin\n"
		      "    mode: 'enforce'\n"
		      "  - name: aa-own\n"
		      "    flags: 0x100/AE\n"
		      "    mode: enforce\n"
		      "  - name: non-ip\n"
		      "    mode: enforce\n"
		      "exempt:\n"
		      "  sources: [192.0.2.0/24, \"2001:db8::/32\", 198.51.100.7, '2001:DB8::1', 0.0.0.0/0]\n"
		      "  ports: [8443, 1, 65535]\n",
		      &policy);
	assert_order(&policy, "strict", " rst-fin non-ip malformed zz-own aa-own");
	assert_int_equal(policy_find(&policy, "syn-fin")->mode, FF_ENFORCED);
	assert_int_equal(policy_find(&policy, "fin-no-ack")->mode, FF_OFF);
	assert_int_equal(policy_find(&policy, "tiny-fragment")->mode, FF_MONITORED);
	assert_int_equal(policy_find(&policy, "malformed")->mode, FF_MONITORED);
	assert_int_equal(policy_find(&policy, "malformed")->class, FF_MALFORMED);
	assert_int_equal(policy_find(&policy, "aa-own")->value, FF_FLAGS_AE);
	assert_int_equal(policy_find(&policy, "aa-own")->class, 0);
	assert_string_equal(rule_match_format(policy_find(&policy, "zz-own"), match),
			    "FIN,PSH,ACK,URG/FIN,PSH,ACK,URG");
	assert_int_equal(policy.sources, 5);
	assert_string_equal(source_format(&policy.source[0], text), "192.0.2.0/24");
	assert_string_equal(source_format(&policy.source[1], text), "2001:db8::/32");
	assert_string_equal(source_format(&policy.source[2], text), "198.51.100.7/32");
	assert_string_equal(source_format(&policy.source[3], text), "2001:db8::1/128");
	assert_string_equal(source_format(&policy.source[4], text), "0.0.0.0/0");
	assert_int_equal(policy.source[0].prefix_len, FF_SOURCE_PREFIX + 24);
	assert_int_equal(policy.source[0].family, 4);
	assert_memory_equal(policy.source[0].address, "\xc0\x00\x02\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(policy.source[1].family, 6);
	for (unsigned int port = 0; port < 65536; port++)
		assert_int_equal(policy.port[port / 32] >> port % 32 & 1, port == 1 || port == 8443 || port == 65535);
}

static void test_small_files(void **state)
{
	struct policy policy;

	(void)state;
	assert_parses("version: 1", &policy);
	assert_order(&policy, "default", "");
	assert_parses("---\nversion: 1\npreset: none\nrules:\nexempt:\n...\n", &policy);
	assert_order(&policy, "none", "");
	assert_parses("{version: 1, rules: [], exempt: {sources: [], ports: ~}}", &policy);
	assert_parses("version: 1\r\nexempt: {}\r\n", &policy);
	assert_parses("\xef\xbb\xbfversion: 1\n", &policy);
	assert_parses("version: 1\nexempt: {sources: [10.0.0.0/8, 10.0.0.0/9, '::/0', '::/96']}\n", &policy);
	assert_int_equal(policy.sources, 4);
	/* Wider than the addresses that are IPv4 written as IPv6, or beside them. */
	assert_parses("version: 1\nexempt: {sources: ['::fffe:0:0/95', '::ffff:0:0:0/96', '::192.0.2.1', '::/80']}\n",
		      &policy);
	assert_int_equal(policy.sources, 4);
}

static void assert_mode(const struct policy *policy, const char *but, enum ff_mode mode)
{
	for (unsigned int i = 0; i < policy->rules; i++)
		if (strcmp(policy->rule[i].name, but))
			assert_int_equal(policy->rule[i].mode, mode);
}

static void test_mode_of_preset(void **state)
{
	static struct policy policy, preset;
	struct diag diag;
	char text[128];

	(void)state;
	for (unsigned int i = 0; preset_name(i); i++) {
		assert_int_equal(policy_from_preset(&preset, preset_name(i), &diag), 0);
		for (int mode = FF_OFF; mode <= FF_ENFORCED; mode++) {
			snprintf(text, sizeof(text), "version: 1\nmode: %s\npreset: %s\n", mode_name(mode),
				 preset_name(i));
			assert_parses(text, &policy);
			assert_order(&policy, preset_name(i), "");
			assert_mode(&policy, "", mode);
		}
		memcpy(policy.label, preset.label, sizeof(preset.label));
		assert_memory_equal(&policy, &preset, sizeof(preset));
	}

	/* `rules` differ from it, wherever in the file it stands; what the preset does not have keeps its own mode. */
	assert_parses("rules:\n- {name: fin, mode: enforce}\n- {name: runt, mode: 'off'}\nmode: monitor\nversion: 1\n",
		      &policy);
	assert_order(&policy, "default", " runt");
	assert_int_equal(policy_find(&policy, "runt")->mode, FF_OFF);
	policy_find(&policy, "runt")->mode = FF_MONITORED;
	assert_int_equal(policy_find(&policy, "fin-no-ack")->mode, FF_ENFORCED);
	assert_mode(&policy, "fin-no-ack", FF_MONITORED);
	assert_parses("version: 1\npreset: none\nmode: monitor\nrules: [{name: own, flags: S/S, mode: enforce}]",
		      &policy);
	assert_int_equal(policy_find(&policy, "own")->mode, FF_ENFORCED);
}

#define V "version: 1\n"
#define RULES V "rules:\n"
#define EXEMPT V "exempt:\n"

static void test_mistakes(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *message;
	} mistake[] = {
		/* The file. */
		{"", 1, "empty: a policy starts with 'version: 1'"},
		{"# nothing\n\n", 1, "empty"},
		{"---\n", 1, "empty"},
		{"\n\nhello\n", 3, "a policy must be a mapping, not 'hello'"},
		{"- version: 1\n", 1, "a policy must be a mapping, not a list"},
		{V "---\n" V, 2, "a second document"},
		{V "preset: ]\n", 2, "not YAML: "},
		{V "preset: [\n", 3, "not YAML: while parsing a flow node"},
		{V "\tpreset: none\n", 2, "not YAML: while scanning"},
		{V "preset: *x\n", 2, "not YAML: found undefined alias"},
		{V "preset: no\x01ne\n", 2, "not YAML: control characters are not allowed: 0x01"},
		{V "\npreset: \xff\n", 3, "not YAML: invalid leading UTF-8 octet: 0xff"},

		/* Keys, at each level. */
		{V "presets: none\n", 2,
		 "unknown key 'presets' in a policy: it can have version, preset, mode, rules, exempt"},
		{V "\n? [a]\n: b\n", 3, "a key must be a single value, not a list"},
		{V "preset: none\npreset: none\n", 3, "duplicate key 'preset' in a policy: already on line 2"},
		{RULES "- name: fin\n  mod: off\n", 4, "unknown key 'mod' in a rule: it can have name, flags, mode"},
		{RULES "- name: fin\n  mode: off\n  mode: off\n", 5, "duplicate key 'mode' in a rule"},
		{EXEMPT "  source: []\n", 3, "unknown key 'source' in exempt: it can have sources, ports"},
		{EXEMPT "  ports: []\n  ports: []\n", 4, "duplicate key 'ports' in exempt"},
		{V "rules: []\nrules:\n", 3, "duplicate key 'rules'"},

		/* Kinds of node. */
		{V "preset: [none]\n", 2, "preset must be a single value, not a list"},
		{V "rules: fin\n", 2, "rules must be a list, not 'fin'"},
		{V "rules: {fin: off}\n", 2, "rules must be a list, not a mapping"},
		{V "rules: ''\n", 2, "rules must be a list, not ''"},
		{RULES "- fin\n", 3, "a rule must be a mapping, not 'fin'"},
		{RULES "-\n", 3, "a rule must be a mapping, not ''"},
		{RULES "- name: {}\n", 3, "name must be a single value, not a mapping"},
		{V "rules: &a\n- *a\n", 2, "a rule must be a mapping, not a list"},
		{V "exempt: [1]\n", 2, "exempt must be a mapping, not a list"},
		{EXEMPT "  ports: 80\n", 3, "ports must be a list, not '80'"},
		{EXEMPT "  ports:\n    - [80]\n", 4, "an exempt port must be a single value, not a list"},
		{EXEMPT "  sources:\n    - {}\n", 4, "an exempt source must be a single value, not a mapping"},

		/* version, preset */
		{"preset: none\n", 1, "no 'version'"},
		{"\nversion: 2\n", 2, "version '2' is not known here: write 'version: 1'"},
		{"version:\n", 1, "version '' is not known"},
		{"version: 1.0\n", 1, "version '1.0'"},
		{V "preset: hard\n", 2, "unknown preset 'hard': one of none, default, strict or conntrack"},
		{V "preset:\n", 2, "unknown preset ''"},

		/* The mode of a preset's rules. */
		{V "\nmode: watch\n", 3, "unknown mode 'watch': a rule is off, monitor or enforce"},
		{V "mode: Monitor\n", 2, "unknown mode 'Monitor'"},
		{V "mode:\n", 2, "unknown mode ''"},
		{V "mode: [monitor]\n", 2, "mode must be a single value, not a list"},
		{V "mode: monitor\nmode: off\n", 3, "duplicate key 'mode' in a policy: already on line 2"},
		{V "mode: monitor\nrules:\n- name: runt\n", 4, "rule 'runt' without 'mode'"},

		/* Rules. */
		{RULES "- mode: off\n", 3, "rule without 'name'"},
		{RULES "\n- name: fin\n", 4, "rule 'fin-no-ack' without 'mode'"},
		{RULES "- name: fin\n  mode: on\n", 4, "unknown mode 'on': a rule is off, monitor or enforce"},
		{RULES "- name: fin\n  mode:\n", 4, "unknown mode ''"},
		{RULES "- name: xmas\n  mode: off\n", 3,
		 "rule 'xmas' is no built-in rule or class, and a rule of your own needs 'flags'"},
		{RULES "- name: null\n  mode: off\n  flags: SYN/SYN\n", 5, "'tcp-no-flag' is built in"},
		{RULES "- name: runt\n  flags: SYN/SYN\n  mode: off\n", 4, "'runt' is built in"},
		{RULES "- name: Own\n  flags: SYN/SYN\n  mode: off\n", 3, "invalid rule name 'Own'"},
		{RULES "- name: -own\n  flags: SYN/SYN\n  mode: off\n", 3, "invalid rule name '-own'"},
		{RULES "- name: ''\n  flags: SYN/SYN\n  mode: off\n", 3, "invalid rule name ''"},
		{RULES "- name: a_b\n  flags: SYN/SYN\n  mode: off\n", 3, "invalid rule name 'a_b'"},
		{RULES "- name: a2345678901234567890123456789012\n  flags: SYN/SYN\n  mode: off\n", 3,
		 "invalid rule name 'a2345678901234567890123456789012': up to 31"},
		{RULES "- {name: fin, mode: off}\n- {name: fin, mode: off}\n", 4,
		 "duplicate rule 'fin': 'fin-no-ack' is already on line 3"},
		{RULES "- {name: fin-no-ack, mode: off}\n\n- {name: fin, mode: off}\n", 5,
		 "duplicate rule 'fin': 'fin-no-ack' is already on line 3"},
		{RULES "- {name: own, mode: off, flags: S/S}\n- {name: own, mode: off, flags: S/S}\n", 4,
		 "duplicate rule 'own'"},
		{RULES "- {name: runt, mode: off}\n- {name: runt, mode: off}\n", 4, "duplicate rule 'runt'"},

		/* Masks. */
		{RULES "- name: own\n  flags: SIN/SIN,ACK\n  mode: off\n", 4,
		 "unknown flag 'SIN' in 'SIN/SIN,ACK': flags are SYN,RST,FIN,PSH,ACK,URG,ECE,CWR,AE, or NONE alone"},
		{RULES "- name: own\n  mode: off\n  flags: SYN/SYN,AKC,FIN\n", 5,
		 "unknown flag 'AKC' in 'SYN/SYN,AKC,FIN'"},
		{RULES "- name: own\n  flags: SYN/SYN,\n  mode: off\n", 4, "unknown flag '' in 'SYN/SYN,'"},
		{RULES "- name: own\n  flags: SYN/SYN, FIN\n  mode: off\n", 4, "unknown flag ' FIN' in 'SYN/SYN, FIN'"},
		{RULES "- name: own\n  flags: SYN/SYN/SYN\n  mode: off\n", 4, "unknown flag 'SYN/SYN' in"},
		{RULES "- name: own\n  flags: SYN/0x200\n  mode: off\n", 4, "unknown flag '0x200' in"},
		{RULES "- name: own\n  flags: SYN\n  mode: off\n", 4, "flags 'SYN': write VALUE/MASK"},
		{RULES "- name: own\n  flags:\n  mode: off\n", 4, "flags '': write VALUE/MASK"},
		{RULES "- name: own\n  flags: NONE/NONE\n  mode: off\n", 4, "empty mask in 'NONE/NONE'"},
		{RULES "- name: own\n  flags: SYN,FIN,ACK/SYN\n  mode: off\n", 4,
		 "flag 'FIN,ACK' in 'SYN,FIN,ACK/SYN' is not in its mask"},

		/* Exempt sources. */
		{EXEMPT "  sources:\n  - 192.0.2.0/24\n  - 192.0.2.256\n", 5, "bad source '192.0.2.256'"},
		{EXEMPT "  sources: [example.org]\n", 3, "bad source 'example.org'"},
		{EXEMPT "  sources: ['']\n", 3, "bad source ''"},
		{EXEMPT "  sources: [192.0.2/24]\n", 3, "bad source '192.0.2/24'"},
		{EXEMPT "  sources: ['fe80::1%eth0']\n", 3, "bad source 'fe80::1%eth0'"},
		{EXEMPT "  sources: ['2001:db8:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0']\n", 3,
		 "bad source '2001:db8:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:...'"},
		{EXEMPT "  sources: [192.0.2.0/33]\n", 3, "bad prefix length in '192.0.2.0/33'"},
		{EXEMPT "  sources: [192.0.2.0/]\n", 3, "bad prefix length in '192.0.2.0/'"},
		{EXEMPT "  sources: [192.0.2.0/+24]\n", 3, "bad prefix length in '192.0.2.0/+24'"},
		{EXEMPT "  sources: [192.0.2.0/024]\n", 3, "bad prefix length in '192.0.2.0/024'"},
		{EXEMPT "  sources: [192.0.2.0/24/8]\n", 3, "bad prefix length in '192.0.2.0/24/8'"},
		{EXEMPT "  sources: ['::/129']\n", 3, "bad prefix length in '::/129'"},
		{EXEMPT "  sources: [192.0.2.130/25]\n", 3,
		 "'192.0.2.130/25' has bits set behind its prefix: the network is 192.0.2.128/25"},
		{EXEMPT "  sources: ['2001:db8:ffff::/33']\n", 3, "the network is 2001:db8:8000::/33"},
		{EXEMPT "  sources: ['2001:db8::1/127']\n", 3, "the network is 2001:db8::/127"},
		{EXEMPT "  sources: [1.2.3.4/0]\n", 3, "the network is 0.0.0.0/0"},
		/* IPv4 as programs see it on an IPv6 socket: no frame has that as its source. */
		{EXEMPT "  sources: ['::ffff:198.51.100.1']\n", 3, "write 198.51.100.1/32"},
		{EXEMPT "  sources: ['::FFFF:c633:6401']\n", 3, "write 198.51.100.1/32"},
		{EXEMPT "  sources: ['0:0:0:0:0:ffff:198.51.100.0/120']\n", 3, "write 198.51.100.0/24"},
		{EXEMPT "  sources: ['::ffff:198.51.100.1/120']\n", 3, "write 198.51.100.0/24"},
		{EXEMPT "  sources: ['::ffff:0:0/96']\n", 3, "write 0.0.0.0/0"},
		{EXEMPT "  sources:\n  - 192.0.2.1\n  - 192.0.2.1/32\n", 5, "duplicate source '192.0.2.1/32'"},
		{EXEMPT "  sources:\n  - ::1\n  - 0::1\n", 5, "duplicate source '0::1'"},

		/* Exempt ports. */
		{EXEMPT "  ports:\n  - 80\n  - 0\n", 5, "bad port '0': a number from 1 to 65535"},
		{EXEMPT "  ports: [65536]\n", 3, "bad port '65536'"},
		{EXEMPT "  ports: [99999999999999999999]\n", 3, "bad port '99999999999999999999'"},
		{EXEMPT "  ports: [-1]\n", 3, "bad port '-1'"},
		{EXEMPT "  ports: [http]\n", 3, "bad port 'http'"},
		{EXEMPT "  ports: [0x50]\n", 3, "bad port '0x50'"},
		{EXEMPT "  ports: ['']\n", 3, "bad port ''"},
		{EXEMPT "  ports: [80,\n 80]\n", 4, "duplicate port '80'"},

		/* Text that would not stay on one clean line. */
		{V "preset: \"a\\nb\\x7f\\e[2J\\u202e\"\n", 2, "unknown preset 'a\\x0ab\\x7f\\x1b[2J\\xe2\\x80\\xae'"},
		{V "preset: \"none\\0\"\n", 2, "NUL byte in 'none\\x00'"},
		{"\"versio\\0n\": 1\n", 1, "NUL byte in 'versio\\x00n'"},
		{V "rules: \"\\0\"\n", 2, "rules must be a list, not '\\x00'"},
		{V "p\xc3\xa9: 1\n", 2, "unknown key 'p\\xc3\\xa9'"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(mistake); i++)
		assert_refused(mistake[i].text, mistake[i].line, mistake[i].message);
	assert_refused_size(V "preset: \0\n", sizeof(V "preset: \0\n") - 1, 2, "not YAML: control characters");
}

/* TEXT, and behind it COUNT times FORMAT with a number, from 0. */
static char *repeat(const char *text, const char *format, unsigned int count)
{
	char *all = malloc(strlen(text) + count * (strlen(format) + 20) + 1), *end;

	assert_non_null(all);
	end = stpcpy(all, text);
	for (unsigned int i = 0; i < count; i++)
		end += sprintf(end, format, i); /* NOLINT: the formats are below */
	return all;
}

static void test_limits(void **state)
{
	static const char rule[] = "- {name: own-%u, mode: enforce, flags: SYN/SYN}\n";
	static const char source[] = "  - 10.0.%u.0/24\n", source_6[] = "  - 2001:db8:%x::1\n";
	struct policy policy;
	char *text;

	(void)state;
	text = repeat(V "preset: none\nrules:\n", rule, FF_RULES_MAX);
	assert_parses(text, &policy);
	assert_int_equal(policy.rules, FF_RULES_MAX);
	assert_string_equal(policy.rule[63].name, "own-63");
	free(text);
	text = repeat(V "preset: none\nrules:\n", rule, FF_RULES_MAX + 1);
	assert_refused(text, 4 + FF_RULES_MAX, "rule 'own-64' is one too many: a policy has at most 64");
	free(text);
	text = repeat(V "preset: default\nrules:\n", rule, FF_RULES_MAX);
	assert_refused(text, 4 + 57, "rule 'own-57' is one too many");
	free(text);

	text = repeat(EXEMPT "  sources:\n", source, 256);
	assert_parses(text, &policy);
	assert_int_equal(policy.sources, 256);
	free(text);
	text = repeat(EXEMPT "  sources:\n", source_6, FF_SOURCES_MAX);
	assert_parses(text, &policy);
	assert_int_equal(policy.sources, FF_SOURCES_MAX);
	free(text);
	text = repeat(EXEMPT "  sources:\n", source_6, FF_SOURCES_MAX + 1);
	assert_refused(text, 4 + FF_SOURCES_MAX, "source '2001:db8:400::1' is one too many");
	free(text);

	text = repeat(EXEMPT "  ports:\n", "  - %u\n", 20000);
	memcpy(strstr(text, "- 0"), "   ", 3); /* an empty line instead of port 0 */
	assert_parses(text, &policy);
	assert_int_equal(policy.port[0], 0xfffffffe);
	assert_int_equal(policy.port[20000 / 32 - 1], 0xffffffff);
	assert_int_equal(policy.port[20000 / 32], 0);
	free(text);
	text = repeat(V, "# %07u\n", 120000);
	assert_refused(text, 1, "larger than 1048576 bytes");
	free(text);
	text = repeat(V "rules: ", "[", 200000);
	assert_refused(text, 2, "nested too deep");
	free(text);
}

static void test_unreadable(void **state)
{
	static struct policy policy, before;
	struct diag diag;

	(void)state;
	memset(&policy, 0xa5, sizeof(policy));
	before = policy;
	assert_int_equal(policy_from_file(&policy, "/nonexistent/policy.yaml", &diag), -ENOENT);
	assert_string_equal(diag.text, "/nonexistent/policy.yaml: No such file or directory");
	assert_false(diag.usage);
	assert_int_equal(policy_from_options(&policy, "/", NULL, &diag), -EISDIR);
	assert_string_equal(diag.text, "/: Is a directory");
	assert_false(diag.usage);
	assert_memory_equal(&policy, &before, sizeof(policy));
}

static void test_standard_input(void **state)
{
	int saved = dup(STDIN_FILENO), ends[2];
	struct policy policy;
	struct diag diag;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "version: 3\n", 11), 11);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	assert_int_equal(policy_from_file(&policy, "-", &diag), -EINVAL);
	assert_non_null(strstr(diag.text, "<stdin>:1: version '3'"));
	dup2(saved, STDIN_FILENO);
	close(ends[0]);
	close(saved);
}

/* A path that is too long for the label keeps its end. */
static void test_long_path(void **state)
{
	char path[200] = "/dev/fd", tail[200];
	struct policy policy;
	struct diag diag;
	int fd = memfd_create("policy", 0);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, V, strlen(V)), strlen(V));
	while (strlen(path) < 100)
		strcat(path, "/.");
	sprintf(tail, "/%d", fd);
	strcat(path, tail);
	assert_int_equal(policy_from_file(&policy, path, &diag), 0);
	assert_int_equal(strlen(policy.label), FF_LABEL_SIZE - 1);
	assert_memory_equal(policy.label, "...", 3);
	assert_string_equal(policy.label + 3, path + strlen(path) - (FF_LABEL_SIZE - 1 - 3));
	close(fd);
}

static void relabelled(struct policy *policy, const char *expected)
{
	for (int i = 0; i < 2; i++) {
		policy_label_changed(policy);
		assert_string_equal(policy->label, expected);
	}
}

/* A preset that is changed back is that preset again; of a file nobody knows. */
static void test_label(void **state)
{
	struct policy policy;

	(void)state;
	assert_int_equal(policy_from_preset(&policy, "strict", NULL), 0);
	policy.rule[1].counter = 7; /* as one that is in force has */
	relabelled(&policy, "preset strict");
	policy.rule[1].mode = FF_MONITORED;
	relabelled(&policy, "preset strict, changed");
	policy.rule[1].mode = FF_ENFORCED;
	relabelled(&policy, "preset strict");
	policy.rules--;
	relabelled(&policy, "preset strict, changed");
	policy.rules++;
	policy.port[8443 / 32] = 1u << 8443 % 32;
	relabelled(&policy, "preset strict, changed");
	policy.port[8443 / 32] = 0;
	policy.sources = 1;
	relabelled(&policy, "preset strict, changed");
	policy.sources = 0;
	relabelled(&policy, "preset strict");
	assert_int_equal(policy_set_mode(&policy, "malformed", FF_OFF, NULL), 0);
	relabelled(&policy, "preset strict, changed");

	assert_int_equal(policy_from_preset(&policy, NULL, NULL), 0);
	for (const char *const *label =
		     (const char *const[]){"default.yaml", "preset default.yaml", "preset strict", NULL};
	     *label; label++) {
		char expected[FF_LABEL_SIZE];

		snprintf(policy.label, sizeof(policy.label), "%s", *label);
		snprintf(expected, sizeof(expected), "%s, changed", *label);
		relabelled(&policy, expected);
	}
	memset(policy.label, 'x', FF_LABEL_SIZE - 1);
	policy_label_changed(&policy);
	assert_string_equal(policy.label + FF_LABEL_SIZE - 1 - strlen("x, changed"), "x, changed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin_rules),  cmocka_unit_test(test_presets),
		cmocka_unit_test(test_names),	       cmocka_unit_test(test_rule_matches),
		cmocka_unit_test(test_set_mode),       cmocka_unit_test(test_full_policy),
		cmocka_unit_test(test_good_file),      cmocka_unit_test(test_small_files),
		cmocka_unit_test(test_mode_of_preset), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_limits),	       cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_standard_input), cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_label),
	};

	return cmocka_run_group_tests_name("policy", tests, read_contract, NULL);
}
