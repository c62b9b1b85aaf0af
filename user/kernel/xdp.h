/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* XDP programs on an interface: which are there, ours put there and taken away. Includes libxdp. */
#ifndef KERNEL_XDP_H
#define KERNEL_XDP_H

#include "kernel/interface.h"
#include "kernel/program.h"

enum xdp_mode { XDP_MODE_NONE, XDP_NATIVE, XDP_GENERIC, XDP_OFFLOAD };
const char *xdp_mode_name(enum xdp_mode mode);

#define XDP_PROGRAMS_MAX 10	/* as many as libxdp's dispatcher holds */
#define XDP_PROGRAM_MAPS_MAX 16 /* more than ours has */

struct xdp_program_info {
	__u32 id;
	char name[16];
	unsigned int maps; /* how many of map[] */
	__u32 map[XDP_PROGRAM_MAPS_MAX];
};

/* What is attached to an interface: one program that has it for itself, or several behind libxdp's dispatcher. */
struct xdp_programs {
	enum xdp_mode mode; /* XDP_MODE_NONE: there is nothing */
	bool shared;
	__u32 entry_id; /* the program that the kernel itself runs: the one there is, or the dispatcher */
	bool only_id;	/* without CAP_SYS_ADMIN nothing but the id of program[0] is known */
	unsigned int count;
	struct xdp_program_info program[XDP_PROGRAMS_MAX];
};

/* -errno */
int xdp_list(unsigned int ifindex, struct xdp_programs *programs);

/* Whether the program uses the map with this id. */
bool xdp_program_uses(const struct xdp_program_info *program, __u32 map_id);

/*
 * Loads PROGRAM and attaches it, beside others if they came through libxdp. What libxdp would leave if it were killed
 * is noted in the open directory NOTES. -errno with DIAG filled.
 */
int xdp_attach(struct program *program, const struct interface *interface, enum xdp_mode mode, int notes,
	       struct diag *diag);

/*
 * Lets xdp_attach() do without libxdp's dispatcher from now on. Linux 5.10 has the extension programs that a dispatcher
 * needs, but does not let them hand the frame on to global functions of their own (-EINVAL), as ours does.
 */
void xdp_skip_dispatcher(void);

/* Loads PROGRAM, to be put where another is by xdp_replace(). */
int xdp_load(struct program *program, const struct interface *interface, enum xdp_mode mode, struct diag *diag);

/* Puts PROGRAM, which is loaded, without a gap where the exclusively attached program with OLD_ID is. */
int xdp_replace(struct program *program, const struct interface *interface, enum xdp_mode mode, __u32 old_id,
		struct diag *diag);

/* Takes away the program with this id and no other. NOTES as above. */
int xdp_detach(const struct interface *interface, const struct xdp_programs *programs, __u32 id, int notes,
	       struct diag *diag);

/* The same by a file descriptor of the program, where it is attached exclusively: it takes hardly more than that.
 * -errno */
int xdp_detach_program(unsigned int ifindex, enum xdp_mode mode, int program);

/* Whether the program with this id is loaded and uses the map with this id. */
bool xdp_uses_map(__u32 program_id, __u32 map_id);

/*
 * Whether any program that was loaded in the system at the first question uses the map with this id; true also when
 * that cannot be found out. All programs are looked at, once for all questions. Begins as zeroes.
 */
struct xdp_used_maps {
	bool read, known;
	unsigned int count, room;
	__u32 *id;
};
bool xdp_used_maps_have(struct xdp_used_maps *used, __u32 map_id);
void xdp_used_maps_free(struct xdp_used_maps *used); /* for _cleanup_ */

/* The same for one question. */
bool xdp_map_in_use(__u32 map_id);

/* Lets libbpf and libxdp print what they have to say on stderr; without it they are silent. */
void xdp_set_verbose(bool verbose);

/*
 * From the first on these words are held back, until as many calls of the second have printed them: whoever has a lock
 * does not write to what somebody else has to read. They are held in memory that is shared with forked processes.
 */
void xdp_hold_words(void);
void xdp_print_words(void);

#endif
