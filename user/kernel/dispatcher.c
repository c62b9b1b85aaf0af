/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/dispatcher.h"

#include "base/cleanup.h"
#include "base/netns.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <sys/file.h>

#define NAME "dispatch-%u-%u"

void dispatcher_note(const char *notes, unsigned int ifindex, __u32 id)
{
	char path[192], netns[24];

	snprintf(path, sizeof(path), "%s/" NAME, notes, ifindex, id);
	snprintf(netns, sizeof(netns), "%lu", netns_id());
	(void)!symlink(netns, path); /* without it there is a leftover only if this process is killed, too */
}

static int query(unsigned int ifindex, struct bpf_xdp_query_opts *there)
{
	char name[IF_NAMESIZE];
	int error = bpf_xdp_query(ifindex, 0, there); /* where no such interface is, it is one without a program */

	return error || if_indextoname(ifindex, name) ? error : -errno;
}

void dispatcher_note_attached(const char *notes, unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, there);

	if (query(ifindex, &there))
		return;
	if (there.drv_prog_id)
		dispatcher_note(notes, ifindex, there.drv_prog_id);
	if (there.skb_prog_id)
		dispatcher_note(notes, ifindex, there.skb_prog_id);
}

static bool noted_here(int notes, const char *name)
{
	char netns[24] = "";

	return readlinkat(notes, name, netns, sizeof(netns) - 1) > 0 && strtoul(netns, NULL, 10) == netns_id();
}

/* The kernel lets go of what was pinned after a grace period. */
static void wait_until_unloaded(__u32 id)
{
	for (int tries = 0; tries < 100; tries++) {
		_cleanup_fd_ int fd = bpf_prog_get_fd_by_id(id);

		usleep(10000);
		if (fd < 0)
			return;
	}
}

/* The pins called NAME of a dispatcher that is not attached, under libxdp's lock. -errno */
static int remove_pins(const char *name, __u32 id)
{
	_cleanup_fd_ int lock = open(DISPATCHER_PINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[64];
	int error;

	snprintf(path, sizeof(path), DISPATCHER_PINS "/%s", name);
	if (access(path, F_OK))
		return errno == ENOENT ? 0 : -errno;
	if (lock < 0 || flock(lock, LOCK_EX))
		return -errno;
	error = system_remove_pins(path);
	flock(lock, LOCK_UN);
	if (!error)
		wait_until_unloaded(id);
	return error == -ENOENT ? 0 : error;
}

void dispatcher_settle(const char *notes)
{
	_cleanup_dir_ DIR *dir = opendir(notes);
	struct dirent *entry;
	unsigned int ifindex, id;

	while (dir && (entry = readdir(dir))) {
		LIBBPF_OPTS(bpf_xdp_query_opts, there);

		if (sscanf(entry->d_name, NAME, &ifindex, &id) != 2 || !noted_here(dirfd(dir), entry->d_name) ||
		    query(ifindex, &there))
			continue;
		if (id == there.drv_prog_id || id == there.skb_prog_id || !remove_pins(entry->d_name, id))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
}
