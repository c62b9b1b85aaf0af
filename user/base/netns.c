/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/netns.h"

#include "base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
/* A process is in one network namespace, and so is its name: the one thing that goes with setns(). */
static char entered[256];

int netns_enter(const char *name, struct diag *diag)
{
	_cleanup_fd_ int fd = -1;
	struct statfs filesystem;
	char path[256];

	if (!*name || strchr(name, '/') || strlen(name) >= sizeof(path) - sizeof("/run/netns/"))
		return diag_usage(diag, "'%s' is no name of a network namespace; see `ip netns list`", name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return diag_fail(diag, -ENOENT, "no network namespace '%s'; see `ip netns list`", name);
	if (fd >= 0 && !fstatfs(fd, &filesystem) && filesystem.f_type != NSFS_MAGIC)
		return diag_fail(diag, -EINVAL, "%s is no network namespace, but another file", path);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) {
		int error = -errno;

		diag_fail(diag, error, "cannot enter network namespace '%s': %s", name, strerror(-error));
		return diag_add_needs(diag, error, NEEDS_SYS_ADMIN);
	}
	snprintf(entered, sizeof(entered), "%s", name);
	return 0;
}

const char *netns_entered(void)
{
	return *entered ? entered : NULL;
}

unsigned long netns_id(void)
{
	struct stat status;

	return stat("/proc/self/ns/net", &status) ? 0 : status.st_ino;
}

unsigned long long netns_cookie(void)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned long long cookie = 0;
	socklen_t size = sizeof(cookie);

	return fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) ? 0 : cookie;
}
