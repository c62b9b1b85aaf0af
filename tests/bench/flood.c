/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * End to end: one interface floods another with SYN+FIN, and the receiving side's CPU time a packet is taken.
 *
 *	flood REFERENCE.o ATTACKER-NETNS TX VICTIM-NETNS RX open|closed WINDOW-MS HONEST-MS \
 *	      [xdp|tc PROGRAM]
 *
 * A reference program is attached to RX here, for as long as this runs; whatever else filters there is in place
 *already. First honest traffic alone; then the flood alone, as fast as it goes, which is when CPU time is taken; then
 *honest traffic beside a flood of a million packets a second, which some filters can keep up with and some cannot. With
 * HONEST-MS 0 there is no honest traffic.
 */
#include "bench.h"
#include "honest.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#define FLOOD_CPU 0
#define RECEIVER_CPU 1
#define WARM_UP_NS 100000000
#define HONEST_INTERVAL_NS 1000

struct window {
	__u64 packets;
	__u64 cpu_ns;
	__u64 wall_ns;
};

static void attach_xdp(int ifindex, int fd)
{
	int error = bpf_xdp_attach(ifindex, fd, XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);

	if (error)
		fail("cannot attach an XDP program: %s", strerror(-error));
}

static void attach_tc(struct bpf_tc_hook *hook, int fd)
{
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = fd);
	int error = bpf_tc_hook_create(hook);

	if (!error)
		error = bpf_tc_attach(hook, &options);
	if (error)
		fail("cannot attach a tc program: %s", strerror(-error));
}

/* Takes away what was attached, clsact and all. */
static void detach(struct bpf_tc_hook *hook, bool is_tc)
{
	hook->attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	if (is_tc)
		bpf_tc_hook_destroy(hook);
	else
		bpf_xdp_detach(hook->ifindex, XDP_FLAGS_DRV_MODE, NULL);
}

static void measure(const struct receiver *receiver, __u64 duration_ns, struct window *window)
{
	__u64 packets = receiver_packets(receiver), cpu = clock_ns(receiver->clock), wall = clock_ns(CLOCK_MONOTONIC);

	sleep_ns(duration_ns);
	window->packets = receiver_packets(receiver) - packets;
	window->cpu_ns = clock_ns(receiver->clock) - cpu;
	window->wall_ns = clock_ns(CLOCK_MONOTONIC) - wall;
	if (!window->packets)
		fail("the flood did not arrive");
}

/*
 * Honest traffic shares the receiving CPU with its server. There the thread that receives goes first, as a network
 * card's interrupt would.
 */
static json_t *honest_to_json(struct honest *honest, const struct receiver *receiver, __u64 duration_ns)
{
	struct honest_answers answers;
	double bytes_per_s;

	receiver_goes_first(receiver, true);
	honest_ask(honest, duration_ns, &answers);
	bytes_per_s = honest_transfer(honest, duration_ns);
	receiver_goes_first(receiver, false);
	return json_pack("{sf sf sf sf}", "bytes_per_s", bytes_per_s, "answers_per_s", answers.per_s,
			 "answer_median_us", answers.median_us, "answer_p99_us", answers.p99_us);
}

static json_t *run(struct flood *flood, const struct receiver *receiver, const char *victim, __u64 window_ns,
		   __u64 honest_ns)
{
	struct honest *honest = honest_ns ? honest_open(flood->netns, FLOOD_CPU, victim, RECEIVER_CPU) : NULL;
	json_t *alone = json_null(), *flooded = json_null();
	struct window window;

	if (honest)
		alone = honest_to_json(honest, receiver, honest_ns / 2);
	flood_start(flood);
	sleep_ns(WARM_UP_NS);
	measure(receiver, window_ns, &window);
	flood_stop(flood);
	if (honest) {
		flood->interval_ns = HONEST_INTERVAL_NS;
		flood_start(flood);
		sleep_ns(WARM_UP_NS);
		flooded = honest_to_json(honest, receiver, honest_ns);
		flood_stop(flood);
		honest_close(honest);
	}
	return json_pack("{sI sI sI so so}", "packets", (json_int_t)window.packets, "cpu_ns", (json_int_t)window.cpu_ns,
			 "wall_ns", (json_int_t)window.wall_ns, "alone", alone, "flooded", flooded);
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	struct flood flood = {.cpu = FLOOD_CPU};
	struct reference filter = {};
	struct receiver receiver;
	bool is_tc;

	libbpf_set_print(NULL);
	if (argc < 9)
		fail("usage: flood REFERENCE.o ATTACKER-NETNS TX VICTIM-NETNS RX open|closed WINDOW-MS HONEST-MS "
		     "[xdp|tc PROGRAM]");
	flood.object = argv[1];
	flood.netns = argv[2];
	flood.interface = argv[3];
	frame_make_flood(&flood.frame, !strcmp(argv[6], "open") ? OPEN_PORT : CLOSED_PORT);
	enter_netns(argv[4]);
	hook.ifindex = if_nametoindex(argv[5]);
	is_tc = argc > 9 && !strcmp(argv[9], "tc");
	if (argc > 10) {
		reference_load(&filter, flood.object, argv[10]);
		is_tc ? attach_tc(&hook, filter.fd) : attach_xdp(hook.ifindex, filter.fd);
	}
	receiver_open(&receiver, argv[5], RECEIVER_CPU);
	print_json(run(&flood, &receiver, argv[4], atoi(argv[7]) * 1000000ull, atoi(argv[8]) * 1000000ull));
	enter_netns(argv[4]);
	if (filter.object)
		detach(&hook, is_tc);
	return 0;
}
