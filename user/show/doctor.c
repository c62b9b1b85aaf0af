/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "show/doctor.h"

#include "base/shell.h"
#include "base/text.h"
#include "show/output.h"
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *finding_state_name(enum finding_state state)
{
	static const char *const names[] = {
		[FINDING_OK] = "ok", [FINDING_NOTE] = "note", [FINDING_PROBLEM] = "problem"};

	return names[state];
}

static struct finding *add(struct findings *findings, const char *check, enum finding_state state, const char *format,
			   ...) __attribute__((format(printf, 4, 5)));
static struct finding *add(struct findings *findings, const char *check, enum finding_state state, const char *format,
			   ...)
{
	struct finding *finding = &findings->finding[findings->count++];
	va_list args;

	*finding = (struct finding){.check = check, .state = state};
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
	return finding;
}

static void fix(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fix(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vsnprintf(finding->fix, sizeof(finding->fix), format, args) >= (int)sizeof(finding->fix))
		*finding->fix = '\0'; /* half a command is none */
	va_end(args);
}

/* "mtu 1500" */
static struct change {
	char text[32];
} change_to(const char *what, unsigned int number)
{
	struct change change;

	snprintf(change.text, sizeof(change.text), "%s %u", what, number);
	return change;
}

/* ethtool and ip take a name for a name where one belongs, also if it begins with '-'. */
static void fix_by_ethtool(const struct facts *facts, struct finding *finding, const char *option, const char *change)
{
	fix(finding, "%s %s %s %s", shell_tool(facts->netns, "ethtool").text, option, shell_word(facts->nic.name).text,
	    change);
}

static void fix_by_ip(const struct facts *facts, struct finding *finding, const char *interface, const char *change)
{
	fix(finding, "%s link set dev %s %s", shell_tool(facts->netns, "ip").text, shell_word(interface).text, change);
}

static void fix_by_attach(const struct facts *facts, struct finding *finding, const char *interface, const char *mode)
{
	char options[32] = "";

	if (mode)
		snprintf(options, sizeof(options), "--mode %s", mode);
	fix(finding, "%s", shell_command_in(facts->netns, "attach", interface, "", options).text);
}

static bool is_driver(const struct facts *facts, const char *name)
{
	return !strcmp(facts->nic.driver, name);
}

/* ---- the driver */

/*
 * Before Linux 6.3 the kernel does not tell which drivers have native XDP. Of these it is known for all kernels between
 * 5.10, the oldest that we run on, and that one.
 */
static const char *const native_drivers[] = {
	"bnxt_en", "cpsw",    "ena",	 "fsl_dpaa2_eth", "hv_netvsc",	"i40e",	 "ice",	   "igb",
	"ixgbe",   "ixgbevf", "mlx4_en", "mlx5_core",	  "mvneta",	"mvpp2", "netsec", "nfp",
	"nicvf",   "qede",    "veth",	 "vif",		  "virtio_net", NULL};
static const char *const other_drivers[] = {"8139cp", "8139too", "be2net",  "bnx2",  "bnx2x", "e100",	 "e1000",
					    "e1000e", "igbvf",	 "pcnet32", "r8169", "tg3",   "vmxnet3", NULL};

static bool is_one_of(const struct facts *facts, const char *const *drivers)
{
	for (; *drivers; drivers++)
		if (is_driver(facts, *drivers))
			return true;
	return false;
}

static bool is_bond(const struct facts *facts)
{
	return !strcmp(facts->nic.kind, "bond");
}

static enum answer native(const struct facts *facts)
{
	if (facts->nic.native != UNKNOWN)
		return facts->nic.native;
	if (facts->nic.frames == FRAMES_IP) /* also of a tun, whose driver has it for a tap */
		return NO;
	if (is_one_of(facts, native_drivers) || is_driver(facts, "tun"))
		return YES;
	if (is_bond(facts))
		return facts->kernel >= KERNEL(5, 15) ? UNKNOWN : NO;
	/* Other virtual interfaces never had it. */
	return *facts->nic.kind || is_one_of(facts, other_drivers) ? NO : UNKNOWN;
}

