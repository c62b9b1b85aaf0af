/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/bpffs.h"

#include "base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* The directory cannot be read by everybody; it is enough to be let through. -ENOENT if it is no BPF filesystem */
static int open_mount(struct stat *status)
{
	struct statfs filesystem;
	int error, fd = open(BPFFS, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	error = fstatfs(fd, &filesystem) || fstat(fd, status) ? -errno : 0;
	if (!error && filesystem.f_type == BPF_FS_MAGIC)
		return fd;
	close(fd);
	return error ? error : -ENOENT;
}

/* libbpf wants paths, and /proc has one for each descriptor. */
static bool is_reached_by_proc(int dir)
{
	char path[DIRECTORY_PATH_SIZE];

	directory_path(dir, "", path);
	return !access(path, F_OK);
}

int bpffs_open(struct diag *diag)
{
	struct stat status = {};
	int fd = open_mount(&status);
	/* Who may write to a directory that is sticky can remove there only what is theirs. */
	mode_t forbidden = status.st_mode & S_ISVTX ? 0 : DIRECTORY_SHARED;
	int error = fd < 0 ? fd : directory_check(fd, BPFFS, forbidden, BPF_FS_MAGIC, diag);

	if (error == -ENOENT)
		return diag_fail(diag, -ENOMEDIUM,
				 "no BPF filesystem at " BPFFS ": mount it by `mount -t bpf -o mode=700 bpf " BPFFS
				 "` (under `ip netns exec` it is hidden: use --netns NAME from outside instead)");
	if (fd < 0)
		return diag_fail(diag, error, "cannot open " BPFFS ": %s", strerror(-error));
	if (!error && !is_reached_by_proc(fd))
		error = diag_fail(diag, -EIO,
				  "cannot get at what is in " BPFFS " without /proc: `mount -t proc proc /proc`");
	if (!error)
		return fd;
	close(fd);
	return error;
}

int bpffs_open_ours(int bpffs, struct diag *diag)
{
	int root = directory_open(bpffs, PINS_ROOT, DIRECTORY_PRIVATE, BPF_FS_MAGIC, diag);

	if (root == -EPERM && bpffs_open_to_others())
		diag_add(diag, "; `chmod 700 " BPFFS "`, where others can write");
	return root;
}

int bpffs_open_root(struct diag *diag)
{
	_cleanup_fd_ int bpffs = bpffs_open(diag);

	return bpffs < 0 ? bpffs : bpffs_open_ours(bpffs, diag);
}

int bpffs_open_in(int root, const char *name)
{
	return directory_open(root, name, DIRECTORY_SHARED, BPF_FS_MAGIC, NULL);
}

void bpffs_pass_over(const char *name, const char *why)
{
	diag_remark(PINS_ROOT "/%s is passed over: %s", name, why);
}

unsigned int bpffs_open_to_others(void)
{
	struct stat status = {};
	_cleanup_fd_ int fd = open_mount(&status);

	return fd >= 0 && status.st_mode & DIRECTORY_SHARED ? status.st_mode & 07777 : 0;
}
