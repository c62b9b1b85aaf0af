/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options --rule NAME and --rate N, and the signals, of commands that read samples. */
#ifndef SAMPLING_OPTIONS_H
#define SAMPLING_OPTIONS_H

#include "command.h"
#include "samples.h"
#include <signal.h>

struct sampling_options {
	struct samples_options samples;
	const char *rule[FF_RULES_MAX]; /* that SAMPLES points to */
};

/* A child of the command's argp; its input is a struct sampling_options of zeros. */
extern const struct argp sampling_argp;

/* Set by SIGINT and SIGTERM, once they are caught. */
extern volatile sig_atomic_t sampling_stop;
void sampling_catch_signals(void);

#endif
