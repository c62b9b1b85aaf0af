/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Findings from made-up facts: cards and kernels that no test machine has. What must be found is what the drivers'
 * sources refuse: virtnet_xdp_set(), mlx5e_xdp_allowed(), ixgbe_xdp_setup(), igc_xdp_set_prog(), veth_xdp_set().
 */
#include "show/doctor.h"
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A card with nothing to complain about, on a new kernel. */
static struct facts healthy(const char *driver)
{
	struct facts facts = {
		.kernel = KERNEL(6, 12),
		.cpus = 4,
		.page_size = 4096,
		.capabilities = 1ull << CAP_NET_ADMIN | 1ull << CAP_SYS_ADMIN,
		.bpffs = true,
		.btf = true,
		.jit_switch = true,
		.jit = YES,
		.frags = YES,
		.extension = YES,
		.loads = YES,
		.own = -1,
		.nic = {.name = "eth0",
			.up = true,
			.frames = FRAMES_ETHERNET,
			.mtu = 1500,
			.native = YES,
			.several_buffers = YES,
			.lro = NO,
			.gro_hw = NO,
			.gro_hw_fixed = NO,
			.rxvlan = NO},
	};

	snprintf(facts.nic.driver, sizeof(facts.nic.driver), "%s", driver);
	return facts;
}

static struct findings findings; /* of the last diagnosis */

/* What is printed of these facts fits into 80 columns, also if the interface's name is as long as names can be. */
static void expect_width(struct facts facts)
{
	char heading[] = "problem  capabilities  ", *text = NULL, *line;
	size_t size = 0;
	FILE *out;

	strcpy(facts.nic.name, "abcdefghijklmno");
	doctor_diagnose(&facts, &findings);
	for (unsigned int i = 0; i < findings.count; i++) {
		out = open_memstream(&text, &size);
		doctor_print(out, heading, &findings.finding[i]);
		fclose(out);
		line = strtok(text, "\n");
		assert_memory_equal(line, heading, strlen(heading));
		for (; line; line = strtok(NULL, "\n"))
			assert_in_range(strlen(line), 1, 80);
		free(text);
	}
}

static const struct finding *found(const struct facts *facts, const char *check)
{
	expect_width(*facts);
	doctor_diagnose(facts, &findings);
	assert_true(findings.count <= FINDINGS_MAX);
	for (unsigned int i = 0; i < findings.count; i++)
		if (!strcmp(findings.finding[i].check, check))
			return &findings.finding[i];
	return NULL;
}

static void expect(const struct facts *facts, const char *check, enum finding_state state, const char *fix)
{
	const struct finding *finding = found(facts, check);

	assert_non_null(finding);
	assert_int_equal(finding->state, state);
	assert_string_equal(finding->fix, fix);
	assert_int_equal(doctor_answer(&findings) == NO, state == FINDING_PROBLEM);
}

static void test_healthy(void **state)
{
	struct facts facts = healthy("ice");

	(void)state;
	doctor_diagnose(&facts, &findings);
	for (unsigned int i = 0; i < findings.count; i++) {
		assert_int_equal(findings.finding[i].state, FINDING_OK);
		assert_string_equal(findings.finding[i].fix, "");
	}
	assert_int_equal(doctor_answer(&findings), YES);
}

static void test_driver(void **state)
{
	struct facts facts = healthy("e1000e");

	(void)state;
	facts.nic.native = NO;
	expect(&facts, "driver", FINDING_PROBLEM, "flagfilter attach eth0 --mode generic");
	facts.nic.native = UNKNOWN; /* before Linux 6.3 */
	expect(&facts, "driver", FINDING_PROBLEM, "flagfilter attach eth0 --mode generic");
	facts = healthy("unheard_of");
	facts.nic.native = UNKNOWN;
	expect(&facts, "driver", FINDING_NOTE, "");
	assert_int_equal(doctor_answer(&findings), UNKNOWN);
	facts = healthy("ena");
	facts.nic.native = UNKNOWN;
	expect(&facts, "driver", FINDING_OK, "");
	facts = healthy("802.1Q VLAN Support");
	strcpy(facts.nic.kind, "vlan");
	facts.nic.native = UNKNOWN;
	strcpy(facts.nic.lower[facts.nic.lowers++], "eth7");
	expect(&facts, "driver", FINDING_PROBLEM, "flagfilter attach eth7");
	assert_non_null(strstr(found(&facts, "driver")->text, "lies upon eth7"));
}

