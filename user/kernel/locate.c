/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/locate.h"

#include "base/cleanup.h"
#include "base/shell.h"
#include "base/text.h"
#include <errno.h>
#include <string.h>

/* Whether the filter pinned in PINS is silent: 1, or 0, also for the maps of another version, or -errno. */
static int is_silent(const char *pins)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	struct diag ignored;
	int error = filter_open(&filter, pins, &ignored);

	return error == -EPROTO ? 0 : error ? error : filter_is_silent(&filter);
}

static int find_counting(struct location *location)
{
	struct location other = *location;
	int error = pins_find(location, NULL), silent;

	if (error)
		return error;
	error = pins_find(&other, location->pins);
	if (error)
		return error == -ENOENT ? 0 : error;
	silent = is_silent(location->pins);
	if (silent > 0)
		*location = other;
	return silent < 0 ? silent : 0;
}

/* Says that there is no filter, and what became of it. */
static int fail_absent(const struct location *location, const char *interface, struct diag *diag)
{
	const struct xdp_program_info *other = &location->programs.program[0];
	bool taken = pins_left_behind(location->interface.ifindex);

	if (location->programs.count)
		return diag_fail(diag, -ENOENT, "not attached to %s: '%.15s', id %u, is there%s", interface,
				 other->name, other->id, taken ? " in its place" : "");
	if (!taken)
		return diag_fail(diag, -ENOENT, "not attached to %s", interface);
	return diag_fail(
		diag, -ENOENT,
		"not attached to %s: another tool took its program off; `%s` puts it on again, counting from zero",
		interface, shell_command("attach", interface, "", "").text);
}

int locate_filter(struct location *location, const char *interface, struct diag *diag)
{
	struct interface found;
	int error = interface_find(&found, interface, diag);

	return error ? error : locate_on(location, &found, diag);
}

int locate_to_change(struct location *location, const char *interface, int lock, struct diag *diag)
{
	struct interface found;
	int error = interface_find(&found, interface, diag);

	if (error)
		return error;
	pins_sweep_of(lock, found.ifindex);
	return locate_on(location, &found, diag);
}

int locate_on(struct location *location, const struct interface *on, struct diag *diag)
{
	struct location found = {.interface = *on};
	const char *interface = on->name;
	int error;

	error = xdp_list(found.interface.ifindex, &found.programs);
	if (error)
		return diag_fail(diag, error, "cannot look at the XDP programs of %s: %s", interface, strerror(-error));
	error = found.programs.count ? find_counting(&found) : -ENOENT;
	if (error && found.programs.count && pins_check(diag))
		return -EIO; /* what is there may be ours: the pins would tell */
	if (error == -ENOENT && found.programs.only_id) {
		diag_fail(diag, -EPERM, "cannot tell whose XDP program is on %s, id %u", interface,
			  found.programs.program[0].id);
		return diag_add_needs(diag, -EPERM, NEEDS_SYS_ADMIN);
	}
	if (!error || error == -ENOENT)
		*location = found;
	if (error == -ENOENT)
		return fail_absent(&found, interface, diag);
	if (!error)
		return 0;
	diag_fail(diag, error, "cannot read " PINS_ROOT ": %s", strerror(-error));
	return pins_add_needs(diag, error);
}

void locate_note(struct snapshot *snapshot, const struct location *location)
{
	snapshot->location = *location;
	text_clean(snapshot->location.interface.name);
}

/* No lock is taken: a filter may be replaced, or detached, between the look for it and the look at its maps. */
static int locate_and_open(struct filter *filter, struct location *location, const char *interface, struct diag *diag)
{
	char pins[PINS_PATH_SIZE] = "";
	int error = 0;

	for (int tries = 0; tries < 10; tries++) {
		struct diag located = {};
		int gone = locate_filter(location, interface, &located);

		if (gone) {
			*diag = located;
			return gone;
		}
		if (error && !strcmp(pins, location->pins))
			return error;
		memcpy(pins, location->pins, sizeof(pins));
		error = filter_open(filter, pins, diag);
		if (!error)
			return 0;
	}
	return error;
}

int locate_and_read(struct snapshot *snapshot, const char *interface, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	struct location location;
	int error = locate_and_open(&filter, &location, interface, diag);

	if (error)
		return error;
	locate_note(snapshot, &location);
	snapshot->queues_added = filter_queues_added(&filter, location.interface.name);
	return filter_read(&filter, snapshot, diag);
}