/* The names of what the interface consists of, or lies upon: "eth0, eth1". Returns BUFFER. */
#define LOWERS_SIZE (NIC_NAMES_MAX * (IF_NAMESIZE + 2) + 1)
static const char *lowers(const struct nic *nic, char buffer[LOWERS_SIZE])
{
	int at = 0;

	*buffer = '\0';
	for (unsigned int i = 0; i < nic->lowers; i++)
		at += snprintf(buffer + at, LOWERS_SIZE - at, "%s%s", i ? ", " : "", nic->lower[i]);
	return buffer;
}

/* A veth of more than one queue (Linux 6.3 says so beforehand): each queue of the other end needs one here. */
static void find_veth_queues(const struct facts *facts, struct findings *findings)
{
	const struct nic *nic = &facts->nic;
	struct finding *finding =
		add(findings, "channels", FINDING_PROBLEM,
		    "a veth's other end must not send by more queues than this one receives by: %u; change that, then "
		    "attach (again)",
		    nic->rx_queues);

	if (nic->rx_queues < nic->rx_queues_max)
		fix_by_ethtool(facts, finding, "-L", change_to("rx", nic->rx_queues_max).text);
	else
		fix_by_attach(facts, finding, nic->name, "generic");
}

static void find_bond(const struct facts *facts, enum finding_state state, struct findings *findings)
{
	char names[LOWERS_SIZE];
	struct finding *finding = add(findings, "driver", state,
				      "a bond has native XDP if its mode and all that it consists of have it: %s",
				      facts->nic.lowers ? lowers(&facts->nic, names) : "nothing yet");

	fix_by_attach(facts, finding, facts->nic.name, state == FINDING_PROBLEM ? "generic" : "auto");
}

static void find_no_native(const struct facts *facts, struct findings *findings)
{
	const struct nic *nic = &facts->nic;
	char names[LOWERS_SIZE];
	struct finding *finding;

	if (is_driver(facts, "veth")) {
		find_veth_queues(facts, findings);
		return;
	}
	if (nic->lro == YES && is_one_of(facts, native_drivers)) {
		finding = add(findings, "driver", FINDING_PROBLEM, "%s has no native XDP as long as LRO is on",
			      nic->driver);
		fix_by_ethtool(facts, finding, "-K", "lro off");
		return;
	}
	if (is_bond(facts) && facts->kernel >= KERNEL(5, 15)) {
		find_bond(facts, FINDING_PROBLEM, findings);
		return;
	}
	if (nic->frames == FRAMES_IP) { /* what it lies upon does not show what is inside */
		finding = add(findings, "driver", FINDING_PROBLEM, "%s has no native XDP%s", nic->driver,
			      is_driver(facts, "tun") ? " for a tun, only for a tap" : "");
		fix_by_attach(facts, finding, nic->name, "generic");
		return;
	}
	finding = add(findings, "driver", FINDING_PROBLEM, "%s has no native XDP%s%s%s", nic->driver,
		      nic->lowers ? "; " : "", nic->lowers ? nic->name : "", nic->lowers ? " lies upon " : "");
	if (!nic->lowers) {
		fix_by_attach(facts, finding, nic->name, "generic");
		return;
	}
	snprintf(finding->text + strlen(finding->text), sizeof(finding->text) - strlen(finding->text),
		 "%s: attach there, or in generic mode here", lowers(nic, names));
	fix_by_attach(facts, finding, nic->lower[0], NULL);
}

const char *doctor_refusal(const struct facts *facts, char text[FRAMES_REFUSAL_SIZE])
{
	return frames_refusal(facts->nic.frames, &facts->nic.link, text);
}

