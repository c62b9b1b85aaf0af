/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Preloaded, it sets the wall clock of one process: CLOCK_REALTIME is as many seconds off as the file CLOCK_OFFSET says
 * at that moment. "=N" is N seconds since 1970 and no others. The clock of the machine is left alone.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
	int status = (int)syscall(SYS_clock_gettime, clock, time);
	const char *path = getenv("CLOCK_OFFSET");
	FILE *file = path && clock == CLOCK_REALTIME ? fopen(path, "re") : NULL;
	char text[32] = "";

	if (!file)
		return status;
	if (fgets(text, sizeof(text), file))
		time->tv_sec = *text == '=' ? atoll(text + 1) : time->tv_sec + atoll(text);
	fclose(file);
	return status;
}
