/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/dispatcher.h"

#include "base/cleanup.h"
#include "base/netns.h"
#include "kernel/lock.h"
#include "kernel/netlink.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define NAME "dispatch-%u-%u"
#define PATH_SIZE 64

void dispatcher_note(int notes, unsigned int ifindex, __u32 id)
{
	char name[48], netns[48];

	snprintf(name, sizeof(name), NAME, ifindex, id);
	snprintf(netns, sizeof(netns), "%lu %llu", netns_id(), netns_cookie());
	(void)!symlinkat(netns, notes, name); /* without it there is a leftover only if this process is killed, too */
}

void dispatcher_note_attached(int notes, unsigned int ifindex)
{
	struct netlink_xdp there;

	if (netlink_ask_xdp(ifindex, &there))
		return;
	if (there.native)
		dispatcher_note(notes, ifindex, there.native);
	if (there.generic)
		dispatcher_note(notes, ifindex, there.generic);
}

/* The number of a namespace is used again when it is gone; its cookie is not, where the kernel knows it. */
static bool noted_here(int notes, const char *name)
{
	unsigned long long cookie = netns_cookie();
	unsigned long netns;
	char text[48] = "";

	return readlinkat(notes, name, text, sizeof(text) - 1) > 0 && sscanf(text, "%lu %llu", &netns, &cookie) >= 1 &&
	       netns == netns_id() && cookie == netns_cookie();
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

/* libxdp's lock on its open directory, for which there is an end to waiting. */
static int take_lock(int pins, struct diag *diag)
{
	return lock_take(pins, "the lock of libxdp, " DISPATCHER_PINS, 5, diag);
}

/*
 * Where DISPATCHER_DIR leads: iproute2 makes it a link to its own directory beside it ("/sys/fs/bpf/tc/"). Only such a
 * link, and only of this user, is followed; PATH is then that directory's.
 */
static void resolve(int bpffs, char path[PATH_SIZE])
{
	char target[PATH_SIZE] = "", name[PATH_SIZE - sizeof(BPFFS)];
	struct stat status;
	int end = 0;

	snprintf(path, PATH_SIZE, "%s", DISPATCHER_PINS);
	if (fstatat(bpffs, DISPATCHER_DIR, &status, AT_SYMLINK_NOFOLLOW) || !S_ISLNK(status.st_mode) ||
	    status.st_uid != geteuid() || readlinkat(bpffs, DISPATCHER_DIR, target, sizeof(target) - 1) < 0)
		return;
	if (sscanf(target, BPFFS "/%40[a-z]%n/%n", name, &end, &end) == 1 && !target[end])
		snprintf(path, PATH_SIZE, BPFFS "/%s", name);
}

/* libxdp's directory, whose mode is its maker's: others may read it. */
static int open_pins(int bpffs, struct diag *diag)
{
	char path[PATH_SIZE];

	resolve(bpffs, path);
	return directory_open(bpffs, path, DIRECTORY_SHARED, BPF_FS_MAGIC, diag);
}

int dispatcher_check(struct diag *diag)
{
	_cleanup_fd_ int bpffs = bpffs_open(diag), pins = -1;
	int error;

	if (bpffs < 0)
		return bpffs;
	/* Where others may write, one who comes first would be between this look and libxdp's. */
	if (bpffs_open_to_others())
		mkdirat(bpffs, DISPATCHER_DIR, 0700);
	pins = open_pins(bpffs, diag);
	if (pins < 0)
		return pins == -ENOENT ? 0 : pins;
	error = take_lock(pins, diag);
	if (error && error != -ETIMEDOUT)
		diag_fail(diag, error, "cannot use " DISPATCHER_PINS ": %s", strerror(-error));
	return error;
}

/* The pins called NAME of a dispatcher that is not attached, under libxdp's lock. -errno */
static int remove_pins(const char *name, __u32 id)
{
	struct diag ignored;
	_cleanup_fd_ int bpffs = bpffs_open(&ignored), all = -1, pins = -1;
	int error;

	if (bpffs < 0)
		return bpffs;
	all = open_pins(bpffs, NULL);
	if (all < 0)
		return all == -ENOENT ? 0 : all;
	pins = directory_open(all, name, DIRECTORY_SHARED, BPF_FS_MAGIC, NULL);
	if (pins < 0)
		return pins == -ENOENT ? 0 : pins;
	error = take_lock(all, &ignored);
	if (error)
		return error;
	error = directory_remove(pins, all, name);
	if (!error)
		wait_until_unloaded(id);
	return error == -ENOENT ? 0 : error;
}

void dispatcher_settle(int notes)
{
	_cleanup_dir_ DIR *dir = directory_read(notes);
	struct dirent *entry;
	unsigned int ifindex, id;

	while (dir && (entry = readdir(dir))) {
		struct netlink_xdp there;
		char name[48];

		if (sscanf(entry->d_name, NAME, &ifindex, &id) != 2)
			continue;
		snprintf(name, sizeof(name), NAME, ifindex, id);
		if (strcmp(name, entry->d_name) || !noted_here(notes, name) || netlink_ask_xdp(ifindex, &there))
			continue;
		if (id == there.native || id == there.generic || !remove_pins(name, id))
			unlinkat(notes, name, 0);
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