/* What frames begin with, by the table of what was tried: kind, hardware type, kernel. */
static void test_frames(void **state)
{
	enum { NONE = 65534, ETHER = 1, LOOPBACK = 772, PPP = 512, TUNNEL = 768, SIT = 776, GRE = 778, TUNNEL6 = 769 };
	static const struct {
		struct frames_link link; /* kind, type, tun, point to point */
		unsigned int kernel;
		enum frames frames;
	} known[] = {
		{{"", ETHER, 0, false}, KERNEL(5, 10), FRAMES_ETHERNET},
		{{"", LOOPBACK, 0, false}, KERNEL(5, 10), FRAMES_ETHERNET},
		{{"veth", ETHER, 0, false}, KERNEL(5, 10), FRAMES_ETHERNET},
		{{"gretap", ETHER, 0, true}, KERNEL(5, 10), FRAMES_ETHERNET},
		{{"tun", NONE, 1, true}, KERNEL(5, 10), FRAMES_IP},
		{{"tun", ETHER, 1, true}, KERNEL(5, 10), FRAMES_IP},
		{{"tun", ETHER, 2, false}, KERNEL(5, 10), FRAMES_ETHERNET},
		{{"tun", NONE, 2, false}, KERNEL(5, 10), FRAMES_ETHERNET},
		{{"tun", NONE, 0, true}, KERNEL(6, 12), FRAMES_NOT_KNOWN},
		{{"wireguard", NONE, 0, true}, KERNEL(5, 10), FRAMES_IP},
		{{"ppp", PPP, 0, true}, KERNEL(5, 10), FRAMES_IP},
		{{"", PPP, 0, true}, KERNEL(6, 12), FRAMES_NOT_KNOWN},
		{{"ipip", TUNNEL, 0, true}, KERNEL(5, 13), FRAMES_OLD_TUNNEL},
		{{"ipip", TUNNEL, 0, true}, KERNEL(5, 14), FRAMES_IP},
		{{"vti", TUNNEL, 0, true}, KERNEL(6, 12), FRAMES_NOT_KNOWN},
		{{"sit", SIT, 0, true}, KERNEL(5, 10), FRAMES_OLD_TUNNEL},
		{{"sit", SIT, 0, true}, KERNEL(6, 1), FRAMES_IP},
		{{"ip6tnl", TUNNEL6, 0, true}, KERNEL(5, 10), FRAMES_OLD_TUNNEL},
		{{"ip6tnl", TUNNEL6, 0, true}, KERNEL(6, 1), FRAMES_IP},
		{{"vti6", TUNNEL6, 0, true}, KERNEL(6, 12), FRAMES_NOT_KNOWN},
		{{"gre", GRE, 0, true}, KERNEL(5, 10), FRAMES_OLD_TUNNEL},
		{{"gre", GRE, 0, true}, KERNEL(6, 1), FRAMES_IP},
		{{"gre", GRE, 0, false}, KERNEL(6, 12), FRAMES_NO_REMOTE},
		{{"gre", NONE, 0, false}, KERNEL(6, 12), FRAMES_NOT_KNOWN},
		{{"xfrm", NONE, 0, false}, KERNEL(6, 12), FRAMES_NOT_KNOWN},
		{{"", NONE, 0, true}, KERNEL(6, 12), FRAMES_NOT_KNOWN},
	};
	char text[FRAMES_REFUSAL_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const bool judged = known[i].frames == FRAMES_ETHERNET || known[i].frames == FRAMES_IP;

		assert_int_equal(frames_of(&known[i].link, known[i].kernel), known[i].frames);
		assert_int_equal(!frames_refusal(known[i].frames, &known[i].link, text), judged);
		if (!judged)
			assert_non_null(strstr(text, *known[i].link.kind ? known[i].link.kind : "interface"));
	}
}

static void test_without_ethernet(void **state)
{
	struct facts facts = healthy("tun");

	(void)state;
	facts.nic.frames = FRAMES_IP;
	for (int answer = UNKNOWN; answer <= NO; answer++) { /* before Linux 6.3, and since */
		facts.nic.native = answer;
		expect(&facts, "driver", FINDING_PROBLEM, "flagfilter attach eth0 --mode generic");
		assert_int_equal(found(&facts, "gro")->state, FINDING_NOTE);
	}
	facts = healthy("ipip");
	facts.nic.frames = FRAMES_IP;
	facts.nic.native = NO;
	strcpy(facts.nic.lower[facts.nic.lowers++], "eth7"); /* which shows outer headers: no place to attach */
	expect(&facts, "driver", FINDING_PROBLEM, "flagfilter attach eth0 --mode generic");
	facts = healthy("xfrm");
	facts.nic.frames = FRAMES_NOT_KNOWN;
	expect(&facts, "driver", FINDING_PROBLEM, "");
}

