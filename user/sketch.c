/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The entry for KEY: its own, an unused one, or that of the lightest key. */
static struct sketch_entry *place_for(struct sketch *sketch, const struct sketch_key *key)
{
	struct sketch_entry *lightest = &sketch->entry[0];

	for (unsigned int i = 0; i < sketch->entries; i++) {
		if (!memcmp(&sketch->entry[i].key, key, sizeof(*key)))
			return &sketch->entry[i];
		if (sketch->entry[i].weight < lightest->weight)
			lightest = &sketch->entry[i];
	}
	if (sketch->entries < SKETCH_ENTRIES) {
		lightest = &sketch->entry[sketch->entries++];
	} else {
		sketch->overflowed = true;
		lightest->error = lightest->weight;
		lightest->samples = 0;
	}
	lightest->key = *key;
	return lightest;
}

void sketch_add(struct sketch *sketch, const struct sketch_key *key, __u32 weight)
{
	struct sketch_entry *entry = place_for(sketch, key);

	sketch->total += weight;
	entry->weight += weight;
	entry->samples++;
	entry->variance += (double)weight * (weight - 1);
}

static int heavier_first(const void *a, const void *b)
{
	const struct sketch_entry *left = a, *right = b;

	return (left->weight < right->weight) - (left->weight > right->weight);
}

void sketch_sort(struct sketch *sketch)
{
	qsort(sketch->entry, sketch->entries, sizeof(sketch->entry[0]), heavier_first);
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
	double packets = scale * entry->weight, at_most = packets + margin;

	return (struct estimate){
		.packets = packets,
		.at_least = larger(packets - scale * entry->error - margin, entry->samples),
		.at_most = at_most < counted ? at_most : counted,
	};
}
