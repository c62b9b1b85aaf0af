/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Somebody else on the machine: loads and unloads programs and maps all the time, some of them with our names, and
 *attaches them to an interface of its own, in a network namespace of its own, which goes with the process.
 *
 *	churn SECONDS	or until a signal; says how often at the end
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define KEPT 24 /* so many programs and maps are there at the most */
#define PAUSE_US 2000

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static int load(const char *name)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", pass, sizeof(pass) / sizeof(*pass), NULL);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"churn", "flagfilter", "flagfilter_trac", "sampling"};
	int program[KEPT], map[KEPT], ifindex;
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 60);
	unsigned long rounds = 0;

	if (unshare(CLONE_NEWNET) || system("ip link add c0 type veth peer name c1 && ip link set c0 up"))
		return perror("churn: cannot make an interface"), 1;
	ifindex = if_nametoindex("c0");
	for (unsigned int i = 0; i < KEPT; i++)
		program[i] = map[i] = -1;
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	srand(getpid());
	for (; !stop && time(NULL) < end; rounds++) {
		unsigned int i = rand() % KEPT;

		if (program[i] >= 0)
			close(program[i]);
		if (map[i] >= 0)
			close(map[i]);
		program[i] = map[i] = -1;
		if (rand() % 3) {
			program[i] = load(names[rounds % 4]);
			map[i] = bpf_map_create(BPF_MAP_TYPE_ARRAY, names[rounds % 4], 4, 8, 1 + rand() % 64, NULL);
		}
		if (program[i] >= 0 && rounds % 16 == 0) /* which takes longer than the rest */
			bpf_xdp_attach(ifindex, program[i], 0, NULL);
		usleep(rand() % PAUSE_US);
	}
	bpf_xdp_detach(ifindex, 0, NULL);
	printf("%lu rounds\n", rounds);
	return 0;
}