static void test_bond(void **state)
{
	struct facts facts = healthy("bonding");

	(void)state;
	strcpy(facts.nic.kind, "bond");
	strcpy(facts.nic.lower[0], "eth1");
	strcpy(facts.nic.lower[1], "eth2");
	facts.nic.lowers = 2;
	facts.nic.native = UNKNOWN;
	facts.kernel = KERNEL(5, 14);
	expect(&facts, "driver", FINDING_PROBLEM, "flagfilter attach eth1");
	assert_non_null(strstr(found(&facts, "driver")->text, "eth1, eth2"));
	facts.kernel = KERNEL(5, 15); /* from here on it has what they have, and Linux 6.3 says so */
	expect(&facts, "driver", FINDING_NOTE, "flagfilter attach eth0 --mode auto");
	facts.nic.native = NO;
	expect(&facts, "driver", FINDING_PROBLEM, "flagfilter attach eth0 --mode generic");
	assert_non_null(strstr(found(&facts, "driver")->text, "eth1, eth2"));
	facts.nic.native = YES;
	expect(&facts, "driver", FINDING_OK, "");
	strcpy(facts.nic.busy_lower, "eth2");
	expect(&facts, "stack", FINDING_PROBLEM, "ip link set dev eth2 xdp off");
	facts = healthy("ice");
	strcpy(facts.nic.master, "bond0");
	strcpy(facts.nic.master_kind, "bond");
	expect(&facts, "stack", FINDING_NOTE, "flagfilter attach bond0");
	strcpy(facts.nic.busy_master, "bond0");
	expect(&facts, "stack", FINDING_PROBLEM, "ip link set dev bond0 xdp off");
}

static void test_mtu(void **state)
{
	struct facts facts = healthy("virtio_net");

	(void)state;
	facts.nic.mtu = 9000;
	expect(&facts, "mtu", FINDING_OK, "");
	facts.nic.several_buffers = NO;
	expect(&facts, "mtu", FINDING_PROBLEM, "ip link set dev eth0 mtu 3506");
	facts.nic.mtu = 3506;
	expect(&facts, "mtu", FINDING_OK, "");
	facts.nic.mtu = 3507;
	expect(&facts, "mtu", FINDING_PROBLEM, "ip link set dev eth0 mtu 3506");
	facts.page_size = 65536;
	expect(&facts, "mtu", FINDING_OK, "");
	facts = healthy("ice"); /* 5.18 to 6.2: frames in several buffers, and no word about drivers */
	facts.nic.mtu = 9000;
	facts.nic.several_buffers = UNKNOWN;
	expect(&facts, "mtu", FINDING_NOTE, "ip link set dev eth0 mtu 3506");
	strcpy(facts.nic.driver, "virtio_net"); /* which learned it in 6.3 */
	expect(&facts, "mtu", FINDING_PROBLEM, "ip link set dev eth0 mtu 3506");
	strcpy(facts.nic.driver, "veth"); /* had it from 5.18 on */
	expect(&facts, "mtu", FINDING_OK, "");
	facts.frags = NO;
	expect(&facts, "mtu", FINDING_PROBLEM, "on its other end: ip link set dev NAME mtu 3506");
	facts = healthy("igc");
	facts.nic.mtu = 1501;
	facts.nic.several_buffers = NO;
	expect(&facts, "mtu", FINDING_PROBLEM, "ip link set dev eth0 mtu 1500");
	facts = healthy("tun"); /* which takes any */
	facts.nic.mtu = 9000;
	facts.nic.several_buffers = NO;
	expect(&facts, "mtu", FINDING_OK, "");
}

