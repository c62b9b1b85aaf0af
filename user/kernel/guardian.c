/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Theory of operation: the process that makes a change also takes it back, and is nobody's child.
 *
 * Attaching may take the link down for a moment, and with it the terminal that asked for it. So it is not the process
 * on that terminal that makes the change, but one that has left its session before, keeps none of its files, and
 * depends on nothing but its own life. It has the old policy in its memory, and waits by a clock that goes on while the
 * machine is suspended. Before it may take the change back it takes the lock that every change needs, and then looks
 * whether the mark that says "unconfirmed" is still there. So a confirmation either removes the mark in time, and the
 * change stays, or finds that the mark is gone and the change was taken back.
 *
 * Asked to end (SIGTERM: a service that stops, a session whose processes are ended) it takes the change back at once.
 * Killed (SIGKILL) it can do nothing: its lock is free then, and `status` says so.
 */
#include "kernel/guardian.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/netns.h"
#include "base/shell.h"
#include "base/system.h"
#include "kernel/lock.h"
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

#define ASKER_FD 3	   /* the guardian's only one beside the standard three: where to tell that it is done */
#define LOG_FD 4	   /* the next one to be opened */
#define FILES 1024	   /* to have open at a time, if it may be */
#define FILES_MIN 64	   /* or no promise is made: what it keeps open, and what libxdp opens to detach one program */
#define STACK (512u << 10) /* bytes of stack, likewise */
#define RESERVE (4 << 20)  /* bytes of memory that are sure to be had for the undo */
#define RETRIES 60	   /* seconds for which a failing undo is tried again */

/* What the guardian tells the process that started it, in memory that both have; through a pipe, that it is there. */
struct result {
	int error;
	struct diag diag;
	struct snapshot snapshot;
};

/* What wakes the guardian, in the order of its pollfds. */
enum { TIMER, CONFIRMATION, END, WAKES };

struct guardian {
	struct undo undo;
	struct filter filter;
	struct location location;
	struct pollfd wake[WAKES];
	void *reserve;
};