static void check_driver(const struct facts *facts, struct findings *findings)
{
	const char *driver = facts->nic.driver;
	char refusal[FRAMES_REFUSAL_SIZE];

	if (doctor_refusal(facts, refusal)) {
		add(findings, "driver", FINDING_PROBLEM, "%s", refusal);
		return;
	}

	switch (native(facts)) {
	case YES:
		add(findings, "driver", FINDING_OK, "%s has native XDP", driver);
		break;
	case NO:
		find_no_native(facts, findings);
		break;
	default:
		if (is_bond(facts))
			find_bond(facts, FINDING_NOTE, findings);
		else
			add(findings, "driver", FINDING_NOTE,
			    "whether %s has native XDP this kernel does not say (Linux 6.3 does): attach will show",
			    driver);
	}
}

/* ---- what it has to be like */

/* Whether frames may come in several buffers. */
static enum answer several_buffers(const struct facts *facts)
{
	if (facts->frags == NO || facts->nic.several_buffers == NO)
		return NO;
	if (facts->frags == UNKNOWN || facts->nic.several_buffers != UNKNOWN)
		return facts->frags == UNKNOWN ? UNKNOWN : YES;
	/* Between Linux 5.18 and 6.3, which virtio_net learned it with, drivers had it and did not tell. */
	return is_driver(facts, "veth") ? YES : is_driver(facts, "virtio_net") ? NO : UNKNOWN;
}

/*
 * The largest MTU with which a frame fits into one page, beside the headroom and the kernel's note at the page's end
 * (struct skb_shared_info, 320 bytes with cache lines of 64). 0: there is no limit.
 */
#define HEADROOM 256
#define SHARED_INFO_SIZE 320
#define ETHERNET_HEADER_SIZE 14
static unsigned int mtu_limit(const struct facts *facts)
{
	if (is_driver(facts, "tun"))
		return 0;
	if (is_driver(facts, "igc"))
		return 1500;
	return facts->page_size - HEADROOM - SHARED_INFO_SIZE - ETHERNET_HEADER_SIZE;
}

static void check_mtu(const struct facts *facts, struct findings *findings)
{
	const struct nic *nic = &facts->nic;
	enum answer several = several_buffers(facts);
	unsigned int limit = mtu_limit(facts);
	struct finding *finding;

	if (native(facts) == NO)
		return;
	if (several == YES) {
		add(findings, "mtu", FINDING_OK, "%u; frames may lie in several buffers", nic->mtu);
	} else if (!limit || nic->mtu <= limit) {
		add(findings, "mtu", FINDING_OK, "%u%s", nic->mtu,
		    nic->mtu > 1500 && limit ? "; a few drivers take no more than 3000" : "");
	} else {
		finding =
			add(findings, "mtu", several == NO ? FINDING_PROBLEM : FINDING_NOTE,
			    "%u: %s; up to %u fits into one%s", nic->mtu,
			    facts->frags == NO ? "this kernel has no XDP for frames in several buffers (Linux 5.18 has)"
			    : several == NO    ? "the driver has no XDP for frames in several buffers"
					    : "whether the driver has XDP for frames in several buffers is not known",
			    limit, is_driver(facts, "veth") ? "; of a veth, the MTU of its other end counts" : "");
		if (is_driver(facts, "veth"))
			snprintf(finding->fix, sizeof(finding->fix), "on its other end: ip link set dev NAME mtu %u",
				 limit);
		else
			fix_by_ip(facts, finding, nic->name, change_to("mtu", limit).text);
	}
}

/*
 * Before Linux 5.13, and the stable releases that have it from there, virtio_net refuses XDP unless there is a free
 * queue for each CPU, to send on. (We send nothing.)
 */
static void check_channels(const struct facts *facts, struct findings *findings)
{
	const struct nic *nic = &facts->nic;
	struct finding *finding;

	if (!is_driver(facts, "virtio_net") || !nic->queues_max)
		return;
	if (facts->kernel >= KERNEL(5, 13) || nic->queues + facts->cpus <= nic->queues_max) {
		add(findings, "channels", FINDING_OK, "%u of %u queues in use", nic->queues, nic->queues_max);
		return;
	}
	finding = add(findings, "channels", FINDING_NOTE,
		      "%u of %u queues in use: many kernels before Linux 5.13 want another %u, one for each CPU",
		      nic->queues, nic->queues_max, facts->cpus);
	if (nic->queues_max > facts->cpus)
		fix_by_ethtool(facts, finding, "-L", change_to("combined", nic->queues_max - facts->cpus).text);
	else
		snprintf(finding->fix, sizeof(finding->fix), "on the host: give the card %u queues, QEMU's queues=%u",
			 2 * facts->cpus, 2 * facts->cpus);
}

