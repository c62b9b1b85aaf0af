/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "packet/packet.h"

#include "parse.h"
#include <stdio.h>
#include <string.h>

/* No sample is longer, and no header that matters here starts beyond. */
#define PARSED_MAX FF_SAMPLE_SIZE_MAX

static void parse_addresses(struct packet *packet, const struct ff_frame *frame, __u32 at)
{
	const struct iphdr *ip = (const void *)(ff_data(frame) + at);
	const struct ipv6hdr *ip6 = (const void *)ip;

	if (ff_shows(frame, at, sizeof(*ip)) && ip->version == 4) {
		packet->family = 4;
		memcpy(packet->source, &ip->saddr, sizeof(ip->saddr));
		memcpy(packet->dest, &ip->daddr, sizeof(ip->daddr));
	} else if (ff_shows(frame, at, sizeof(*ip6)) && ip6->version == 6) {
		packet->family = 6;
		memcpy(packet->source, ip6->saddr, sizeof(packet->source));
		memcpy(packet->dest, ip6->daddr, sizeof(packet->dest));
	}
}

/* RFC 9293: the ports are the first two 16 bits, the window the eighth; the data offset leads the seventh. */
static void parse_tcp(struct packet *packet, const struct ff_frame *frame, __u32 at)
{
	const __be16 *tcp = (const void *)(ff_data(frame) + at);

	packet->ports = ff_shows(frame, at, FF_TCP_PORTS_END);
	if (packet->ports) {
		packet->source_port = ntohs(tcp[0]);
		packet->dest_port = ntohs(tcp[1]);
	}
	packet->has_header = packet->class < FF_NAMED_CLASSES && ff_shows(frame, at, 20);
	if (packet->has_header) {
		packet->window = ntohs(tcp[7]);
		packet->has_options = ntohs(tcp[6]) >> 12 > 5;
	}
}

void packet_parse(struct packet *packet, const void *data, size_t size, bool no_ethernet)
{
	char aligned[2 + PARSED_MAX] __attribute__((aligned(4)));
	char *copy = no_ethernet ? aligned : aligned + 2; /* as parse.h asks for */
	const size_t parsed_size = size < PARSED_MAX ? size : PARSED_MAX;
	struct ff_frame frame = {
		.data = copy, .data_end = copy + parsed_size, .bytes = size, .no_ethernet = no_ethernet};
	__u32 parsed, ip, tcp;

	memcpy(copy, data, parsed_size);
	parsed = ff_parse(&frame, size);
	ip = parsed >> FF_IP_SHIFT & FF_IP_MASK;
	tcp = parsed >> FF_TCP_SHIFT & FF_TCP_MASK;

	*packet = (struct packet){.class = parsed & FF_CLASS_MASK};
	if (parsed & FF_IP_FOUND)
		parse_addresses(packet, &frame, ip);
	if (packet->family && tcp)
		parse_tcp(packet, &frame, tcp);
}

const char *packet_address(__u8 family, const __u8 address[16], char buffer[PACKET_ADDRESS_SIZE])
{
	return inet_ntop(family == 4 ? AF_INET : AF_INET6, address, buffer, PACKET_ADDRESS_SIZE);
}

const char *packet_format(const struct packet *packet, char buffer[PACKET_SIZE])
{
	char source[PACKET_ADDRESS_SIZE], dest[PACKET_ADDRESS_SIZE];

	packet_address(packet->family, packet->source, source);
	packet_address(packet->family, packet->dest, dest);
	if (!packet->family)
		snprintf(buffer, PACKET_SIZE, "no addresses");
	else if (!packet->ports)
		snprintf(buffer, PACKET_SIZE, "%s > %s", source, dest);
	else
		snprintf(buffer, PACKET_SIZE, packet->family == 4 ? "%s:%u > %s:%u" : "[%s]:%u > [%s]:%u", source,
			 packet->source_port, dest, packet->dest_port);
	return buffer;
}
