/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/sandbox.h"

#include "base/diag.h"
#include "base/system.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

/*
 * What the parsers, stdio, malloc and exit() ask the kernel for, on all architectures: those that one does not have are
 * passed over.
 */
static const int allowed[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(fstat64),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* The same, where an argument has all bits of MASK as they are in VALUE. */
static const struct {
	int call;
	unsigned int argument;
	unsigned long mask, value;
} allowed_if[] = {
#ifdef __s390__ /* mmap(2) takes its arguments from memory, which no filter sees */
	{SCMP_SYS(mmap), 0, 0, 0},
#else
	{SCMP_SYS(mmap), 2, PROT_EXEC, 0},
	{SCMP_SYS(mmap2), 2, PROT_EXEC, 0},
#endif
	/* How a C library asks for what fstat(2) says. */
	{SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH, AT_EMPTY_PATH},
	{SCMP_SYS(fstatat64), 3, AT_EMPTY_PATH, AT_EMPTY_PATH},
	{SCMP_SYS(statx), 2, AT_EMPTY_PATH, AT_EMPTY_PATH},
	/* Whether standard output is a terminal. */
	{SCMP_SYS(ioctl), 1, 0xffffffff, TCGETS},
};

static const unsigned int allowed_bpf[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_PROG_TEST_RUN};

static int allow(scmp_filter_ctx filter, bool bpf)
{
	int error = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < sizeof(allowed_if) / sizeof(*allowed_if) && !error; i++)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, allowed_if[i].call, 1,
			SCMP_CMP(allowed_if[i].argument, SCMP_CMP_MASKED_EQ, allowed_if[i].mask, allowed_if[i].value));
	for (size_t i = 0; bpf && i < sizeof(allowed_bpf) / sizeof(*allowed_bpf) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
					 SCMP_CMP(0, SCMP_CMP_EQ, allowed_bpf[i]));
	return error;
}

/*
 * EPERM and not death: a C library that tries a new system call first goes on with an old one, or there is an error to
 * tell. (A call in the manner of another architecture does kill.)
 */
static int filter_calls(bool bpf)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!filter)
		return -ENOSYS;
	/* Before Linux 5.16 a filter slows the process down, so that it cannot spy on memory that is its own here. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (bpf) /* compared first, since there is one for each frame */
		seccomp_syscall_priority(filter, SCMP_SYS(bpf), UINT8_MAX);
	error = allow(filter, bpf);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

/*
 * Before Linux 5.19 bpf(2) refuses everything to a process without CAP_BPF where kernel.unprivileged_bpf_disabled is
 * set, as Debian sets it; later only that new programs and maps are made. CAP_SYS_ADMIN includes CAP_BPF, and before
 * Linux 5.8 there is no other.
 */
static unsigned long long kept_capabilities(bool bpf)
{
	unsigned long long have = system_capabilities();

	if (!bpf || system_kernel() >= KERNEL(5, 19))
		return 0;
	return have & NEEDS_BPF ? NEEDS_BPF : have & NEEDS_SYS_ADMIN;
}

static int become_nobody(void)
{
	return setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY) ? -errno
													    : 0;
}

static int limit_capabilities(unsigned long long kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	data[0].effective = data[0].permitted = kept;
	data[1].effective = data[1].permitted = kept >> 32;
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

const char *sandbox_enter(bool bpf)
{
	unsigned long long kept = kept_capabilities(bpf);
	const char *missing = NULL;

#ifdef FLAGFILTER_NO_SANDBOX
	return "a sandbox: this build has none"; /* sanitizers, valgrind and profiles need more than it allows */
#endif
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		missing = "no_new_privs";
	for (int capability = 0; !prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); capability++)
		;
	if (kept)
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0); /* when root becomes nobody */
	if (!geteuid() && become_nobody())
		missing = "another user than root";
	if (limit_capabilities(kept))
		missing = "giving up its capabilities";
	if (filter_calls(bpf))
		missing = "seccomp";
	return missing;
}