/* Segments that the card has put together are no frames that XDP could judge. */
static void check_lro(const struct facts *facts, struct findings *findings)
{
	const struct nic *nic = &facts->nic;
	struct finding *finding;
	bool refuses;

	if (native(facts) == NO || (nic->lro == UNKNOWN && nic->gro_hw == UNKNOWN))
		return;
	if (is_driver(facts, "virtio_net") && nic->gro_hw == YES && nic->gro_hw_fixed == YES) {
		finding =
			add(findings, "lro", FINDING_PROBLEM,
			    "the host hands over segments put together (rx-gro-hw), which cannot be switched off here");
		fix(finding, "on the host, QEMU's -device virtio-net-pci,... with "
			     "guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,guest_csum=off");
	} else if ((nic->lro == YES && is_driver(facts, "vmxnet3")) ||
		   (nic->gro_hw == YES && is_driver(facts, "virtio_net"))) {
		add(findings, "lro", FINDING_OK, "%s is on: %s switches it off when the program comes",
		    nic->lro == YES ? "LRO" : "rx-gro-hw", nic->driver);
	} else if (nic->lro == YES) {
		refuses = is_driver(facts, "ixgbe") || is_driver(facts, "mlx5_core") || is_driver(facts, "nicvf");
		finding = add(findings, "lro", refuses ? FINDING_PROBLEM : FINDING_NOTE, "LRO is on: %s",
			      refuses ? "this driver refuses native XDP beside it"
				      : "some drivers refuse native XDP beside it");
		fix_by_ethtool(facts, finding, "-K", "lro off");
	} else if (nic->gro_hw == YES) {
		finding = add(findings, "lro", FINDING_NOTE,
			      "rx-gro-hw is on: most drivers switch it off for XDP, some refuse");
		fix_by_ethtool(facts, finding, "-K", "rx-gro-hw off");
	} else {
		add(findings, "lro", FINDING_OK, "off");
	}
}

/* What generic mode costs where there is no other, and no card that puts segments together. */
static void check_gro(const struct facts *facts, struct findings *findings)
{
	if (facts->nic.frames == FRAMES_IP)
		add(findings, "gro", FINDING_NOTE,
		    "its frames begin with the IP header; in generic mode the kernel no longer puts segments together "
		    "(GRO) on it, which costs CPU");
}

/*
 * A veth's two ends are one host's, but the root of the other end's namespace may be another's. Generic XDP passes what
 * was redirected on its way, by whomever; what is handed to the other end by bpf_redirect_peer() passes native XDP.
 */
static void check_redirect(const struct facts *facts, struct findings *findings)
{
	if (is_driver(facts, "veth"))
		add(findings, "redirect", FINDING_NOTE,
		    "whoever is root at the veth's other end can send frames that generic mode does not see (tc mirred, "
		    "bpf_redirect): filter by native mode here. Frames that a CNI hands over by bpf_redirect_peer pass "
		    "native mode: filter these on the physical interface");
}

static void check_vlan(const struct facts *facts, struct findings *findings)
{
	if (facts->nic.rxvlan == YES)
		add(findings, "vlan", FINDING_NOTE,
		    "rxvlan is on: the card may strip a VLAN tag before XDP; segments are judged the same");
}

