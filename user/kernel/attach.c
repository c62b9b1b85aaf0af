/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Theory of operation: at every moment the interface has the filter as before or as after.
 *
 * Maps are pinned before the program is attached, and unpinned after it is detached; a loader killed in between leaves
 * pins that no program uses, which the next change sweeps. The kernel exchanges an exclusive program in one step.
 *
 * Behind libxdp's dispatcher there is no such step: the new program is added beside the old, then the old one is taken
 * away. Meanwhile both see each frame. So the new one comes with a state of its own in which every verdict is silent:
 * it drops like the old one, whichever comes first, and leaves it to the old one to count what passes. Then the roles
 * change by one flip of each state, and the old one goes. At no moment is a frame unjudged.
 */
#include "kernel/attach.h"

#include "base/cleanup.h"
#include "base/shell.h"
#include "kernel/nic.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

DEFINE_CLEANUP(cleanup_program, struct program *, program_close)

/* The name may be another interface's by now than when it was looked at. */
static int refuse_frames(const struct interface *interface, struct diag *diag)
{
	char refusal[FRAMES_REFUSAL_SIZE];

	if (!frames_refusal(interface->frames, &interface->link, refusal))
		return 0;
	return diag_fail(diag, -EMEDIUMTYPE, "cannot attach to %s: %s", interface->name, refusal);
}

/* Another's program that has the interface for itself is never replaced. */
static int refuse_foreign(const struct location *location, struct diag *diag)
{
	const struct xdp_programs *there = &location->programs;

	if (!there->count || there->shared)
		return 0;
	return diag_fail(
		diag, -EBUSY,
		"%s already has an XDP program of another owner: '%.15s', id %u, %s; see `bpftool prog show id %u`, "
		"and detach it first",
		location->interface.name, there->program[0].name, there->program[0].id, xdp_mode_name(there->mode),
		there->program[0].id);
}

/* Makes a directory for the pins of a new filter. Returns it, opened, or -errno with DIAG filled. */
static int make_pins(const struct interface *interface, char pins[PINS_PATH_SIZE], struct diag *diag)
{
	int error = pins_make(interface->ifindex, pins), dir;

	if (error)
		return diag_fail(diag, error, "cannot attach to %s: no directory %s: %s", interface->name, pins,
				 strerror(-error));
	dir = pins_dir(pins);
	if (dir >= 0)
		return dir;
	pins_remove(pins);
	return diag_fail(diag, dir, "cannot attach to %s: cannot open %s: %s", interface->name, pins, strerror(-dir));
}

static int write_first_sources(struct program *program, int pins, const struct policy *policy, struct diag *diag)
{
	_cleanup_fd_ int fd = program_create_sources(program, pins);
	int error = fd < 0 ? fd : filter_write_sources(fd, 0, policy);

	if (!error)
		return 0;
	diag_fail(diag, error, "cannot write the exempt sources: %s", strerror(-error));
	return diag_add_needs(diag, error, NEEDS_BPF);
}

int attach_remove(const struct location *location, struct diag *diag)
{
	_cleanup_fd_ int pins = pins_dir(location->pins);
	int error = xdp_detach(&location->interface, &location->programs,
			       location->programs.program[location->program].id, pins, diag);

	if (!error)
		pins_remove(location->pins);
	return error;
}

int attach_withdraw(const struct location *location, enum xdp_mode mode, int program)
{
	int error = xdp_detach_program(location->interface.ifindex, mode, program);

	if (!error)
		pins_remove(location->pins);
	return error;
}

/* Takes PROGRAM, just attached and pinned at LOCATION, away again, without a look at what is there. PINS: its directory
 */
static void withdraw(const struct location *location, enum xdp_mode mode, const struct program *program, int pins)
{
	const struct xdp_programs behind_dispatcher = {.shared = true};
	int error = attach_withdraw(location, mode, program_fd(program));
	struct diag ignored;

	for (int tries = 0; error && tries < 3; tries++)
		error = xdp_detach(&location->interface, &behind_dispatcher, program_id(program), pins, &ignored);
	if (!error)
		pins_remove(location->pins);
}

/*
 * Looks for the filter that has just been attached to LOCATION's interface: what is there now, and as which program,
 * only the kernel knows, because libxdp may have put a dispatcher there, or done without it. (Under memory pressure
 * libbpf may think that the kernel has no mmap-able maps, and make the state one that is not: that cannot be read.)
 */
static int verify(struct location *location, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	struct location found;
	int error = locate_on(&found, &location->interface, diag);

	if (!error)
		error = filter_open(&filter, found.pins, diag);
	if (!error)
		*location = found;
	return error;
}

/* The program at LOCATION is one that this process guards. */
static int guard_attached(const struct location *location, const struct program *program, struct undo *undo,
			  struct diag *diag)
{
	__u32 id = pins_filter_id(location->pins);

