/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/pending.h"
#include "base/shell.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "kernel/bpffs.h"
#include "policy/write.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define PREFIX "unconfirmed-"
#define NAME_SIZE 32
#define LINK "change"	 /* in the directory of a change; what it says is its target: see make_link() */
#define NEXT_LINK "next" /* takes its place */

/* Of its directory in PINS_ROOT, and of the file in PENDING_ROOT. */
static const char *name_of(__u32 filter, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, PREFIX "%u", filter);
	return name;
}

bool pending_is_name(const char *name)
{
	char made[NAME_SIZE];
	unsigned int filter;

	return sscanf(name, PREFIX "%u", &filter) == 1 && !strcmp(name_of(filter, made), name);
}

unsigned int pending_seconds(const struct pending *pending)
{
	__u64 now = clock_boot_ns();

	return pending->deadline_ns > now ? (pending->deadline_ns - now + 999999999) / 1000000000 : 0;
}

/* ---- the policy to go back to, in a file, for people */

/* Returns a descriptor, or -errno with DIAG filled. */
static int open_files(struct diag *diag)
{
	return directory_open(AT_FDCWD, PENDING_ROOT, DIRECTORY_SHARED, 0, diag);
}

static int write_file(int files, const char *name, const struct policy *policy)
{
	_cleanup_file_ FILE *file = NULL;
	int fd;

	unlinkat(files, name, 0); /* what is there is of a change that nobody guards any more */
	fd = openat(files, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	return policy_write(file, policy) || fflush(file) ? -errno : 0;
}

/* Where it cannot be kept, the change is guarded all the same: the guardian has the policy in its memory. */
static void keep_policy(__u32 filter, const struct policy *policy)
{
	int made = mkdir(PENDING_ROOT, 0700);
	struct diag diag = {};
	_cleanup_fd_ int files = open_files(&diag);
	char name[NAME_SIZE];
	int error;

	(void)made; /* if it could not be made, it cannot be opened */
	if (files < 0) {
		diag_remark("the policy to go back to is not kept in a file: %s",
			    *diag.text ? diag.text : "no " PENDING_ROOT);
		return;
	}
	error = write_file(files, name_of(filter, name), policy);
	if (!error)
		return;
	unlinkat(files, name, 0);
	diag_remark("the policy to go back to is not kept in " PENDING_ROOT "/%s: %s", name, strerror(-error));
}

/* Its path, if it is there and nobody else's; otherwise empty. -errno if that cannot be told. */
static int find_policy(__u32 filter, char path[PENDING_PATH_SIZE])
{
	_cleanup_fd_ int files = open_files(NULL);
	struct stat status;
	char name[NAME_SIZE];

	*path = '\0';
	if (files == -ENOENT || files == -EPERM)
		return 0;
	if (files < 0)
		return files;
	if (fstatat(files, name_of(filter, name), &status, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (S_ISREG(status.st_mode) && status.st_uid == geteuid())
		snprintf(path, PENDING_PATH_SIZE, PENDING_ROOT "/%s", name);
	return 0;
}

static void forget_policy(__u32 filter)
{
	_cleanup_fd_ int files = open_files(NULL);
	char name[NAME_SIZE];

	if (files < 0)
		return;
	unlinkat(files, name_of(filter, name), 0);
	rmdir(PENDING_ROOT); /* only if it is empty */
}

/* ---- the mark */

static int make_link(int mark, const char *name, const struct pending *pending)
{
	char target[128 + FF_LABEL_SIZE];

	snprintf(target, sizeof(target), "%d %llu %u %s", pending->guardian, (unsigned long long)pending->deadline_ns,
		 pending->generation, pending->to);
	return symlinkat(target, mark, name) ? -errno : 0;
}

/* -ENOENT if there is none; -EPROTO if it says nothing that pending_guard() has written */
static int read_link(int mark, struct pending *pending)
{
	char text[128 + FF_LABEL_SIZE] = "";
	unsigned long long deadline_ns;
	int label = 0;

	if (readlinkat(mark, LINK, text, sizeof(text) - 1) < 0)
		return -errno;
	if (sscanf(text, "%d %llu %u%n", &pending->guardian, &deadline_ns, &pending->generation, &label) != 3 ||
	    text[label] != ' ' || pending->guardian <= 0 ||
	    deadline_ns > clock_boot_ns() + PENDING_SECONDS_MAX * 1000000000ull)
		return -EPROTO;
	pending->deadline_ns = deadline_ns;
	snprintf(pending->to, sizeof(pending->to), "%.*s", FF_LABEL_SIZE - 1, text + label + 1);
	text_clean(pending->to);
	return 0;
}

static int open_mark(int root, __u32 filter)
{
	char name[NAME_SIZE];

	return bpffs_open_in(root, name_of(filter, name));
}

/* First the link, which the guardian waits for. -errno */
static int remove_mark(int root, __u32 filter)
{
	_cleanup_fd_ int mark = open_mark(root, filter);
	char name[NAME_SIZE];

	if (mark < 0)
		return mark == -ENOENT ? 0 : mark;
	if (unlinkat(mark, LINK, 0) && errno != ENOENT)
		return -errno;
	return directory_remove(mark, root, name_of(filter, name));
}

int pending_remove(__u32 filter)
{
	struct diag ignored;
	_cleanup_fd_ int root = bpffs_open_root(&ignored);
	int error = root < 0 ? root : remove_mark(root, filter);

	if (!error || error == -ENOENT)
		forget_policy(filter);
	return error == -ENOENT ? 0 : error;
}

/* Nobody has a lock on a directory that has just been made, and nobody but root can open it. */
static int make_mark(__u32 filter, const struct pending *pending)
{
	struct diag ignored;
	_cleanup_fd_ int root = bpffs_open_root(&ignored);
	char name[NAME_SIZE];
	int error = root < 0 ? root : remove_mark(root, filter), mark; /* of what nobody guards any more */

	if (error)
		return error;
	if (mkdirat(root, name_of(filter, name), 0700))
		return -errno;
	mark = open_mark(root, filter);
	error = mark < 0 ? mark : flock(mark, LOCK_EX | LOCK_NB) ? -errno : make_link(mark, LINK, pending);
	if (!error)
		return mark;
	cleanup_fd(&mark);
	unlinkat(root, name, AT_REMOVEDIR);
	return error;
}

int pending_guard(struct undo *undo, __u32 filter, unsigned int ifindex, __u32 generation, struct diag *diag)
{
	struct pending pending = {.guardian = getpid(), .generation = generation};

	undo->deadline_ns = pending.deadline_ns = clock_boot_ns() + undo->seconds * 1000000000ull;
	undo->ifindex = ifindex;
	undo->filter = filter;
	if (!undo->attached)
		memcpy(pending.to, undo->policy.label, sizeof(pending.to));
	undo->pending = make_mark(filter, &pending);
	if (undo->pending < 0)
		return diag_fail(diag, undo->pending, "cannot make " PINS_ROOT "/" PREFIX "%u: %s", filter,
				 strerror(-undo->pending));
	if (!undo->attached)
		keep_policy(filter, &undo->policy);
	return 0;
}

int pending_read(__u32 filter, struct pending *pending)
{
	struct diag ignored;
	_cleanup_fd_ int root = bpffs_open_root(&ignored);
	_cleanup_fd_ int mark = root < 0 ? root : open_mark(root, filter);
	int error;

	memset(pending, 0, sizeof(*pending));
	if (!filter)
		return -EIO; /* which one it is could not be read */
	error = mark < 0 ? mark : read_link(mark, pending);
	if (error && error != -EPROTO)
		return error; /* without a link it is only just being made */
	pending->guarded = flock(mark, LOCK_SH | LOCK_NB);
	if (pending->guarded && errno != EWOULDBLOCK)
		return -errno;
	if (error)
		return error;
	return find_policy(filter, pending->path);
}

int pending_follow(__u32 filter, __u32 generation)
{
	struct diag ignored;
	_cleanup_fd_ int root = bpffs_open_root(&ignored);
	_cleanup_fd_ int mark = root < 0 ? root : open_mark(root, filter);
	struct pending pending = {};
	int error = mark < 0 ? mark : read_link(mark, &pending);

	if (error)
		return error == -ENOENT ? 0 : error;
	unlinkat(mark, NEXT_LINK, 0);
	pending.generation = generation;
	error = make_link(mark, NEXT_LINK, &pending);
	return error ? error : renameat(mark, NEXT_LINK, mark, LINK) ? -errno : 0;
}

/* Whether the kernel has no filter of this id any more. */
static bool is_gone(__u32 filter)
{
	_cleanup_fd_ int map = bpf_map_get_fd_by_id(filter);

	return map < 0 && errno == ENOENT;
}

/* Calls FORGET for each filter that is gone and has a mark, or a file, in DIR. */
static void forget_gone(int dir, int root, void (*forget)(int root, __u32 filter))
{
	_cleanup_dir_ DIR *entries = directory_read(dir);
	struct dirent *entry;
	unsigned int filter;

	while (entries && (entry = readdir(entries)))
		if (pending_is_name(entry->d_name) && sscanf(entry->d_name, PREFIX "%u", &filter) == 1 &&
		    is_gone(filter))
			forget(root, filter);
}

static void forget_mark(int root, __u32 filter)
{
	_cleanup_fd_ int mark = open_mark(root, filter);

	if (mark >= 0 && !flock(mark, LOCK_SH | LOCK_NB))
		remove_mark(root, filter);
}

static void forget_file(int root, __u32 filter)
{
	(void)root;
	forget_policy(filter);
}

void pending_sweep(int root)
{
	_cleanup_fd_ int files = open_files(NULL);

	forget_gone(root, root, forget_mark);
	if (files >= 0)
		forget_gone(files, root, forget_file);
}

bool pending_is_on(int mark)
{
	char first;

	return readlinkat(mark, LINK, &first, 1) > 0 || errno != ENOENT;
}

int pending_watch(int mark)
{
	int fd = inotify_init1(IN_CLOEXEC);
	char path[DIRECTORY_PATH_SIZE];

	directory_path(mark, ".", path);
	if (fd >= 0)
		inotify_add_watch(fd, path, IN_DELETE);
	return fd;
}

int pending_generation(int mark, __u32 *generation)
{
	struct pending pending = {};
	int error = read_link(mark, &pending);

	if (!error)
		*generation = pending.generation;
	return error;
}

int pending_refuse(__u32 filter, const char *interface, struct diag *diag)
{
	struct pending pending;
	int error = pending_read(filter, &pending);

	if (error == -ENOENT)
		return 0;
	if (error && (error != -EPROTO || pending.guarded))
		return diag_fail(diag, error,
				 "cannot tell whether %s has an unconfirmed change: " PINS_ROOT "/" PREFIX "%u: %s",
				 interface, filter, strerror(-error));
	if (!pending.guarded) {
		pending_remove(filter);
		return 0;
	}
	return diag_fail(diag, -EBUSY, "%s has an unconfirmed change, which goes back in %u s: `%s` keeps it",
			 interface, pending_seconds(&pending), shell_command("confirm", interface, "", "").text);
}
