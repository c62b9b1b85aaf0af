/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who sends what the rules are for: per rule the sources (IPv4 addresses, IPv6 /64s) and destination ports with most
 * frames, estimated from samples. Memory is bounded whatever sources an attacker makes up.
 *
 *	offenders_add(offenders, sample->rule, &packet, sample->weight);	for each sample
 *	offenders_sort(offenders);
 *	offenders->rule[i].source.entry[j], offenders_estimate(), offenders_source()
 */
#ifndef PACKET_OFFENDERS_H
#define PACKET_OFFENDERS_H

#include "packet/heavy_hitters.h"
#include "packet/packet.h"

struct offenders_rule {
	char name[FF_NAME_SIZE];
	struct heavy_stream stream;  /* of all its samples */
	struct heavy_hitters source; /* keys are offenders_source()'s */
	struct heavy_hitters port;   /* keys are offenders_port()'s */
};

/* Two megabytes at the most; memory of rules that nothing meets is never touched. Zeros: empty. */
struct offenders {
	unsigned int rules;
	struct offenders_rule rule[FF_RULES_MAX + 1]; /* one more: for samples of a rule that is gone */
};

void offenders_add(struct offenders *offenders, const char *rule, const struct packet *packet, __u32 weight);

/* Sorts rules, and the sources and ports of each, the heaviest first. */
void offenders_sort(struct offenders *offenders);

/* How many of COUNTED frames that met the rule had the key of ENTRY, one of its sources or ports. */
struct estimate offenders_estimate(const struct offenders_rule *rule, const struct heavy_entry *entry, __u64 counted);

/* A source as text: "192.0.2.1", "2001:db8:0:1::/64". Returns BUFFER. */
const char *offenders_source(const struct heavy_key *key, char buffer[PACKET_ADDRESS_SIZE]);
__u16 offenders_port(const struct heavy_key *key);

#endif
