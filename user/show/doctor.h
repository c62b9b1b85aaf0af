/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether native attach will work, and what to change if not: facts to findings, a pure function. */
#ifndef SHOW_DOCTOR_H
#define SHOW_DOCTOR_H

#include "kernel/facts.h"
#include <jansson.h>

enum finding_state { FINDING_OK, FINDING_NOTE, FINDING_PROBLEM };
const char *finding_state_name(enum finding_state state);

struct finding {
	const char *check; /* what was looked at: "driver", "mtu", ... */
	enum finding_state state;
	bool native_only; /* generic mode does not care */
	char text[512];
	char fix[384]; /* the command that changes it; empty where there is none */
};

#define FINDINGS_MAX 24
struct findings {
	unsigned int count;
	struct finding finding[FINDINGS_MAX];
};

/* In the order in which they are best told. */
void doctor_diagnose(const struct facts *facts, struct findings *findings);

/* Why no mode could judge what the interface shows, in TEXT, or NULL. The kernel itself would attach there. */
const char *doctor_refusal(const struct facts *facts, char text[FRAMES_REFUSAL_SIZE]);

/* What keeps frames away from a filter that is attached: of facts_of_link(). */
void doctor_look_at_link(const struct facts *facts, struct findings *findings);

/* Whether native attach will work. */
enum answer doctor_answer(const struct findings *findings);

/* Prints FINDING behind HEADING, and below it what to try. */
void doctor_print(FILE *out, const char *heading, const struct finding *finding);

/* Adds to DIAG's details, one a line, the problems that explain why attaching in MODE failed. */
void doctor_explain(const struct findings *findings, enum xdp_mode mode, struct diag *diag);

/* A list of objects: check, state, text, fix (null where there is none). NULL: no memory. */
json_t *doctor_to_json(const struct findings *findings);

#endif