/* Bonds and bridges, above and below. */
static void check_stack(const struct facts *facts, struct findings *findings)
{
	const struct nic *nic = &facts->nic;
	struct finding *finding;

	if (*nic->busy_master) {
		finding = add(findings, "stack", FINDING_PROBLEM,
			      "it belongs to %s, which has an XDP program: the kernel allows one or the other",
			      nic->busy_master);
		fix_by_ip(facts, finding, nic->busy_master, "xdp off");
	} else if (*nic->busy_lower && is_bond(facts)) {
		finding = add(findings, "stack", FINDING_PROBLEM,
			      "%s, which belongs to it, has an XDP program: the kernel allows one or the other",
			      nic->busy_lower);
		fix_by_ip(facts, finding, nic->busy_lower, "xdp off");
	} else if (*nic->master) {
		finding = add(findings, "stack", FINDING_NOTE,
			      "it belongs to %s %s: the filter sees what comes in by %s, and not by the others",
			      *nic->master_kind ? nic->master_kind : "interface", nic->master, nic->name);
		if (!strcmp(nic->master_kind, "bond"))
			fix_by_attach(facts, finding, nic->master, NULL);
	}
	if (!nic->up) {
		finding = add(findings, "link", FINDING_NOTE,
			      "the interface is down: attach works, but no frame comes in");
		fix_by_ip(facts, finding, nic->name, "up");
	}
}

/* ---- another program */

/* Who keeps it: ", pinned at PATH by user 0, open in PID (NAME)". Returns BUFFER. */
#define OWNER_SIZE 360
static const char *held_by(const struct owner *owner, char buffer[OWNER_SIZE])
{
	int at = 0;

	*buffer = '\0';
	if (*owner->pin)
		at = snprintf(buffer, OWNER_SIZE, ", pinned by user %u at %s", owner->uid, owner->pin);
	if (owner->pid)
		snprintf(buffer + at, OWNER_SIZE - at, ", open in process %d (%.15s)", owner->pid, owner->process);
	return buffer;
}

static void fix_foreign(const struct facts *facts, struct finding *finding)
{
	static const char *const off[] = {[XDP_MODE_NONE] = "xdp off",
					  [XDP_NATIVE] = "xdpdrv off",
					  [XDP_GENERIC] = "xdpgeneric off",
					  [XDP_OFFLOAD] = "xdpoffload off"};
	const struct owner *owner = &facts->owner;

	if (!owner->by_link)
		fix_by_ip(facts, finding, facts->nic.name, off[facts->programs.mode]);
	else if (owner->pid)
		fix(finding, "kill %d", owner->pid);
	else if (*owner->pin)
		fix(finding, "rm %s", shell_word(owner->pin).text);
}

/* Only a veth's: see nic_queues_of_attach(). */
static void check_queues_added(const struct facts *facts, struct findings *findings)
{
	struct finding *finding;

	if (!facts->queues_added)
		return;
	finding = add(
		findings, "queues", FINDING_NOTE,
		"%u of %u receive queues came after the attach: what arrives by such a queue is not filtered, unless "
		"the interface went down and up since",
		facts->queues_added, facts->nic.rx_queues);
	fix_by_attach(facts, finding, facts->nic.name, NULL);
}

static void check_program(const struct facts *facts, struct findings *findings)
{
	const struct xdp_programs *there = &facts->programs;
	struct finding *finding;
	char owner[OWNER_SIZE];

	if ((facts->programs_error == -EPERM || (there->only_id && facts->own < 0)) &&
	    !(facts->capabilities & 1ull << CAP_SYS_ADMIN)) {
		return; /* the finding "capabilities" says already why they cannot be seen */
	} else if (facts->programs_error) {
		add(findings, "program", FINDING_PROBLEM, "cannot look at the programs that are attached: %s",
		    *facts->programs_failure ? facts->programs_failure : strerror(-facts->programs_error));
	} else if (!there->count) {
		add(findings, "program", FINDING_OK, "no XDP program is attached");
	} else if (facts->own >= 0) {
		add(findings, "program", FINDING_OK, "flagfilter is attached already: id %u, %s, %s",
		    there->program[facts->own].id, xdp_mode_name(there->mode), there->shared ? "shared" : "exclusive");
		check_queues_added(facts, findings);
	} else if (!there->shared) {
		finding = add(findings, "program", FINDING_PROBLEM,
			      "another owner's program has it for itself: '%.15s', id %u, %s%s%s",
			      there->program[0].name, there->program[0].id, xdp_mode_name(there->mode),
			      facts->owner.by_link ? ", by a BPF link" : "", held_by(&facts->owner, owner));
		fix_foreign(facts, finding);
	} else if (there->mode != XDP_NATIVE) {
		add(findings, "program", FINDING_PROBLEM,
		    "other programs are attached in %s mode: native mode excludes that", xdp_mode_name(there->mode));
	} else {
		add(findings, "program", FINDING_OK, "%u other programs share it, ours will run beside them",
		    there->count);
	}
}

