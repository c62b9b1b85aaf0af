/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The report a person would write about a capture: which illegal packets, from whom, when, what they look like, and
 * what each preset would have done. Memory is bounded, whatever sources are in the capture: see summary_source().
 */
#ifndef SHOW_SUMMARY_H
#define SHOW_SUMMARY_H

#include "base/clock.h"
#include "packet/heavy_hitters.h"
#include "packet/packet.h"
#include "policy/compile.h"
#include <jansson.h>
#include <stdio.h>

struct summary;

/* POLICY (NULL: none) is told about like a preset. -ENOMEM */
int summary_open(struct summary **summary, const struct policy *policy);
void summary_close(struct summary *summary);

/*
 * Counts one frame of SIZE bytes, captured at TIME, that met OUTCOME. Whether it is illegal: the
 * widest preset, or the policy, would drop it. Then summary_source() wants to know it too.
 */
bool summary_frame(struct summary *summary, const struct outcome *outcome, const struct moment *time, __u32 size);

/*
 * Counts an illegal packet by its source: an IPv4 address, or an IPv6 network of 64 bits. There is room for
 * SUMMARY_SOURCES; a new one takes the place of the one with the fewest packets, and inherits their number as what it
 * may have sent unseen (heavy_hitters.h): a source of more than 1/SUMMARY_SOURCES of all illegal packets is never
 * missed.
 */
#define SUMMARY_SOURCES HEAVY_ENTRIES
void summary_source(struct summary *summary, const struct packet *packet, const struct moment *time, __u32 size);

/* As text for a person, at most 80 columns wide. -ENOMEM */
int summary_print(FILE *out, struct summary *summary);

/*
 * Adds the keys frames, illegal, sources, others and presets to OBJECT; for a policy that was given also policy,
 * dropped, would_drop and exempted. -ENOMEM
 */
int summary_to_json(struct summary *summary, json_t *object);

#endif
