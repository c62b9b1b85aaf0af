/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

/* strtoul() and strtod() alone would take blanks, signs, other bases, "nan" and exponents. */

int number_parse(const char *text, unsigned long min, unsigned long max, unsigned long *number)
{
	size_t length = strspn(text, DIGITS);
	unsigned long parsed;

	if (!length || text[length] || (*text == '0' && length > 1))
		return -EINVAL;
	errno = 0;
	parsed = strtoul(text, NULL, 10);
	if (errno || parsed < min || parsed > max)
		return -EINVAL;
	*number = parsed;
	return 0;
}

int number_parse_decimal(const char *text, double min, double max, double *number)
{
	size_t whole = strspn(text, DIGITS), length = whole;
	double parsed;

	if (text[length] == '.')
		length += 1 + strspn(text + length + 1, DIGITS);
	if (text[length] || !strpbrk(text, DIGITS) || (*text == '0' && whole > 1))
		return -EINVAL;
	parsed = strtod(text, NULL);
	if (parsed < min || parsed > max)
		return -EINVAL;
	*number = parsed;
	return 0;
}
