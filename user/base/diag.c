/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/diag.h"

#include "base/system.h"
#include "base/text.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#undef diag_fail
#undef diag_usage
#undef diag_no_memory

int diag_fail(struct diag *diag, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(diag->text, sizeof(diag->text), format, args);
	va_end(args);
	diag->usage = false;
	return error;
}

int diag_usage(struct diag *diag, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(diag->text, sizeof(diag->text), format, args);
	va_end(args);
	diag->usage = true;
	return -EINVAL;
}

int diag_no_memory(struct diag *diag)
{
	return diag_fail(diag, -ENOMEM, "out of memory");
}

static char remark[512];

void diag_remark(const char *format, ...)
{
	va_list args;

	if (*remark)
		return;
	va_start(args, format);
	vsnprintf(remark, sizeof(remark), format, args);
	va_end(args);
}

const char *diag_remarked(void)
{
	text_clean(remark);
	return remark;
}

/* Before Linux 5.11 BPF memory counts as locked. libbpf raises the limit, for which it needs CAP_SYS_RESOURCE. */
static bool memlock_is_tight(void)
{
	struct rlimit limit;

	return system_kernel() < KERNEL(5, 11) && !getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY;
}

void diag_add(struct diag *diag, const char *text)
{
	size_t length = strlen(diag->text);

	snprintf(diag->text + length, sizeof(diag->text) - length, "%s", text);
}

int diag_add_needs(struct diag *diag, int error, unsigned long long capabilities)
{
	static const struct {
		unsigned long long bit;
		const char *name;
	} names[] = {{NEEDS_BPF, "CAP_BPF"},
		     {NEEDS_NET_ADMIN, "CAP_NET_ADMIN"},
		     {NEEDS_PERFMON, "CAP_PERFMON"},
		     {NEEDS_SYS_ADMIN, "CAP_SYS_ADMIN"}};
	unsigned long long have = system_capabilities();
	const char *before = "; it needs ";

	if (error != -EPERM && error != -EACCES)
		return error;
	if (have & NEEDS_SYS_ADMIN)
		have |= NEEDS_BPF | NEEDS_PERFMON; /* the kernel takes it for these */
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!(capabilities & ~have & names[i].bit))
			continue;
		diag_add(diag, before);
		diag_add(diag, names[i].name);
		before = " and ";
	}
	if (capabilities & ~have)
		diag_add(diag, ", which root has");
	else if (memlock_is_tight())
		diag_add(diag, "; the limit on locked memory is too low for this kernel: try `ulimit -l unlimited`");
	else if (geteuid())
		diag_add(diag, "; it needs root, whose files these are");
	return error;
}
