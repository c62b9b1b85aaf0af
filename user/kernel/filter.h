/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A filter in the kernel: its policy and counters read back, its policy changed in one flip. */
#ifndef KERNEL_FILTER_H
#define KERNEL_FILTER_H

#include "base/clock.h"
#include "kernel/pins.h"
#include "policy/counts.h"
#include <sys/types.h>

struct filter {
	__u32 id; /* as pins_filter_id() has it */
	int map[PROGRAM_MAPS];
	struct ff_state *state;	    /* the state map's memory */
	int grace;		    /* what to wait by for packets under way, once a change was made; see filter.c */
	struct filter_waits *waits; /* NULL: a change waits at once */
};
#define FILTER_CLOSED ((struct filter){.map = {-1, -1, -1, -1, -1}, .grace = -1})

/*
 * Changes of several filters, each made and none waited for yet: a packet that was under way may still meet an older
 * policy. One wait is enough for all of them.
 */
struct filter_waits {
	int grace, sources; /* of one of them; see filter.c */
	unsigned int count;
	struct filter_wait *wait;
};
#define FILTER_NO_WAITS ((struct filter_waits){.grace = -1, .sources = -1})
void filter_wait(struct filter_waits *waits);
void filter_waits_close(struct filter_waits *waits); /* for _cleanup_ */

/* Opens the maps pinned in PINS. -errno with DIAG filled, also if they are another version's. */
int filter_open(struct filter *filter, const char *pins, struct diag *diag);
void filter_close(struct filter *filter); /* for _cleanup_ */

/* What a filter was at one moment: policy and counters belong together. */
struct snapshot {
	struct location location;  /* as locate_and_read() found it; filter_read() leaves it alone */
	__s64 time_ns;		   /* CLOCK_REALTIME, when it was taken */
	__u64 attached_ns;	   /* CLOCK_BOOTTIME */
	__u64 applied_ns;	   /* CLOCK_BOOTTIME, since when the policy is in force */
	unsigned int queues_added; /* as filter_queues_added(), by locate_and_read() */
	bool changed;		   /* by change_policy(): it means something else than the one before */
	struct counts counts;
};
int filter_read(const struct filter *filter, struct snapshot *snapshot, struct diag *diag);

/* What the wall clock, as it is set now, showed at THEN_NS, one of the times in SNAPSHOT. */
static inline __s64 snapshot_wall_ns(const struct snapshot *snapshot, __u64 then_ns)
{
	return clock_wall_at(snapshot->time_ns, snapshot->counts.mark.taken_ns, then_ns);
}

/* Whether counts do not go back to when it was attached. */
static inline bool snapshot_was_reset(const struct snapshot *snapshot)
{
	return snapshot->counts.counting_ns != snapshot->attached_ns;
}

/*
 * Puts POLICY in force in one flip. On return every packet meets it, unless the filter has WAITS. Needs the lock. On
 * failure the old policy stays. -errno with DIAG filled.
 */
int filter_change(struct filter *filter, const struct policy *policy, struct diag *diag);

/*
 * The same for a policy that was in force before the last change, as filter_read() gave it: its rules go on with the
 * counters that they had then.
 */
int filter_restore(struct filter *filter, const struct policy *policy, struct diag *diag);

/* Lets all counters begin at zero, in one flip. Needs the lock. -errno with DIAG filled. */
int filter_reset(struct filter *filter, struct diag *diag);

/*
 * Makes SUCCESSOR, a copy of FILTER's state that is silent (FF_SILENT), the one that counts what passes, and FILTER
 * silent: one flip of each. They share counters and sources. Needs the lock. -errno
 */
int filter_hand_over(struct filter *filter, struct filter *successor);

/*
 * How many receive queues the interface, which the filter is on, has got since the attach, if they run no program: see
 * nic_queues_of_attach(). (They do run it once the interface went down and up; that cannot be told.)
 */
unsigned int filter_queues_added(const struct filter *filter, const char *interface);

/* Sets or clears FF_SILENT in every verdict of POLICY. */
void filter_silence(struct ff_policy *policy, bool silent);

/* Whether the live policy is silent: another filter on the interface counts what passes. */
bool filter_is_silent(const struct filter *filter);

/*
 * Names the change of the policy that was the last: while it stays the same, so does the policy. A sample says in which
 * of two slots the policy stood that it was taken by: filter_slot() of the generation then.
 */
__u32 filter_generation(const struct filter *filter);
static inline unsigned int filter_slot(__u32 generation)
{
	return generation & 1;
}

/* Writes the names of the live rules, by counter, to NAME[slot]; the other slot's stay. Returns the generation. */
__u32 filter_rule_names(const struct filter *filter, char name[2][FF_COUNTERS][FF_NAME_SIZE]);

/*
 * Makes this process the reader of samples of the packets that the live policy drops, or would drop, by the rules whose
 * counters are in WANTED (NULL: by any rule). A sample costs EVERY_NS (see struct ff_sampling). Samples come until the
 * time UNTIL_NS (CLOCK_MONOTONIC; 0: no more samples). Needs the lock. A later change of the policy keeps the request
 * for the same rules; if it was for all rules, new rules are included.
 */
void filter_sample(struct filter *filter, const bool wanted[FF_COUNTERS], __u64 every_ns, __u64 until_ns);

/* Puts off that time. False if it has come at NOW_NS: the program may have cleared what asks for samples by then. */
bool filter_sample_longer(struct filter *filter, __u64 now_ns, __u64 until_ns);

/* The process that was the last to read samples. */
pid_t filter_sample_reader(const struct filter *filter);

/* Writes the exempt sources of POLICY for SLOT, in place of what was there. -errno */
int filter_write_sources(int sources_fd, __u8 slot, const struct policy *policy);

#endif
