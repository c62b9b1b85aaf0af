/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/xdp.h"

#include "base/cleanup.h"
#include "kernel/dispatcher.h"
#include "kernel/netlink.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <xdp/libxdp.h>

/* Before the usual 50 of libxdp's programs: what is dropped here need not be looked at there. */
#define RUN_PRIORITY 10

/*
 * What libbpf and libxdp print. It is static because their callbacks take no context. The kernel's own words about a
 * refused attach (netlink's extack) come to light nowhere else, nor does what libxdp is about to pin.
 */
static struct {
	bool verbose;
	char kernel_words[256];
	int notes; /* where dispatchers are noted, or -1 */
	unsigned int holds;
	struct held_words *held;
} chatter = {.notes = -1};

/* Words that wait to be printed, in memory that the guardian has in common with the process that started it. */
struct held_words {
	size_t length;
	char text[1 << 20];
};

DEFINE_CLEANUP(cleanup_multiprog, struct xdp_multiprog *, xdp_multiprog__close)
DEFINE_CLEANUP(cleanup_xdp_program, struct xdp_program *, xdp_program__close)

/* What there is no room for is lost. */
static void hold(const char *format, va_list args)
{
	struct held_words *held = chatter.held;
	size_t room = sizeof(held->text) - held->length;
	int length = vsnprintf(held->text + held->length, room, format, args);

	if (length > 0)
		held->length += (size_t)length < room ? (size_t)length : room - 1;
}

void xdp_hold_words(void)
{
	chatter.holds++;
}

void xdp_print_words(void)
{
	struct held_words *held = chatter.held;

	chatter.holds--;
	if (!chatter.verbose || chatter.holds)
		return;
	fwrite(held->text, 1, held->length, stderr);
	held->length = 0;
}

static void chatter_note(const char *format, va_list args)
{
	static const char mark[] = "Kernel error message: ";
	unsigned int ifindex, id;
	char line[512];
	va_list copy;
	char *words;

	va_copy(copy, args);
	vsnprintf(line, sizeof(line), format, copy);
	va_end(copy);
	words = strstr(line, mark);
	if (words) {
		words += strlen(mark);
		words[strcspn(words, "\n")] = '\0';
		snprintf(chatter.kernel_words, sizeof(chatter.kernel_words), "%s", words);
	}
	words = strstr(line, "Pinning multiprog");
	if (words && chatter.notes >= 0 &&
	    sscanf(words, "%*[^/]" DISPATCHER_PINS "/dispatch-%u-%u", &ifindex, &id) == 2)
		dispatcher_note(chatter.notes, ifindex, id);
	if (chatter.verbose && chatter.holds)
		hold(format, args);
	else if (chatter.verbose)
		vfprintf(stderr, format, args);
}

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	chatter_note(format, args);
	return 0;
}

static int print_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	chatter_note(format, args);
	return 0;
}

