/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/owner.h"

#include "base/cleanup.h"
#include "base/directory.h"
#include "base/system.h"
#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 6 /* of directories below BPFFS */

/* The program that a file descriptor is of, or whose link it is: the kernel says so for both. 0 for anything else. */
static __u32 fdinfo_program(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	_cleanup_file_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[256];
	__u32 id = 0;

	if (!file && fd >= 0)
		close(fd);
	while (file && !id && fgets(line, sizeof(line), file))
		if (!strncmp(line, "prog_id:", 8))
			id = strtoul(line + 8, NULL, 10);
	return id;
}

static __u32 pin_program(int dir, const char *pin)
{
	_cleanup_fd_ int own = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	char path[DIRECTORY_PATH_SIZE], name[16];

	directory_path(dir, pin, path);
	fd = bpf_obj_get(path);
	snprintf(name, sizeof(name), "%d", fd);
	return fd < 0 || own < 0 ? 0 : fdinfo_program(own, name);
}

/* Looks in the open directory DIR, which is called PATH. Links are not followed, whoever made them. */
static bool find_pin(int dir, const char *path, unsigned int depth, __u32 id, struct owner *owner)
{
	_cleanup_dir_ DIR *entries = directory_read(dir);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		char next[sizeof(owner->pin)];
		struct stat status;

		if (entry->d_name[0] == '.' ||
		    snprintf(next, sizeof(next), "%s/%s", path, entry->d_name) >= (int)sizeof(next) ||
		    fstatat(dir, entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
			continue;
		if (S_ISDIR(status.st_mode) && depth < DEPTH_MAX) {
			_cleanup_fd_ int inner =
				openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (inner >= 0 && find_pin(inner, next, depth + 1, id, owner))
				return true;
		} else if (S_ISREG(status.st_mode) && pin_program(dir, entry->d_name) == id) {
			memcpy(owner->pin, next, sizeof(next));
			owner->uid = status.st_uid;
			return true;
		}
	}
	return false;
}

static bool process_has(const char *pid, __u32 id)
{
	char path[64];
	_cleanup_dir_ DIR *fds = NULL;
	_cleanup_fd_ int info = -1;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo", pid);
	info = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	fds = opendir(path);
	while (fds && info >= 0 && (entry = readdir(fds))) {
		char target[64];
		ssize_t size = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

		/* Of a process' many files only these are worth a look. */
		if (size < 0)
			continue;
		target[size] = '\0';
		if (!strncmp(target, "anon_inode:bpf", 14) && fdinfo_program(info, entry->d_name) == id)
			return true;
	}
	return false;
}

static void find_process(__u32 id, struct owner *owner)
{
	_cleanup_dir_ DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		_cleanup_file_ FILE *name = NULL;
		char path[64];

		if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == getpid() ||
		    !process_has(entry->d_name, id))
			continue;
		owner->pid = atoi(entry->d_name);
		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		name = fopen(path, "re");
		if (name && fgets(owner->process, sizeof(owner->process), name))
			owner->process[strcspn(owner->process, "\n")] = '\0';
		return;
	}
}

static bool has_link(__u32 program_id)
{
	__u32 id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		_cleanup_fd_ int fd = bpf_link_get_fd_by_id(id);
		struct bpf_link_info info = {};
		__u32 size = sizeof(info);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == BPF_LINK_TYPE_XDP &&
		    info.prog_id == program_id)
			return true;
	}
	return false;
}

void owner_find(__u32 program_id, struct owner *owner)
{
	_cleanup_fd_ int bpffs = open(BPFFS, O_PATH | O_DIRECTORY | O_CLOEXEC);

	*owner = (struct owner){.by_link = has_link(program_id)};
	if (bpffs >= 0)
		find_pin(bpffs, BPFFS, 0, program_id, owner);
	find_process(program_id, owner);
}
