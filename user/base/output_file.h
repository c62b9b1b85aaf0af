/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that a user names to be written, with what is not for everybody's eyes. */
#ifndef BASE_OUTPUT_FILE_H
#define BASE_OUTPUT_FILE_H

#include "base/diag.h"
#include <stdio.h>

/*
 * Opens PATH to be written from its beginning: a new file, which only its owner may read, or one that is there, if it
 * is the caller's and has no other name; never what a symbolic link leads to. Or a pipe or character device; or what
 * the caller has open: "-", /dev/stdout, /dev/stderr, /dev/fd/N. A terminal is refused. -errno with DIAG filled.
 */
int output_file_open(FILE **file, const char *path, struct diag *diag);

const char *output_file_name(const char *path); /* in diagnostics */

#endif
