/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The border: everything that the XDP program and the loader must agree on, and nothing else.
 *
 * Every frame has exactly one class. The class indexes a table of verdicts; the verdict names the rule that gave it.
 * The table, the rules behind it, what was counted and what a reader sees of it live in these maps:
 *
 *	state     one struct ff_state, an mmap-able array with one element: policies, in two slots
 *	counters  one struct ff_counters per CPU: written by the program, read by everyone, never written by user space
 *	sources   a trie of exempt sources, struct ff_source_key -> __u8
 *	sampling  one struct ff_sampling per CPU: written by the program
 *	samples   perf events of one reader, one per CPU: each event is a struct ff_sample and the frame's first bytes
 *
 * Any change of the meaning or the layout of something in this file raises FF_LAYOUT.
 */
#ifndef FLAGFILTER_H
#define FLAGFILTER_H

#include "vmlinux.h"

#define FF_LAYOUT 0xff000004u /* first word of the state map: magic and version of this file */

/* TCP flags as one number: byte 12 bit 0, then byte 13 (RFC 9293, section 3.1; AE: RFC 9768). */
#define FF_FLAGS_FIN 0x001
#define FF_FLAGS_SYN 0x002
#define FF_FLAGS_RST 0x004
#define FF_FLAGS_PSH 0x008
#define FF_FLAGS_ACK 0x010
#define FF_FLAGS_URG 0x020
#define FF_FLAGS_ECE 0x040
#define FF_FLAGS_CWR 0x080
#define FF_FLAGS_AE 0x100
#define FF_FLAGS_ALL 0x1ff

/*
 * Classes. Below FF_NAMED_CLASSES a class is the nine flag bits of a segment whose flags could be judged; from there on
 * it says why they could not.
 */
#define FF_NAMED_CLASSES 512
enum ff_class {
	FF_NON_IP = FF_NAMED_CLASSES, /* neither IPv4 nor IPv6 */
	FF_NON_TCP,		      /* IP, and what it carries is known not to be TCP */
	FF_FRAGMENT,		      /* non-first fragment: carries no TCP header */
	FF_TINY_FRAGMENT, /* first fragment ends before TCP's flags (RFC 1858, 7112), or TCP's at offset 1 (RFC 3128) */
	FF_TRUNCATED,	  /* unfragmented TCP that ends before the flags */
	FF_MALFORMED,	  /* IP lengths or version contradict each other, or the frame ends inside the IP headers */
	FF_VLAN_DEPTH,	  /* more than FF_VLAN_MAX tags */
	FF_IPV6_EXTHDR,	  /* more than FF_EXTHDR_MAX extension headers */
	FF_RUNT,	  /* shorter than the Ethernet header, its VLAN tags included; without one: empty */
	FF_CLASSES,
};
_Static_assert(FF_CLASSES == FF_NAMED_CLASSES + 9,
	       "another class moves what is in the maps: raise FF_LAYOUT, then this");
#define FF_VLAN_MAX 4
#define FF_EXTHDR_MAX 8

/*
 * Verdict of a class: what to do in the high byte, the number of the counter of the rule that said so in the low byte.
 * Zero, the verdict of most classes, is "no rule has a say: pass".
 */
enum ff_action {
	FF_PASS,
	FF_MONITOR,	       /* pass, and count as "would drop" */
	FF_DROP,	       /* drop */
	FF_DROP_UNLESS_EXEMPT, /* look up exempt sources and ports, then drop or pass */
};
#define FF_SILENT 0x80 /* with any action: what passes is not counted, another program here already counts it */
#define FF_SAMPLE 0x40 /* with FF_MONITOR, FF_DROP or FF_DROP_UNLESS_EXEMPT: a reader wants samples of such frames */
#define FF_VERDICT(action, counter) ((__u16)((action) << 8 | (counter)))
#define FF_ACTION(verdict) ((verdict) >> 8 & ~(FF_SILENT | FF_SAMPLE))
#define FF_COUNTER(verdict) ((verdict)&0xff)

enum ff_mode { FF_OFF, FF_MONITORED, FF_ENFORCED };

#define FF_NAME_SIZE 32 /* of a rule, with its NUL */
#define FF_LABEL_SIZE 66
#define FF_RULES_MAX 64	    /* in one policy */
#define FF_COUNTERS 128	    /* of rules: twice FF_RULES_MAX, so a changed policy always finds unused ones */
#define FF_SOURCES_MAX 1024 /* exempt sources in one policy */

struct ff_rule {
	char name[FF_NAME_SIZE]; /* NUL-terminated, [a-z0-9-] */
	__u16 value;		 /* flags that must be as here ... */
	__u16 mask;		 /* ... among these; zero in a rule for a named class */
	__u16 class;		 /* named class it is for, or zero in a rule for flags */
	__u8 mode;		 /* enum ff_mode */
	__u8 counter;		 /* its place in ff_counters.rule */
};

struct ff_count {
	__u64 packets;
	__u64 bytes; /* whole frames, without FCS */
};

struct ff_rule_count {
	struct ff_count dropped;
	struct ff_count would_drop; /* passed: the rule is only monitored */
	struct ff_count exempted;   /* passed: source or port is exempt */
};

