/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A policy: the plain struct in the middle. Files, presets and arguments are parsed into it, the kernel's state is read
 * into it, tables are compiled and reports written from it.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/diag.h"
#include "flagfilter.h"
#include "policy/flags.h"

struct policy {
	char label[FF_LABEL_SIZE];	   /* where it came from: "preset strict", a file's path */
	unsigned int rules;		   /* how many of rule[] are in use, in evaluation order */
	unsigned int sources;		   /* how many of source[] */
	struct ff_rule rule[FF_RULES_MAX]; /* .counter is 0 until compile_number(), or the kernel's state, gives one */
	struct ff_source_key source[FF_SOURCES_MAX]; /* exempt; .slot is 0 */
	__u32 port[65536 / 32];			     /* bit set of exempt destination ports */
};

/*
 * Fills POLICY from a preset: none, default, strict or conntrack; NULL: default. -EINVAL with a usage diagnostic for an
 * unknown name; POLICY is then as before.
 */
int policy_from_preset(struct policy *policy, const char *name, struct diag *diag);

/* The rule called NAME, a built-in rule's alias included, or NULL. */
struct ff_rule *policy_find(struct policy *policy, const char *name);

/*
 * Sets the mode of a rule: one of the policy's, or a built-in rule or a class, which is then added in its place.
 * -EINVAL with a usage diagnostic for an unknown name or a policy that is full.
 */
int policy_set_mode(struct policy *policy, const char *name, enum ff_mode mode, struct diag *diag);

/*
 * To be called when rules, modes or exemptions of POLICY were changed. Adds ", changed" to its label, or takes that
 * away if POLICY is again exactly the preset that the label names. The label of a policy file keeps ", changed" for
 * good, because nobody remembers what the file said.
 */
void policy_label_changed(struct policy *policy);

/*
 * The built-in rule or the named class called NAME (or by a built-in rule's alias), as a rule in mode "enforce".
 * -ENOENT if there is none.
 */
int policy_known_rule(const char *name, struct ff_rule *rule);

/* Adds RULE, which the policy does not have yet, in its place: built-in rules, classes, own rules. -ENOSPC if full. */
int policy_add(struct policy *policy, const struct ff_rule *rule);

/* Whether a frame of CLASS is one that RULE is for. */
bool rule_matches(const struct ff_rule *rule, __u16 class);

/* "SYN,FIN/SYN,FIN" (a built-in rule's as the documentation writes it), or "class" for a class. Returns BUFFER. */
#define RULE_MATCH_SIZE 80
const char *rule_match_format(const struct ff_rule *rule, char buffer[RULE_MATCH_SIZE]);

const char *mode_name(enum ff_mode mode);
int mode_parse(const char *text, enum ff_mode *mode); /* -EINVAL if it is none */

/* What becomes of a frame: pass, drop (unless exempt, too) or would-drop. */
const char *action_name(enum ff_action action);

#define RULE_NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* Name of a class from FF_NAMED_CLASSES on. */
const char *class_name(enum ff_class class);

/* Any class in words: "SYN,FIN" or "non-tcp". Returns BUFFER. */
const char *class_format(__u16 class, char buffer[FLAGS_SIZE]);

/*
 * For listings, help and completion, built-in rules in evaluation order; NULL past the last. An alias is NULL also for
 * a rule that has none.
 */
#define BUILTIN_RULES 12
const struct ff_rule *builtin_rule(unsigned int index);
const char *builtin_alias(unsigned int index);
#define PRESETS 4 /* each has all that the one before it has, and more */
const char *preset_name(unsigned int index);

/* Exempt sources and ports. policy_find_source() is NULL if SOURCE, just as it is, is not among them. */
bool policy_has_exempt(const struct policy *policy);
struct ff_source_key *policy_find_source(struct policy *policy, const struct ff_source_key *source);
int policy_compare_sources(const void *a, const void *b); /* for qsort(): by family, address, prefix length */
bool policy_port_exempt(const struct policy *policy, unsigned int port);
void policy_flip_port(struct policy *policy, unsigned int port); /* makes it exempt, or no longer */

/* An exempt source, "192.0.2.0/24". Returns BUFFER. */
#define SOURCE_SIZE 52
const char *source_format(const struct ff_source_key *source, char buffer[SOURCE_SIZE]);

#endif