/* Leaves session, terminal, directory and files of the caller: also those that libxdp would need a number for. */
static void leave(int asker)
{
	sigset_t all;
	int null;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (asker != ASKER_FD && dup2(asker, ASKER_FD) < 0)
		_exit(1);
	close_range(ASKER_FD + 1, ~0u, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || chdir("/") || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(1);
	close(null);
}

/*
 * All that waiting and taking back need, which is opened or allocated before anything is changed: who cannot keep the
 * promise does not give it. What the lock and libxdp want beside that are file numbers and memory.
 */
/* Has the pages of the stack that the undo may need, so that they are there when it comes to that. */
static __attribute__((noinline)) void touch_stack(void)
{
	volatile char stack[STACK / 2];

	for (unsigned int i = 0; i < sizeof(stack); i += 1024)
		stack[i] = 1;
}

static int prepare(struct guardian *guardian, struct diag *diag)
{
	unsigned int files = system_raise_files(FILES);
	sigset_t end;

	if (files < FILES_MIN)
		return diag_fail(diag, -EMFILE,
				 "only %u open files are allowed, and to take the change back may take %u: raise "
				 "`ulimit -n`",
				 files, FILES_MIN);
	if (!system_raise_stack(STACK))
		return diag_fail(diag, -ENOMEM, "to take the change back may take a stack of %u KiB: raise `ulimit -s`",
				 STACK >> 10);
	touch_stack();
	system_lift_limits();
	openlog("flagfilter", LOG_PID | LOG_NDELAY, LOG_DAEMON); /* there is no terminal to tell it to */
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	guardian->wake[TIMER].fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	guardian->wake[END].fd = signalfd(-1, &end, SFD_CLOEXEC);
	guardian->wake[CONFIRMATION].fd = -1; /* see pending_watch() */
	for (int i = 0; i < WAKES; i++) {
		guardian->wake[i].events = POLLIN;
		if (i != CONFIRMATION && guardian->wake[i].fd < 0)
			return diag_fail(diag, -EMFILE, "cannot keep the time until the confirmation");
	}
	guardian->reserve = malloc(RESERVE);
	if (!guardian->reserve)
		return diag_no_memory(diag);
	memset(guardian->reserve, 1, RESERVE);
	guardian->filter = FILTER_CLOSED;
	guardian->undo.filter_held = &guardian->filter;
	guardian->undo.location = &guardian->location;
	guardian->undo.program = -1;
	return 0;
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes what is of no more use, and what libxdp has left open, which would keep a program loaded. */
static void keep_what_is_needed(const struct guardian *guardian)
{
	int keep[WAKES + PROGRAM_MAPS + 4], count = 0;
	unsigned int next = ASKER_FD;

	for (int i = 0; i < WAKES; i++)
		keep[count++] = guardian->wake[i].fd;
	for (int i = 0; i < PROGRAM_MAPS; i++)
		keep[count++] = guardian->filter.map[i];
	keep[count++] = guardian->filter.grace;
	keep[count++] = guardian->undo.pending;
	keep[count++] = guardian->undo.program;
	keep[count++] = LOG_FD;
	qsort(keep, count, sizeof(*keep), compare_fds);
	for (int i = 0; i < count; i++) {
		if (keep[i] < (int)next)
			continue;
		if ((unsigned int)keep[i] > next)
			close_range(next, keep[i] - 1, 0);
		next = keep[i] + 1;
	}
	close_range(next, ~0u, 0);
}

/* Waits until something happens. Whether it is only that the mark was touched, which is no confirmation if it is still
 * there. */
static bool wait_for_event(struct guardian *guardian)
{
	struct pollfd *wake = guardian->wake;
	char events[4096];

	while (poll(wake, WAKES, -1) < 0 && errno == EINTR)
		;
	if (wake[TIMER].revents || wake[END].revents || !wake[CONFIRMATION].revents)
		return false;
	if (read(wake[CONFIRMATION].fd, events, sizeof(events)) <= 0)
		wake[CONFIRMATION].fd = -1; /* then a confirmation shows when the time has come */
	return true;
}

/* Until the time has come, the change is confirmed, or this process is asked to end. */
static void wait_for_the_end(struct guardian *guardian)
{
	const struct undo *undo = &guardian->undo;
	const struct itimerspec timer = {.it_value = clock_boot_to_timer(undo->deadline_ns)};
	struct signalfd_siginfo signal;

	/* Without it a confirmation shows when the time has come. */
	guardian->wake[CONFIRMATION].fd = pending_watch(undo->pending);
	if (!pending_is_on(undo->pending))
		return;
	if (timerfd_settime(guardian->wake[TIMER].fd, TFD_TIMER_ABSTIME, &timer, NULL))
		return; /* who cannot keep the time does not keep the change */
	while (wait_for_event(guardian) && pending_is_on(undo->pending))
		;
	if (guardian->wake[END].revents)
		(void)!read(guardian->wake[END].fd, &signal,
			    sizeof(signal)); /* a second one ends the wait for the lock */
}

/* Waits a second, unless it is asked to end. */
static bool may_try_again(void)
{
	const struct timespec second = {.tv_sec = 1};
	sigset_t end;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	return sigtimedwait(&end, NULL, &second) < 0;
}

static void take_back(struct undo *undo)
{
	const char *to = undo->attached ? "the filter is detached" : undo->policy.label;
	bool again = true;
	struct diag diag;
	int error;

	for (int tries = 1; again; tries++) {
		diag = (struct diag){};
		error = change_undo(undo, tries > 3, &diag);
		again = error && error != -ECANCELED && error != -EXDEV && error != -ESTALE && tries < RETRIES &&
			may_try_again();
	}
	if (!error)
		syslog(LOG_WARNING, "interface %u: a change was not confirmed, and went back: %s%s%s", undo->ifindex,
		       to, *diag.text ? "; without the lock: " : "", diag.text);
	else if (error != -ECANCELED)
		syslog(LOG_ERR, "interface %u: a change was not confirmed, and cannot be taken back: %s", undo->ifindex,
		       diag.text);
}

static _Noreturn void be_the_guardian(struct result *result, unsigned int seconds, guarded_work *work, void *context)
{
	struct guardian *guardian = calloc(1, sizeof(*guardian));
	int error = guardian ? prepare(guardian, &result->diag) : diag_no_memory(&result->diag);

	xdp_hold_words(); /* for good: the caller prints them */
	lock_set_asker(ASKER_FD);
	if (!error) {
		guardian->undo.seconds = seconds;
		error = work(context, &guardian->undo, &result->snapshot, &result->diag);
	}
	lock_set_asker(-1);
	result->error = error;
	/* It does not matter whether anybody is there to read it. */
	(void)!write(ASKER_FD, "", 1);
	if (!error) {
		dup2(STDIN_FILENO, STDERR_FILENO);
		keep_what_is_needed(guardian);
		wait_for_the_end(guardian);
		free(guardian->reserve);
		take_back(&guardian->undo);
	}
	_exit(0);
}

/* Twice forked, so that it is nobody's child and cannot get a terminal again. */
static int start(int done_fd, struct result *result, unsigned int seconds, guarded_work *work, void *context)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (!child) {
		setsid();
		child = fork();
		if (!child) {
			leave(done_fd);
			be_the_guardian(result, seconds, work, context);
		}
		_exit(child < 0);
	}
	return waitpid(child, &status, 0) == child && status ? -EAGAIN : 0;
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
	xdp_hold_words();
	xdp_print_words();
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
