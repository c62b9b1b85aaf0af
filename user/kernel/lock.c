/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This process does not sleep in the kernel until the lock is free. It tries to take the lock again and again, and
 * looks between two attempts at signals, deadlines and at who has the lock. Signals are blocked during an attempt, and
 * let in between attempts, so that no signal is missed.
 */
#include "kernel/lock.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LOOK_NS 20000000
#define QUIET_NS 1000000000 /* who gets the lock within this time says nothing */
#define HOLDER_SIZE 64

/* The process that has the lock on FD, or 0 if the kernel does not tell. */
static pid_t find_holder(int fd)
{
	_cleanup_file_ FILE *locks = fopen("/proc/locks", "re");
	struct stat status;
	char line[256];

	if (!locks || fstat(fd, &status))
		return 0;
	while (fgets(line, sizeof(line), locks)) {
		unsigned int major, minor;
		unsigned long inode;
		pid_t pid;

		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major, &minor, &inode) == 4 &&
		    makedev(major, minor) == status.st_dev && inode == status.st_ino)
			return pid;
	}
	return 0;
}

static const char *describe(pid_t holder, char text[HOLDER_SIZE])
{
	char path[32], name[32] = "";
	_cleanup_file_ FILE *comm = NULL;

	snprintf(path, sizeof(path), "/proc/%d/comm", holder);
	comm = holder > 0 ? fopen(path, "re") : NULL;
	if (!comm || !fgets(name, sizeof(name), comm)) {
		snprintf(text, HOLDER_SIZE, "another process");
		return text;
	}
	name[strcspn(name, "\n")] = '\0';
	text_clean(name);
	snprintf(text, HOLDER_SIZE, "process %d (%s)", holder, name);
	return text;
}

/* Says nothing where that would have to wait for a reader. */
static void tell(int fd, const char *what)
{
	struct pollfd standard_error = {.fd = STDERR_FILENO, .events = POLLOUT};
	char holder[HOLDER_SIZE];

	if (poll(&standard_error, 1, 0) > 0 && standard_error.revents & POLLOUT)
		fprintf(stderr, "flagfilter: waiting for %s, which has %s\n", describe(find_holder(fd), holder), what);
}

/* It is static because a process has one asker, whichever lock it waits for. */
static int asker = -1;

void lock_set_asker(int fd)
{
	asker = fd;
}

/* What this process would take the lock for is not to be done any more. */
static int look_for_the_end(struct diag *diag)
{
	struct pollfd other_end = {.fd = asker}; /* POLLERR: nobody reads from it any more */
	sigset_t pending;

	if (!sigpending(&pending) && sigismember(&pending, SIGTERM))
		return diag_fail(diag, -EINTR, "asked to end before it was done");
	return poll(&other_end, 1, 0) > 0 ? -ECANCELED : 0;
}

/* Who has the lock, and since when this process has waited for that holder. */
struct holder {
	pid_t pid;
	__u64 since_ns;
};

static bool is_out_of_patience(int fd, unsigned int patience_s, struct holder *holder, __u64 now)
{
	pid_t pid = patience_s ? find_holder(fd) : 0;

	if (pid != holder->pid)
		*holder = (struct holder){pid, now};
	return patience_s && now - holder->since_ns >= patience_s * 1000000000ull;
}

/* Signals that are not in BLOCKED are let in while it sleeps. */
static int wait_for(int fd, const char *what, unsigned int patience_s, const sigset_t *blocked, struct diag *diag)
{
	const struct timespec little = {.tv_nsec = LOOK_NS};
	__u64 began = clock_boot_ns(), now = began;
	struct holder holder = {.since_ns = began};
	char text[HOLDER_SIZE];
	bool told = false;
	int error = 0;

	while (!error && flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (!told && now - began >= QUIET_NS) {
			tell(fd, what);
			told = true;
		}
		if (is_out_of_patience(fd, patience_s, &holder, now))
			return diag_fail(diag, -ETIMEDOUT, "%s has %s, and does not let go of it",
					 describe(holder.pid, text), what);
		error = ppoll(NULL, 0, &little, blocked) < 0 ? -errno : look_for_the_end(diag);
		now = clock_boot_ns();
	}
	return error;
}

int lock_take(int fd, const char *what, unsigned int patience_s, struct diag *diag)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	error = wait_for(fd, what, patience_s, &before, diag);
	if (!error)
		error = look_for_the_end(diag);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}