/* ---- the system */

static bool may(const struct facts *facts, int capability)
{
	return facts->capabilities & 1ull << capability;
}

static void check_capabilities(const struct facts *facts, struct findings *findings)
{
	bool net = may(facts, CAP_NET_ADMIN), sys = may(facts, CAP_SYS_ADMIN);
	bool load = sys || (may(facts, CAP_BPF) && may(facts, CAP_PERFMON));
	struct finding *finding;

	if (net && sys) {
		add(findings, "capabilities", FINDING_OK, "CAP_NET_ADMIN and CAP_SYS_ADMIN are there");
		return;
	}
	if (net && load) {
		/* Programs are opened by their ids. */
		add(findings, "capabilities", FINDING_NOTE,
		    "enough to attach; to attach again or to detach, CAP_SYS_ADMIN is missing");
		return;
	}
	finding = add(findings, "capabilities", FINDING_PROBLEM, "missing: %s%s%s", net ? "" : "CAP_NET_ADMIN",
		      net || load ? "" : ", ", load ? "" : "CAP_SYS_ADMIN");
	fix(finding, "sudo %s ...", shell_tool(facts->netns, "flagfilter").text);
}

/* Before 5.11 memory for maps counts against RLIMIT_MEMLOCK, which libbpf raises if it may. */
#define MEMORY_NEEDED (8ull << 20)
static void check_memlock(const struct facts *facts, struct findings *findings)
{
	struct finding *finding;

	if (facts->kernel >= KERNEL(5, 11))
		return;
	if (facts->memlock >= MEMORY_NEEDED || facts->capabilities & 1ull << CAP_SYS_RESOURCE) {
		add(findings, "memlock", FINDING_OK, "enough, or may be raised");
		return;
	}
	finding = add(findings, "memlock", FINDING_PROBLEM,
		      "%llu KiB may be locked, before Linux 5.11 maps need more, and CAP_SYS_RESOURCE is missing",
		      (unsigned long long)facts->memlock >> 10);
	fix(finding, "ulimit -l unlimited");
}

static void check_bpffs(const struct facts *facts, struct findings *findings)
{
	struct finding *finding;

	if (!facts->bpffs) {
		finding = add(findings, "bpffs", FINDING_PROBLEM, "no BPF filesystem at /sys/fs/bpf%s",
			      facts->netns ? "" : " (`ip netns exec` hides it)");
		fix(finding, "mount -t bpf -o mode=700 bpf /sys/fs/bpf");
	} else if (*facts->pins_refused) {
		add(findings, "bpffs", FINDING_PROBLEM, "%s", facts->pins_refused);
	} else if (facts->bpffs_mode) {
		finding = add(findings, "bpffs", FINDING_NOTE,
			      "others can write to /sys/fs/bpf (mode %o), and so keep filters from being attached",
			      facts->bpffs_mode);
		fix(finding, "chmod 700 /sys/fs/bpf");
	} else {
		add(findings, "bpffs", FINDING_OK, "the BPF filesystem is mounted");
	}
}

