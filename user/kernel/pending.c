/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/pending.h"
#include "base/shell.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "policy/write.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FILE_PREFIX "unconfirmed-"

static const char *path_of(__u32 filter, char path[PENDING_PATH_SIZE])
{
	snprintf(path, PENDING_PATH_SIZE, PENDING_ROOT "/" FILE_PREFIX "%u", filter);
	return path;
}

unsigned int pending_seconds(const struct pending *pending)
{
	__u64 now = clock_boot_ns();

	return pending->deadline_ns > now ? (pending->deadline_ns - now + 999999999) / 1000000000 : 0;
}

/* The first line is a comment of the policy file: guardian, deadline, label. */
static int write_file(int fd, __u64 deadline_ns, const struct policy *policy)
{
	_cleanup_file_ FILE *file = fdopen(dup(fd), "w");

	if (!file || flock(fd, LOCK_EX))
		return -errno;
	fprintf(file, "# %d %llu %s\n", getpid(), (unsigned long long)deadline_ns, policy ? policy->label : "");
	if ((policy && policy_write(file, policy)) || fflush(file))
		return -errno;
	return 0;
}

/* Returns the file, locked, or -errno with DIAG filled. POLICY is NULL if the filter is to be detached. */
static int create(__u32 filter, __u64 deadline_ns, const struct policy *policy, struct diag *diag)
{
	char path[PENDING_PATH_SIZE];
	int fd, error;

	if (mkdir(PENDING_ROOT, 0700) && errno != EEXIST)
		return diag_fail(diag, -errno, "cannot make " PENDING_ROOT ": %s", strerror(errno));
	unlink(path_of(filter, path)); /* what nobody guards any more */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return diag_fail(diag, -errno, "cannot make %s: %s", path, strerror(errno));
	error = write_file(fd, deadline_ns, policy);
	if (!error)
		return fd;
	pending_remove(filter);
	close(fd);
	return diag_fail(diag, error, "cannot write %s: %s", path, strerror(-error));
}

int pending_guard(struct undo *undo, __u32 filter, unsigned int ifindex, struct diag *diag)
{
	undo->deadline_ns = clock_boot_ns() + undo->seconds * 1000000000ull;
	undo->ifindex = ifindex;
	undo->filter = filter;
	undo->pending = create(filter, undo->deadline_ns, undo->attached ? NULL : &undo->policy, diag);
	return undo->pending < 0 ? undo->pending : 0;
}

int pending_read(__u32 filter, struct pending *pending)
{
	char text[2 * FF_LABEL_SIZE] = "";
	unsigned long long deadline_ns = 0;
	_cleanup_fd_ int fd = -1;
	int label = 0;

	memset(pending, 0, sizeof(*pending));
	fd = open(path_of(filter, pending->path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) <= 0 ||
	    sscanf(text, "# %d %llu%n", &pending->guardian, &deadline_ns, &label) != 2)
		return -ENOENT; /* it is only just being made */
	label += text[label] == ' ';
	pending->deadline_ns = deadline_ns;
	snprintf(pending->to, sizeof(pending->to), "%.*s", (int)strcspn(text + label, "\n"), text + label);
	pending->guarded = flock(fd, LOCK_SH | LOCK_NB);
	return 0;
}

void pending_remove(__u32 filter)
{
	char path[PENDING_PATH_SIZE];

	unlink(path_of(filter, path));
	rmdir(PENDING_ROOT); /* only if it is empty */
}

void pending_sweep(void)
{
	_cleanup_dir_ DIR *root = opendir(PENDING_ROOT);
	char path[PENDING_PATH_SIZE];
	struct dirent *entry;
	unsigned int filter;

	while (root && (entry = readdir(root))) {
		_cleanup_fd_ int file = -1, map = -1;

		if (sscanf(entry->d_name, FILE_PREFIX "%u", &filter) != 1)
			continue;
		file = open(path_of(filter, path), O_RDONLY | O_CLOEXEC);
		if (file < 0 || flock(file, LOCK_SH | LOCK_NB))
			continue;
		map = bpf_map_get_fd_by_id(filter);
		if (map < 0 && errno == ENOENT)
			pending_remove(filter);
	}
}

bool pending_is_on(int fd)
{
	struct stat status;

	return !fstat(fd, &status) && status.st_nlink;
}

int pending_refuse(__u32 filter, const char *interface, struct diag *diag)
{
	struct pending pending;

	if (pending_read(filter, &pending) || pending.guardian == getpid())
		return 0;
	if (!pending.guarded) {
		pending_remove(filter);
		return 0;
	}
	return diag_fail(diag, -EBUSY, "%s has an unconfirmed change, which goes back in %u s: `%s` keeps it",
			 interface, pending_seconds(&pending), shell_command("confirm", interface, "", "").text);
}
