/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/streams.h"

#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void streams_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* By O_PATH, which lets nobody read or write: to use what is closed stays an error. */
		if (open("/dev/null", O_PATH) != fd)
			_exit(1);
	}
}

static FILE *trusted; /* the real stderr */

static ssize_t write_clean(void *context, const char *data, size_t size)
{
	bool whole = data[size - 1] == '\n';
	char *text = strndup(data, size - whole);

	(void)context;
	if (!text)
		return 0;
	for (char *at = text; (at = strchr(at, '\n'));)
		*at = ' '; /* argp folds long lines */
	text_clean(text);
	fprintf(trusted, "%s%s", text, whole ? "\n" : "");
	free(text);
	return size;
}

void streams_distrust(void)
{
	FILE *clean = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_clean});

	if (!clean)
		_exit(1);
	setvbuf(clean, NULL, _IONBF, 0); /* one message, one call of write_clean() */
	trusted = stderr;
	stderr = clean;
}

void streams_trust(void)
{
	FILE *clean = stderr;

	stderr = trusted;
	fclose(clean);
}