static void test_channels(void **state)
{
	struct facts facts = healthy("virtio_net");

	(void)state;
	facts.nic.queues = facts.nic.queues_max = 4;
	expect(&facts, "channels", FINDING_OK, "");
	facts.kernel = KERNEL(5, 10);
	facts.memlock = 1 << 30;
	expect(&facts, "channels", FINDING_NOTE, "on the host: give the card 8 queues, QEMU's queues=8");
	facts.nic.queues_max = 6;
	expect(&facts, "channels", FINDING_NOTE, "ethtool -L eth0 combined 2");
	facts.nic.queues_max = 8;
	expect(&facts, "channels", FINDING_OK, "");
	facts = healthy("veth");
	facts.nic.native = NO; /* as Linux 6.3 says of a veth whose other end has more queues */
	facts.nic.rx_queues = 1;
	facts.nic.rx_queues_max = 4;
	expect(&facts, "channels", FINDING_PROBLEM, "ethtool -L eth0 rx 4");
	facts.nic.rx_queues = 4;
	expect(&facts, "channels", FINDING_PROBLEM, "flagfilter attach eth0 --mode generic");
	facts = healthy("veth");
	facts.nic.rx_queues = 2;
	facts.programs = (struct xdp_programs){.mode = XDP_NATIVE, .count = 1};
	facts.own = 0;
	assert_null(found(&facts, "queues"));
	facts.queues_added = 1;
	expect(&facts, "queues", FINDING_NOTE, "flagfilter attach eth0");
	expect(&facts, "redirect", FINDING_NOTE, "");
	facts = healthy("virtio_net");
	assert_null(found(&facts, "redirect"));
}

static void test_lro(void **state)
{
	static const char *const refusing[] = {"mlx5_core", "ixgbe", "nicvf"};
	struct facts facts = healthy("bnxt_en");

	(void)state;
	facts.nic.lro = YES;
	expect(&facts, "lro", FINDING_NOTE, "ethtool -K eth0 lro off");
	for (unsigned int i = 0; i < 3; i++) {
		facts = healthy(refusing[i]);
		facts.nic.lro = YES;
		expect(&facts, "lro", FINDING_PROBLEM, "ethtool -K eth0 lro off");
	}
	facts = healthy("mlx5_core"); /* Linux 6.3 says so beforehand */
	facts.nic.lro = YES;
	facts.nic.native = NO;
	expect(&facts, "driver", FINDING_PROBLEM, "ethtool -K eth0 lro off");
	facts = healthy("virtio_net");
	facts.nic.gro_hw = YES;
	expect(&facts, "lro", FINDING_OK, "");
	facts.nic.gro_hw_fixed = YES;
	assert_int_equal(found(&facts, "lro")->state, FINDING_PROBLEM);
	assert_non_null(strstr(found(&facts, "lro")->fix, "guest_tso4=off"));
}

static void test_vlan(void **state)
{
	struct facts facts = healthy("ice");

	(void)state;
	assert_null(found(&facts, "vlan"));
	facts.nic.rxvlan = YES; /* makes no difference: nothing is to be done about it */
	expect(&facts, "vlan", FINDING_NOTE, "");
}

static void test_program(void **state)
{
	struct facts facts = healthy("ice");

	(void)state;
	facts.programs.count = 1;
	facts.programs.mode = XDP_NATIVE;
	facts.programs.program[0].id = 7;
	strcpy(facts.programs.program[0].name, "theirs");
	strcpy(facts.owner.pin, "/sys/fs/bpf/theirs");
	facts.owner.uid = 1000;
	facts.owner.pid = 4711;
	strcpy(facts.owner.process, "agent");
	expect(&facts, "program", FINDING_PROBLEM, "ip link set dev eth0 xdpdrv off");
	assert_string_equal(found(&facts, "program")->text,
			    "another owner's program has it for itself: 'theirs', id 7, native, pinned by user 1000 at "
			    "/sys/fs/bpf/theirs, open in process 4711 (agent)");
	facts.programs.mode = XDP_GENERIC;
	expect(&facts, "program", FINDING_PROBLEM, "ip link set dev eth0 xdpgeneric off");
	facts.programs.shared = true;
	expect(&facts, "program", FINDING_PROBLEM, "");
	facts.programs.mode = XDP_NATIVE;
	expect(&facts, "program", FINDING_OK, "");
	facts.programs.shared = false;
	facts.owner.by_link = true;
	expect(&facts, "program", FINDING_PROBLEM, "kill 4711");
	facts.owner.pid = 0;
	expect(&facts, "program", FINDING_PROBLEM, "rm /sys/fs/bpf/theirs");
	facts.own = 0;
	expect(&facts, "program", FINDING_OK, "");
	facts.programs_error = -EIO;
	expect(&facts, "program", FINDING_PROBLEM, "");
}

