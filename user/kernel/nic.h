/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel tells about a network interface and its driver: by netlink and ethtool, read only. */
#ifndef KERNEL_NIC_H
#define KERNEL_NIC_H

#include "kernel/interface.h"
#include <linux/types.h>

enum answer { UNKNOWN, NO, YES };

static inline enum answer answer_from(bool yes)
{
	return yes ? YES : NO;
}

#define NIC_NAMES_MAX 8 /* more are not named */

struct nic {
	char name[IF_NAMESIZE];
	unsigned int ifindex;
	char kind[16];	 /* of a virtual interface, "veth", "bridge", ...; empty for a network card */
	char driver[32]; /* as ethtool calls it, otherwise its kind */
	unsigned int mtu;
	bool up;
	struct frames_link link;
	enum frames frames;	  /* what they begin with */
	char master[IF_NAMESIZE]; /* bridge or bond that this belongs to; empty: none */
	char master_kind[16];
	char busy_master[IF_NAMESIZE];		/* MASTER, if that has an XDP program itself */
	char lower[NIC_NAMES_MAX][IF_NAMESIZE]; /* what this consists of, or lies upon */
	unsigned int lowers;
	char busy_lower[IF_NAMESIZE];	       /* one of LOWER that has an XDP program itself */
	enum answer native;		       /* the kernel's xdp-features (Linux 6.3): XDP in the driver */
	enum answer several_buffers;	       /* and frames in several buffers */
	unsigned int queues, queues_max;       /* combined channels; 0: not known */
	unsigned int rx_queues, rx_queues_max; /* of a driver that has them apart */
	enum answer lro, gro_hw, gro_hw_fixed, rxvlan;
};

/* Reads all of it for INTERFACE. -errno with DIAG filled. */
int nic_read(struct nic *nic, const struct interface *interface, struct diag *diag);

/*
 * How many receive queues the interface has, if its driver runs a native program only on those that were there when the
 * program was attached or exchanged: veth. 0 for every other driver: those give the program to new queues, too, or
 * refuse to add queues while there is one.
 */
unsigned int nic_queues_of_attach(const char *interface);

#endif
