/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* DIAG may be NULL, and the error is the same. */
#define FAIL(diag, error, ...) ((diag) ? diag_fail(diag, error, __VA_ARGS__) : (error))

static const char *name_in(int parent, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && parent != AT_FDCWD ? slash + 1 : path;
}

int directory_check(int dir, const char *path, mode_t forbidden, long magic, struct diag *diag)
{
	struct stat status;
	struct statfs filesystem;

	if (fstat(dir, &status) || fstatfs(dir, &filesystem))
		return FAIL(diag, errno == EPERM ? -EIO : -errno, "cannot look at %s: %s", path, strerror(errno));
	if (magic && filesystem.f_type != magic)
		return FAIL(diag, -EPERM, "%s is on another file system than it should be: `umount %s`", path, path);
	if (status.st_uid != geteuid())
		return FAIL(diag, -EPERM, "%s belongs to user %u%s", path, status.st_uid,
			    geteuid() ? " (needs root)" : ", and is not trusted: remove it, or make it root's");
	if (status.st_mode & forbidden)
		return FAIL(diag, -EPERM, "%s is open to others (mode %o), and is not trusted: `chmod 700 %s`", path,
			    status.st_mode & 07777, path);
	return 0;
}

/* NAME could not be opened as a directory with ERROR. */
static int fail_open(int parent, const char *path, int error, struct diag *diag)
{
	struct stat status;

	if (error == -ENOENT)
		return error;
	if ((error == -ELOOP || error == -ENOTDIR) &&
	    !fstatat(parent, name_in(parent, path), &status, AT_SYMLINK_NOFOLLOW) && !S_ISDIR(status.st_mode))
		return FAIL(diag, -EPERM, "%s is %s of user %u, and no directory: `rm %s`", path,
			    S_ISLNK(status.st_mode) ? "a link" : "a file", status.st_uid, path);
	FAIL(diag, error, "cannot open %s: %s", path, strerror(-error));
	return diag ? diag_add_needs(diag, error, 0) : error;
}

int directory_open(int parent, const char *path, mode_t forbidden, long magic, struct diag *diag)
{
	int dir = openat(parent, name_in(parent, path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error;

	if (dir < 0)
		return fail_open(parent, path, errno == EPERM ? -EIO : -errno, diag); /* -EPERM: not to be trusted */
	error = directory_check(dir, path, forbidden, magic, diag);
	if (!error)
		return dir;
	close(dir);
	return error;
}

DIR *directory_read(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *read = fd < 0 ? NULL : fdopendir(fd);

	if (!read && fd >= 0)
		close(fd);
	return read;
}

bool directory_is(int dir, int parent, const char *name)
{
	struct stat opened, named;

	return !fstat(dir, &opened) && !fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

int directory_remove(int dir, int parent, const char *name)
{
	DIR *entries = directory_read(dir);
	struct dirent *entry;

	if (!entries)
		return -errno;
	while ((entry = readdir(entries)))
		if (entry->d_name[0] != '.')
			unlinkat(dir, entry->d_name, 0);
	closedir(entries);
	return unlinkat(parent, name, AT_REMOVEDIR) ? -errno : 0;
}

void directory_path(int dir, const char *name, char path[DIRECTORY_PATH_SIZE])
{
	snprintf(path, DIRECTORY_PATH_SIZE, "/proc/self/fd/%d/%s", dir, name);
}
