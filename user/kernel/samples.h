/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Samples of the frames that a filter drops, or would drop, as they happen. At most so many a second and CPU, whatever
 * comes in; each says for how many frames it stands, and what was not sampled is counted.
 *
 *	struct samples *samples;
 *	int error = samples_open(&samples, "eth0", NULL, on_sample, context, diag);
 *
 *	while (!error && !stop) {
 *		int handled = samples_poll(samples, 100, diag);
 *
 *		error = handled < 0 ? handled : 0;
 *	}
 *	samples_close(samples);
 *
 * A filter has one reader at a time. While there is one, its drops cost the kernel a little more; a reader that ends in
 * any way, killed too, leaves nothing of that behind.
 */
#ifndef KERNEL_SAMPLES_H
#define KERNEL_SAMPLES_H

#include "base/cleanup.h"
#include "kernel/locate.h"

#define SAMPLES_RATE 256    /* by default: a second and CPU */
#define SAMPLES_RATE_MIN 10 /* below, a sample would cost more than there are levels in the bucket */
#define SAMPLES_RATE_MAX 100000

/* One frame. What it points to is valid during the call that hands it over. */
struct sample {
	__s64 time_ns;	  /* CLOCK_REALTIME */
	const char *rule; /* that dropped it, or would have; "?" if the policy has changed twice since */
	__u16 class;
	bool dropped; /* or else it passed: the rule is only monitored */
	unsigned int cpu;
	__u32 weight;	  /* for so many frames it stands */
	__u32 length;	  /* of the whole frame */
	__u32 captured;	  /* bytes of it in DATA */
	bool no_ethernet; /* it begins with the IP header */
	const void *data;
};
typedef void samples_handler(void *context, const struct sample *sample);

struct samples_options {
	unsigned int rate; /* a second and CPU; 0: SAMPLES_RATE */
	const char *const *rule;
	unsigned int rules; /* how many of RULE, and only these; 0: all */
	bool no_wait;	    /* -EAGAIN if others change a filter just now */
};

/*
 * Begins to read samples of INTERFACE's filter; OPTIONS may be NULL. -EBUSY with DIAG filled, and the process named, if
 * another does; -EINVAL with a usage diagnostic for a rule that the policy does not have; another -errno with DIAG
 * filled.
 */
struct samples;
int samples_open(struct samples **samples, const char *interface, const struct samples_options *options,
		 samples_handler *handler, void *context, struct diag *diag);

/* Whether the frames of this interface have no Ethernet header. */
bool samples_no_ethernet(const struct samples *samples);

/*
 * Hands over what has come, after waiting for it for TIMEOUT_MS, or 50 ms, at the most (0: not at all). Returns how
 * many, 0 also on a signal, or -errno with DIAG filled: detached, interface gone. Wants to be called at least once a
 * second; if it is not for three, sampling pauses until it is. It follows the interface when its program is replaced or
 * attached anew.
 */
int samples_poll(struct samples *samples, int timeout_ms, struct diag *diag);

/* Frames since SAMPLES was opened. Those that are neither SAMPLED nor LOST were left out by the limit on the rate. */
struct samples_count {
	__u64 seen;    /* frames dropped, or that would have been */
	__u64 sampled; /* of these, handed over or still to be */
	__u64 lost;    /* of these, drawn and then lost: the reader is too slow */
};
int samples_count(const struct samples *samples, struct samples_count *count);

/* Ends it; the kernel samples no more. */
void samples_close(struct samples *samples);

DEFINE_CLEANUP(cleanup_samples, struct samples *, samples_close)
#define _cleanup_samples_ _cleanup_(cleanup_samples)

#endif
