/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Strings from outside, before a terminal or JSON sees them. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

/*
 * Puts '?' in place of every byte that is a control character (a newline and an escape too) or no valid UTF-8: what is
 * left can be printed, and jansson takes it.
 */
void text_clean(char *text);

#endif
