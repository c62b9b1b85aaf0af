/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/system.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

unsigned int system_kernel(void)
{
	unsigned int major, minor;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0;
	return KERNEL(major, minor);
}

unsigned long long system_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return 0;
	return data[0].effective | (unsigned long long)data[1].effective << 32;
}

unsigned int system_raise_files(unsigned int files)
{
	struct rlimit limit, wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= files)
		return files;
	wanted = (struct rlimit){.rlim_cur = files, .rlim_max = limit.rlim_max > files ? limit.rlim_max : files};
	if (!setrlimit(RLIMIT_NOFILE, &wanted))
		return files;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

void system_lift_limits(void)
{
	static const __rlimit_resource_t limits[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_CPU};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct rlimit limit, none = {RLIM_INFINITY, RLIM_INFINITY};

		if (!setrlimit(limits[i], &none) || getrlimit(limits[i], &limit))
			continue;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(limits[i], &limit);
	}
}

bool system_raise_stack(unsigned long size)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur >= size)
		return true;
	limit.rlim_cur = limit.rlim_max > size ? size : limit.rlim_max;
	setrlimit(RLIMIT_STACK, &limit);
	return limit.rlim_cur >= size;
}