/*
 * What was counted. Every counter only ever grows: a reset, or a rule counter that is given to another rule, is a new
 * base (struct ff_policy) that readers subtract. Frames that passed are counted by class, with bytes; dropped ones by
 * class (packets) and by rule (packets and bytes).
 */
struct ff_counters {
	struct ff_count passed[FF_CLASSES];
	__u64 dropped[FF_CLASSES];
	struct ff_rule_count rule[FF_COUNTERS];
};

#define FF_POLICY_SIZE 32768 /* a power of two: the slot's address is a shift */

/*
 * One policy, as the program reads it (verdict, ports) and as the next loader reads it back (all the rest).
 */
struct ff_policy {
	union {
		__u8 room[FF_POLICY_SIZE];
		struct {
			__u16 verdict[FF_CLASSES];
			__u16 rules;			   /* how many are in rule[] */
			__u16 sources;			   /* how many entries the sources map has for this slot */
			char label[FF_LABEL_SIZE];	   /* where it came from: "preset strict", a file's path */
			__u64 applied_ns;		   /* when, CLOCK_BOOTTIME */
			struct ff_rule rule[FF_RULES_MAX]; /* in evaluation order */
			__u32 port[65536 / 32];		   /* bit set of exempt destination ports */
			struct ff_counters base;	   /* what ff_counters held when counting began */
			struct ff_rule_count removed;	   /* of rules that are gone, whose counters were given away */
			__u64 counting_ns;		   /* when counting began, CLOCK_BOOTTIME: attached, or reset */
		};
	};
};

/*
 * The live policy is slot[generation & 1]. A change writes the other slot, then stores generation + 1: one aligned
 * store, after which every packet meets the new policy. The slot left behind may still be in use by a packet on its way
 * until an RCU grace period has passed; "settled" says up to which generation a loader has waited for that.
 */
struct ff_state {
	__u32 layout; /* FF_LAYOUT */
	__u32 generation;
	__u32 settled;
	__u32 sample_reader;   /* process id of the last reader of samples */
	__u64 attached_ns;     /* CLOCK_BOOTTIME */
	__u64 sample_until_ns; /* CLOCK_MONOTONIC: after this the program clears FF_SAMPLE where it meets it */
	__u64 sample_every_ns; /* what a sample costs: see struct ff_sampling */
	__u64 no_ethernet;     /* frames begin with the IP header: the program was loaded so, and its samples are so */
	__u64 queues;	       /* receive queues at the attach, where later ones run no program; 0: all run it */
	struct ff_policy slot[2];
};

/* Key of the sources map. The first 32 bits after prefix_len are matched exactly. */
struct ff_source_key {
	__u32 prefix_len; /* in bits: FF_SOURCE_PREFIX + that of the address */
	__u8 slot;	  /* of the policy it belongs to */
	__u8 family;	  /* 4 or 6 */
	__u16 zero;
	__u8 address[16]; /* network byte order; an IPv4 address fills the first four */
};
#define FF_SOURCE_PREFIX 32

/*
 * Samples. Each CPU has a bucket of nanoseconds, which time fills, FF_SAMPLE_BUCKET_NS at the most, and from which a
 * sample takes ff_state.sample_every_ns. While it is at least half full every frame is a sample; below that one frame
 * in 2^shift, by chance, and shift grows by one with every FF_SAMPLE_BUCKET_NS / 2 / FF_SAMPLE_SHIFT_MAX missing.
 */
#define FF_SAMPLE_BUCKET_NS (1ull << 31)
#define FF_SAMPLE_SHIFT_MAX 20
#define FF_SAMPLE_SIZE_MAX 256 /* so much of a frame is in a sample */

struct ff_sampling {
	__u64 seen;	/* frames with FF_SAMPLE in their verdict that were dropped or would have been */
	__u64 sampled;	/* of these, handed to the reader */
	__u64 lost;	/* of these, were to be samples, but the reader has no room, or the bucket is empty */
	__u64 jiffies;	/* when the clock was last looked at */
	__u64 spent_ns; /* CLOCK_MONOTONIC: what has passed since then is in the bucket */
	__u64 mask;	/* 2^shift - 1: a frame is sampled if these bits of a random number are 0 */
	__u64 random;	/* state of the dice */
};

struct ff_sample {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 weight;  /* for so many frames it stands */
	__u32 length;  /* of the whole frame */
	__u16 class;
	__u16 verdict;
	__u16 slot;	/* of the policy that gave the verdict */
	__u16 captured; /* bytes of the frame that follow */
};

/* Why one frame met its fate; the program leaves it in a global for the replay's kernel engine. */
struct ff_judgement {
	__u16 class;
	__u16 verdict;
};

_Static_assert(sizeof(struct ff_rule) == 40, "no holes");
_Static_assert(sizeof(struct ff_policy) == FF_POLICY_SIZE, "a policy fits into its room");
_Static_assert(__builtin_offsetof(struct ff_state, slot) == 56, "no holes");
_Static_assert(sizeof(struct ff_counters) <= 32768, "the largest value of a per-CPU map (PCPU_MIN_UNIT_SIZE)");
_Static_assert(sizeof(struct ff_source_key) == 24, "no holes");
_Static_assert(sizeof(struct ff_sample) == 24, "no holes");
_Static_assert(sizeof(struct ff_judgement) == 4, "no holes");

#endif
