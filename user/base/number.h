/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers as people write them, in arguments and files alike: digits, without blanks, signs and leading zeros. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

/* A whole number from MIN to MAX. -EINVAL: TEXT is none. */
int number_parse(const char *text, unsigned long min, unsigned long max, unsigned long *number);

/* Seconds, with or without a decimal point: "2", "0.5", ".5". -EINVAL: no such number from MIN to MAX. */
int number_parse_decimal(const char *text, double min, double max, double *number);

#endif
