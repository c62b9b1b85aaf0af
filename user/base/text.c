/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Characters that are no text: they have no shape of their own, or turn round, hide or move what stands beside them, or
 * mean what each pleases. Categories Cf, Co, Zl, Zp, default-ignorable code points, noncharacters, and planes in which
 * Unicode 15 has nothing.
 */
static const struct {
	unsigned int first, last;
} no_text[] = {
	{0x0000, 0x001f},   {0x007f, 0x009f}, /* C0, DEL, C1 */
	{0x00ad, 0x00ad},   {0x034f, 0x034f},	{0x0600, 0x0605},   {0x061c, 0x061c},	{0x06dd, 0x06dd},
	{0x070f, 0x070f},   {0x0890, 0x0891},	{0x08e2, 0x08e2},   {0x115f, 0x1160},	{0x17b4, 0x17b5},
	{0x180b, 0x180f},   {0x200b, 0x200f}, /* zero width; left-to-right and right-to-left marks */
	{0x2028, 0x202e},   {0x2060, 0x206f}, /* separators of lines; embeddings, overrides and isolates */
	{0x2800, 0x2800},   {0x3164, 0x3164},	{0xd800, 0xf8ff},   {0xfdd0, 0xfdef},	{0xfe00, 0xfe0f},
	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},	{0xfff0, 0xfffb},   {0xfffe, 0xffff},	{0x110bd, 0x110bd},
	{0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0x1fffe, 0x1ffff},
	{0x2fffe, 0x2ffff}, {0x323b0, ~0u}, /* unassigned planes, tags, variation selectors, private use */
};

static bool is_text(unsigned int character)
{
	for (size_t i = 0; i < sizeof(no_text) / sizeof(*no_text); i++)
		if (character >= no_text[i].first && character <= no_text[i].last)
			return false;
	return true;
}

/* How many bytes the printable character at TEXT has, or 0 if there is none. RFC 3629. */
static size_t printable(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead;
		unsigned int least;
	} lengths[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	unsigned int character;
	size_t length = 0;

	while (length < 4 && (text[0] & lengths[length].mask) != lengths[length].lead)
		length++;
	if (length == 4)
		return 0;
	character = text[0] & ~lengths[length].mask;
	for (size_t i = 1; i <= length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (text[i] & 0x3f);
	}
	return character >= lengths[length].least && is_text(character) ? length + 1 : 0;
}

void text_clean(char *text)
{
	while (*text) {
		size_t length = printable((const unsigned char *)text);

		if (!length)
			*text = '?';
		text += length ? length : 1;
	}
}
