/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two policies side by side, and what the change from one to the other means to the packets that were seen. Pure. */
#ifndef POLICY_DIFFERENCE_H
#define POLICY_DIFFERENCE_H

#include "policy/compile.h"

struct rule_change {
	const struct ff_rule *before; /* NULL: it is new */
	const struct ff_rule *after;  /* NULL: it is gone */
};

/* A class of frames whose fate differs between the two policies. */
struct class_change {
	__u16 class;
	enum ff_action before, after; /* FF_PASS, FF_MONITOR or FF_DROP, exempt or not */
	const struct ff_rule *rule;   /* that decides afterwards; if no rule does, the one that decided before */
	__u64 passed, dropped;	      /* packets of this class, until now */
};

struct difference {
	unsigned int rules; /* that are new, gone, or have another mode or match */
	struct rule_change rule[2 * FF_RULES_MAX];
	bool reordered; /* what is in both policies comes in another order */
	unsigned int classes;
	struct class_change class[FF_CLASSES]; /* the most packets first */
	struct policy added, removed;	       /* of these only the exempt sources and ports */
};

/* Pointers in DIFFERENCE are into BEFORE and AFTER. COUNTERS: until now. */
void difference_find(struct policy *before, struct policy *after, const struct ff_counters *counters,
		     struct difference *difference);

/* Whether there is any difference, be it one that no packet would meet. */
bool difference_any(const struct difference *difference);

#endif
