/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scan FROM TO COUNT FLAGS...: sends COUNT segments with each of FLAGS to a closed port, by the kernel's own routes and
 * tunnels, and prints how many were answered with RST, which is what a scanner goes by. Environment: PORT (7), and
 * GRE_TAG=TCI: by hand from the outer address GRE_FROM to GRE_TO, in GRE, behind a VLAN tag (IPv4 only).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define QUIET_MS 600 /* after the last answer */
#define FIRST_PORT 40000
#define IPV4_SIZE 20
#define TCP_SIZE 20
#define TCP_FLAGS 13
#define TCP_CHECKSUM 16
#define RST 0x04

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t size;
};

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static struct address address_of(const char *text)
{
	struct address address = {.size = sizeof(address.v4)};

	if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
		address.v4.sin_family = AF_INET;
	} else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
		address.v6.sin6_family = AF_INET6;
		address.size = sizeof(address.v6);
	} else {
		fail(text);
	}
	return address;
}

static int raw_socket(const struct address *from, int protocol)
{
	int fd = socket(from->any.sa_family, SOCK_RAW, protocol), at = TCP_CHECKSUM;

	if (fd < 0 || bind(fd, &from->any, from->size))
		fail("socket");
	if (from->any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &at, sizeof(at)))
		fail("IPV6_CHECKSUM");
	return fd;
}

static uint32_t sum16(const uint8_t *data, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i += 2)
		sum += data[i] << 8 | data[i + 1];
	return sum;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put_checksum(uint8_t *at, uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(at, ~sum);
}

static void make_tcp(uint8_t tcp[TCP_SIZE], const struct address *from, const struct address *to, int source, int flags)
{
	memset(tcp, 0, TCP_SIZE);
	put16(tcp, source);
	put16(tcp + 2, getenv("PORT") ? atoi(getenv("PORT")) : 7);
	tcp[12] = TCP_SIZE / 4 << 4;
	tcp[TCP_FLAGS] = flags;
	if (from->any.sa_family == AF_INET)
		put_checksum(tcp + TCP_CHECKSUM, sum16(tcp, TCP_SIZE,
						       sum16((const void *)&from->v4.sin_addr, 4,
							     sum16((const void *)&to->v4.sin_addr, 4, 6 + TCP_SIZE))));
}

/* GRE that carries a VLAN tag, and behind it IPv4 and TCP. */
static void send_tagged(int fd, const struct address *from, const struct address *to, const uint8_t tcp[TCP_SIZE])
{
	struct address outer = address_of(getenv("GRE_TO"));
	uint8_t packet[8 + IPV4_SIZE + TCP_SIZE] = {0, 0, 0x81, 0, 0, 0, 0x08, 0, 0x45}, *ip = packet + 8;

	put16(packet + 4, strtoul(getenv("GRE_TAG"), NULL, 16));
	put16(ip + 2, IPV4_SIZE + TCP_SIZE);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	memcpy(ip + 12, &from->v4.sin_addr, 4);
	memcpy(ip + 16, &to->v4.sin_addr, 4);
	put_checksum(ip + 10, sum16(ip, IPV4_SIZE, 0));
	memcpy(ip + IPV4_SIZE, tcp, TCP_SIZE);
	if (sendto(fd, packet, sizeof(packet), 0, &outer.any, outer.size) < 0)
		fail("sendto");
}

static int count_answers(int fd, int sent)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int answers = 0;

	while (answers < sent && poll(&wait, 1, QUIET_MS) == 1) {
		uint8_t packet[2048], *tcp = packet;
		ssize_t size = recv(fd, packet, sizeof(packet), 0);

		if (size >= IPV4_SIZE && packet[0] >> 4 == 4 && packet[9] == IPPROTO_TCP)
			tcp += (packet[0] & 15) * 4; /* of IPv6 the header is not handed over */
		if (packet + size - tcp < TCP_SIZE)
			continue;
		if (tcp[TCP_FLAGS] & RST && (tcp[2] << 8 | tcp[3]) - FIRST_PORT < sent)
			answers++;
	}
	return answers;
}

int main(int argc, char **argv)
{
	struct address from, to, peer;
	int tcp_fd, gre_fd = -1, sent = 0;

	if (argc < 5)
		return 2;
	from = address_of(argv[1]);
	to = address_of(argv[2]);
	tcp_fd = raw_socket(&from, IPPROTO_TCP);
	if (getenv("GRE_TAG")) {
		peer = address_of(getenv("GRE_FROM"));
		gre_fd = raw_socket(&peer, IPPROTO_GRE);
	}
	for (int i = 4; i < argc; i++)
		for (int n = 0; n < atoi(argv[3]); n++) {
			uint8_t tcp[TCP_SIZE];

			make_tcp(tcp, &from, &to, FIRST_PORT + sent++, strtoul(argv[i], NULL, 0));
			if (gre_fd >= 0)
				send_tagged(gre_fd, &from, &to, tcp);
			else if (sendto(tcp_fd, tcp, sizeof(tcp), 0, &to.any, to.size) < 0)
				fail("sendto");
		}
	printf("%d\n", count_answers(tcp_fd, sent));
	return 0;
}
