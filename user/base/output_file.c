/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/output_file.h"

#include "base/cleanup.h"
#include "base/number.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The descriptor of the caller's that PATH names; -1: none. */
static int named_descriptor(const char *path)
{
	static const char *const directories[] = {"/dev/fd/", "/proc/self/fd/"};
	unsigned long number;

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
		size_t length = strlen(directories[i]);

		if (!strncmp(path, directories[i], length) && !number_parse(path + length, 0, INT_MAX, &number))
			return number;
	}
	return -1;
}

const char *output_file_name(const char *path)
{
	return strcmp(path, "-") ? path : "standard output";
}

/* Whether any user can put files beside PATH. */
static bool is_in_shared_directory(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	struct stat directory;

	return !copy || stat(dirname(copy), &directory) || directory.st_mode & S_IWOTH;
}

/* Why what is open at PATH is not to be written; NULL: it may. */
static const char *objection(const char *path, const struct stat *status)
{
	bool own = status->st_uid == geteuid();

	switch (status->st_mode & S_IFMT) {
	case S_IFREG:
		if (!own)
			return "it is another user's";
		return status->st_nlink == 1 ? NULL : "it has other names (hard links), which may be another user's";
	case S_IFIFO:
		return own || !is_in_shared_directory(path) ? NULL
							    : "it is another user's pipe, where everybody can make one";
	case S_IFCHR:
		return NULL;
	default:
		return "it is no regular file, pipe or character device";
	}
}

static int cannot_write(const char *path, struct diag *diag)
{
	return diag_fail(diag, -errno, "cannot write %s: %s", output_file_name(path), strerror(errno));
}

static int refuse(const char *path, const char *why, struct diag *diag)
{
	return diag_fail(diag, -EPERM, "cannot write %s: %s; name a file of your own", path, why);
}

/* Opens PATH. Until it is known that it may be written, it stays as it is. Returns the descriptor, or -errno. */
static int open_path(const char *path, struct diag *diag)
{
	_cleanup_fd_ int opened = -1;
	struct stat status;
	const char *why;
	int fd;

	/* Before it is opened: to open a pipe waits for somebody who reads it. */
	if (!lstat(path, &status) && S_ISFIFO(status.st_mode)) {
		why = objection(path, &status);
		if (why)
			return refuse(path, why, diag);
	}
	opened = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
	if (opened < 0 && errno == ELOOP)
		return refuse(path, "it is a symbolic link", diag);
	if (opened < 0 || fstat(opened, &status))
		return cannot_write(path, diag);
	why = objection(path, &status);
	if (why)
		return refuse(path, why, diag);
	if (S_ISREG(status.st_mode) && (fchmod(opened, 0600) || ftruncate(opened, 0)))
		return cannot_write(path, diag);
	fd = opened;
	opened = -1;
	return fd;
}

int output_file_open(FILE **file, const char *path, struct diag *diag)
{
	int given = named_descriptor(path);
	_cleanup_fd_ int fd = given < 0 ? open_path(path, diag) : fcntl(given, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return given < 0 ? fd : cannot_write(path, diag);
	if (isatty(fd))
		return diag_usage(diag, "a capture is not for a terminal: name a file, or redirect the output");
	*file = fdopen(fd, "w");
	if (!*file)
		return cannot_write(path, diag);
	fd = -1;
	return 0;
}
