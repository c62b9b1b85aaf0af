/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "honest.h"

#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define SAMPLES_MAX 200000
#define POLL_US 20000 /* how often a thread that waits looks whether time is up */

/*
 * Two connections, made before the flood: one for each kind of traffic. The server's thread serves one at a time, and
 * is told which by SERVING.
 */
enum kind { TRANSFER, ANSWERS, KINDS };

struct honest {
	const char *server_netns;
	int server_cpu;
	int client[KINDS];
	int server[KINDS];
	int listener;
	pthread_t thread;
	volatile enum kind serving;
	volatile __u64 received; /* bytes of the transfer */
	volatile bool stop;
};

static struct sockaddr_in address_of(const char *ip, __u16 port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, ip, &address.sin_addr);
	return address;
}

static void set_timeouts(int fd)
{
	struct timeval timeout = {.tv_usec = POLL_US};
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void listen_on(struct honest *honest)
{
	struct sockaddr_in address = address_of(VICTIM_IP, OPEN_PORT);
	int one = 1;

	honest->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(honest->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(honest->listener, (struct sockaddr *)&address, sizeof(address)) || listen(honest->listener, 16))
		fail("cannot listen: %s", strerror(errno));
}

static void *serve(void *context)
{
	static char buffer[1 << 17];
	struct honest *honest = context;

	stay_on_cpu(0, honest->server_cpu);
	while (!honest->stop) {
		enum kind kind = honest->serving;
		ssize_t size = recv(honest->server[kind], buffer, sizeof(buffer), 0);

		if (size > 0 && kind == TRANSFER)
			honest->received += size;
		else if (size > 0 && send(honest->server[kind], buffer, size, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		else if (!size)
			break;
	}
	return NULL;
}

static void connect_client(struct honest *honest, enum kind kind)
{
	struct sockaddr_in address = address_of(VICTIM_IP, OPEN_PORT);

	honest->client[kind] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(honest->client[kind], (struct sockaddr *)&address, sizeof(address)))
		fail("cannot connect: %s", strerror(errno));
	honest->server[kind] = accept(honest->listener, NULL, NULL);
	if (honest->server[kind] < 0)
		fail("cannot accept: %s", strerror(errno));
	set_timeouts(honest->client[kind]);
	set_timeouts(honest->server[kind]);
}

struct honest *honest_open(const char *client_netns, int client_cpu, const char *server_netns, int server_cpu)
{
	struct honest *honest = calloc(1, sizeof(*honest));

	if (!honest)
		fail("no memory");
	honest->server_netns = server_netns;
	honest->server_cpu = server_cpu;
	enter_netns(server_netns);
	listen_on(honest);
	enter_netns(client_netns);
	for (enum kind kind = 0; kind < KINDS; kind++)
		connect_client(honest, kind);
	stay_on_cpu(0, client_cpu);
	if (pthread_create(&honest->thread, NULL, serve, honest))
		fail("cannot start the server");
	return honest;
}

void honest_close(struct honest *honest)
{
	honest->stop = true;
	pthread_join(honest->thread, NULL);
	for (enum kind kind = 0; kind < KINDS; kind++) {
		close(honest->client[kind]);
		close(honest->server[kind]);
	}
	close(honest->listener);
	free(honest);
}

double honest_transfer(struct honest *honest, __u64 duration_ns)
{
	static const char buffer[1 << 16];
	__u64 begin = clock_ns(CLOCK_MONOTONIC), before = honest->received, elapsed;

	honest->serving = TRANSFER;
	do {
		if (send(honest->client[TRANSFER], buffer, sizeof(buffer), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			fail("the transfer broke: %s", strerror(errno));
		elapsed = clock_ns(CLOCK_MONOTONIC) - begin;
	} while (elapsed < duration_ns);
	return (honest->received - before) * 1e9 / elapsed;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

void honest_ask(struct honest *honest, __u64 duration_ns, struct honest_answers *answers)
{
	_cleanup_free_ double *us = calloc(SAMPLES_MAX, sizeof(*us));
	__u64 begin = clock_ns(CLOCK_MONOTONIC), now = begin, asked = begin;
	unsigned int count = 0;
	bool waiting = false;
	char byte = 0;

	if (!us)
		fail("no memory");
	honest->serving = ANSWERS;
	while (now - begin < duration_ns && count < SAMPLES_MAX - 1) {
		if (!waiting) {
			asked = now;
			waiting = send(honest->client[ANSWERS], &byte, 1, MSG_NOSIGNAL) == 1;
		}
		if (waiting && recv(honest->client[ANSWERS], &byte, 1, 0) == 1)
			waiting = false;
		now = clock_ns(CLOCK_MONOTONIC);
		if (!waiting)
			us[count++] = (now - asked) / 1e3;
	}
	answers->per_s = count * 1e9 / (now - begin);
	if (waiting) /* the one that never came counts as long as it was waited for */
		us[count++] = (now - asked) / 1e3;
	qsort(us, count, sizeof(*us), compare);
	answers->median_us = us[count / 2];
	answers->p99_us = us[count * 99 / 100];
}
