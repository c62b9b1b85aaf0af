/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

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

const char *diag_privilege(int error)
{
	return error == -EPERM || error == -EACCES ? " (needs root)" : "";
}
