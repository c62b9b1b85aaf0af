/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/shell.h"

#include "base/netns.h"
#include "base/text.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_plain(char c)
{
	return isascii(c) && (isalnum(c) || strchr("_@%+:,./-", c));
}

static bool is_plain_word(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!is_plain(*c))
			return false;
	return *text;
}

/* Whether text_clean() leaves TEXT as it is. */
static bool is_clean(const char *text)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	text_clean(copy);
	return !strncmp(copy, text, sizeof(copy) - 1);
}

static void add(struct shell *word, const char *text)
{
	size_t length = strlen(word->text);

	snprintf(word->text + length, sizeof(word->text) - length, "%s", text);
}

/* In single quotes, which leave out only themselves. */
static void add_quoted(struct shell *word, const char *text)
{
	add(word, "'");
	for (; *text; text++)
		add(word, *text == '\'' ? "'\\''" : (char[]){*text, '\0'});
	add(word, "'");
}

static void add_octal(struct shell *word, const char *text)
{
	char octal[8];

	add(word, "\"$(printf '"); /* for which neither '%' nor '-' is plain */
	for (; *text; text++) {
		snprintf(octal, sizeof(octal), is_plain(*text) && !strchr("%-", *text) ? "%c" : "\\%03o",
			 (unsigned char)*text);
		add(word, octal);
	}
	add(word, "')\"");
}

struct shell shell_word(const char *text)
{
	struct shell word = {};

	if (is_plain_word(text))
		add(&word, text);
	else if (is_clean(text))
		add_quoted(&word, text);
	else
		add_octal(&word, text);
	return word;
}

struct shell shell_tool(const char *netns, const char *tool)
{
	bool own = !strcmp(tool, "flagfilter"), ip = !strcmp(tool, "ip");
	struct shell line, name;

	if (!netns) {
		snprintf(line.text, sizeof(line.text), "%s", tool);
		return line;
	}
	name = shell_word(netns);
	if (own || ip)
		snprintf(line.text, sizeof(line.text), "%s %s", own ? "flagfilter --netns" : "ip -n", name.text);
	else
		snprintf(line.text, sizeof(line.text), "ip netns exec %s %s", name.text, tool);
	return line;
}

struct shell shell_command_in(const char *netns, const char *command, const char *interface, const char *operand,
			      const char *options)
{
	struct shell tool = shell_tool(netns, "flagfilter"), word = shell_word(interface), line;
	bool option = *interface == '-';
	const char *before = option ? options : "", *behind = option ? "" : options;

	snprintf(line.text, sizeof(line.text), "%s %s%s%s%s %s%s%s%s%s", tool.text, command, *before ? " " : "", before,
		 option ? " --" : "", word.text, *operand ? " " : "", operand, *behind ? " " : "", behind);
	return line;
}

struct shell shell_command(const char *command, const char *interface, const char *operand, const char *options)
{
	return shell_command_in(netns_entered(), command, interface, operand, options);
}
