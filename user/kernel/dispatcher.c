/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/dispatcher.h"

#include "base/cleanup.h"
#include "base/netns.h"
#include "kernel/netlink.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
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

void dispatcher_note_attached(const char *notes, unsigned int ifindex)
{
	struct netlink_xdp there;

	if (netlink_ask_xdp(ifindex, &there))
		return;
	if (there.native)
		dispatcher_note(notes, ifindex, there.native);
	if (there.generic)
		dispatcher_note(notes, ifindex, there.generic);
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
		struct netlink_xdp there;

		if (sscanf(entry->d_name, NAME, &ifindex, &id) != 2 || !noted_here(dirfd(dir), entry->d_name) ||
		    netlink_ask_xdp(ifindex, &there))
			continue;
		if (id == there.native || id == there.generic || !remove_pins(entry->d_name, id))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
}

int dispatcher_programs(unsigned int ifindex, __u32 id, int fd[DISPATCHER_PROGRAMS_MAX])
{
	int count = 0, error = 0;

	while (!error && count < DISPATCHER_PROGRAMS_MAX) {
		char path[96];

		snprintf(path, sizeof(path), DISPATCHER_PINS "/" NAME "/prog%d-prog", ifindex, id, count);
		fd[count] = bpf_obj_get(path);
		if (fd[count] < 0)
			error = -errno;
		else
			count++;
	}
	if (!error || error == -ENOENT)
		return count;
	while (count--)
		close(fd[count]);
	return error;
}
