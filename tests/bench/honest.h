/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An honest client and server beside the flood: a transfer, and requests with their responses. */
#ifndef HONEST_H
#define HONEST_H

#include <linux/types.h>

/* Connects a client in one network namespace, on one CPU, with a server in another. */
struct honest;
struct honest *honest_open(const char *client_netns, int client_cpu, const char *server_netns, int server_cpu);
void honest_close(struct honest *honest);

/* Sends as much as goes through for so long; bytes a second that arrived. */
double honest_transfer(struct honest *honest, __u64 duration_ns);

/* Sends one byte and waits for the answer, again and again; answers a second, and quantiles of the time to each. */
struct honest_answers {
	double per_s;
	double median_us;
	double p99_us; /* the time spent waiting, where no answer came at all */
};
void honest_ask(struct honest *honest, __u64 duration_ns, struct honest_answers *answers);

#endif
