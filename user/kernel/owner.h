/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who keeps a BPF program: its owner is whom to ask before it is taken away. */
#ifndef KERNEL_OWNER_H
#define KERNEL_OWNER_H

#include <linux/types.h>
#include <stdbool.h>

struct owner {
	bool by_link;	  /* attached by a BPF link, which lives as long as somebody keeps that */
	char pin[256];	  /* one of its pins, or of its link's; empty: none that can be seen */
	unsigned int uid; /* of the pin's owner */
	int pid;	  /* one of the processes that have it open; 0: none that can be seen */
	char process[16]; /* that process' name */
};

void owner_find(__u32 program_id, struct owner *owner);

#endif
