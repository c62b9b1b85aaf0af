/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Strings from outside, before a terminal or JSON sees them. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

/*
 * Puts '?' in place of every byte that is no valid UTF-8 or part of a character that is no text: controls (a newline
 * and an escape too), what is invisible, what turns the direction of writing, private use. What is left can be printed,
 * and jansson takes it.
 */
void text_clean(char *text);

#endif