	undo->attached = true;
	*undo->location = *location;
	undo->program = fcntl(program_fd(program), F_DUPFD_CLOEXEC, 0);
	if (undo->program < 0 || !id)
		return diag_fail(diag, -EIO, "cannot keep hold of the program on %s", location->interface.name);
	return pending_guard(undo, id, location->interface.ifindex, 0, diag);
}

/* For ff_state.queues. Asked for before the program is attached: what is added meanwhile is told, rather than missed.
 */
static unsigned int queues_of(const struct interface *interface, enum xdp_mode mode)
{
	return mode == XDP_NATIVE ? nic_queues_of_attach(interface->name) : 0;
}

static int attach_once(struct location *location, enum xdp_mode mode, const struct policy *policy, struct undo *undo,
		       struct diag *diag)
{
	_cleanup_free_ struct ff_state *state = program_initial_state(policy);
	_cleanup_(cleanup_program) struct program *program = NULL;
	const struct interface *interface = &location->interface;
	_cleanup_fd_ int pins = -1;
	int error;

	if (!state)
		return diag_no_memory(diag);
	state->no_ethernet = interface->frames == FRAMES_IP;
	state->queues = queues_of(interface, mode);
	pins = make_pins(interface, location->pins, diag);
	if (pins < 0)
		return pins;
	error = program_open(&program, pins, state, diag);
	if (!error && policy->sources)
		error = write_first_sources(program, pins, policy, diag);
	if (!error)
		error = xdp_attach(program, interface, mode, pins, diag);
	if (error) {
		pins_remove(location->pins);
		return error;
	}
	pins_mark(location->pins, program_id(program));
	error = verify(location, diag);
	if (!error && undo)
		error = guard_attached(location, program, undo, diag);
	if (error)
		withdraw(location, mode, program, pins);
	return error;
}

/* Attaches where no filter of ours is, in this one MODE. */
static int attach_new(struct location *location, enum xdp_mode mode, const struct policy *policy, struct undo *undo,
		      struct diag *diag)
{
	int error = attach_once(location, mode, policy, undo, diag);

	if (error == -EINVAL && !diag->usage && !location->programs.count) {
		xdp_skip_dispatcher();
		error = attach_once(location, mode, policy, undo, diag);
	}
	return error;
}

/* Native, or where that fails generic. If both fail, the reason why native did is the one to know. */
static int attach_auto(struct location *location, const struct policy *policy, struct undo *undo, struct diag *diag)
{
	int error = attach_new(location, XDP_NATIVE, policy, undo, diag);
	struct diag ignored = {};

	if (error && error != -EPERM && !attach_new(location, XDP_GENERIC, policy, undo, &ignored)) {
		*diag = (struct diag){};
		return 0;
	}
	return error;
}

/* Makes the exclusive program of FILTER one of this build. The kernel exchanges the two in one step. */
static int replace_exclusive(const struct location *location, const struct filter *filter, struct diag *diag)
{
	const struct xdp_programs *there = &location->programs;
	_cleanup_(cleanup_program) struct program *program = NULL;
	__u32 old = there->program[location->program].id;
	unsigned int queues = queues_of(&location->interface, there->mode);
	_cleanup_fd_ int pins = pins_dir(location->pins);
	int error;

	if (pins < 0)
		return diag_fail(diag, pins, "cannot open %s: %s", location->pins, strerror(-pins));
	error = program_open(&program, pins, filter->state, diag);
	if (!error)
		error = xdp_load(program, &location->interface, there->mode, diag);
	if (error)
		return error;
	pins_mark(location->pins, program_id(program));
	error = xdp_replace(program, &location->interface, there->mode, old, diag);
	pins_unmark(location->pins, error ? old : program_id(program));
	if (!error)
		filter->state->queues = queues;
	return error;
}

/* Pins the maps that FILTER shares with its successor. */
static int pin_shared_maps(const struct filter *filter, const char *pins, struct diag *diag)
{
	for (enum program_map map = MAP_STATE + 1; map < PROGRAM_MAPS; map++) {
		int error = pins_put(pins, map, filter->map[map]);

		if (error)
			return diag_fail(diag, error, "cannot pin %s/%s: %s", pins, program_map_name(map),
					 strerror(-error));
	}
	return 0;
}

/* Attaches the successor of FILTER beside it, silent, with pins of its own: PINS, open as DIR. */
static int attach_successor(const struct location *location, const struct filter *filter, const char *pins, int dir,
			    struct diag *diag)
{
	_cleanup_(cleanup_program) struct program *program = NULL;
	_cleanup_free_ struct ff_state *state = malloc(sizeof(*state));
	int error;

	if (!state)
		return diag_no_memory(diag);
	*state = *filter->state;
	state->queues = queues_of(&location->interface, location->programs.mode);
	filter_silence(&state->slot[state->generation & 1], true);
	error = pin_shared_maps(filter, pins, diag);
	if (!error)
		error = program_open(&program, dir, state, diag);
	if (!error)
		error = xdp_attach(program, &location->interface, location->programs.mode, dir, diag);
	if (!error)
		pins_mark(pins, program_id(program));
	return error;
}

