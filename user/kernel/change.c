/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/change.h"

#include "base/cleanup.h"
#include "kernel/attach.h"
#include "policy/difference.h"
#include <errno.h>
#include <string.h>

#define PATIENCE_S 5

/* The filter on an interface, for a change of it; the caller has LOCK, or could not take it: -1. */
static int open_to_change(const char *interface, int lock, struct location *location, struct filter *filter,
			  struct diag *diag)
{
	int error =
		lock < 0 ? locate_filter(location, interface, diag) : locate_to_change(location, interface, lock, diag);

	if (!error)
		error = attach_tidy(location, diag);
	return error ? error : filter_open(filter, location->pins, diag);
}

/* CHANGE, and whether it makes anything else of POLICY. */
static int change_and_compare(struct snapshot *snapshot, policy_change *change, void *context, struct diag *diag)
{
	_cleanup_free_ struct difference *difference = malloc(sizeof(*difference));
	_cleanup_free_ struct policy *before = malloc(sizeof(*before));
	struct policy *policy = &snapshot->counts.policy;
	int error;

	if (!difference || !before)
		return diag_no_memory(diag);
	*before = *policy;
	error = change(policy, context, diag);
	if (error)
		return error;
	difference_find(before, policy, &snapshot->counts.counters, difference);
	snapshot->changed = difference_any(difference);
	return 0;
}

int change_policy(struct snapshot *snapshot, const char *interface, policy_change *change, void *context,
		  struct undo *undo, struct filter_waits *waits, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	struct policy *policy = &snapshot->counts.policy;
	_cleanup_(pins_unlock) int lock = -1;
	struct location location;
	int error = pins_lock(&lock, diag);

	if (!error)
		error = open_to_change(interface, lock, &location, &filter, diag);
	if (!error)
		error = pending_refuse(filter.id, interface, diag);
	if (!error)
		error = filter_read(&filter, snapshot, diag);
	if (error)
		return error;
	locate_note(snapshot, &location);
	if (undo)
		undo->policy = *policy;
	error = change_and_compare(snapshot, change, context, diag);
	if (!error && undo)
		error = pending_guard(undo, filter.id, location.interface.ifindex, filter_generation(&filter) + 1,
				      diag);
	if (error)
		return error;
	filter.waits = waits;
	error = filter_change(&filter, policy, diag);
	if (error && undo)
		pending_remove(undo->filter);
	if (!error && undo) {
		*undo->filter_held = filter;
		filter = FILTER_CLOSED;
	}
	/* In the order in which they are read back. */
	qsort(policy->source, policy->sources, sizeof(*policy->source), policy_compare_sources);
	return error;
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

/* By what the guardian has had open since before the change. */
static int undo_by_held(const struct undo *undo, struct diag *diag)
{
	int error;

	if (!undo->attached && filter_is_silent(undo->filter_held))
		return diag_fail(diag, -EAGAIN, "its program was replaced, and the new one cannot be looked at");
	if (!undo->attached) {
		/* Twice: whoever stands still with the lock may be writing what the first one puts in force. */
		error = restore(undo, undo->filter_held, diag);
		return error ? error : filter_restore(undo->filter_held, &undo->policy, diag);
	}
	error = attach_withdraw(undo->location, undo->location->programs.mode, undo->program);
	return error ? diag_fail(diag, error, "cannot detach it: %s", strerror(-error)) : 0;
}

/* Whether any interface has the filter still; a program that was taken off is unloaded after a while. */
static bool is_somewhere(struct undo *undo)
{
	bool is = true;

	if (undo->attached && undo->program >= 0)
		close(undo->program);
	undo->program = -1;
	for (int tries = 0; is && tries < 20; tries++) {
		is = xdp_map_in_use(undo->filter);
		if (is)
			usleep(50000);
	}
	return is;
}

/*
 * The interface is not in this network namespace any more, or has another filter or none. A policy can be changed from
 * anywhere; to detach one must be where the interface is.
 */
static int undo_moved(struct undo *undo, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	char pins[PINS_PATH_SIZE];
	int error;

	if (undo->attached) {
		error = undo_by_held(undo, diag);
		if (error != -EEXIST && error != -ENODEV)
			return error;
		return is_somewhere(undo) ? diag_fail(diag, -EXDEV,
						      "its interface was moved to another network namespace; detach it "
						      "there")
					  : -ECANCELED;
	}
	if (pins_find_filter(undo->filter, pins))
		return xdp_map_in_use(undo->filter) ? undo_by_held(undo, diag) : -ECANCELED;
	error = filter_open(&filter, pins, diag);
	return error ? error : restore(undo, &filter, diag);
}

/* The filter that UNDO is of is not there any more, or what is there is another one. */
static bool is_gone(const struct undo *undo, const struct location *location, int error)
{
	return error == -ENOENT || error == -ENODEV || (!error && pins_filter_id(location->pins) != undo->filter);
}

/* By what is found on the interface, as any other change. */
static int undo_located(struct undo *undo, int lock, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	struct location location;
	char name[IF_NAMESIZE]; /* it may have another name now */
	int error;

	if (if_indextoname(undo->ifindex, name))
		error = open_to_change(name, lock, &location, &filter, diag);
	else
		error = errno == ENXIO ? -ENODEV : diag_fail(diag, -errno, "cannot look for it: %s", strerror(errno));
	if (is_gone(undo, &location, error))
		return undo_moved(undo, diag);
	if (error)
		return error;
	return undo->attached ? attach_remove(&location, diag) : restore(undo, &filter, diag);
}

/*
 * No loader has the lock for so long that works: whoever does stands still, or is none. The undo then touches nothing
 * but its own filter, of which a loader that goes on later finds that its generation is another (filter.c).
 */
int change_undo(struct undo *undo, bool without_lock, struct diag *diag)
{
	_cleanup_(pins_unlock) int lock = -1;
	struct diag of_lock = {}, ignored;
	int error = pins_lock_within(&lock, PATIENCE_S, &of_lock);

	if (!pending_is_on(undo->pending))
		return -ECANCELED;
	if (error && error != -ETIMEDOUT && error != -EINTR && !without_lock) {
		*diag = of_lock;
		return error;
	}
	if (error) {
		error = undo_by_held(undo, diag);
		if (error)
			error = undo_located(undo, lock, diag);
		if (!error)
			*diag = of_lock;
	} else {
		error = undo_located(undo, lock, diag);
		if (error && error != -ECANCELED && error != -EXDEV && error != -ESTALE &&
		    !undo_by_held(undo, &ignored)) {
			*diag = (struct diag){};
			error = 0;
		}
	}
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
		error = locate_to_change(&location, interface, lock, diag);
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

int change_reset(const char *interface, struct filter_waits *waits, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	_cleanup_(pins_unlock) int lock = -1;
	struct location location;
	int error = pins_lock(&lock, diag);

	if (!error)
		error = open_to_change(interface, lock, &location, &filter, diag);
	filter.waits = waits;
	if (!error)
		error = filter_reset(&filter, diag);
	if (error)
		return error;
	error = pending_follow(filter.id, filter_generation(&filter));
	return error ? diag_fail(diag, error, "the counters begin anew, but the unconfirmed change of %s will stay: %s",
				 interface, strerror(-error))
		     : 0;
}
