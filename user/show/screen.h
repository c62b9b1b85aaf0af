/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The terminal as a whole screen. Includes ncurses. */
#ifndef SHOW_SCREEN_H
#define SHOW_SCREEN_H

#include "base/diag.h"

/* A colour, and with it whatever else, by |. */
enum screen_style {
	SCREEN_PLAIN,
	SCREEN_RED,
	SCREEN_YELLOW,
	SCREEN_COLOUR = 3,
	SCREEN_BOLD = 4,
	SCREEN_DIM = 8,
	SCREEN_REVERSE = 16
};

/* -errno with DIAG filled: a terminal that ncurses does not know. */
int screen_open(struct diag *diag);
void screen_close(void); /* the terminal is as before; also without screen_open() */

int screen_height(void);
int screen_width(void);
bool screen_is_utf8(void);

void screen_clear(void);
/* TEXT at line Y, column X, in no more than WIDTH columns, and blanks up to there. Outside of the screen is nothing. */
void screen_put(int y, int x, int width, enum screen_style style, const char *text);
void screen_show(void);	  /* what was put since screen_clear() */
void screen_redraw(void); /* everything, for a terminal on which others have written */

/* Beside characters as they are. */
enum screen_key { SCREEN_NO_KEY = -1, SCREEN_UP = 0x10000, SCREEN_DOWN, SCREEN_RESIZED, SCREEN_OTHER_KEY };
int screen_key(void); /* the next one that was pressed; does not wait */

#endif
