/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* How many bytes the printable character at TEXT has, or 0 if there is none. RFC 3629; no C0 or C1 controls. */
static size_t printable(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead;
		unsigned int least;
	} lengths[] = {{0x80, 0x00, 0x20}, {0xe0, 0xc0, 0xa0}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
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
	if (character < lengths[length].least || character == 0x7f || (character >= 0xd800 && character <= 0xdfff) ||
	    character > 0x10ffff)
		return 0;
	return length + 1;
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
