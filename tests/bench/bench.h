/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the benchmarks have in common: clocks, frames, reference programs, the flood. A failure ends the process. */
#ifndef BENCH_H
#define BENCH_H

#include "base/cleanup.h"
#include "base/diag.h"
#include "policy/policy.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

/* Addresses and ports of the two ends, as bench.py sets them up. */
#define ATTACKER_IP "192.0.2.1"
#define VICTIM_IP "192.0.2.2"
#define OPEN_PORT 5201
#define CLOSED_PORT 5202
#define EXEMPT_PORT 8443

void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void fail_diag(const struct diag *diag) __attribute__((noreturn));

__u64 clock_ns(clockid_t clock);
void sleep_ns(__u64 ns);

/* Keeps a thread on one CPU; 0 is the calling one. */
void stay_on_cpu(pid_t thread, int cpu);

/* Makes the network namespace NAME that of the calling thread. */
void enter_netns(const char *name);

void print_json(json_t *object);

/* Frames to judge. */
struct frame {
	const char *name;
	__u32 size;
	__u8 data[256];
};

enum frame_kind {
	FRAME_SYN_FIN,
	FRAME_ACK,
	FRAME_UDP,
	FRAME_ARP,
	FRAME_IPV6,    /* TCP with ACK */
	FRAME_QINQ,    /* double-tagged, TCP with ACK */
	FRAME_EXTHDRS, /* IPv6 with hop-by-hop and destination options, TCP with ACK */
	FRAME_IPV6_SYN_FIN,
	FRAME_PORT_SYN_FIN, /* SYN+FIN to EXEMPT_PORT */
	FRAME_UDP_SHORT,    /* the datagram is shorter than IPv4 and TCP as far as its flags */
	FRAME_ICMP,
	FRAME_ICMP_SHORT,
	FRAME_EXTHDR1,	/* IPv6 with destination options, TCP with ACK */
	FRAME_EXTHDR4,	/* with hop-by-hop options and three times destination options */
	FRAME_OPTIONS,	/* IPv4 with 12 bytes of options, TCP with ACK */
	FRAME_FIRST,	/* a first fragment, TCP with ACK */
	FRAME_FRAGMENT, /* a later fragment */
	FRAME_TAGS3,	/* three tags, TCP with ACK */
	FRAME_TAGS4,
	FRAME_KINDS,
};
extern const char *const frame_names[FRAME_KINDS];
void frame_make(struct frame *frame, enum frame_kind kind);

/* A SYN+FIN from ATTACKER_IP to VICTIM_IP, and where bench.py's veth expects it. */
void frame_make_flood(struct frame *frame, __u16 port);

/* One program of the reference object, loaded and attached to nothing. */
struct bpf_object;
struct bpf_program;
struct reference {
	struct bpf_object *object;
	struct bpf_program *program;
	int fd;
};

/* Loads the program NAME of the object at PATH. */
void reference_load(struct reference *reference, const char *path, const char *name);
void reference_close(struct reference *reference);

/* Maps the global of SIZE bytes that has the section NAME of a loaded object for itself. */
void *global_of(const struct bpf_object *object, const char *name, size_t size);

/*
 * A thread that floods: sends FRAME out of INTERFACE of namespace NETNS, from CPU, every INTERVAL_NS or, if that is 0,
 * as fast as it goes.
 */
struct flood {
	const char *object; /* path of the reference object */
	const char *netns;
	const char *interface;
	int cpu;
	__u64 interval_ns;
	struct frame frame;
	pthread_t thread;
	volatile bool stop;
};
void flood_start(struct flood *flood);
void flood_stop(struct flood *flood);

/* The receiving side: the thread that handles what INTERFACE of the caller's namespace receives, held on CPU. */
struct receiver {
	pid_t thread;
	clockid_t clock; /* its CPU time */
	int net_dev;	 /* /proc/net/dev of the namespace */
	const char *interface;
};
void receiver_open(struct receiver *receiver, const char *interface, int cpu);
void receiver_goes_first(const struct receiver *receiver, bool first); /* or takes its turn with others on its CPU */
__u64 receiver_packets(const struct receiver *receiver);

#endif
