/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/change.h"

#include "base/cleanup.h"
#include "kernel/attach.h"
#include <errno.h>
#include <string.h>

/* The filter on an interface, for a change of it; the caller has the lock. */
static int open_to_change(const char *interface, struct location *location, struct filter *filter, struct diag *diag)
{
	int error = locate_filter(location, interface, diag);

	if (!error)
		error = attach_tidy(location, diag);
	return error ? error : filter_open(filter, location->pins, diag);
}

int change_policy(struct snapshot *snapshot, const char *interface, policy_change *change, void *context,
		  struct undo *undo, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	struct policy *policy = &snapshot->counts.policy;
	_cleanup_(pins_unlock) int lock = -1;
	struct location location;
	int error = pins_lock(&lock, diag);

	if (!error)
		error = open_to_change(interface, &location, &filter, diag);
	if (!error)
		error = pending_refuse(pins_filter_id(location.pins), interface, diag);
	if (!error)
		error = filter_read(&filter, snapshot, diag);
	if (error)
		return error;
	locate_note(snapshot, &location);
	if (undo)
		undo->policy = *policy;
	error = change(policy, context, diag);
	if (!error && undo)
		error = pending_guard(undo, pins_filter_id(location.pins), location.interface.ifindex,
				      filter_generation(&filter) + 1, diag);
	if (error)
		return error;
	error = filter_change(&filter, policy, diag);
	if (error && undo)
		pending_remove(undo->filter);
	/* In the order in which they are read back. */
	qsort(policy->source, policy->sources, sizeof(*policy->source), policy_compare_sources);
	return error;
}

/*
 * Opens the filter that UNDO is of where its interface is not in this network namespace any more. Policies can be
 * changed from anywhere; to detach one must be where the interface is.
 */
static int open_moved(const struct undo *undo, struct filter *filter, struct diag *diag)
{
	char pins[PINS_PATH_SIZE];

	filter_close(filter);
	*filter = FILTER_CLOSED;
	if (pins_find_filter(undo->filter, pins))
		return -ECANCELED;
	if (undo->attached)
		return diag_fail(diag, -EXDEV, "its interface was moved to another network namespace; detach it there");
	return filter_open(filter, pins, diag);
}

/* The filter that UNDO is of is not there any more, or what is there is another one. */
static bool is_gone(const struct undo *undo, const struct location *location, int error)
{
	return error == -ENOENT || error == -ENODEV || (!error && pins_filter_id(location->pins) != undo->filter);
}

/* Puts the policy from before in force, unless another one has been put in force meanwhile by who knew no mark. */
static int restore(const struct undo *undo, struct filter *filter, struct diag *diag)
{
	__u32 generation;
	int error = pending_generation(undo->pending, &generation);

	if (error)
		return diag_fail(diag, error, "cannot read its mark: %s", strerror(-error));
	if (generation != filter_generation(filter)) {
		pending_remove(undo->filter);
		return diag_fail(diag, -ESTALE, "somebody else has changed the policy since; that stays");
	}
	return filter_restore(filter, &undo->policy, diag);
}

int change_undo(const struct undo *undo, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	_cleanup_(pins_unlock) int lock = -1;
	struct location location;
	char name[IF_NAMESIZE] = "";
	int error;

	if_indextoname(undo->ifindex, name); /* it may have another name now */
	error = pins_lock(&lock, diag);
	if (error)
		return error;
	if (!pending_is_on(undo->pending))
		return -ECANCELED;
	error = open_to_change(name, &location, &filter, diag);
	if (is_gone(undo, &location, error))
		error = open_moved(undo, &filter, diag);
	if (!error)
		error = undo->attached ? attach_remove(&location, diag) : restore(undo, &filter, diag);
	if (!error || error == -ECANCELED)
		pending_remove(undo->filter);
	return error;
}

int change_confirm(const char *interface, struct pending *pending, struct diag *diag)
{
	_cleanup_(pins_unlock) int lock = -1;
	struct location location;
	int error = pins_lock(&lock, diag);
	__u32 id;

	if (!error)
		error = locate_filter(&location, interface, diag);
	if (error)
		return error;
	id = pins_filter_id(location.pins);
	error = pending_read(id, pending);
	if (error == -ENOENT)
		return error;
	if (!error)
		error = pending_remove(id);
	return error ? diag_fail(diag, error, "cannot confirm the change of %s: %s", interface, strerror(-error)) : 0;
}

int change_reset(const char *interface, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	_cleanup_(pins_unlock) int lock = -1;
	struct location location;
	int error = pins_lock(&lock, diag);

	if (!error)
		error = open_to_change(interface, &location, &filter, diag);
	if (!error)
		error = filter_reset(&filter, diag);
	if (error)
		return error;
	error = pending_follow(pins_filter_id(location.pins), filter_generation(&filter));
	return error ? diag_fail(diag, error, "the counters begin anew, but the unconfirmed change of %s will stay: %s",
				 interface, strerror(-error))
		     : 0;
}
