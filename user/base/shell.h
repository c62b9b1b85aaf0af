/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Commands that are printed to be typed: whatever a name is made of, sh takes it for one word and nothing else. */
#ifndef BASE_SHELL_H
#define BASE_SHELL_H

struct shell {
	char text[1200]; /* room for any file name and what stands around it */
};

/* TEXT as one word of sh: unchanged if it is plain. What text_clean() would spoil is written in octal, for printf. */
struct shell shell_word(const char *text);

/*
 * "flagfilter COMMAND INTERFACE OPERAND OPTIONS"; OPERAND and OPTIONS may be empty, and are taken as they are. Where
 * INTERFACE could be taken for an option: "flagfilter COMMAND OPTIONS -- INTERFACE OPERAND".
 */
struct shell shell_command(const char *command, const char *interface, const char *operand, const char *options);

#endif