/* The same behind the dispatcher; see the top of this file. */
static int replace_shared(const struct location *location, struct filter *filter, struct diag *diag)
{
	_cleanup_(filter_close) struct filter successor = FILTER_CLOSED;
	char pins[PINS_PATH_SIZE];
	_cleanup_fd_ int dir = make_pins(&location->interface, pins, diag);
	int error;

	if (dir < 0)
		return dir;
	error = attach_successor(location, filter, pins, dir, diag);
	if (error) {
		pins_remove(pins);
		return error;
	}
	error = filter_open(&successor, pins, diag);
	if (error)
		return error;
	error = filter_hand_over(filter, &successor);
	if (!error)
		error = pending_follow(pins_filter_id(pins), filter_generation(&successor));
	if (error)
		return diag_fail(diag, error, "cannot hand %s over to the new program: %s; the old one stays",
				 location->interface.name, strerror(-error));
	return attach_remove(location, diag);
}

int attach_tidy(struct location *location, struct diag *diag)
{
	struct location other = *location;
	bool removed = false;
	int error = 0;

	while (!error && !pins_find(&other, location->pins)) {
		error = attach_remove(&other, diag);
		if (!error)
			error = xdp_list(other.interface.ifindex, &other.programs);
		removed = true;
	}
	/* libxdp knows what is there now better than the list from before. */
	return error || !removed ? error : locate_on(location, &other.interface, diag);
}

static int replace(struct location *location, enum xdp_mode mode, const struct policy *policy, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	const struct xdp_programs *there = &location->programs;
	int error;

	if (mode != XDP_MODE_NONE && mode != there->mode)
		return diag_fail(diag, -EBUSY, "already attached to %s in %s mode; detach it to attach in %s mode",
				 location->interface.name, xdp_mode_name(there->mode), xdp_mode_name(mode));
	error = attach_tidy(location, diag);
	if (!error)
		error = filter_open(&filter, location->pins, diag);
	if (!error)
		error = there->shared ? replace_shared(location, &filter, diag)
				      : replace_exclusive(location, &filter, diag);
	if (error)
		return error;
	/* What is there now, and where its maps are pinned, has changed. */
	error = locate_on(location, &location->interface, diag);
	if (error || !policy)
		return error;
	filter_close(&filter);
	filter = FILTER_CLOSED;
	error = filter_open(&filter, location->pins, diag);
	return error ? error : filter_change(&filter, policy, diag);
}

static int attach_first(struct location *location, enum xdp_mode mode, const struct policy *policy, struct undo *undo,
			struct diag *diag)
{
	_cleanup_free_ struct policy *preset = NULL;
	int error = refuse_frames(&location->interface, diag);

	if (!error)
		error = refuse_foreign(location, diag);
	if (error)
		return error;
	if (!policy) {
		preset = malloc(sizeof(*preset));
		if (!preset)
			return diag_no_memory(diag);
		error = policy_from_preset(preset, NULL, diag);
		if (error)
			return error;
		policy = preset;
	}
	return mode == XDP_MODE_NONE ? attach_auto(location, policy, undo, diag)
				     : attach_new(location, mode, policy, undo, diag);
}

int attach(struct location *location, const char *interface, enum xdp_mode mode, const struct policy *policy,
	   struct undo *undo, struct diag *diag)
{
	_cleanup_(pins_unlock) int lock = -1;
	int error = pins_lock(&lock, diag);

	if (error)
		return error;
	pins_sweep(lock, false);
	error = locate_to_change(location, interface, lock, diag);
	if (error && error != -ENOENT)
		return error;
	*diag = (struct diag){};
	if (bpffs_open_to_others())
		diag_remark("others can write to " BPFFS " (mode %o), and so keep filters from being attached: "
			    "`chmod 700 " BPFFS "`",
			    bpffs_open_to_others());
	if (error)
		return attach_first(location, mode, policy, undo, diag);
	if (undo)
		return diag_fail(
			diag, -EBUSY,
			"already attached to %s, so there is nothing to detach from later; a policy can be tried by "
			"`%s`",
			interface, shell_command("apply", interface, "FILE", "--confirm SECONDS").text);
	if (policy)
		error = pending_refuse(pins_filter_id(location->pins), interface, diag);
	return error ? error : replace(location, mode, policy, diag);
}

int attach_sweep(struct diag *diag)
{
	_cleanup_(pins_unlock) int lock = -1;
	int error = pins_lock(&lock, diag);

	if (!error)
		pins_sweep(lock, true);
	return error;
}

int detach(const char *interface, struct diag *diag)
{
	_cleanup_(pins_unlock) int lock = -1;
	struct location location;
	int error = pins_lock(&lock, diag);
	__u32 id;

	if (error)
		return error;
	error = locate_to_change(&location, interface, lock, diag);
	if (!error)
		error = attach_tidy(&location, diag);
	if (error)
		return error;
	id = pins_filter_id(location.pins);
	error = attach_remove(&location, diag);
	if (!error)
		pending_remove(id);
	return error;
}
