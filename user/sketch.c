/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define V6_PREFIX_SIZE 8 /* bytes */

struct sketch_key sketch_source(__u8 family, const __u8 address[16])
{
	struct sketch_key key = {.family = family};

	memcpy(key.bytes, address, family == 4 ? 4 : family == 6 ? V6_PREFIX_SIZE : 0);
	return key;
}

static __u16 *chain(struct sketch *sketch, const struct sketch_key *key)
{
	__u64 half[2];

	memcpy(half, key->bytes, sizeof(half));
	return &sketch->first[(half[0] ^ half[1]) * 0x9e3779b97f4a7c15 >> (64 - SKETCH_HASH_BITS)];
}

static void put_in_chain(struct sketch *sketch, unsigned int number)
{
	__u16 *first = chain(sketch, &sketch->entry[number].key);

	sketch->next[number] = *first;
	*first = number + 1;
}

static void take_from_chain(struct sketch *sketch, unsigned int number)
{
	__u16 *link = chain(sketch, &sketch->entry[number].key);

	while (*link != number + 1)
		link = &sketch->next[*link - 1];
	*link = sketch->next[number];
}

/* The first of the lightest entries. */
static unsigned int lightest(struct sketch *sketch)
{
	while (sketch->lightest < SKETCH_ENTRIES && sketch->entry[sketch->lightest].weight != sketch->least)
		sketch->lightest++;
	if (sketch->lightest < SKETCH_ENTRIES)
		return sketch->lightest;
	sketch->lightest = 0;
	for (unsigned int i = 1; i < SKETCH_ENTRIES; i++)
		if (sketch->entry[i].weight < sketch->entry[sketch->lightest].weight)
			sketch->lightest = i;
	sketch->least = sketch->entry[sketch->lightest].weight;
	return sketch->lightest;
}

/* The number of the entry for KEY: its own, an unused one, or that of the lightest key. */
static unsigned int place_for(struct sketch *sketch, const struct sketch_key *key)
{
	unsigned int number;

	for (number = *chain(sketch, key); number; number = sketch->next[number - 1])
		if (!memcmp(&sketch->entry[number - 1].key, key, sizeof(*key)))
			return number - 1;
	if (sketch->entries < SKETCH_ENTRIES) {
		number = sketch->entries++;
	} else {
		number = lightest(sketch);
		sketch->overflowed = true;
		sketch->entry[number].error = sketch->entry[number].weight;
		sketch->entry[number].samples = 0;
		take_from_chain(sketch, number);
	}
	sketch->entry[number].key = *key;
	put_in_chain(sketch, number);
	return number;
}

unsigned int sketch_add(struct sketch *sketch, const struct sketch_key *key, __u32 weight)
{
	unsigned int number = place_for(sketch, key);
	struct sketch_entry *entry = &sketch->entry[number];

	sketch->total += weight;
	entry->weight += weight;
	entry->samples++;
	entry->variance += (double)weight * (weight - 1);
	return number;
}

static int heavier_first(const void *a, const void *b)
{
	const struct sketch_entry *left = a, *right = b;

	return (left->weight < right->weight) - (left->weight > right->weight);
}

void sketch_sort(struct sketch *sketch)
{
	qsort(sketch->entry, sketch->entries, sizeof(sketch->entry[0]), heavier_first);
	memset(sketch->first, 0, sizeof(sketch->first));
	for (unsigned int i = 0; i < sketch->entries; i++)
		put_in_chain(sketch, i);
	sketch->lightest = 0;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/*
 * The key's share of the frames is its share of the weight. The margin is two standard deviations: the share is too
 * large where there are too many samples of the key and too few of others. It is never less than what may be missed
 * without a trace, three times what a sample stands for ("rule of three"); nothing is missed if every frame is sampled.
 */
struct estimate sketch_estimate(const struct sketch_entry *entry, const struct sketch_stream *stream, double counted)
{
	double share = (double)entry->weight / stream->weight, scale = counted / stream->weight;
	double others = larger(stream->variance - entry->variance, 0);
	double deviation = sqrt((1 - share) * (1 - share) * entry->variance + share * share * others);
	double missed = 3 * ((double)stream->weight / stream->samples - 1);
	double margin = scale * larger(2 * deviation, missed);
	double packets = larger(scale * entry->weight, entry->samples), at_most = packets + margin;

	return (struct estimate){
		.packets = packets,
		.at_least = larger(packets - scale * entry->error - margin, entry->samples),
		.at_most = at_most < counted ? at_most : counted,
	};
}
