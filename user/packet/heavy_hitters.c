/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "packet/heavy_hitters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define V6_PREFIX_SIZE 8 /* bytes */

struct heavy_key heavy_source(__u8 family, const __u8 address[16])
{
	struct heavy_key key = {.family = family};

	memcpy(key.bytes, address, family == 4 ? 4 : family == 6 ? V6_PREFIX_SIZE : 0);
	return key;
}

static __u16 *chain(struct heavy_hitters *heavy, const struct heavy_key *key)
{
	__u64 half[2];

	memcpy(half, key->bytes, sizeof(half));
	return &heavy->first[(half[0] ^ half[1]) * 0x9e3779b97f4a7c15 >> (64 - HEAVY_HASH_BITS)];
}

static void put_in_chain(struct heavy_hitters *heavy, unsigned int number)
{
	__u16 *first = chain(heavy, &heavy->entry[number].key);

	heavy->next[number] = *first;
	*first = number + 1;
}

static void take_from_chain(struct heavy_hitters *heavy, unsigned int number)
{
	__u16 *link = chain(heavy, &heavy->entry[number].key);

	while (*link != number + 1)
		link = &heavy->next[*link - 1];
	*link = heavy->next[number];
}

/* The first of the lightest entries. */
static unsigned int lightest(struct heavy_hitters *heavy)
{
	while (heavy->lightest < HEAVY_ENTRIES && heavy->entry[heavy->lightest].weight != heavy->least)
		heavy->lightest++;
	if (heavy->lightest < HEAVY_ENTRIES)
		return heavy->lightest;
	heavy->lightest = 0;
	for (unsigned int i = 1; i < HEAVY_ENTRIES; i++)
		if (heavy->entry[i].weight < heavy->entry[heavy->lightest].weight)
			heavy->lightest = i;
	heavy->least = heavy->entry[heavy->lightest].weight;
	return heavy->lightest;
}

/* The number of the entry for KEY: its own, an unused one, or that of the lightest key. */
static unsigned int place_for(struct heavy_hitters *heavy, const struct heavy_key *key)
{
	unsigned int number;

	for (number = *chain(heavy, key); number; number = heavy->next[number - 1])
		if (!memcmp(&heavy->entry[number - 1].key, key, sizeof(*key)))
			return number - 1;
	if (heavy->entries < HEAVY_ENTRIES) {
		number = heavy->entries++;
	} else {
		number = lightest(heavy);
		heavy->overflowed = true;
		heavy->entry[number].error = heavy->entry[number].weight;
		heavy->entry[number].samples = 0;
		take_from_chain(heavy, number);
	}
	heavy->entry[number].key = *key;
	put_in_chain(heavy, number);
	return number;
}

unsigned int heavy_add(struct heavy_hitters *heavy, const struct heavy_key *key, __u32 weight)
{
	unsigned int number = place_for(heavy, key);
	struct heavy_entry *entry = &heavy->entry[number];

	heavy->total += weight;
	entry->weight += weight;
	entry->samples++;
	entry->variance += (double)weight * (weight - 1);
	return number;
}

static int heavier_first(const void *a, const void *b)
{
	const struct heavy_entry *left = a, *right = b;

	return (left->weight < right->weight) - (left->weight > right->weight);
}

void heavy_sort(struct heavy_hitters *heavy)
{
	qsort(heavy->entry, heavy->entries, sizeof(heavy->entry[0]), heavier_first);
	memset(heavy->first, 0, sizeof(heavy->first));
	for (unsigned int i = 0; i < heavy->entries; i++)
		put_in_chain(heavy, i);
	heavy->lightest = 0;
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
struct estimate heavy_estimate(const struct heavy_entry *entry, const struct heavy_stream *stream, double counted)
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
