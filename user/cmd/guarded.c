/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/guarded.h"
#include "base/shell.h"

#define CONFIRM_MAX 86400 /* seconds */

const struct argp_option guarded_options[] = {
	{"confirm", GUARDED_CONFIRM, "SECONDS", 0,
	 "go back by itself after so many seconds, unless `confirm` comes first", 0},
	{},
};

error_t guarded_parse(int key, char *text, struct argp_state *state, struct guarded *guarded)
{
	if (key != GUARDED_CONFIRM)
		return command_parse_interface_argument(key, text, state, (const char **)&guarded->interface);
	guarded->confirm_s = command_number(state, text, CONFIRM_MAX, "seconds");
	return 0;
}

struct policy_work {
	const char *interface;
	policy_change *change;
	void *context;
};

static int make_change(void *context, struct undo *undo, struct snapshot *snapshot, struct diag *diag)
{
	const struct policy_work *work = context;

	return change_policy(snapshot, work->interface, work->change, work->context, undo, diag);
}

int guarded_change_policy(struct snapshot *snapshot, const struct guarded *guarded, policy_change *change,
			  void *context, struct diag *diag)
{
	struct policy_work work = {guarded->interface, change, context};

	return guardian_run(guarded->confirm_s, make_change, &work, snapshot, diag);
}

json_t *guarded_seconds(const struct guarded *guarded)
{
	return guarded->confirm_s ? json_integer(guarded->confirm_s) : json_null();
}

json_t *guarded_to_json(const struct guarded *guarded, const char *interface, const struct policy *policy,
			const char *key, json_t *value)
{
	return json_pack("{si ss ss so so}", "schema", 1, "interface", interface, "policy", policy->label,
			 "confirm_within_s", guarded_seconds(guarded), key, value);
}

void guarded_how_to_confirm(const struct guarded *guarded)
{
	if (guarded->confirm_s)
		printf("unconfirmed: taken back in %u s\nkeep it:   %s\n", guarded->confirm_s,
		       shell_command("confirm", guarded->interface, "", "").text);
}