void xdp_set_verbose(bool verbose)
{
	if (verbose)
		chatter.held =
			mmap(NULL, sizeof(*chatter.held), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	chatter.verbose = verbose && chatter.held != MAP_FAILED;
	libbpf_set_print(print_libbpf);
	libxdp_set_print(print_libxdp);
}

static const struct {
	const char *name;
	enum xdp_attach_mode libxdp;
	__u32 flag;
} modes[] = {
	[XDP_MODE_NONE] = {"none", XDP_MODE_UNSPEC, 0},
	[XDP_NATIVE] = {"native", XDP_MODE_NATIVE, XDP_FLAGS_DRV_MODE},
	[XDP_GENERIC] = {"generic", XDP_MODE_SKB, XDP_FLAGS_SKB_MODE},
	[XDP_OFFLOAD] = {"offload", XDP_MODE_HW, XDP_FLAGS_HW_MODE},
};

const char *xdp_mode_name(enum xdp_mode mode)
{
	return modes[mode].name;
}

bool xdp_program_uses(const struct xdp_program_info *program, __u32 map_id)
{
	for (unsigned int i = 0; i < program->maps; i++)
		if (program->map[i] == map_id)
			return true;
	return false;
}

static int read_program(int fd, struct xdp_program_info *program)
{
	struct xdp_program_info read = {};
	struct bpf_prog_info info = {.nr_map_ids = XDP_PROGRAM_MAPS_MAX, .map_ids = (__u64)(unsigned long)read.map};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	read.id = info.id;
	read.maps = info.nr_map_ids < XDP_PROGRAM_MAPS_MAX ? info.nr_map_ids : XDP_PROGRAM_MAPS_MAX;
	memcpy(read.name, info.name, sizeof(read.name));
	*program = read;
	return 0;
}

/* Which program the kernel itself runs, and in which mode. One for the card is found before one in the driver. */
static void read_entry(const struct netlink_xdp *there, struct xdp_programs *programs)
{
	programs->mode = there->offload	  ? XDP_OFFLOAD
			 : there->native  ? XDP_NATIVE
			 : there->generic ? XDP_GENERIC
					  : XDP_MODE_NONE;
	programs->entry_id = there->offload ?: there->native ?: there->generic;
}

_Static_assert(XDP_PROGRAMS_MAX == DISPATCHER_PROGRAMS_MAX, "room for all that a dispatcher has");

/* Puts the programs behind the dispatcher with this id, if it is one, in its place. */
static int look_behind(unsigned int ifindex, struct xdp_programs *programs)
{
	struct xdp_programs again = {};
	int fd[DISPATCHER_PROGRAMS_MAX], error = 0;
	int count = dispatcher_programs(ifindex, programs->entry_id, fd);
	struct netlink_xdp there;

	for (int i = 0; i < count; i++) {
		if (!error)
			error = read_program(fd[i], &programs->program[i]);
		close(fd[i]);
	}
	if (count < 0)
		return count;
	if (!error)
		error = netlink_ask_xdp(ifindex, &there);
	if (error)
		return error;
	read_entry(&there, &again);
	if (again.entry_id != programs->entry_id)
		return -ENOENT; /* another one took its place meanwhile */
	if (count) {
		programs->shared = true;
		programs->count = count;
	}
	return 0;
}

static int try_list(unsigned int ifindex, struct xdp_programs *programs)
{
	struct xdp_programs read = {};
	struct netlink_xdp there;
	_cleanup_fd_ int fd = -1;
	int error = netlink_ask_xdp(ifindex, &there);

	if (error)
		return error;
	read_entry(&there, &read);
	if (read.entry_id) {
		read.count = 1;
		read.program[0].id = read.entry_id;
		fd = bpf_prog_get_fd_by_id(read.entry_id);
		read.only_id = fd < 0 && errno == EPERM;
		error = fd >= 0 ? read_program(fd, &read.program[0]) : read.only_id ? 0 : -errno;
	}
	if (!error && !strcmp(read.program[0].name, DISPATCHER_NAME))
		error = look_behind(ifindex, &read);
	if (!error)
		*programs = read;
	return error;
}

int xdp_list(unsigned int ifindex, struct xdp_programs *programs)
{
	int error = -ENOENT;

	/* A program that is taken off between the kernel's word that it is there and the look at it: then ask again. */
	for (int tries = 0; tries < 10 && error == -ENOENT; tries++)
		error = try_list(ifindex, programs);
	return error;
}

/* What to try after drivers' own words; NULL for words that are not known here. */
static const char *advice_on_words(const char *words)
{
	static const struct {
		const char *words, *advice;
	} known[] = {
		{"Peer MTU is too large", "; lower the MTU of the veth's other end"},
		{"MTU too large", "; lower the MTU"},
		{"rx queues not less than peer tx queues",
		 "; give it as many rx queues (ethtool -L IF rx N) as its other end has tx queues, or that fewer"},
		{"Too few free TX rings", "; the card needs a queue for each CPU beside those in use (ethtool -L)"},
		{"GRO_HW", "; the host must not put segments together: see `flagfilter doctor`"},
		{"upper device already has a program",
		 "; the bridge or bond that it belongs to has one, see `ip link`"},
	};

	for (unsigned int i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strstr(words, known[i].words))
			return known[i].advice;
	return NULL;
}

/* What to try after the kernel refused to attach in MODE with ERROR, or did not even load the program. */
static const char *advice(int error, enum xdp_mode mode, bool loaded)
{
	const char *on_words = advice_on_words(chatter.kernel_words);

	if (on_words)
		return on_words;
	if (error == -EBUSY || error == -EEXIST)
		return "; another XDP program came in between: see `bpftool net`";
	if (mode == XDP_OFFLOAD)
		return "; the network card cannot run XDP itself: try --mode native";
	if (!loaded && program_wants_btf(error))
		return PROGRAM_NO_BTF;
	if (!loaded && error != -ENOMEM && error != -EPERM && error != -EACCES)
		/* libbpf takes for missing whatever it has no memory to find out about. */
		return "; -v shows more; where memory is short, try again";
	if (mode == XDP_NATIVE && error == -EOPNOTSUPP)
		return "; the driver has no native XDP: try --mode generic, which works everywhere";
	if (mode == XDP_NATIVE && (error == -EINVAL || error == -ERANGE))
		return "; the driver refuses it as configured (MTU, LRO, channels?); --mode generic works everywhere";
	return "";
}

/* The error in the kernel's own words, too. Returns BUFFER. */
#define REASON_SIZE 384
static const char *reason(int error, char buffer[REASON_SIZE])
{
	const char *words = chatter.kernel_words;

	snprintf(buffer, REASON_SIZE, "%s%s%s%s", strerror(-error), *words ? " (kernel: \"" : "", words,
		 *words ? "\")" : "");
	return buffer;
}

static int fail_attach(struct diag *diag, int error, const struct interface *interface, enum xdp_mode mode, bool loaded)
{
	char text[REASON_SIZE];

	diag_fail(diag, error, "cannot attach to %s in %s mode: %s%s%s", interface->name, xdp_mode_name(mode),
		  loaded ? "" : "the XDP program does not load: ", reason(error, text), advice(error, mode, loaded));
	if (!loaded && program_wants_btf(error))
		return error;
	return diag_add_needs(diag, error, NEEDS_BPF | NEEDS_NET_ADMIN | NEEDS_PERFMON);
}

/* Between these two libxdp changes what is behind the interface's dispatcher. */
static int begin_change(unsigned int ifindex, int notes, struct diag *diag)
{
	int error = dispatcher_check(diag);

	if (error)
		return error;
	chatter.notes = notes;
	dispatcher_note_attached(notes, ifindex);
	return 0;
}

static void end_change(void)
{
	dispatcher_settle(chatter.notes);
	chatter.notes = -1;
}

int xdp_attach(struct program *program, const struct interface *interface, enum xdp_mode mode, int notes,
	       struct diag *diag)
{
	_cleanup_(cleanup_xdp_program) struct xdp_program *xdp = NULL;
	struct bpf_object *object = program_object(program);
	struct bpf_map *map;
	int error;

	if (mode == XDP_OFFLOAD) {
		bpf_program__set_ifindex(bpf_object__find_program_by_name(object, PROGRAM_NAME), interface->ifindex);
		bpf_object__for_each_map (map, object)
			bpf_map__set_ifindex(map, interface->ifindex);
	}
	xdp = xdp_program__from_bpf_obj(object, "xdp");
	error = libxdp_get_error(xdp);
	if (error) {
		xdp = NULL;
		return fail_attach(diag, error, interface, mode, false);
	}
	xdp_program__set_run_prio(xdp, RUN_PRIORITY);
	chatter.kernel_words[0] = '\0';
	error = begin_change(interface->ifindex, notes, diag);
	if (error)
		return error;
	error = xdp_program__attach(xdp, interface->ifindex, modes[mode].libxdp, 0);
	end_change();
	return error ? fail_attach(diag, error, interface, mode, program_id(program)) : 0;
}

void xdp_skip_dispatcher(void)
{
	setenv("LIBXDP_SKIP_DISPATCHER", "1", true);
}

/* Only with CAP_SYS_ADMIN one gets hold of a program by its id, and can name it to the kernel as the one to go. */
static int fail_by_id(struct diag *diag, int error, const char *interface, __u32 id)
{
	diag_fail(diag, error, "cannot get hold of the XDP program on %s, id %u: %s", interface, id, strerror(-error));
	return diag_add_needs(diag, error, NEEDS_SYS_ADMIN);
}

int xdp_load(struct program *program, const struct interface *interface, enum xdp_mode mode, struct diag *diag)
{
	int error = bpf_object__load(program_object(program));

	return error ? fail_attach(diag, error, interface, mode, false) : 0;
}

int xdp_replace(struct program *program, const struct interface *interface, enum xdp_mode mode, __u32 old_id,
		struct diag *diag)
{
	struct bpf_object *object = program_object(program);
	_cleanup_fd_ int old_fd = bpf_prog_get_fd_by_id(old_id);
	LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = old_fd);
	int error;

	chatter.kernel_words[0] = '\0';
	if (old_fd < 0)
		return fail_by_id(diag, -errno, interface->name, old_id);
	error = bpf_xdp_attach(interface->ifindex,
			       bpf_program__fd(bpf_object__find_program_by_name(object, PROGRAM_NAME)),
			       modes[mode].flag | XDP_FLAGS_REPLACE, &options);
	return error ? fail_attach(diag, error, interface, mode, true) : 0;
}

