/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "examine.h"

#include "cleanup.h"
#include "filter.h"
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

static unsigned int kernel_version(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0;
	return KERNEL(major, minor);
}

static __u64 effective_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	syscall(SYS_capget, &header, data);
	return data[0].effective | (__u64)data[1].effective << 32;
}

static enum answer answer(bool yes)
{
	return yes ? YES : NO;
}

static void try_program(struct facts *facts)
{
	_cleanup_free_ struct policy *policy = malloc(sizeof(*policy));
	struct program_trial *trial = NULL;
	int compiles = program_kernel_compiles();
	struct diag diag = {};

	if (compiles < 0 || !policy || policy_from_preset(policy, "default", &diag))
		return; /* for want of capabilities: no more can be told */
	facts->jit = answer(compiles);
	facts->frags = answer(program_kernel_has_frags());
	facts->loads = answer(!program_trial_open(&trial, policy, &diag));
	if (facts->loads == NO) {
		snprintf(facts->load_failure, sizeof(facts->load_failure), "%.255s", diag.text);
		return;
	}
	facts->extension = answer(program_trial_extends(trial));
	program_trial_close(trial);
}

static void look_at_programs(struct facts *facts, const char *interface)
{
	struct location location = {};
	struct diag diag = {};
	int error;

	facts->own = -1;
	facts->programs_error = xdp_list(facts->nic.ifindex, &facts->programs);
	if (facts->programs_error || !facts->programs.count)
		return;
	error = filter_locate(&location, interface, &diag);
	if (!error) {
		facts->programs = location.programs;
		facts->own = location.program;
	} else {
		holder_find(facts->programs.program[0].id, &facts->holder);
	}
}

int examine(struct facts *facts, const char *interface, const char *netns, struct diag *diag)
{
	struct facts read = {.netns = netns};
	struct interface found;
	struct rlimit memlock;
	struct diag ignored;
	int error = interface_find(&found, interface, diag);

	if (!error)
		error = nic_read(&read.nic, interface, found.ifindex, diag);
	if (error)
		return error;
	read.kernel = kernel_version();
	read.cpus = sysconf(_SC_NPROCESSORS_CONF);
	read.page_size = sysconf(_SC_PAGESIZE);
	read.capabilities = effective_capabilities();
	read.memlock = getrlimit(RLIMIT_MEMLOCK, &memlock) ? 0 : memlock.rlim_cur;
	read.bpffs = !pins_check(&ignored);
	try_program(&read);
	look_at_programs(&read, interface);
	*facts = read;
	return 0;
}
