/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The heaviest keys of a stream in bounded memory (Space-Saving; Metwally, Agrawal, El Abbadi 2005), whatever keys it
 * has. Each of the stream's items is a sample that stands for WEIGHT frames.
 *
 * A key that is not here takes the place of the lightest one and inherits its weight, as its error. So for every key:
 * weight - error <= what the stream had of it <= weight; error <= total / HEAVY_ENTRIES; and a key that had more than
 * that is here.
 */
#ifndef PACKET_HEAVY_HITTERS_H
#define PACKET_HEAVY_HITTERS_H

#include "flagfilter.h"

#define HEAVY_ENTRIES 256
#define HEAVY_HASH_BITS 10

struct heavy_key {
	__u8 family; /* 4 or 6: an address; 0: a port, or no address */
	__u8 bytes[16];
};

/* Of a source: an IPv4 address, or the IPv6 network of 64 bits, what one site has, and may take any address of. */
struct heavy_key heavy_source(__u8 family, const __u8 address[16]);

struct heavy_entry {
	struct heavy_key key;
	__u64 weight;
	__u64 error;	 /* so much of the weight may be others' */
	__u64 samples;	 /* that were certainly of this key */
	double variance; /* of the weight as an estimate of frames: each sample was drawn with probability 1 / weight */
};

struct heavy_hitters {
	unsigned int entries;
	bool overflowed; /* there were more keys than entries */
	__u64 total;	 /* weight of the whole stream */
	struct heavy_entry entry[HEAVY_ENTRIES];
	/*
	 * A hash table with chaining: FIRST has the first entry of each hash, NEXT the one that follows each entry. An
	 * entry is written as its number + 1, so that 0 is the end of a chain.
	 */
	__u16 first[1 << HEAVY_HASH_BITS], next[HEAVY_ENTRIES];
	/*
	 * Where the search for the lightest entry goes on. Weights only grow, so it need not begin anew each time:
	 * LEAST is the smallest weight of all entries, and all entries before number LIGHTEST are heavier than that.
	 */
	unsigned int lightest;
	__u64 least;
};

/* A struct of zeros is an empty one. Returns the number of the entry, which is the key's until another takes it. */
unsigned int heavy_add(struct heavy_hitters *heavy, const struct heavy_key *key, __u32 weight);

/* Sorts the entries, the heaviest first; their numbers change. */
void heavy_sort(struct heavy_hitters *heavy);

/* Samples that were drawn from some frames, each by its own chance: all those of one rule. */
struct heavy_stream {
	__u64 samples;
	__u64 weight; /* frames that they stand for */
	double variance;
};

/*
 * How many of COUNTED frames, those that STREAM was drawn from, had the key of ENTRY: the best guess, and bounds that
 * hold in about 95 of 100 cases.
 */
struct estimate {
	double packets, at_least, at_most;
};
struct estimate heavy_estimate(const struct heavy_entry *entry, const struct heavy_stream *stream, double counted);

#endif
