/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/flags.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNTOUCHED 0xabcd

static void assert_flags(const char *text, __u16 expected)
{
	__u16 flags = UNTOUCHED;

	if (flags_parse(text, &flags) || flags != expected)
		fail_msg("'%s' is 0x%03x, not 0x%03x", text, flags, expected);
}

static void assert_no_flags(const char *text)
{
	__u16 flags = UNTOUCHED;

	if (flags_parse(text, &flags) != -EINVAL || flags != UNTOUCHED)
		fail_msg("'%s' is no flags, but gave 0x%03x", text, flags);
}

/* What is written is read back, in every form, for all 512 values. */
static void test_every_value(void **state)
{
	static const char letters[] = "FSRPAUECN"; /* bit 0 first */
	char text[FLAGS_SIZE], lower[FLAGS_SIZE];

	(void)state;
	for (unsigned int flags = 0; flags <= FF_FLAGS_ALL; flags++) {
		char spelt[sizeof(letters)], *end = spelt;

		assert_ptr_equal(flags_format(flags, text), text);
		assert_in_range(strlen(text), 2, FLAGS_SIZE - 1);
		assert_flags(text, flags);
		strcpy(lower, text);
		for (char *c = lower; *c; c++)
			*c |= *c == ',' ? 0 : 0x20;
		assert_flags(lower, flags);
		sprintf(text, "0x%x", flags);
		assert_flags(text, flags);
		sprintf(text, "0X%03X", flags);
		assert_flags(text, flags);
		sprintf(text, "%u", flags);
		assert_flags(text, flags);
		for (int bit = 0; bit < 9; bit++)
			if (flags & 1 << bit)
				*end++ = letters[bit];
		*end = '\0';
		if (flags && strcmp(spelt, "AE")) /* which is the word */
			assert_flags(spelt, flags);
	}
}

static void test_bits(void **state)
{
	char text[FLAGS_SIZE];

	(void)state;
	assert_flags("FIN", 0x001);
	assert_flags("SYN", 0x002);
	assert_flags("RST", 0x004);
	assert_flags("PSH", 0x008);
	assert_flags("ACK", 0x010);
	assert_flags("URG", 0x020);
	assert_flags("ECE", 0x040);
	assert_flags("CWR", 0x080);
	assert_flags("AE", 0x100);
	assert_flags("ae", 0x100);
	assert_flags("EA", 0x050);
	assert_flags("N", 0x100);
	assert_flags("sf", 0x003);
	assert_flags("NONE", 0);
	assert_flags("SYN,SYN", 0x002);
	assert_string_equal(flags_format(0x1ff, text), "SYN,RST,FIN,PSH,ACK,URG,ECE,CWR,AE");
	assert_string_equal(flags_format(0, text), "NONE");
	assert_string_equal(flags_format(0x12, text), "SYN,ACK");
	assert_int_equal(flags_word("syn,fin", 3), FF_FLAGS_SYN);
	assert_int_equal(flags_word("S", 1), 0);
	assert_int_equal(flags_word("", 0), 0);
}

static void test_junk(void **state)
{
	static const char *const junk[] = {
		"",	    ",",
		"SYN,",	    ",SYN",
		"SYN,,FIN", "SYN, FIN",
		" SYN",	    "SYN ",
		"SIN",	    "SYNX",
		"SY",	    "SYN FIN",
		"S,F",	    "SF,ACK",
		"NONE,SYN", "SYN,NONE",
		"SYN,0x01", "0x",
		"0x200",    "512",
		"-1",	    "+1",
		"0x-1",	    "0x 1",
		"1 ",	    "99999999999999999999",
		"1f",	    "0x1g",
		"010",	    "077",
		"00",	    " 1",
		"+1",	    "1 ",
		"0x0x1",    "0x100000001",
		"S F",	    "SYN\n",
		"X",	    "SYN/FIN",
		"\xc3\xa9",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++)
		assert_no_flags(junk[i]);
}

static void test_match(void **state)
{
	static const char *const junk[] = {
		"",	   "/",	      "SYN",	     "SYN/",	 "/SYN",     "SYN,FIN/SYN", "NONE/NONE", "0/0",
		"SIN/SYN", "SYN/SIN", "SYN/SYN/SYN", "SYN /SYN", "SYN/ SYN", "0x200/0x3ff", "SYN//SYN",	 "AE/SYN",
	};
	char overlong[300] = "";
	__u16 value = UNTOUCHED, mask = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++)
		assert_int_equal(flags_parse_match(junk[i], &value, &mask), -EINVAL);
	memset(overlong, 'S', 200);
	strcat(overlong, "/S");
	assert_int_equal(flags_parse_match(overlong, &value, &mask), -EINVAL);
	assert_int_equal(value, UNTOUCHED);
	assert_int_equal(mask, UNTOUCHED);

	assert_int_equal(flags_parse_match("FIN/FIN,ACK", &value, &mask), 0);
	assert_int_equal(value, 0x01);
	assert_int_equal(mask, 0x11);
	assert_int_equal(flags_parse_match("none/fsrpau", &value, &mask), 0);
	assert_int_equal(value, 0);
	assert_int_equal(mask, 0x3f);
	assert_int_equal(flags_parse_match("0x100/AE", &value, &mask), 0);
	assert_int_equal(value, 0x100);
	assert_int_equal(mask, 0x100);
}

/* To conntrack a segment is valid iff its flags, as letters and without P, E, C and N, are one of these. */
static void test_conntrack(void **state)
{
	static const char valid[] = " S SU SA R RA FA FAU A AU ";

	(void)state;
	for (unsigned int flags = 0; flags <= FF_FLAGS_ALL; flags++) {
		char word[8] = " ", *end = word + 1;

		for (const char *letter = "FSRAU"; *letter; letter++) {
			char text[2] = {*letter};
			__u16 bit = 0;

			assert_int_equal(flags_parse(text, &bit), 0);
			if (flags & bit)
				*end++ = *letter;
		}
		strcpy(end, " ");
		assert_int_equal(flags_conntrack_invalid(flags), end == word + 1 || !strstr(valid, word));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_value), cmocka_unit_test(test_bits),      cmocka_unit_test(test_junk),
		cmocka_unit_test(test_match),	    cmocka_unit_test(test_conntrack),
	};

	return cmocka_run_group_tests_name("flags", tests, NULL, NULL);
}
