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
 * TOOL, so that it acts in the namespace NETNS of `ip netns list` (NULL: the caller's): "flagfilter --netns NETNS",
 * "ip -n NETNS", "ip netns exec NETNS ethtool".
 */
struct shell shell_tool(const char *netns, const char *tool);

/*
 * "flagfilter COMMAND INTERFACE OPERAND OPTIONS", with --netns in front if this process was sent into a namespace.
 * OPERAND and OPTIONS may be empty, and are taken as they are. Where INTERFACE could be taken for an option:
 * "flagfilter COMMAND OPTIONS -- INTERFACE OPERAND".
 */
struct shell shell_command(const char *command, const char *interface, const char *operand, const char *options);

/* The same for the namespace NETNS. */
struct shell shell_command_in(const char *netns, const char *command, const char *interface, const char *operand,
			      const char *options);

#endif