static int detach_shared(unsigned int ifindex, __u32 id)
{
	_cleanup_(cleanup_multiprog) struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *program = NULL;
	int error = libxdp_get_error(all);

	if (error) {
		all = NULL;
		return error;
	}
	while ((program = xdp_multiprog__next_prog(program, all)))
		if (xdp_program__id(program) == id)
			return xdp_program__detach(program, ifindex, xdp_multiprog__attach_mode(all), 0);
	return -ENOENT;
}

int xdp_detach_program(unsigned int ifindex, enum xdp_mode mode, int program)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = program);

	return bpf_xdp_detach(ifindex, modes[mode].flag | XDP_FLAGS_REPLACE, &options);
}

static int detach_exclusive(unsigned int ifindex, enum xdp_mode mode, __u32 id)
{
	_cleanup_fd_ int fd = bpf_prog_get_fd_by_id(id);

	return fd < 0 ? -errno : xdp_detach_program(ifindex, mode, fd);
}

int xdp_detach(const struct interface *interface, const struct xdp_programs *programs, __u32 id, int notes,
	       struct diag *diag)
{
	char text[REASON_SIZE];
	const char *on_words;
	int error;

	chatter.kernel_words[0] = '\0';
	if (programs->shared) {
		error = begin_change(interface->ifindex, notes, diag);
		if (error)
			return error;
		error = detach_shared(interface->ifindex, id);
		end_change();
	} else {
		error = detach_exclusive(interface->ifindex, programs->mode, id);
	}
	if (!error)
		return 0;
	if (error == -ENOENT)
		error = -EIO; /* libxdp says so, whatever kept it from looking; only who looks for a filter says that
				 none is there */
	on_words = advice_on_words(chatter.kernel_words);
	diag_fail(diag, error, "cannot detach from %s: %s%s", interface->name, reason(error, text),
		  on_words ? on_words : "");
	return diag_add_needs(diag, error, NEEDS_NET_ADMIN | NEEDS_SYS_ADMIN);
}

