/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Preloaded into flagfilter: lets its Nth step fail. A step is a call that can change or ask something outside the
 * process: bpf(), a netlink message, a directory or pin made or removed, the lock, a namespace entered.
 *
 *	FAULT_AT=N		which step; none if it is 0, absent, or more than there are
 *	FAULT_EVERY=1		and all that follow
 *	FAULT_WIDE=1		steps are also all other calls that ask what is there: files opened, looked at and read,
 *				names of interfaces, sockets
 *	FAULT=kill		the process is killed in place of the step (the default)
 *	FAULT=ENOMEM ...	the step fails with this error, of those in errors[]
 *	FAULT=/FILE		from this step on the process is in the control group whose cgroup.procs that is
 *	FAULT=!COMMAND		before this step the shell runs the command, while the process stands still
 *	FAULT_BPF=COMMAND	only bpf() calls with this command's number are steps
 *	FAULT_STEPS=FILE	one character for every step
 *	FAULT_WORDS=1		what libxdp says comes on stderr at once, among the steps, and not only when the lock is
 *free FAULT_LOG=FILE		one line for every map and program that was made: "map ID", "prog ID"
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <malloc.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static const struct {
	const char *name;
	int number;
} errors[] = {{"ENOMEM", ENOMEM}, {"EPERM", EPERM},   {"EBUSY", EBUSY},	  {"EIO", EIO},	   {"ENOSPC", ENOSPC},
	      {"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"EACCES", EACCES}, {"EINTR", EINTR}};

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* With heap and stack that need no more pages, so that the group's limit is felt by the kernel's own memory alone. */
static void enter(const char *procs)
{
	const size_t enough = 16 << 20;
	int fd = REAL(open)(procs, O_WRONLY);
	char *heap;

	mallopt(M_MMAP_THRESHOLD, 2 * enough);
	mallopt(M_TRIM_THRESHOLD, 2 * enough);
	heap = malloc(enough);
	if (heap)
		memset(heap, 1, enough);
	free(heap);
	if (fd < 0 || mlockall(MCL_CURRENT) || write(fd, "0", 1) != 1)
		raise(SIGKILL);
	close(fd);
}

/* Whether this step is the one; then errno says what it fails with. Does not return if the process is to be killed. */
static int fails(void)
{
	static int step;
	const char *at = getenv("FAULT_AT"), *what = getenv("FAULT"), *path = getenv("FAULT_STEPS");
	FILE *steps = path ? REAL(fopen)(path, "a") : NULL;

	if (steps) {
		fputc('.', steps);
		fclose(steps);
	}
	if (!at || !atoi(at) || (++step != atoi(at) && (step < atoi(at) || !getenv("FAULT_EVERY"))))
		return 0;
	if (what && *what == '/') {
		enter(what);
		return 0;
	}
	if (what && *what == '!') {
		unsetenv("LD_PRELOAD");
		if (system(what + 1))
			raise(SIGKILL);
		return 0;
	}
	for (size_t i = 0; what && i < sizeof(errors) / sizeof(*errors); i++)
		if (!strcmp(what, errors[i].name)) {
			errno = errors[i].number;
			return 1;
		}
	raise(SIGKILL);
	return 1;
}

static void note(int command, int fd)
{
	const char *path = getenv("FAULT_LOG");
	struct bpf_prog_info program = {};
	struct bpf_map_info map = {};
	union bpf_attr attr = {};
	FILE *log;

	if (!path || fd < 0 || (command != BPF_MAP_CREATE && command != BPF_PROG_LOAD))
		return;
	attr.info.bpf_fd = fd;
	attr.info.info_len = command == BPF_MAP_CREATE ? sizeof(map) : sizeof(program);
	attr.info.info = command == BPF_MAP_CREATE ? (unsigned long)&map : (unsigned long)&program;
	log = REAL(fopen)(path, "a");
	if (log && !REAL(syscall)(__NR_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)))
		fprintf(log, "%s %u\n", command == BPF_MAP_CREATE ? "map" : "prog",
			command == BPF_MAP_CREATE ? map.id : program.id);
	if (log)
		fclose(log);
}

/* libbpf calls bpf() and nothing else of much interest by this. */
long syscall(long number, ...)
{
	const char *only = getenv("FAULT_BPF");
	long argument[6], result;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(list, long);
	va_end(list);
	if (number == __NR_bpf && (!only || argument[0] == atoi(only)) && fails())
		return -1;
	result = REAL(syscall)(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
	if (number == __NR_bpf)
		note(argument[0], result);
	return result;
}

#define STEP(type, name, parameters, ...)                                                                              \
	type name parameters                                                                                           \
	{                                                                                                              \
		return !getenv("FAULT_BPF") && fails() ? -1 : REAL(name)(__VA_ARGS__);                                 \
	}

STEP(ssize_t, send, (int fd, const void *data, size_t size, int flags), fd, data, size, flags)
STEP(int, mkdir, (const char *path, mode_t mode), path, mode)
STEP(int, rmdir, (const char *path), path)
STEP(int, unlink, (const char *path), path)
STEP(int, flock, (int fd, int operation), fd, operation)
STEP(int, setns, (int fd, int type), fd, type)

/* ---- with FAULT_WIDE */

#define WIDE(type, failed, name, parameters, ...)                                                                      \
	type name parameters                                                                                           \
	{                                                                                                              \
		return getenv("FAULT_WIDE") && fails() ? failed : REAL(name)(__VA_ARGS__);                             \
	}

WIDE(int, -1, stat, (const char *path, struct stat *status), path, status)
WIDE(int, -1, lstat, (const char *path, struct stat *status), path, status)
WIDE(int, -1, fstat, (int fd, struct stat *status), fd, status)
WIDE(int, -1, fstatat, (int dir, const char *path, struct stat *status, int flags), dir, path, status, flags)
WIDE(int, -1, statfs, (const char *path, struct statfs *status), path, status)
WIDE(int, -1, fstatfs, (int fd, struct statfs *status), fd, status)
WIDE(int, -1, access, (const char *path, int mode), path, mode)
WIDE(ssize_t, -1, readlink, (const char *path, char *target, size_t size), path, target, size)
WIDE(ssize_t, -1, readlinkat, (int dir, const char *path, char *target, size_t size), dir, path, target, size)
WIDE(int, -1, unlinkat, (int dir, const char *path, int flags), dir, path, flags)
WIDE(int, -1, mkdirat, (int dir, const char *path, mode_t mode), dir, path, mode)
WIDE(DIR *, NULL, opendir, (const char *path), path)
WIDE(DIR *, NULL, fdopendir, (int fd), fd)
WIDE(struct dirent *, NULL, readdir, (DIR * dir), dir)
WIDE(FILE *, NULL, fopen, (const char *path, const char *mode), path, mode)
WIDE(FILE *, NULL, fdopen, (int fd, const char *mode), fd, mode)
WIDE(int, -1, socket, (int domain, int type, int protocol), domain, type, protocol)
WIDE(ssize_t, -1, recv, (int fd, void *data, size_t size, int flags), fd, data, size, flags)
WIDE(unsigned int, 0, if_nametoindex, (const char *name), name)
WIDE(char *, NULL, if_indextoname, (unsigned int index, char name[IF_NAMESIZE]), index, name)
WIDE(struct if_nameindex *, NULL, if_nameindex, (void), )
WIDE(void *, MAP_FAILED, mmap, (void *where, size_t size, int protection, int flags, int fd, off_t offset), where, size,
     protection, flags, fd, offset)

/* Those with arguments that may be absent. The terminal is not asked: ncurses would do so for ever. */
#define WIDE_MORE(name, type, last, asked, parameters, ...)                                                            \
	int name parameters                                                                                            \
	{                                                                                                              \
		va_list list;                                                                                          \
		type more;                                                                                             \
                                                                                                                       \
		va_start(list, last);                                                                                  \
		more = va_arg(list, type);                                                                             \
		va_end(list);                                                                                          \
		return getenv("FAULT_WIDE") && (asked) && fails() ? -1 : REAL(name)(__VA_ARGS__, more);                \
	}

WIDE_MORE(open, unsigned int, flags, true, (const char *path, int flags, ...), path, flags)
WIDE_MORE(openat, unsigned int, flags, true, (int dir, const char *path, int flags, ...), dir, path, flags)
WIDE_MORE(ioctl, void *, request, fd > 2, (int fd, unsigned long request, ...), fd, request)

typedef int print_words(int level, const char *format, va_list args);

static print_words *print_held;

static int print_at_once(int level, const char *format, va_list args)
{
	va_list copy;

	va_copy(copy, args);
	vfprintf(stderr, format, copy);
	va_end(copy);
	return print_held(level, format, args);
}

/* libxdp's, whose header is not needed for it. */
print_words *libxdp_set_print(print_words *print);
print_words *libxdp_set_print(print_words *print)
{
	print_words *(*set)(print_words *) = (print_words * (*)(print_words *)) dlsym(RTLD_NEXT, "libxdp_set_print");

	if (!getenv("FAULT_WORDS"))
		return set(print);
	print_held = print;
	return set(print_at_once);
}
