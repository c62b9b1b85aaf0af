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

struct estimate sketch_estimate(const struct sketch_entry *entry)
{
	double margin = 2 * sqrt(entry->variance), certain = entry->samples;
	double at_least = (double)entry->weight - entry->error - margin;

	return (struct estimate){
		.packets = entry->weight,
		.at_least = at_least > certain ? at_least : certain,
		.at_most = entry->weight + margin,
	};
}
