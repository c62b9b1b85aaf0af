/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/pins.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/netns.h"
#include "kernel/dispatcher.h"
#include "kernel/lock.h"
#include "kernel/pending.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define MARK "program-"
#define NETNS "netns"	  /* a link to the cookie of the namespace, whose number is used again when it is gone */
#define NUMBERS_MAX 10000 /* of directories for one interface */
#define GAPS_MAX 4	  /* numbers in a row without a directory, behind which no more is looked for by name */
#define SWEPT_MIN 8	  /* directories that a sweep looks at, wherever they are of */

/* What DIR, a path, is called in PINS_ROOT. */
static const char *name_of(const char *dir)
{
	const char *slash = strrchr(dir, '/');

	return slash ? slash + 1 : dir;
}

static void note_netns(int root, const char *name)
{
	_cleanup_fd_ int dir = bpffs_open_in(root, name);
	char cookie[24];

	snprintf(cookie, sizeof(cookie), "%llu", netns_cookie());
	(void)!symlinkat(cookie, dir, NETNS); /* without it a later namespace may be told of this filter's end */
}

/* Whether the pins in DIR are, or were, of a filter in this namespace and not of one that had its number before. */
static bool is_of_netns(int dir)
{
	char cookie[24] = "";

	return readlinkat(dir, NETNS, cookie, sizeof(cookie) - 1) < 0 || strtoull(cookie, NULL, 10) == netns_cookie();
}

/*
 * The directory with this NUMBER, from 1 on, of those for one interface. There may be more than one: a filter and the
 * one that replaces it exist side by side for a moment, and another tool may hold a program that is attached no more.
 */
static void name_numbered(unsigned long netns, unsigned int ifindex, unsigned int number, char path[PINS_PATH_SIZE])
{
	int length = snprintf(path, PINS_PATH_SIZE, "%s/%lu-%u", PINS_ROOT, netns, ifindex);

	if (number > 1)
		snprintf(path + length, PINS_PATH_SIZE - length, "-%u", number);
}

