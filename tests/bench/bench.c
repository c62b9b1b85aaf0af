/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bench.h"

#include "base/netns.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void fail_diag(const struct diag *diag)
{
	fail("%s", diag->text);
}

__u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		fail("cannot read clock %d: %s", clock, strerror(errno));
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

void sleep_ns(__u64 ns)
{
	struct timespec rest = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	while (nanosleep(&rest, &rest) && errno == EINTR)
		;
}

void stay_on_cpu(pid_t thread, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(thread, sizeof(cpus), &cpus))
		fail("cannot hold thread %d on CPU %d: %s", thread, cpu, strerror(errno));
}

void enter_netns(const char *name)
{
	struct diag diag = {};

	if (netns_enter(name, &diag))
		fail_diag(&diag);
}

void print_json(json_t *object)
{
	if (!object || json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(8)))
		fail("cannot write the results");
	putchar('\n');
	json_decref(object);
}

/* Frames. */

static const __u8 ethernet[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}; /* to the victim's veth from the attacker's */
static const __u8 tags[] = {0x88, 0xa8, 0, 100, 0x81, 0x00, 0, 200, 0x88, 0xa8, 1, 44, 0x81, 0x00, 1, 144};
enum { TAG_SIZE = 4 };

static const __u8 ipv4[] = {8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
enum {
	IPV4_VERSION = 2,
	IPV4_LENGTH = 5,
	IPV4_FRAGMENT = 8,
	IPV4_PROTOCOL = 11,
	IPV4_CHECKSUM = 12
};								    /* offsets in it */
static const __u8 options[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}; /* no operation */
enum { MORE_FRAGMENTS = 0x2000, SOME_OFFSET = 185 };

static const __u8 ipv6[] = {0x86, 0xdd, 0x60, 0,    0, 0, 0, 20, 6, 64, /* 2001:db8::1 to 2001:db8::2 */
			    0x20, 1,	0x0d, 0xb8, 0, 0, 0, 0,	 0, 0,	0, 0, 0, 0, 0, 1,
			    0x20, 1,	0x0d, 0xb8, 0, 0, 0, 0,	 0, 0,	0, 0, 0, 0, 0, 2};
enum { IPV6_LENGTH = 7, IPV6_NEXT_HEADER = 8 };

/* An extension header for options, with eight bytes of PadN, and what the next one is. */
static const __u8 exthdr[] = {60, 0, 1, 4, 0, 0, 0, 0};
enum { HOP_BY_HOP = 0, DESTINATION_OPTIONS = 60 };

static const __u8 tcp[] = {0x9c, 0x40, 0x20, 0xfb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0, 0x20, 0, 0, 0, 0, 0};
enum { TCP_DEST = 2, TCP_FLAGS = 13, FIN_SYN = FIN | SYN };

static const __u8 udp[] = {0x9c, 0x40, 0x00, 0x35, 0, 20, 0, 0};
enum { UDP_LENGTH = 5 };
static const __u8 echo[] = {8, 0, 0xf7, 0xfe, 0, 1, 0, 0}; /* the rest is zero */
static const __u8 arp[] = {8, 6,   0, 1, 8, 0, 6, 4, 0, 1, 2, 0,   0, 0, 0,
			   1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2};

/* Appends to the frame; where that starts. */
static __u8 *append(struct frame *frame, const void *data, size_t size)
{
	__u8 *at = frame->data + frame->size;

	memcpy(at, data, size);
	frame->size += size;
	return at;
}

/* Of a datagram with so much CONTENT behind the header. FRAGMENT: flags and offset, as in the header. */
static void append_ipv4(struct frame *frame, __u8 protocol, __u8 content, __u16 fragment, bool with_options)
{
	__u8 *at = append(frame, ipv4, sizeof(ipv4));
	__u32 sum = 0;

	at[IPV4_LENGTH] = 20 + content;
	at[IPV4_FRAGMENT] = fragment >> 8;
	at[IPV4_FRAGMENT + 1] = fragment;
	at[IPV4_PROTOCOL] = protocol;
	if (with_options) {
		at[IPV4_VERSION] += sizeof(options) / 4;
		at[IPV4_LENGTH] += sizeof(options);
		append(frame, options, sizeof(options));
	}
	for (__u8 *word = at + 2; word < frame->data + frame->size; word += 2)
		sum += word[0] << 8 | word[1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	at[IPV4_CHECKSUM] = sum >> 8;
	at[IPV4_CHECKSUM + 1] = sum;
}

static void append_tcp(struct frame *frame, __u16 port, __u8 flags)
{
	__u8 *at = append(frame, tcp, sizeof(tcp));

	at[TCP_DEST] = port >> 8;
	at[TCP_DEST + 1] = port;
	at[TCP_FLAGS] = flags;
}

/* With so many EXTHDRS, of which the first is of type FIRST. */
static void append_ipv6(struct frame *frame, unsigned int exthdrs, __u8 first)
{
	__u8 *at = append(frame, ipv6, sizeof(ipv6)), *next = &at[IPV6_NEXT_HEADER];

	at[IPV6_LENGTH] += exthdrs * sizeof(exthdr);
	for (unsigned int i = 0; i < exthdrs; i++) {
		*next = i ? DESTINATION_OPTIONS : first;
		next = append(frame, exthdr, sizeof(exthdr));
	}
	*next = 6;
}

/* Padding up to the smallest frame, without its checksum. */
static void finish(struct frame *frame, const char *name)
{
	frame->name = name;
	if (frame->size < 60)
		frame->size = 60;
}

const char *const frame_names[FRAME_KINDS] = {
	"syn_fin",	"ack",		"udp",	     "arp",   "ipv6",	    "qinq",    "exthdrs",
	"ipv6_syn_fin", "port_syn_fin", "udp_short", "icmp",  "icmp_short", "exthdr1", "exthdr4",
	"options",	"first",	"fragment",  "tags3", "tags4",
};

/* How each is made, of Ethernet, tags, IP and what it carries. */
static const struct {
	__u8 tags, protocol, content;
	bool options;
	__u16 fragment;
	bool ipv6;
	__u8 exthdrs, first;
	__u8 flags;
	__u16 port;
} recipes[FRAME_KINDS] = {
	[FRAME_SYN_FIN] = {.flags = FIN_SYN},
	[FRAME_ACK] = {.flags = ACK},
	[FRAME_UDP] = {.protocol = 17, .content = 20},
	[FRAME_IPV6] = {.ipv6 = true, .flags = ACK},
	[FRAME_QINQ] = {.tags = 2, .flags = ACK},
	[FRAME_EXTHDRS] = {.ipv6 = true, .exthdrs = 2, .first = HOP_BY_HOP, .flags = ACK},
	[FRAME_IPV6_SYN_FIN] = {.ipv6 = true, .flags = FIN_SYN},
	[FRAME_PORT_SYN_FIN] = {.flags = FIN_SYN, .port = EXEMPT_PORT},
	[FRAME_UDP_SHORT] = {.protocol = 17, .content = 12},
	[FRAME_ICMP] = {.protocol = 1, .content = 20},
	[FRAME_ICMP_SHORT] = {.protocol = 1, .content = 12},
	[FRAME_EXTHDR1] = {.ipv6 = true, .exthdrs = 1, .first = DESTINATION_OPTIONS, .flags = ACK},
	[FRAME_EXTHDR4] = {.ipv6 = true, .exthdrs = 4, .first = HOP_BY_HOP, .flags = ACK},
	[FRAME_OPTIONS] = {.options = true, .flags = ACK},
	[FRAME_FIRST] = {.fragment = MORE_FRAGMENTS, .flags = ACK},
	[FRAME_FRAGMENT] = {.fragment = SOME_OFFSET, .flags = ACK},
	[FRAME_TAGS3] = {.tags = 3, .flags = ACK},
	[FRAME_TAGS4] = {.tags = 4, .flags = ACK},
};

static void append_ip(struct frame *frame, enum frame_kind kind)
{
	__u8 protocol = recipes[kind].protocol;

	if (recipes[kind].ipv6)
		append_ipv6(frame, recipes[kind].exthdrs, recipes[kind].first);
	else
		append_ipv4(frame, protocol ? protocol : 6, protocol ? recipes[kind].content : sizeof(tcp),
			    recipes[kind].fragment, recipes[kind].options);
	if (!protocol)
		append_tcp(frame, recipes[kind].port ? recipes[kind].port : OPEN_PORT, recipes[kind].flags);
	else if (protocol == 17)
		append(frame, udp, sizeof(udp))[UDP_LENGTH] = recipes[kind].content;
	else
		append(frame, echo, sizeof(echo));
}

void frame_make(struct frame *frame, enum frame_kind kind)
{
	*frame = (struct frame){};
	append(frame, ethernet, sizeof(ethernet));
	append(frame, tags, recipes[kind].tags * TAG_SIZE);
	if (kind == FRAME_ARP)
		append(frame, arp, sizeof(arp));
	else
		append_ip(frame, kind);
	finish(frame, frame_names[kind]);
}

/* The stack looks at the TCP checksum too: without it, the frame would not get as far as a real one. */
static void write_tcp_checksum(__u8 *ip)
{
	__u32 sum = 6 + sizeof(tcp);
	__u8 *segment = ip + 20;

	for (__u8 *word = ip + 12; word < segment + sizeof(tcp); word += 2)
		sum += word[0] << 8 | word[1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	segment[16] = sum >> 8;
	segment[17] = sum;
}

void frame_make_flood(struct frame *frame, __u16 port)
{
	*frame = (struct frame){};
	append(frame, ethernet, sizeof(ethernet));
	append_ipv4(frame, 6, sizeof(tcp), 0, false);
	append_tcp(frame, port, FIN_SYN);
	write_tcp_checksum(frame->data + 14);
	finish(frame, "flood");
}

/* Reference programs. */

void *global_of(const struct bpf_object *object, const char *name, size_t size)
{
	int map = bpf_object__find_map_fd_by_name(object, name);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

	if (memory == MAP_FAILED)
		fail("cannot map %s: %s", name, strerror(errno));
	return memory;
}

/* The verdicts of the table programs: drop what has SYN and FIN. */
static void fill_verdicts(const struct reference *reference)
{
	int map = bpf_object__find_map_fd_by_name(reference->object, "verdict_map");
	__u8 *verdicts = global_of(reference->object, ".data.verdicts", 256);

	for (__u32 flags = 0; flags < 256; flags++) {
		verdicts[flags] = (flags & FIN_SYN) == FIN_SYN;
		if (bpf_map_update_elem(map, &flags, &verdicts[flags], BPF_ANY))
			fail("cannot fill the table: %s", strerror(errno));
	}
	munmap(verdicts, 256);
}

void reference_load(struct reference *reference, const char *path, const char *name)
{
	struct bpf_program *program;

	reference->object = bpf_object__open_file(path, NULL);
	if (!reference->object)
		fail("%s: %s", path, strerror(errno));
	reference->program = bpf_object__find_program_by_name(reference->object, name);
	if (!reference->program)
		fail("%s: no program '%s'", path, name);
	bpf_object__for_each_program(program, reference->object)
		bpf_program__set_autoload(program, program == reference->program);
	if (bpf_object__load(reference->object))
		fail("%s: cannot load '%s': %s", path, name, strerror(errno));
	fill_verdicts(reference);
	reference->fd = bpf_program__fd(reference->program);
}

void reference_close(struct reference *reference)
{
	bpf_object__close(reference->object);
}

/* The flood. */

static void on_wake(int number)
{
	(void)number;
}

static void *flood_main(void *context)
{
	struct flood *flood = context;
	struct xdp_md origin = {.data_end = flood->frame.size};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = flood->frame.data, .data_size_in = flood->frame.size,
		    .ctx_in = &origin, .ctx_size_in = sizeof(origin), .repeat = 1 << 24,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	struct reference generator;
	__u64 *interval_ns;

	enter_netns(flood->netns);
	stay_on_cpu(0, flood->cpu);
	origin.ingress_ifindex = if_nametoindex(flood->interface);
	reference_load(&generator, flood->object, "send_back");
	interval_ns = global_of(generator.object, ".data.pace", sizeof(*interval_ns));
	*interval_ns = flood->interval_ns;
	while (!flood->stop)
		if (bpf_prog_test_run_opts(generator.fd, &run) && errno != EINTR)
			fail("cannot flood: %s (live frames need Linux 5.18)", strerror(errno));
	munmap(interval_ns, sizeof(*interval_ns));
	reference_close(&generator);
	return NULL;
}

void flood_start(struct flood *flood)
{
	struct sigaction wake = {.sa_handler = on_wake}; /* interrupts the system call, no more */

	sigaction(SIGUSR1, &wake, NULL);
	flood->stop = false;
	if (pthread_create(&flood->thread, NULL, flood_main, flood))
		fail("cannot start the flood");
}

void flood_stop(struct flood *flood)
{
	flood->stop = true;
	do { /* the signal may have come just before the system call */
		pthread_kill(flood->thread, SIGUSR1);
		sleep_ns(1000000);
	} while (pthread_tryjoin_np(flood->thread, NULL));
}

/* The receiving side. */

static bool is_napi_thread(const char *pid, const char *interface)
{
	char path[64], comm[32] = "", wanted[32];
	_cleanup_file_ FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	snprintf(wanted, sizeof(wanted), "napi/%.10s-", interface);
	return file && fgets(comm, sizeof(comm), file) && !strncmp(comm, wanted, strlen(wanted));
}

static pid_t find_napi_thread(const char *interface)
{
	_cleanup_(cleanup_dir) DIR *processes = opendir("/proc");
	const struct dirent *entry;

	while (processes && (entry = readdir(processes)))
		if (*entry->d_name >= '1' && *entry->d_name <= '9' && is_napi_thread(entry->d_name, interface))
			return atoi(entry->d_name);
	fail("%s has no NAPI thread (threaded NAPI needs Linux 5.12)", interface);
}

void receiver_open(struct receiver *receiver, const char *interface, int cpu)
{
	receiver->interface = interface;
	receiver->thread = find_napi_thread(interface);
	stay_on_cpu(receiver->thread, cpu);
	if (clock_getcpuclockid(receiver->thread, &receiver->clock))
		fail("cannot read the CPU time of thread %d", receiver->thread);
	receiver->net_dev = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
	if (receiver->net_dev < 0)
		fail("cannot read /proc/net/dev: %s", strerror(errno));
}

void receiver_goes_first(const struct receiver *receiver, bool first)
{
	struct sched_param parameters = {.sched_priority = first};

	if (sched_setscheduler(receiver->thread, first ? SCHED_FIFO : SCHED_OTHER, &parameters))
		fail("cannot set the priority of thread %d: %s", receiver->thread, strerror(errno));
}

__u64 receiver_packets(const struct receiver *receiver)
{
	unsigned long long bytes, packets;
	char text[8192], name[32];
	ssize_t size = pread(receiver->net_dev, text, sizeof(text) - 1, 0);
	const char *line;

	text[size > 0 ? size : 0] = '\0';
	snprintf(name, sizeof(name), "%s:", receiver->interface);
	line = strstr(text, name);
	if (!line || sscanf(line + strlen(name), "%llu %llu", &bytes, &packets) != 2)
		fail("no packet counts of %s", receiver->interface);
	return packets;
}
