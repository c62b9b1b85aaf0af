/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The program's own lines, run natively: frames are judged and counted without a kernel and without root. */
#ifndef PACKET_ENGINE_NATIVE_H
#define PACKET_ENGINE_NATIVE_H

#include "base/cleanup.h"
#include "policy/compile.h"

struct engine_native;

/*
 * An engine with POLICY in force, whose rule[].counter say where each rule is counted. -ENOMEM. The policy is copied.
 */
int engine_native_open(struct engine_native **engine, const struct policy *policy);
void engine_native_close(struct engine_native *engine);

/* Judges and counts one frame of SIZE bytes; any size and any alignment will do. */
struct outcome engine_native_judge(struct engine_native *engine, const void *frame, __u32 size);

/*
 * The same without a copy, of a frame of SIZE bytes whose first buffer has the SHOWN bytes at FIRST, an address that is
 * 2 modulo 4 as bpf/parse.h asks for. The WHOLE frame is asked for what lies behind them; NULL: that may not be looked
 * at.
 */
struct outcome engine_native_judge_in_place(struct engine_native *engine, const void *first, __u32 shown,
					    const void *whole, __u32 size);

/* The policy as the program sees it, to be changed under it; valid until the engine is closed. */
struct ff_policy *engine_native_policy(struct engine_native *engine);

/* What it has counted so far; valid until the engine is closed. */
const struct ff_counters *engine_native_counters(const struct engine_native *engine);

DEFINE_CLEANUP(cleanup_engine_native, struct engine_native *, engine_native_close)
#define _cleanup_engine_native_ _cleanup_(cleanup_engine_native)

#endif