static void test_system(void **state)
{
	struct facts facts = healthy("ice");

	(void)state;
	facts.bpffs = false;
	expect(&facts, "bpffs", FINDING_PROBLEM, "mount -t bpf -o mode=700 bpf /sys/fs/bpf");
	facts.bpffs = true;
	facts.bpffs_mode = 01777;
	expect(&facts, "bpffs", FINDING_NOTE, "chmod 700 /sys/fs/bpf");
	snprintf(facts.pins_refused, sizeof(facts.pins_refused), "a link");
	expect(&facts, "bpffs", FINDING_PROBLEM, "");
	facts = healthy("ice");
	facts.jit = NO;
	expect(&facts, "jit", FINDING_NOTE, "sysctl net.core.bpf_jit_enable=1");
	facts.jit_switch = false; /* a kernel without CONFIG_BPF_JIT: there is nothing to switch */
	expect(&facts, "jit", FINDING_NOTE, "");
	facts.extension = NO;
	expect(&facts, "dispatcher", FINDING_NOTE, "");
	facts.capabilities = 1ull << CAP_SYS_ADMIN;
	expect(&facts, "capabilities", FINDING_PROBLEM, "sudo flagfilter ...");
	assert_string_equal(found(&facts, "capabilities")->text, "missing: CAP_NET_ADMIN");
	facts.capabilities = 0;
	assert_string_equal(found(&facts, "capabilities")->text, "missing: CAP_NET_ADMIN, CAP_SYS_ADMIN");
	facts.capabilities = 1ull << CAP_NET_ADMIN | 1ull << CAP_BPF;
	assert_string_equal(found(&facts, "capabilities")->text, "missing: CAP_SYS_ADMIN");
	facts.capabilities |= 1ull << CAP_PERFMON;
	expect(&facts, "capabilities", FINDING_NOTE, "");
	facts = healthy("ice");
	facts.loads = NO;
	strcpy(facts.load_failure, "cannot load the XDP program: Invalid argument");
	expect(&facts, "load", FINDING_PROBLEM, "");
	assert_string_equal(found(&facts, "load")->text, facts.load_failure);
	facts.btf = false;
	expect(&facts, "load", FINDING_PROBLEM, "");
	assert_non_null(strstr(found(&facts, "load")->text, "/sys/kernel/btf/vmlinux"));
	facts.loads = YES; /* a program that needs none loads all the same */
	expect(&facts, "load", FINDING_OK, "");
	facts.loads = UNKNOWN;
	assert_null(found(&facts, "load"));
	facts = healthy("ice");
	facts.memlock = 64 << 10;
	assert_null(found(&facts, "memlock"));
	facts.kernel = KERNEL(5, 10);
	expect(&facts, "memlock", FINDING_PROBLEM, "ulimit -l unlimited");
	facts.capabilities |= 1ull << CAP_SYS_RESOURCE;
	expect(&facts, "memlock", FINDING_OK, "");
}

static void test_netns(void **state)
{
	struct facts facts = healthy("e1000e");

	(void)state;
	facts.netns = "blue";
	facts.nic.native = NO;
	expect(&facts, "driver", FINDING_PROBLEM, "flagfilter --netns blue attach eth0 --mode generic");
	facts.capabilities = 0;
	assert_string_equal(found(&facts, "capabilities")->fix, "sudo flagfilter --netns blue ...");
	facts = healthy("ixgbe");
	facts.netns = "blue";
	facts.nic.lro = YES;
	expect(&facts, "lro", FINDING_PROBLEM, "ip netns exec blue ethtool -K eth0 lro off");
	facts.nic.lro = NO;
	facts.nic.up = false;
	expect(&facts, "link", FINDING_NOTE, "ip -n blue link set dev eth0 up");
}

static void test_explain(void **state)
{
	struct facts facts = healthy("ixgbe");
	struct diag diag = {.text = "it failed"};

	(void)state;
	facts.nic.lro = YES;
	facts.jit = NO; /* no problem: slow, but it works */
	doctor_diagnose(&facts, &findings);
	doctor_explain(&findings, XDP_GENERIC, &diag);
	assert_string_equal(diag.details, "");
	doctor_explain(&findings, XDP_NATIVE, &diag);
	assert_string_equal(diag.details, "  lro: LRO is on: this driver refuses native XDP beside it\n"
					  "    > ethtool -K eth0 lro off\n");
	for (int i = 0; i < 100; i++)
		doctor_explain(&findings, XDP_NATIVE, &diag);
	assert_int_equal(strlen(diag.details), sizeof(diag.details) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy),		 cmocka_unit_test(test_driver), cmocka_unit_test(test_frames),
		cmocka_unit_test(test_without_ethernet), cmocka_unit_test(test_bond),	cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_channels),	 cmocka_unit_test(test_lro),	cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_program),		 cmocka_unit_test(test_system), cmocka_unit_test(test_netns),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
