/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The three streams that a process is started with. */
#ifndef BASE_STREAMS_H
#define BASE_STREAMS_H

/*
 * Fills what the caller has closed of descriptors 0 to 2, so that no file that is opened later becomes standard output
 * or standard error. What was closed cannot be read or written as before. Ends the process if that fails.
 */
void streams_fill(void);

/*
 * While arguments are parsed: getopt repeats them byte by byte. From here on each message on stderr is one line, clean
 * as text_clean() leaves it; until streams_trust().
 */
void streams_distrust(void);
void streams_trust(void);

#endif
