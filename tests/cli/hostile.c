/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A parser that has been taken over, preloaded in the place of libyaml's and of what reads captures: at the first byte
 * it tries what an attacker would, says on standard output what the kernel answered to each, and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

static long bpf(enum bpf_cmd command)
{
	union bpf_attr attr = {};

	return syscall(SYS_bpf, command, &attr, sizeof(attr));
}

static void take_over(void)
{
	char *const argv[] = {(char *)"true", NULL};

	say("open", open("/etc/hostname", O_RDONLY));
	say("create", open("/tmp/flagfilter-hostile", O_WRONLY | O_CREAT, 0600));
	say("openat2", syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0));
	say("unlink", unlink("/tmp/flagfilter-hostile"));
	say("stat", syscall(SYS_newfstatat, AT_FDCWD, "/etc/hostname", malloc(sizeof(struct stat)), 0));
	say("chmod", chmod(".", 0700));
	say("mount", mount("none", "/mnt", "tmpfs", 0, NULL));
	say("execve", execve("/bin/true", argv, NULL));
	say("fork", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	say("socket", socket(AF_INET, SOCK_STREAM, 0));
	say("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){}));
	say("kill", kill(getppid(), 0));
	say("tgkill", syscall(SYS_tgkill, getpid(), getpid(), 0));
	say("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	say("process_vm_readv", syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
	say("setuid", setuid(0));
	say("unshare", unshare(CLONE_NEWUSER));
	say("prctl", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	say("io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL));
	say("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	say("TIOCSTI", syscall(SYS_ioctl, 0, 0x5412, "x"));
	say("executable memory", (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	say("mprotect", syscall(SYS_mprotect, (long)take_over & -4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
	say("a program", bpf(BPF_PROG_LOAD));
	say("a map by its number", bpf(BPF_MAP_GET_FD_BY_ID));
	fflush(stdout);
	_exit(0);
}

int yaml_parser_parse(void *parser, void *event);
int yaml_parser_parse(void *parser, void *event)
{
	(void)parser, (void)event;
	take_over();
	return 0;
}

/* What reads captures; the other name is what FORTIFY_SOURCE makes of it. */
size_t fread(void *to, size_t size, size_t count, FILE *file)
{
	(void)to, (void)size, (void)count, (void)file;
	take_over();
	return 0;
}

size_t __fread_chk(void *to, size_t room, size_t size, size_t count, FILE *file);
size_t __fread_chk(void *to, size_t room, size_t size, size_t count, FILE *file)
{
	(void)room;
	return fread(to, size, count, file);
}
