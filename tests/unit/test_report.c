/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "show/report.h"

#include <stdlib.h>
#include <string.h>

#define CLASSES (FF_CLASSES - FF_NAMED_CLASSES)

/* However many named classes there are, each is on a line of three that ends. */
static void any_number_of_classes_ends_with_a_line(void **state)
{
	static struct counts counts;

	(void)state;
	for (unsigned int i = 0; i < CLASSES; i++)
		counts.counters.passed[FF_NAMED_CLASSES + i].packets = 1001 + i;
	for (unsigned int classes = 1; classes <= CLASSES; classes++) {
		char *text, *line, *rest, number[12];
		unsigned int lines = 0;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		report_print_not_judged(out, &counts, classes);
		fclose(out);
		assert_int_equal(text[size - 1], '\n');
		for (unsigned int i = 0; i < CLASSES; i++) {
			snprintf(number, sizeof(number), " %u", 1001 + i);
			assert_int_equal(!!strstr(text, number), i < classes);
		}
		for (rest = text; (line = strsep(&rest, "\n")) && rest; lines++)
			assert_in_range(strlen(line), 0, 80);
		assert_int_equal(lines, 2 + (classes + 2) / 3); /* an empty one and the title before them */
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_classes_ends_with_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