bool xdp_uses_map(__u32 program_id, __u32 map_id)
{
	_cleanup_fd_ int fd = bpf_prog_get_fd_by_id(program_id);
	struct xdp_program_info program = {};

	return fd >= 0 && !read_program(fd, &program) && xdp_program_uses(&program, map_id);
}

static int note_maps(struct xdp_used_maps *used, const struct xdp_program_info *program)
{
	__u32 *grown;

	if (!program->maps)
		return 0;
	if (used->count + program->maps > used->room) {
		used->room = 2 * used->room + XDP_PROGRAM_MAPS_MAX;
		grown = reallocarray(used->id, used->room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		used->id = grown;
	}
	memcpy(used->id + used->count, program->map, program->maps * sizeof(*program->map));
	used->count += program->maps;
	return 0;
}

/* Whether all programs could be asked. */
static bool read_used_maps(struct xdp_used_maps *used)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		_cleanup_fd_ int fd = bpf_prog_get_fd_by_id(id);
		struct xdp_program_info program = {};

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || read_program(fd, &program) || note_maps(used, &program))
			return false;
	}
	return errno == ENOENT;
}

static int compare_ids(const void *a, const void *b)
{
	const __u32 left = *(const __u32 *)a, right = *(const __u32 *)b;

	return left < right ? -1 : left > right;
}

bool xdp_used_maps_have(struct xdp_used_maps *used, __u32 map_id)
{
	if (!used->read) {
		used->known = read_used_maps(used);
		used->read = true;
		if (used->count)
			qsort(used->id, used->count, sizeof(*used->id), compare_ids);
	}
	return !used->known || (used->count && bsearch(&map_id, used->id, used->count, sizeof(*used->id), compare_ids));
}

void xdp_used_maps_free(struct xdp_used_maps *used)
{
	free(used->id);
}

bool xdp_map_in_use(__u32 map_id)
{
	_cleanup_(xdp_used_maps_free) struct xdp_used_maps used = {};

	return xdp_used_maps_have(&used, map_id);
}
