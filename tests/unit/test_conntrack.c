/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conntrack.h"
#include "flags.h"

#include <string.h>

/* A segment is valid iff its flags, as letters and without P, E, C and N, are one of these. */
static void test_every_value(void **state)
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
		assert_int_equal(conntrack_invalid(flags), end == word + 1 || !strstr(valid, word));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_value)};

	return cmocka_run_group_tests_name("conntrack", tests, NULL, NULL);
}
