/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "show/screen.h"
#include "base/shell.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#define NCURSES_NOMACROS
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From <term.h>, which would make macros of "columns" and "lines" and a hundred words more. */
int setupterm(const char *type, int fd, int *found);

static struct {
	SCREEN *screen; /* NULL: not open */
	WINDOW *window; /* all of it */
	bool utf8, colours;
} terminal;

/* Colours of ncurses by style; no colour, where the terminal has none or the user wants none. */
static void set_colours(void)
{
	const char *no_colour = getenv("NO_COLOR");

	terminal.colours = has_colors() && !(no_colour && *no_colour) && start_color() != ERR;
	if (!terminal.colours)
		return;
	use_default_colors();
	init_pair(SCREEN_RED, COLOR_RED, -1);
	init_pair(SCREEN_YELLOW, COLOR_YELLOW, -1);
}

int screen_open(struct diag *diag)
{
	const char *type = getenv("TERM");
	int found;

	setlocale(LC_CTYPE, "");
	/* The console's font has no blocks but two. */
	terminal.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8") && type && strcmp(type, "linux");
	/* Asked before anything is written: newterm() takes every terminal that has a name. */
	if (setupterm(NULL, STDOUT_FILENO, &found) != ERR && tigetstr("cup") && tigetstr("clear"))
		terminal.screen = newterm(NULL, stdout, stdin);
	if (!terminal.screen)
		return diag_fail(diag, -ENOTTY, "this terminal cannot be drawn on: TERM is '%.40s'; `%s` does without",
				 type ? type : "", shell_command("stats", "IF", "", "--watch").text);
	terminal.window = stdscr;
	cbreak();
	noecho();
	keypad(terminal.window, TRUE);
	nodelay(terminal.window, TRUE);
	set_escdelay(50);
	curs_set(0);
	set_colours();
	return 0;
}

void screen_close(void)
{
	if (!terminal.screen)
		return;
	endwin();
	delscreen(terminal.screen);
	terminal.screen = NULL;
}

int screen_height(void)
{
	return getmaxy(terminal.window);
}

int screen_width(void)
{
	return getmaxx(terminal.window);
}

bool screen_is_utf8(void)
{
	return terminal.utf8;
}

void screen_clear(void)
{
	werase(terminal.window);
}

static attr_t attributes(enum screen_style style)
{
	return (style & SCREEN_BOLD ? A_BOLD : 0) | (style & SCREEN_DIM ? A_DIM : 0) |
	       (style & SCREEN_REVERSE ? A_REVERSE : 0) |
	       (terminal.colours ? (attr_t)COLOR_PAIR(style & SCREEN_COLOUR) : A_NORMAL);
}

/* Where in TEXT its first WIDTH characters end; what continues a character in UTF-8 is 10xxxxxx. */
static int bytes_of(const char *text, int width, int *columns)
{
	int bytes = 0;

	for (*columns = 0; text[bytes]; bytes++) {
		bool begins = !terminal.utf8 || (text[bytes] & 0xc0) != 0x80;

		if (begins && *columns == width)
			break;
		*columns += begins;
	}
	return bytes;
}

void screen_put(int y, int x, int width, enum screen_style style, const char *text)
{
	int room = screen_width() - x, columns, bytes;

	if (y < 0 || y >= screen_height() || room <= 0)
		return;
	width = width < room ? width : room;
	bytes = bytes_of(text, width, &columns);
	wattrset(terminal.window, attributes(style));
	wmove(terminal.window, y, x);
	waddnstr(terminal.window, text, bytes);
	while (columns++ < width)
		waddnstr(terminal.window, " ", 1);
	wattrset(terminal.window, A_NORMAL);
}

void screen_show(void)
{
	wrefresh(terminal.window);
}

void screen_redraw(void)
{
	clearok(terminal.window, TRUE);
}

int screen_key(void)
{
	int key = wgetch(terminal.window);

	switch (key) {
	case ERR:
		return SCREEN_NO_KEY;
	case KEY_UP:
		return SCREEN_UP;
	case KEY_DOWN:
		return SCREEN_DOWN;
	case KEY_RESIZE:
		return SCREEN_RESIZED;
	default:
		return key < 0x100 ? key : SCREEN_OTHER_KEY;
	}
}