static void check_system(const struct facts *facts, struct findings *findings)
{
	struct finding *finding;

	check_bpffs(facts, findings);
	check_capabilities(facts, findings);
	check_memlock(facts, findings);
	if (facts->loads == NO && !facts->btf)
		add(findings, "load", FINDING_PROBLEM,
		    "the kernel refuses the program, which needs type information (BTF): there is no "
		    "/sys/kernel/btf/vmlinux, the kernel was built without CONFIG_DEBUG_INFO_BTF");
	else if (facts->loads == NO)
		add(findings, "load", FINDING_PROBLEM, "%s", facts->load_failure);
	if (facts->loads == YES)
		add(findings, "load", FINDING_OK, "the kernel accepts the program");
	if (facts->jit == YES)
		add(findings, "jit", FINDING_OK, "programs are compiled");
	if (facts->jit == NO) {
		finding = add(findings, "jit", FINDING_NOTE, "%s: programs run interpreted, many times slower",
			      facts->jit_switch ? "the BPF JIT is off" : "this kernel has no BPF JIT");
		if (facts->jit_switch)
			fix(finding, "sysctl net.core.bpf_jit_enable=1");
	}
	if (facts->extension == YES)
		add(findings, "dispatcher", FINDING_OK, "the filter can share the interface with other programs");
	if (facts->extension == NO)
		add(findings, "dispatcher", FINDING_NOTE,
		    "this kernel does not let programs extend others: the filter will have the interface for itself");
}

static void clean(struct findings *findings)
{
	for (unsigned int i = 0; i < findings->count; i++) {
		text_clean(findings->finding[i].text);
		text_clean(findings->finding[i].fix);
	}
}

void doctor_look_at_link(const struct facts *facts, struct findings *findings)
{
	findings->count = 0;
	check_stack(facts, findings);
	clean(findings);
}

void doctor_diagnose(const struct facts *facts, struct findings *findings)
{
	char refusal[FRAMES_REFUSAL_SIZE];

	findings->count = 0;
	check_driver(facts, findings);
	check_mtu(facts, findings);
	check_channels(facts, findings);
	check_lro(facts, findings);
	for (unsigned int i = 0; i < findings->count; i++)
		findings->finding[i].native_only = !doctor_refusal(facts, refusal);
	check_gro(facts, findings);
	check_redirect(facts, findings);
	check_vlan(facts, findings);
	check_stack(facts, findings);
	check_program(facts, findings);
	check_system(facts, findings);
	clean(findings);
}

enum answer doctor_answer(const struct findings *findings)
{
	enum answer answer = YES;

	for (unsigned int i = 0; i < findings->count; i++) {
		if (findings->finding[i].state == FINDING_PROBLEM)
			return NO;
		if (findings->finding[i].state == FINDING_NOTE && findings->finding[i].native_only)
			answer = UNKNOWN;
	}
	return answer;
}

#define FIX_LABEL "    > "

void doctor_print(FILE *out, const char *heading, const struct finding *finding)
{
	fputs(heading, out);
	output_wrapped(out, strlen(heading), finding->text);
	if (!*finding->fix)
		return;
	fputs(FIX_LABEL, out);
	output_wrapped(out, strlen(FIX_LABEL), finding->fix);
}

static void add_line(struct diag *diag, const char *label, const char *text)
{
	size_t at = strlen(diag->details);

	snprintf(diag->details + at, sizeof(diag->details) - at, "%s%s\n", label, text);
}

void doctor_explain(const struct findings *findings, enum xdp_mode mode, struct diag *diag)
{
	for (unsigned int i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->finding[i];
		char label[32];

		if (finding->state != FINDING_PROBLEM || (finding->native_only && mode == XDP_GENERIC))
			continue;
		snprintf(label, sizeof(label), "  %s: ", finding->check);
		add_line(diag, label, finding->text);
		if (*finding->fix)
			add_line(diag, FIX_LABEL, finding->fix);
	}
}

json_t *doctor_to_json(const struct findings *findings)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->finding[i];

		json_array_append_new(list, json_pack("{ss ss ss ss?}", "check", finding->check, "state",
						      finding_state_name(finding->state), "text", finding->text, "fix",
						      *finding->fix ? finding->fix : NULL));
	}
	return list;
}
