/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cross FROM TO FLAGS[:PORT] COUNT [SIZE]: sends COUNT TCP segments with these flags (a number) out of one interface,
 * and prints how many of them came in at the other, behind its XDP programs. Each is from another source port, so that
 * a network card with several queues spreads them. SIZE is that of the whole frame.
 *
 * It waits a little after every few frames: nobody's queue shall overflow, for the tests count exactly. QUIET_MS=N in
 * the environment: how long nothing must have come for it to think that nothing more will.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST 32
#define PAUSE_US 2000
#define QUIET_MS 1000 /* after which nothing more comes: emulation halts now and then */
#define SIZE_MAX_JUMBO 9014

struct segment {
	struct ether_header ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static const unsigned char sender[ETH_ALEN] = {0x02, 0, 0, 0, 0, 0xff};

static void die(const char *what)
{
	fprintf(stderr, "cross: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_socket(const char *interface, int protocol)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), buffer = 64 << 20;

	address.sll_ifindex = if_nametoindex(interface);
	if (fd < 0 || !address.sll_ifindex || bind(fd, (void *)&address, sizeof(address)))
		die(interface);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	return fd;
}

/* How many of ours have come in: EXPECTED, or as many as there are once none has come for WAIT_MS. */
static unsigned long receive(int fd, unsigned long expected, int wait_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct sockaddr_ll from;
	unsigned char frame[sizeof(struct segment)];
	unsigned long received = 0;

	while (received < expected && poll(&ready, 1, wait_ms) > 0) {
		socklen_t size = sizeof(from);

		if (recvfrom(fd, frame, sizeof(frame), 0, (void *)&from, &size) < (ssize_t)sizeof(frame))
			continue;
		received += from.sll_pkttype != PACKET_OUTGOING && !memcmp(frame + ETH_ALEN, sender, ETH_ALEN);
	}
	return received;
}

/* Of the IP header: there are bridges that look at it. */
static unsigned short checksum(const void *ip)
{
	const unsigned short *word = ip;
	unsigned int sum = 0;

	for (unsigned int i = 0; i < sizeof(struct iphdr) / sizeof(*word); i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static void fill(struct segment *segment, int flags, int port, int size)
{
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP};

	ip.tot_len = htons(size - sizeof(segment->ethernet));
	ip.saddr = htonl(0xc0000201); /* 192.0.2.1 and 2 */
	ip.daddr = htonl(0xc0000202);
	ip.check = checksum(&ip);
	segment->ip = ip;
	segment->ethernet.ether_type = htons(ETHERTYPE_IP);
	memset(segment->ethernet.ether_dhost, 0xff, ETH_ALEN);
	memcpy(segment->ethernet.ether_shost, sender, ETH_ALEN);
	segment->tcp.dest = htons(port);
	segment->tcp.doff = 5;
	((unsigned char *)&segment->tcp)[13] = flags;
}

int main(int argc, char **argv)
{
	static union {
		struct segment segment;
		unsigned char bytes[SIZE_MAX_JUMBO];
	} frame;
	const char *quiet = getenv("QUIET_MS");
	unsigned long count, received = 0;
	int from, to, size, flags, port = 9;
	char *colon;

	if (argc < 5 || argc > 6) {
		fprintf(stderr, "usage: cross FROM TO FLAGS[:PORT] COUNT [SIZE]\n");
		return 2;
	}
	from = open_socket(argv[1], 0);
	to = open_socket(argv[2], ETH_P_ALL);
	flags = strtol(argv[3], &colon, 0);
	if (*colon == ':')
		port = atoi(colon + 1);
	count = strtoul(argv[4], NULL, 0);
	size = argc > 5 ? atoi(argv[5]) : 60;
	if (size < (int)sizeof(frame.segment) || size > SIZE_MAX_JUMBO)
		return 2;
	fill(&frame.segment, flags, port, size);
	for (unsigned long i = 0; i < count; i++) {
		frame.segment.tcp.source = htons(1024 + i % 60000);
		if (send(from, &frame, size, 0) != size)
			die("send");
		if (i % BURST == BURST - 1) {
			usleep(PAUSE_US);
			received += receive(to, count - received, 0);
		}
	}
	received += receive(to, count - received, quiet ? atoi(quiet) : QUIET_MS);
	printf("%lu\n", received);
	return 0;
}
