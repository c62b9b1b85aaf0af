/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "packet/offenders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The place of the rule; the last one is shared by all that find no other. */
static struct offenders_rule *find_rule(struct offenders *offenders, const char *name)
{
	unsigned int i = 0;

	while (i < offenders->rules && strcmp(offenders->rule[i].name, name) != 0)
		i++;
	if (i == FF_RULES_MAX + 1)
		return &offenders->rule[FF_RULES_MAX];
	if (i == offenders->rules) {
		offenders->rules++;
		snprintf(offenders->rule[i].name, sizeof(offenders->rule[i].name), "%s", name);
	}
	return &offenders->rule[i];
}

void offenders_add(struct offenders *offenders, const char *rule, const struct packet *packet, __u32 weight)
{
	struct offenders_rule *found = find_rule(offenders, rule);
	struct heavy_key source = heavy_source(packet->family, packet->source);
	struct heavy_key port = {.bytes = {packet->dest_port >> 8, packet->dest_port & 0xff}};

	found->stream.samples++;
	found->stream.weight += weight;
	found->stream.variance += (double)weight * (weight - 1);
	if (packet->family)
		heavy_add(&found->source, &source, weight);
	if (packet->ports)
		heavy_add(&found->port, &port, weight);
}

static int heavier_first(const void *a, const void *b)
{
	const struct offenders_rule *left = a, *right = b;

	return (left->stream.weight < right->stream.weight) - (left->stream.weight > right->stream.weight);
}

void offenders_sort(struct offenders *offenders)
{
	qsort(offenders->rule, offenders->rules, sizeof(offenders->rule[0]), heavier_first);
	for (unsigned int i = 0; i < offenders->rules; i++) {
		heavy_sort(&offenders->rule[i].source);
		heavy_sort(&offenders->rule[i].port);
	}
}

struct estimate offenders_estimate(const struct offenders_rule *rule, const struct heavy_entry *entry, __u64 counted)
{
	/* What samples show was there, also if the counter was read a moment before. */
	__u64 frames = counted > rule->stream.samples ? counted : rule->stream.samples;

	return heavy_estimate(entry, &rule->stream, frames);
}

const char *offenders_source(const struct heavy_key *key, char buffer[PACKET_ADDRESS_SIZE])
{
	char address[PACKET_ADDRESS_SIZE];

	snprintf(buffer, PACKET_ADDRESS_SIZE, "%s%s", packet_address(key->family, key->bytes, address),
		 key->family == 6 ? "/64" : "");
	return buffer;
}

__u16 offenders_port(const struct heavy_key *key)
{
	return key->bytes[0] << 8 | key->bytes[1];
}
