/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "packet/capture.h"

#include <dlfcn.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/stat.h>

/*
 * libpcap is loaded when a capture is opened and not before. Linked, it brings eight more libraries (dbus, systemd,
 * gcrypt and what they need), with which every other command takes 66 % longer to start. `stats` on Debian 12, x86-64:
 * 1.74 ms instead of 1.05, 2.6 million instructions instead of 0.8, 190 system calls instead of 98.
 */
#define PCAP_FUNCTIONS(FUNCTION)                                                                                       \
	FUNCTION(pcap_fopen_offline)                                                                                   \
	FUNCTION(pcap_close)                                                                                           \
	FUNCTION(pcap_next_ex)                                                                                         \
	FUNCTION(pcap_geterr)                                                                                          \
	FUNCTION(pcap_datalink)                                                                                        \
	FUNCTION(pcap_datalink_val_to_name)

static struct {
#define POINTER(name) __typeof__(&(name)) name;
	PCAP_FUNCTIONS(POINTER)
#undef POINTER
} lib;

static int load_libpcap(struct diag *diag)
{
	void *library = dlopen("libpcap.so.0.8", RTLD_NOW); /* its name in Debian; the others keep upstream's */

	if (!library)
		library = dlopen("libpcap.so.1", RTLD_NOW);
	if (!library)
		return diag_fail(diag, -ENOENT, "captures need libpcap: %s: install it (Debian: libpcap0.8)",
				 dlerror());
#define LOAD(name)                                                                                                     \
	lib.name = dlsym(library, #name);                                                                              \
	if (!lib.name)                                                                                                 \
		return diag_fail(diag, -ENOENT, "this libpcap is too old for captures: it has no " #name);
	PCAP_FUNCTIONS(LOAD)
#undef LOAD
	return 0;
}

struct capture {
	pcap_t *pcap;
	__u64 frames;	      /* read so far */
	__u64 time_ns;	      /* of the last one, CLOCK_REALTIME */
	char buffer[1 << 18]; /* of the file: libpcap reads through stdio, whose own would be 4096 bytes */
	char name[];	      /* in diagnostics */
};

/* Opening a directory for reading succeeds; only reading it would fail, and be reported as a broken file. */
static int open_file(FILE **file, const char *path)
{
	_cleanup_file_ FILE *opened = !strcmp(path, "-") ? stdin : fopen(path, "re");
	struct stat status;

	if (!opened)
		return -errno;
	if (!fstat(fileno(opened), &status) && S_ISDIR(status.st_mode))
		return -EISDIR;
	*file = opened;
	opened = NULL;
	return 0;
}

static int require_ethernet(pcap_t *pcap, const char *name, struct diag *diag)
{
	int type = lib.pcap_datalink(pcap);
	const char *type_name = lib.pcap_datalink_val_to_name(type);
	char number[16];

	if (type == DLT_EN10MB)
		return 0;
	snprintf(number, sizeof(number), "%d", type);
	return diag_fail(
		diag, -EPROTONOSUPPORT,
		"%s: link type is %s, not Ethernet: capture with `-i IF` on an Ethernet interface, not on `any`", name,
		type_name ? type_name : number);
}

int capture_open(struct capture **capture, const char *path, struct diag *diag)
{
	const char *name = !strcmp(path, "-") ? "standard input" : path;
	_cleanup_capture_ struct capture *opened = calloc(1, sizeof(*opened) + strlen(name) + 1);
	_cleanup_file_ FILE *file = NULL;
	char reason[PCAP_ERRBUF_SIZE] = "";
	int error;

	if (!opened)
		return diag_no_memory(diag);
	memcpy(opened->name, name, strlen(name) + 1);
	error = open_file(&file, path);
	if (error)
		return diag_fail(diag, error, "%s: %s", name, strerror(-error));
	error = load_libpcap(diag);
	if (error)
		return error;
	setvbuf(file, opened->buffer, _IOFBF, sizeof(opened->buffer));
	opened->pcap = lib.pcap_fopen_offline(file, reason);
	if (!opened->pcap)
		return diag_fail(diag, -EINVAL, "%s: not a capture: %s", name, reason);
	file = NULL; /* libpcap closes it from here on */
	error = require_ethernet(opened->pcap, name, diag);
	if (error)
		return error;
	*capture = opened;
	opened = NULL;
	return 0;
}

void capture_close(struct capture *capture)
{
	if (capture->pcap)
		lib.pcap_close(capture->pcap);
	free(capture);
}

int capture_next(struct capture *capture, const void **data, __u32 *size, struct diag *diag)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;

	switch (lib.pcap_next_ex(capture->pcap, &header, &bytes)) {
	case 1:
		capture->frames++;
		capture->time_ns = header->ts.tv_sec * 1000000000ull + header->ts.tv_usec * 1000ull;
		*data = bytes;
		*size = header->caplen;
		return 1;
	case PCAP_ERROR_BREAK: /* the end of the file */
		return 0;
	default:
		return diag_fail(diag, -EIO, "%s: broken after frame %llu: %s", capture->name, capture->frames,
				 lib.pcap_geterr(capture->pcap));
	}
}

__u64 capture_time_ns(const struct capture *capture)
{
	return capture->time_ns;
}
