/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether native attach will work, and what to change if not: facts to findings, a pure function. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "nic.h"
#include "owner.h"
#include "system.h"
#include "xdp.h"
#include <jansson.h>

/* Everything that findings are made from; see examine(). */
struct facts {
	const char *netns;	/* as in --netns, for the commands that findings name; NULL: the caller's */
	unsigned int kernel;	/* KERNEL(major, minor) */
	unsigned int cpus;	/* possible ones */
	unsigned int page_size; /* in bytes */
	__u64 capabilities;	/* effective ones, bit by CAP_* */
	__u64 memlock;		/* RLIMIT_MEMLOCK, in bytes */
	bool bpffs;		/* there is one where it belongs */
	enum answer jit;	/* programs are compiled */
	enum answer frags;	/* the kernel has frames in several buffers */
	enum answer extension;	/* a program of ours can extend another, as behind libxdp's dispatcher */
	enum answer loads;	/* the kernel takes the program */
	char load_failure[256]; /* why not */
	struct nic nic;
	int programs_error;	      /* -errno: why PROGRAMS could not be read; 0 */
	struct xdp_programs programs; /* that are attached there */
	int own;		      /* which of them is ours; -1: none */
	struct owner owner;	      /* of program 0, if none is ours */
};

enum finding_state { FINDING_OK, FINDING_NOTE, FINDING_PROBLEM };
const char *finding_state_name(enum finding_state state);

struct finding {
	const char *check; /* what was looked at: "driver", "mtu", ... */
	enum finding_state state;
	bool native_only; /* generic mode does not care */
	char text[512];
	char fix[384]; /* the command that changes it; empty where there is none */
};

#define FINDINGS_MAX 16
struct findings {
	unsigned int count;
	struct finding finding[FINDINGS_MAX];
};

/* In the order in which they are best told. */
void doctor_diagnose(const struct facts *facts, struct findings *findings);

/* Whether native attach will work. */
enum answer doctor_answer(const struct findings *findings);

/* Adds to DIAG's details, one a line, the problems that explain why attaching in MODE failed. */
void doctor_explain(const struct findings *findings, enum xdp_mode mode, struct diag *diag);

/* A list of objects: check, state, text, fix (null where there is none). NULL: no memory. */
json_t *doctor_to_json(const struct findings *findings);

#endif
