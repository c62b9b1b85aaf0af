/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Theory of operation: who makes a change is who takes it back, and that is nobody's child.
 *
 * Attaching may take the link down for a moment, and with it the terminal that asked for it. So it is not the process
 * on that terminal that makes the change, but one that has left its session before, keeps none of its files, and
 * depends on nothing but its own life. It has the old policy in its memory, and waits by a clock that goes on while the
 * machine is suspended. Before it may take the change back it takes the lock that every change needs, and then looks
 * whether the mark that says "unconfirmed" is still there: so a confirmation either comes before or finds it gone.
 *
 * Asked to end (SIGTERM: a service that stops, a session whose processes are ended) it takes the change back at once.
 * Killed (SIGKILL) it can do nothing: its lock is free then, and `status` says so.
 */
#include "kernel/guardian.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/netns.h"
#include "base/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define ONLY_FD                                                                                                        \
	3	   /* the guardian's only one beside the standard three: where to tell that it is done, then the mark  \
		    */
#define RETRIES 60 /* seconds for which a failing undo is tried again */

/* What the guardian tells the process that started it, in memory that both have; through a pipe, that it is there. */
struct result {
	int error;
	struct diag diag;
	struct snapshot snapshot;
};

static void let_go_of(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, fd);
	close(null);
}

/* Closes what the caller has left open, or libxdp, which would keep a program loaded. */
static void keep_only(int fd)
{
	if (fd != ONLY_FD && dup2(fd, ONLY_FD) < 0)
		_exit(1);
	close_range(ONLY_FD + 1, ~0u, 0);
}

/* Leaves session, terminal, directory and files of the caller. */
static void leave(int done_fd)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	keep_only(done_fd);
	if (chdir("/"))
		_exit(1);
	let_go_of(STDIN_FILENO);
	let_go_of(STDOUT_FILENO);
}

/* Until the time has come, the change is confirmed, or this process is asked to end. */
static void wait_for_the_end(const struct undo *undo)
{
	const struct itimerspec timer = {.it_value = clock_boot_to_timer(undo->deadline_ns)};
	struct pollfd wake[] = {
		{.fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC), .events = POLLIN},
		{.fd = pending_watch(undo->pending), .events = POLLIN},
		{.fd = -1, .events = POLLIN},
	};
	sigset_t end;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	wake[2].fd = signalfd(-1, &end, SFD_CLOEXEC);
	if (!pending_is_on(undo->pending))
		return;
	if (wake[0].fd < 0 || timerfd_settime(wake[0].fd, TFD_TIMER_ABSTIME, &timer, NULL))
		return; /* who cannot keep the time does not keep the change */
	while (poll(wake, sizeof(wake) / sizeof(*wake), -1) < 0 && errno == EINTR)
		;
}

static void take_back(const struct undo *undo)
{
	const char *to = undo->attached ? "the filter is detached" : undo->policy.label;
	struct diag diag = {};
	int error = -EIO;

	for (int tries = 0; tries < RETRIES && error && error != -ECANCELED && error != -EXDEV && error != -ESTALE;
	     tries++) {
		if (tries)
			sleep(1);
		error = change_undo(undo, &diag);
	}
	/* There is no terminal to tell it to. */
	openlog("flagfilter", LOG_PID, LOG_DAEMON);
	if (!error)
		syslog(LOG_WARNING, "interface %u: a change was not confirmed, and went back: %s", undo->ifindex, to);
	else if (error != -ECANCELED)
		syslog(LOG_ERR, "interface %u: a change was not confirmed, and cannot be taken back: %s", undo->ifindex,
		       diag.text);
}

static _Noreturn void be_the_guardian(struct result *result, unsigned int seconds, guarded_work *work, void *context)
{
	struct undo *undo = calloc(1, sizeof(*undo));
	int error = -ENOMEM;

	if (undo) {
		undo->seconds = seconds;
		error = work(context, undo, &result->snapshot, &result->diag);
	}
	result->error = error;
	/* It does not matter whether anybody is there to read it. */
	(void)!write(ONLY_FD, "", 1);
	let_go_of(STDERR_FILENO);
	if (!error) {
		keep_only(undo->pending);
		undo->pending = ONLY_FD;
		wait_for_the_end(undo);
		take_back(undo);
	}
	_exit(0);
}

/* Twice forked, so that it is nobody's child and cannot get a terminal again. */
static int start(int done_fd, struct result *result, unsigned int seconds, guarded_work *work, void *context)
{
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child) {
		setsid();
		if (!fork()) {
			leave(done_fd);
			be_the_guardian(result, seconds, work, context);
		}
		_exit(0);
	}
	waitpid(child, NULL, 0);
	return 0;
}

static int run(struct result *result, unsigned int seconds, guarded_work *work, void *context, struct diag *diag)
{
	_cleanup_fd_ int in = -1;
	int ends[2], error;
	char done;

	if (pipe2(ends, O_CLOEXEC))
		return diag_fail(diag, -errno, "cannot start a guardian: %s", strerror(errno));
	in = ends[0];
	fflush(stdout);
	error = start(ends[1], result, seconds, work, context);
	close(ends[1]);
	if (!error && read(in, &done, sizeof(done)) != sizeof(done))
		error = -ECHILD;
	if (error)
		return diag_fail(diag, error, "the guardian ended at once (%s); see `%s status`", strerror(-error),
				 shell_tool(netns_entered(), "flagfilter").text);
	*diag = result->diag;
	return result->error;
}

int guardian_run(unsigned int seconds, guarded_work *work, void *context, struct snapshot *snapshot, struct diag *diag)
{
	struct result *result;
	int error;

	if (!seconds)
		return work(context, NULL, snapshot, diag);
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		return diag_no_memory(diag);
	error = run(result, seconds, work, context, diag);
	*snapshot = result->snapshot;
	munmap(result, sizeof(*result));
	return error;
}
