/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Facts about an interface and this system, gathered without changing anything. */
#ifndef KERNEL_FACTS_H
#define KERNEL_FACTS_H

#include "base/system.h"
#include "kernel/nic.h"
#include "kernel/owner.h"
#include "kernel/xdp.h"

/* Everything that the doctor makes findings from. */
struct facts {
	const char *netns;	 /* as in --netns, for the commands that findings name; NULL: the caller's */
	unsigned int kernel;	 /* KERNEL(major, minor) */
	unsigned int cpus;	 /* possible ones */
	unsigned int page_size;	 /* in bytes */
	__u64 capabilities;	 /* effective ones, bit by CAP_* */
	__u64 memlock;		 /* RLIMIT_MEMLOCK, in bytes */
	bool bpffs;		 /* there is one where it belongs */
	unsigned int bpffs_mode; /* of its directory, if others may write to it; otherwise 0 */
	char pins_refused[256];	 /* why what is there is not trusted; empty if it is */
	enum answer jit;	 /* programs are compiled */
	bool jit_switch;	 /* there is net.core.bpf_jit_enable, which a kernel without a JIT does not have */
	bool btf;		 /* the kernel has type information, BTF, of itself */
	enum answer frags;	 /* the kernel has frames in several buffers */
	enum answer extension;	 /* a program of ours can extend another, as behind libxdp's dispatcher */
	enum answer loads;	 /* the kernel takes the program */
	char load_failure[256];	 /* why not */
	struct nic nic;
	int programs_error;	      /* -errno: why PROGRAMS could not be read, or not whether one is ours; 0 */
	char programs_failure[256];   /* the latter in words */
	struct xdp_programs programs; /* that are attached there */
	int own;		      /* which of them is ours; -1: none */
	unsigned int queues_added;    /* that run no program of ours: see filter_queues_added() */
	struct owner owner;	      /* of program 0, if none is ours */
};

/* Only what is known of the interface itself: NETNS and NIC; all else is unknown. -errno with DIAG filled. */
int facts_of_link(struct facts *facts, const char *interface, const char *netns, struct diag *diag);

/* NETNS is where this process is already, as in --netns. -errno with DIAG filled if there is no such interface. */
int facts_gather(struct facts *facts, const char *interface, const char *netns, struct diag *diag);

#endif
