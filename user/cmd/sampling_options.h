/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options --rule NAME and --rate N of commands that read samples. */
#ifndef CMD_SAMPLING_OPTIONS_H
#define CMD_SAMPLING_OPTIONS_H

#include "cmd/command.h"
#include "kernel/samples.h"

struct sampling_options {
	struct samples_options samples;
	const char *rule[FF_RULES_MAX]; /* that SAMPLES points to */
};

/* A child of the command's argp; its input is a struct sampling_options of zeros. */
extern const struct argp sampling_argp;

#endif
