/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/pins.h"

#include "base/cleanup.h"
#include "base/netns.h"
#include "kernel/dispatcher.h"
#include "kernel/pending.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define MARK "program-"

int pins_make(unsigned int ifindex, char path[PINS_PATH_SIZE])
{
	int length = snprintf(path, PINS_PATH_SIZE, "%s/%lu-%u", PINS_ROOT, netns_id(), ifindex);

	/*
	 * More than one: a filter and the one that replaces it exist side by side for a moment, and another tool may
	 * hold a program that is attached no more.
	 */
	for (unsigned int number = 2; number <= 100; number++) {
		if (!mkdir(path, 0700))
			return 0;
		if (errno != EEXIST)
			break;
		snprintf(path + length, PINS_PATH_SIZE - length, "-%u", number);
	}
	return -errno;
}

void pins_file(const char *dir, enum program_map map, char path[PINS_PATH_SIZE])
{
	snprintf(path, PINS_PATH_SIZE, "%s/%s", dir, program_map_name(map));
}

int pins_open(const char *dir, enum program_map map, __u32 *id)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	char path[PINS_PATH_SIZE];
	int fd;

	pins_file(dir, map, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &size)) {
		int error = -errno;

		close(fd);
		return error;
	}
	*id = info.id;
	return fd;
}

__u32 pins_filter_id(const char *dir)
{
	__u32 id = 0;
	_cleanup_fd_ int fd = pins_open(dir, MAP_COUNTERS, &id);

	return fd < 0 ? 0 : id;
}

static void mark_path(const char *dir, __u32 program, char path[PINS_PATH_SIZE])
{
	snprintf(path, PINS_PATH_SIZE, "%s/" MARK "%u", dir, program);
}

int pins_mark(const char *dir, __u32 program)
{
	char path[PINS_PATH_SIZE];

	mark_path(dir, program, path);
	return symlink(".", path) && errno != EEXIST ? -errno : 0;
}

void pins_unmark(const char *dir, __u32 except)
{
	_cleanup_dir_ DIR *marks = opendir(dir);
	char path[PINS_PATH_SIZE];
	struct dirent *entry;
	unsigned int program;

	while (marks && (entry = readdir(marks))) {
		if (sscanf(entry->d_name, MARK "%u", &program) != 1 || program == except)
			continue;
		mark_path(dir, program, path);
		unlink(path);
	}
}

static bool belongs(const char *dir, __u32 state, const struct xdp_program_info *program)
{
	struct stat status;
	char path[PINS_PATH_SIZE];

	mark_path(dir, program->id, path);
	return xdp_program_uses(program, state) || (!program->maps && !lstat(path, &status));
}

void pins_remove(const char *dir)
{
	system_remove_pins(dir);
}

/* The next filter's directory in ROOT, or 0 at the end. */
static int next_dir(DIR *root, char path[PINS_PATH_SIZE])
{
	struct dirent *entry;

	while ((entry = readdir(root))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) > 40)
			continue;
		snprintf(path, PINS_PATH_SIZE, "%s/%.40s", PINS_ROOT, entry->d_name);
		return 1;
	}
	return 0;
}

static void sweep(void)
{
	_cleanup_dir_ DIR *root = opendir(PINS_ROOT);
	char path[PINS_PATH_SIZE];
	__u32 id = 0;

	while (root && next_dir(root, path)) {
		_cleanup_fd_ int fd = -1;

		dispatcher_settle(path);
		fd = pins_open(path, MAP_STATE, &id);
		if (fd == -ENOENT || (fd >= 0 && !xdp_map_in_use(id)))
			pins_remove(path);
	}
}

bool pins_left_behind(unsigned int ifindex)
{
	char path[PINS_PATH_SIZE];
	_cleanup_fd_ int fd = -1;
	__u32 id = 0;

	snprintf(path, sizeof(path), "%s/%lu-%u", PINS_ROOT, netns_id(), ifindex);
	fd = pins_open(path, MAP_STATE, &id);
	return fd >= 0 && !xdp_map_in_use(id);
}

int pins_find(struct location *location, const char *except)
{
	const struct xdp_programs *programs = &location->programs;
	_cleanup_dir_ DIR *root = opendir(PINS_ROOT);
	char candidate[PINS_PATH_SIZE];
	__u32 id = 0;

	if (!root)
		return -errno;
	while (next_dir(root, candidate)) {
		_cleanup_fd_ int fd = -1;

		if (except && !strcmp(candidate, except))
			continue;
		fd = pins_open(candidate, MAP_STATE, &id);
		if (fd < 0 && fd != -ENOENT)
			return fd;
		for (unsigned int i = 0; fd >= 0 && i < programs->count; i++) {
			if (!belongs(candidate, id, &programs->program[i]))
				continue;
			memcpy(location->pins, candidate, sizeof(candidate));
			location->program = i;
			return 0;
		}
	}
	return -ENOENT;
}

int pins_find_filter(__u32 filter, char path[PINS_PATH_SIZE])
{
	_cleanup_dir_ DIR *root = opendir(PINS_ROOT);

	while (root && next_dir(root, path))
		if (pins_filter_id(path) == filter)
			return 0;
	return -ENOENT;
}

int pins_check(struct diag *diag)
{
	struct statfs status;

	if (statfs(BPFFS, &status) || status.f_type != BPF_FS_MAGIC)
		return diag_fail(diag, -ENOENT,
				 "no BPF filesystem at " BPFFS ": mount it by `mount -t bpf bpf " BPFFS
				 "` (under `ip netns exec` it is hidden: use --netns NAME from outside instead)");
	return 0;
}

static int take_lock(int *lock, int operation, struct diag *diag)
{
	int error = pins_check(diag);

	while (!error) {
		struct stat held, named;
		_cleanup_fd_ int fd = -1;

		if (mkdir(PINS_ROOT, 0700) && errno != EEXIST) {
			error = -errno;
			break;
		}
		fd = open(PINS_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || flock(fd, operation) || fstat(fd, &held)) {
			error = -errno;
			break;
		}
		if (held.st_uid != geteuid())
			return diag_fail(diag, -EPERM, PINS_ROOT " belongs to user %u%s", held.st_uid,
					 geteuid() ? " (needs root)" : ": remove it");
		/* Whoever held the lock before may have removed the directory. */
		if (stat(PINS_ROOT, &named) || named.st_ino != held.st_ino)
			continue;
		*lock = fd;
		fd = -1;
		sweep();
		pending_sweep();
		return 0;
	}
	if (*diag->text)
		return error;
	diag_fail(diag, error, "cannot use " PINS_ROOT ": %s", strerror(-error));
	return diag_add_needs(diag, error, 0);
}

int pins_lock(int *lock, struct diag *diag)
{
	return take_lock(lock, LOCK_EX, diag);
}

int pins_try_lock(int *lock, struct diag *diag)
{
	return take_lock(lock, LOCK_EX | LOCK_NB, diag);
}

void pins_unlock(int *lock)
{
	if (*lock < 0)
		return;
	rmdir(PINS_ROOT); /* only if the last filter is gone */
	close(*lock);
}