int pins_make(unsigned int ifindex, char path[PINS_PATH_SIZE])
{
	struct diag ignored;
	_cleanup_fd_ int root = bpffs_open_root(&ignored);
	unsigned long netns = netns_id();

	if (root < 0)
		return root;
	for (unsigned int number = 1; number <= NUMBERS_MAX; number++) {
		name_numbered(netns, ifindex, number, path);
		if (!mkdirat(root, name_of(path), 0700)) {
			note_netns(root, name_of(path));
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

int pins_dir(const char *dir)
{
	struct diag ignored;
	_cleanup_fd_ int root = bpffs_open_root(&ignored);

	return root < 0 ? root : bpffs_open_in(root, name_of(dir));
}

/* -EPROTOTYPE if NAME in DIR is no file of this user's. */
static int check_file(int dir, const char *name)
{
	struct stat status;

	if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return S_ISREG(status.st_mode) && status.st_uid == geteuid() ? 0 : -EPROTOTYPE;
}

/* The kernel tells what a descriptor is of, but not through bpf(): there a program's id looks like a map's. */
static int check_map(int fd)
{
	char name[DIRECTORY_PATH_SIZE], target[32] = "";

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (readlink(name, target, sizeof(target) - 1) < 0)
		return -errno;
	return strcmp(target, "anon_inode:bpf-map") ? -EPROTOTYPE : 0;
}

int pins_open_in(int dir, enum program_map map, __u32 *id)
{
	struct bpf_map_info info = {};
	char path[DIRECTORY_PATH_SIZE];
	_cleanup_fd_ int fd = -1;
	__u32 size = sizeof(info);
	int opened, error = check_file(dir, program_map_name(map));

	if (error)
		return error;
	directory_path(dir, program_map_name(map), path);
	fd = bpf_obj_get(path);
	if (fd < 0) /* it was there a moment ago: pins are not swept because the path to them does not work */
		return errno == ENOENT ? -EIO : -errno;
	error = check_map(fd);
	if (error)
		return error;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	*id = info.id;
	opened = fd;
	fd = -1;
	return opened;
}

int pins_open(const char *dir, enum program_map map, __u32 *id)
{
	_cleanup_fd_ int opened = pins_dir(dir);

	return opened < 0 ? opened : pins_open_in(opened, map, id);
}

int pins_put(const char *dir, enum program_map map, int fd)
{
	_cleanup_fd_ int opened = pins_dir(dir);
	char path[DIRECTORY_PATH_SIZE];

	if (opened < 0)
		return opened;
	directory_path(opened, program_map_name(map), path);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

__u32 pins_filter_id(const char *dir)
{
	__u32 id = 0;
	_cleanup_fd_ int fd = pins_open(dir, MAP_COUNTERS, &id);

	return fd < 0 ? 0 : id;
}

#define MARK_SIZE 32
static const char *mark_of(__u32 program, char name[MARK_SIZE])
{
	snprintf(name, MARK_SIZE, MARK "%u", program);
	return name;
}

int pins_mark(const char *dir, __u32 program)
{
	_cleanup_fd_ int opened = pins_dir(dir);
	char name[MARK_SIZE];

	if (opened < 0)
		return opened;
	return symlinkat(".", opened, mark_of(program, name)) && errno != EEXIST ? -errno : 0;
}

void pins_unmark(const char *dir, __u32 except)
{
	_cleanup_fd_ int opened = pins_dir(dir);
	_cleanup_dir_ DIR *marks = opened < 0 ? NULL : directory_read(opened);
	struct dirent *entry;
	unsigned int program;

	while (marks && (entry = readdir(marks)))
		if (sscanf(entry->d_name, MARK "%u", &program) == 1 && program != except)
			unlinkat(opened, entry->d_name, 0);
}

/* 1, 0 or -errno */
static int belongs(int dir, __u32 state, const struct xdp_program_info *program)
{
	struct stat status;
	char name[MARK_SIZE];

	if (program->maps)
		return xdp_program_uses(program, state);
	if (!fstatat(dir, mark_of(program->id, name), &status, AT_SYMLINK_NOFOLLOW))
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

void pins_remove(const char *dir)
{
	struct diag ignored;
	_cleanup_fd_ int root = bpffs_open_root(&ignored);
	_cleanup_fd_ int opened = root < 0 ? -1 : bpffs_open_in(root, name_of(dir));

	if (opened >= 0)
		directory_remove(opened, root, name_of(dir));
}

/* NETNS-IFINDEX or NETNS-IFINDEX-NUMBER, see pins_make(). */
static bool is_name(const char *name)
{
	unsigned long netns;
	unsigned int ifindex, number;
	int end = -1;

	if (strspn(name, "0123456789-") != strlen(name) || strlen(name) > 40)
		return false;
	if (sscanf(name, "%lu-%u%n-%u%n", &netns, &ifindex, &end, &number, &end) < 2)
		return false;
	return end > 0 && !name[end];
}

/* What stands for the end of the directories in next_dir() and next_of(). */
#define THE_END 0

/* Opens the filter's directory that is called NAME in ROOT. -EPERM, and a remark, if it is not to be trusted; -errno */
static int open_dir(int root, const char *name)
{
	int fd = bpffs_open_in(root, name);

	if (fd == -EPERM)
		bpffs_pass_over(name, "it is no directory, another user's, or open to others");
	return fd;
}

/*
 * The next filter's directory in ROOT: its path and, opened, DIR. 1; THE_END; or -errno. Whatever else is in there is
 * none of ours, whoever made it, and is passed over.
 */
static int next_dir(DIR *root, char path[PINS_PATH_SIZE], int *dir)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(root))) {
		int fd;

		if (entry->d_name[0] == '.' || pending_is_name(entry->d_name))
			continue;
		if (!is_name(entry->d_name)) {
			bpffs_pass_over(entry->d_name, "no filter's pins have such a name");
			continue;
		}
		fd = open_dir(dirfd(root), entry->d_name);
		if (fd == -EPERM || fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		snprintf(path, PINS_PATH_SIZE, "%s/%.40s", PINS_ROOT, entry->d_name);
		*dir = fd;
		return 1;
	}
	return errno ? -errno : THE_END;
}

/* The directories that pins_make() makes for one interface, by their names: what is there beside them costs nothing. */
struct of_interface {
	int root;
	unsigned long netns;
	unsigned int ifindex, number, gaps;
};

/* The same as next_dir() among these. */
static int next_of(struct of_interface *of, char path[PINS_PATH_SIZE], int *dir)
{
	while (of->gaps < GAPS_MAX && of->number < NUMBERS_MAX) {
		int fd;

		name_numbered(of->netns, of->ifindex, ++of->number, path);
		fd = open_dir(of->root, name_of(path));
		of->gaps = fd == -ENOENT ? of->gaps + 1 : 0;
		if (fd == -EPERM || fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		*dir = fd;
		return 1;
	}
	return THE_END;
}

/* Whether ERROR, of pins_open_in() in DIR, is about what lies there and not about who looks. It is passed over then. */
static bool is_odd(int dir, const char *path, int error)
{
	struct stat status;

	if (error == -EACCES &&
	    (fstatat(dir, program_map_name(MAP_STATE), &status, AT_SYMLINK_NOFOLLOW) || status.st_uid == geteuid()))
		return false;
	if (error != -EPROTOTYPE && error != -EACCES && error != -ELOOP)
		return false;
	bpffs_pass_over(name_of(path), "its state is no map of this user's");
	return true;
}

/*
 * Whether the maps pinned in DIR are in use; STATE is the id of one of them. A program that DIR is marked with answers
 * that at once. Only without one all programs are asked: so a look costs by what was left, not by what others load.
 */
static bool is_in_use(int dir, __u32 state, struct xdp_used_maps *used)
{
	_cleanup_dir_ DIR *marks = directory_read(dir);
	struct dirent *entry;
	unsigned int program;

	while (marks && (entry = readdir(marks)))
		if (sscanf(entry->d_name, MARK "%u", &program) == 1 && xdp_uses_map(program, state))
			return true;
	return xdp_used_maps_have(used, state);
}

/* Removes what nobody needs any more: the kernel has no program that uses these maps. Whether it was there. */
static bool sweep_dir(int root, int dir, const char *path, struct xdp_used_maps *used)
{
	__u32 id = 0;
	_cleanup_fd_ int fd = -1;
	int error;

	dispatcher_settle(dir);
	fd = pins_open_in(dir, MAP_STATE, &id);
	if ((fd < 0 && (is_odd(dir, path, fd) || fd != -ENOENT)) || (fd >= 0 && is_in_use(dir, id, used)))
		return false;
	error = directory_remove(dir, root, name_of(path));
	if (error == -ENOTEMPTY)
		bpffs_pass_over(name_of(path), "there is a directory in it");
	return !error;
}

void pins_sweep_of(int lock, unsigned int ifindex)
{
	struct of_interface of = {.root = lock, .netns = netns_id(), .ifindex = ifindex};
	_cleanup_(xdp_used_maps_free) struct xdp_used_maps used = {};
	char path[PINS_PATH_SIZE];
	int dir = -1;

	while (next_of(&of, path, &dir) == 1) {
		sweep_dir(lock, dir, path, &used);
		close(dir);
	}
}

/*
 * Begins to read ROOT somewhere in it, if there is more in it than a sweep looks at: whether it did. The BPF filesystem
 * numbers what is in a directory from 2 on, and counts the directories among them as links.
 */
static bool seek_anywhere(DIR *root)
{
	struct stat status;

	if (fstat(dirfd(root), &status) || status.st_nlink <= SWEPT_MIN + 2)
		return false;
	seekdir(root, 2 + clock_boot_ns() / 1000 % (status.st_nlink - 2));
	return true;
}

/*
 * A look at each directory would cost by what is alive. So only some are looked at, from anywhere on, and for each that
 * was left behind two more. Nothing grows without being swept: who makes a directory looks at SWEPT_MIN first.
 */
void pins_sweep(int lock, bool all)
{
	_cleanup_(xdp_used_maps_free) struct xdp_used_maps used = {};
	_cleanup_dir_ DIR *root = directory_read(lock);
	unsigned int looks = SWEPT_MIN;
	char path[PINS_PATH_SIZE];
	bool again = root && !all && seek_anywhere(root);
	int dir = -1;

	while (root && looks) {
		int next = next_dir(root, path, &dir);

		if (next < 0 || (next == THE_END && !again))
			break;
		if (next == THE_END) {
			again = false;
			rewinddir(root);
			continue;
		}
		looks += sweep_dir(lock, dir, path, &used) ? 2 : 0;
		looks -= !all;
		close(dir);
	}
	pending_sweep(lock);
}

bool pins_left_behind(unsigned int ifindex)
{
	char path[PINS_PATH_SIZE];
	_cleanup_(xdp_used_maps_free) struct xdp_used_maps used = {};
	_cleanup_fd_ int dir = -1, fd = -1;
	__u32 id = 0;

	name_numbered(netns_id(), ifindex, 1, path);
	dir = pins_dir(path);
	if (dir < 0 || !is_of_netns(dir))
		return false;
	fd = pins_open_in(dir, MAP_STATE, &id);
	return fd >= 0 && !is_in_use(dir, id, &used);
}

/* 1 if the filter pinned in DIR is one of the programs of LOCATION, and LOCATION filled; 0 if not; -errno */
static int match(struct location *location, int dir, const char *path)
{
	const struct xdp_programs *programs = &location->programs;
	__u32 id = 0;
	_cleanup_fd_ int fd = pins_open_in(dir, MAP_STATE, &id);

	if (fd == -ENOENT || (fd < 0 && is_odd(dir, path, fd)))
		return 0;
	if (fd < 0)
		return fd;
	for (unsigned int i = 0; i < programs->count; i++) {
		int own = belongs(dir, id, &programs->program[i]);

		if (own < 0)
			return own;
		if (!own)
			continue;
		snprintf(location->pins, sizeof(location->pins), "%s", path);
		location->program = i;
		return 1;
	}
	return 0;
}

/* ROOT opened to be read; NULL with ERROR */
static DIR *read_root(int *error)
{
	struct diag ignored;
	_cleanup_fd_ int root = bpffs_open_root(&ignored);
	DIR *read = root < 0 ? NULL : directory_read(root);

	*error = root < 0 ? root : read ? 0 : -errno;
	return read;
}

/* How many of the programs may be ours: of another name none is, but not everybody is told a name. */
static unsigned int count_candidates(const struct xdp_programs *programs)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < programs->count; i++)
		count += !*programs->program[i].name || !strcmp(programs->program[i].name, PROGRAM_NAME);
	return count;
}

static bool is_excepted(const char *path, const char *except)
{
	return except && !strcmp(path, except);
}

/* 1 if it is found where pins_make() makes the pins of the interface; 0; -errno */
static int find_by_name(struct location *location, int root, const char *except)
{
	struct of_interface of = {.root = root, .netns = netns_id(), .ifindex = location->interface.ifindex};
	char path[PINS_PATH_SIZE];
	int dir, next = 1, found = 0;

	while (!found && (next = next_of(&of, path, &dir)) == 1) {
		if (!is_excepted(path, except))
			found = match(location, dir, path);
		close(dir);
	}
	return next < 0 ? next : found;
}

/* The same wherever the pins are: the interface was moved here from another network namespace. */
static int find_anywhere(struct location *location, DIR *root, const char *except)
{
	char path[PINS_PATH_SIZE];
	int dir, next = 1, found = 0;

	while (!found && (next = next_dir(root, path, &dir)) == 1) {
		if (!is_excepted(path, except))
			found = match(location, dir, path);
		close(dir);
	}
	return next < 0 ? next : found;
}

int pins_find(struct location *location, const char *except)
{
	_cleanup_dir_ DIR *root = NULL;
	int found;

	if (count_candidates(&location->programs) <= !!except)
		return -ENOENT; /* the filter in EXCEPT is one of them */
	root = read_root(&found);
	if (root)
		found = find_by_name(location, dirfd(root), except);
	if (root && !found)
		found = find_anywhere(location, root, except);
	return found < 0 ? found : found ? 0 : -ENOENT;
}

int pins_find_filter(__u32 filter, char path[PINS_PATH_SIZE])
{
	int dir = -1, error;
	_cleanup_dir_ DIR *root = read_root(&error);

	while (root && (error = next_dir(root, path, &dir)) == 1) {
		__u32 id = 0;
		_cleanup_fd_ int fd = pins_open_in(dir, MAP_COUNTERS, &id);

		close(dir);
		if (fd >= 0 && id == filter)
			return 0;
	}
	return error < 0 ? error : -ENOENT;
}

int pins_check(struct diag *diag)
{
	_cleanup_fd_ int bpffs = bpffs_open(diag), root = -1;

	if (bpffs < 0)
		return bpffs;
	root = bpffs_open_ours(bpffs, diag);
	return root < 0 && root != -ENOENT ? root : 0;
}

/* Opens PINS_ROOT, which is made if there is none: then with MADE. */
static int open_or_make(int bpffs, bool *made, struct diag *diag)
{
	int root;

	do {
		*made = !mkdirat(bpffs, BPFFS_OURS, 0700);
		if (!*made && errno != EEXIST) {
			int error = -errno;

			diag_fail(diag, error, "cannot make " PINS_ROOT ": %s", strerror(-error));
			return diag_add_needs(diag, error, 0);
		}
		root = bpffs_open_ours(bpffs, diag);
	} while (root == -ENOENT); /* whoever was at work here has just removed it */
	if (root < 0 && *made)
		unlinkat(bpffs, BPFFS_OURS, AT_REMOVEDIR);
	return root;
}

#define LOCK "the lock on changes of filters"
#define FILES 1024 /* to have open at a time, if it may be; libxdp opens every program that there is */

static int flock_root(int fd, bool try, unsigned int patience_s, struct diag *diag)
{
	if (try)
		return flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
	return lock_take(fd, LOCK, patience_s, diag);
}

static int take_lock(int *lock, bool try, unsigned int patience_s, struct diag *diag)
{
	_cleanup_fd_ int bpffs = bpffs_open(diag);
	bool made;

	if (bpffs < 0)
		return bpffs;
	system_raise_files(FILES);
	for (;;) {
		_cleanup_fd_ int root = open_or_make(bpffs, &made, diag);
		int error = root < 0 ? root : flock_root(root, try, patience_s, diag);

		if (root < 0 || error == -ETIMEDOUT)
			return error;
		if (error)
			return diag_fail(diag, error, "cannot lock " PINS_ROOT ": %s", strerror(-error));
		/* Whoever held the lock before may have removed the directory. */
		if (!directory_is(root, bpffs, BPFFS_OURS))
			continue;
		*lock = root;
		root = -1;
		xdp_hold_words();
		return 0;
	}
}

int pins_lock(int *lock, struct diag *diag)
{
	return take_lock(lock, false, 0, diag);
}

int pins_lock_within(int *lock, unsigned int patience_s, struct diag *diag)
{
	return take_lock(lock, false, patience_s, diag);
}

int pins_try_lock(int *lock, struct diag *diag)
{
	return take_lock(lock, true, 0, diag);
}

void pins_unlock(int *lock)
{
	struct diag ignored;
	_cleanup_fd_ int bpffs = *lock < 0 ? -1 : bpffs_open(&ignored);

	if (*lock < 0)
		return;
	if (bpffs >= 0 && directory_is(*lock, bpffs, BPFFS_OURS))
		unlinkat(bpffs, BPFFS_OURS, AT_REMOVEDIR); /* only if the last filter is gone */
	close(*lock);
	xdp_print_words();
}
