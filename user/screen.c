/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "screen.h"

#include <dlfcn.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#define NCURSES_NOMACROS /* functions, which can be looked up by name */
#include <ncurses.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From <term.h>, which would make macros of "columns" and "lines" and a hundred words more. */
int setupterm(const char *type, int fd, int *found);

/*
 * Linked to the program, ncurses with its libtinfo would make every other command start a quarter of a millisecond
 * later.
 */
#define NCURSES_FUNCTIONS(FUNCTION)                                                                                    \
	FUNCTION(setupterm)                                                                                            \
	FUNCTION(tigetstr)                                                                                             \
	FUNCTION(newterm)                                                                                              \
	FUNCTION(endwin)                                                                                               \
	FUNCTION(delscreen)                                                                                            \
	FUNCTION(cbreak)                                                                                               \
	FUNCTION(noecho)                                                                                               \
	FUNCTION(keypad)                                                                                               \
	FUNCTION(nodelay)                                                                                              \
	FUNCTION(set_escdelay)                                                                                         \
	FUNCTION(curs_set)                                                                                             \
	FUNCTION(has_colors)                                                                                           \
	FUNCTION(start_color)                                                                                          \
	FUNCTION(use_default_colors)                                                                                   \
	FUNCTION(init_pair)                                                                                            \
	FUNCTION(COLOR_PAIR)                                                                                           \
	FUNCTION(getmaxx)                                                                                              \
	FUNCTION(getmaxy)                                                                                              \
	FUNCTION(werase)                                                                                               \
	FUNCTION(wmove)                                                                                                \
	FUNCTION(wattrset)                                                                                             \
	FUNCTION(waddnstr)                                                                                             \
	FUNCTION(wrefresh)                                                                                             \
	FUNCTION(clearok)                                                                                              \
	FUNCTION(wgetch)

static struct {
#define POINTER(name) __typeof__(&(name)) name;
	NCURSES_FUNCTIONS(POINTER)
#undef POINTER
} lib;

static struct {
	SCREEN *screen; /* NULL: not open */
	WINDOW *window; /* all of it */
	bool utf8, colours;
} terminal;

static int load_ncurses(WINDOW ***window, struct diag *diag)
{
	static const struct {
		const char *name;
		size_t offset; /* in lib */
	} functions[] = {
#define PLACE(name) {#name, offsetof(__typeof__(lib), name)},
		NCURSES_FUNCTIONS(PLACE)
#undef PLACE
	};
	void *library = dlopen("libncursesw.so.6", RTLD_NOW), *found;

	if (!library)
		return diag_fail(diag, -ENOENT, "top needs ncurses: %s: install it (Debian: libncursesw6)", dlerror());
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		found = dlsym(library, functions[i].name);
		if (!found)
			return diag_fail(diag, -ENOENT, "this ncurses is not one for top: it has no %s",
					 functions[i].name);
		memcpy((char *)&lib + functions[i].offset, &found, sizeof(found));
	}
	*window = dlsym(library, "stdscr");
	return *window ? 0 : diag_fail(diag, -ENOENT, "this ncurses is not one for top: it has no stdscr");
}

/* Colours of ncurses by style; no colour, where the terminal has none or the user wants none. */
static void set_colours(void)
{
	const char *no_colour = getenv("NO_COLOR");

	terminal.colours = lib.has_colors() && !(no_colour && *no_colour) && lib.start_color() != ERR;
	if (!terminal.colours)
		return;
	lib.use_default_colors();
	lib.init_pair(SCREEN_RED, COLOR_RED, -1);
	lib.init_pair(SCREEN_YELLOW, COLOR_YELLOW, -1);
}

int screen_open(struct diag *diag)
{
	const char *type = getenv("TERM");
	WINDOW **window;
	int found, error = load_ncurses(&window, diag);

	if (error)
		return error;
	setlocale(LC_CTYPE, "");
	/* The console's font has no blocks but two. */
	terminal.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8") && type && strcmp(type, "linux");
	/* Asked before anything is written: newterm() takes every terminal that has a name. */
	if (lib.setupterm(NULL, STDOUT_FILENO, &found) != ERR && lib.tigetstr("cup") && lib.tigetstr("clear"))
		terminal.screen = lib.newterm(NULL, stdout, stdin);
	if (!terminal.screen)
		return diag_fail(diag, -ENOTTY,
				 "this terminal cannot be drawn on: TERM is '%.40s'; `flagfilter stats "
				 "IF --watch` does without",
				 type ? type : "");
	terminal.window = *window;
	lib.cbreak();
	lib.noecho();
	lib.keypad(terminal.window, TRUE);
	lib.nodelay(terminal.window, TRUE);
	lib.set_escdelay(50);
	lib.curs_set(0);
	set_colours();
	return 0;
}

void screen_close(void)
{
	if (!terminal.screen)
		return;
	lib.endwin();
	lib.delscreen(terminal.screen);
	terminal.screen = NULL;
}

int screen_height(void)
{
	return lib.getmaxy(terminal.window);
}

int screen_width(void)
{
	return lib.getmaxx(terminal.window);
}

bool screen_is_utf8(void)
{
	return terminal.utf8;
}

void screen_clear(void)
{
	lib.werase(terminal.window);
}

static attr_t attributes(enum screen_style style)
{
	return (style & SCREEN_BOLD ? A_BOLD : 0) | (style & SCREEN_DIM ? A_DIM : 0) |
	       (style & SCREEN_REVERSE ? A_REVERSE : 0) |
	       (terminal.colours ? (attr_t)lib.COLOR_PAIR(style & SCREEN_COLOUR) : A_NORMAL);
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
	lib.wattrset(terminal.window, attributes(style));
	lib.wmove(terminal.window, y, x);
	lib.waddnstr(terminal.window, text, bytes);
	while (columns++ < width)
		lib.waddnstr(terminal.window, " ", 1);
	lib.wattrset(terminal.window, A_NORMAL);
}

void screen_show(void)
{
	lib.wrefresh(terminal.window);
}

void screen_redraw(void)
{
	lib.clearok(terminal.window, TRUE);
}

int screen_key(void)
{
	int key = lib.wgetch(terminal.window);

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
