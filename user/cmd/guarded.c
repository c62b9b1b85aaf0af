/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/guarded.h"
#include "base/shell.h"

#define CONFIRM_MAX 86400 /* seconds */

const struct argp_option guarded_options[] = {
	{"confirm", GUARDED_CONFIRM, "SECONDS", 0,
	 "go back by itself after so many seconds, unless `confirm` comes first", 0},
	SEVERAL_OPTION,
	{},
};

static void parse_confirm(char *text, struct argp_state *state, struct guarded *guarded)
{
	guarded->confirm_s = command_number(state, text, CONFIRM_MAX, "seconds");
}

error_t guarded_parse(int key, char *text, struct argp_state *state, struct guarded *guarded)
{
	if (key != GUARDED_CONFIRM)
		return command_parse_interface_argument(key, text, state, (const char **)&guarded->interface);
	parse_confirm(text, state, guarded);
	return 0;
}

error_t guarded_parse_several(int key, char *text, struct argp_state *state, struct guarded *guarded)
{
	if (key != GUARDED_CONFIRM)
		return several_parse(key, text, state, &guarded->several);
	parse_confirm(text, state, guarded);
	return 0;
}

struct policy_work {
	const char *interface;
	policy_change *change;
	void *context;
	struct filter_waits *waits;
};

static int make_change(void *context, struct undo *undo, struct snapshot *snapshot, struct diag *diag)
{
	const struct policy_work *work = context;

	return change_policy(snapshot, work->interface, work->change, work->context, undo, work->waits, diag);
}

int guarded_change_policy(struct snapshot *snapshot, struct guarded *guarded, const char *interface,
			  policy_change *change, void *context, struct diag *diag)
{
	/* A guardian has memory of its own, and waits itself; and for one interface there is nothing to gain. */
	bool put_off = guarded->several.many && !guarded->confirm_s;
	struct policy_work work = {interface, change, context, put_off ? &guarded->waits : NULL};

	return guardian_run(guarded->confirm_s, make_change, &work, snapshot, diag);
}

int guarded_do(struct globals *globals, struct guarded *guarded, several_work *work, struct diag *diag)
{
	int error;

	guarded->waits = FILTER_NO_WAITS;
	error = several_open(&guarded->several, diag);
	if (!error) {
		error = several_do(&guarded->several, work, guarded, diag);
		filter_wait(&guarded->waits);
		error = several_end(&guarded->several, globals->json, error);
	}
	filter_waits_close(&guarded->waits);
	several_close(&guarded->several);
	return error;
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

void guarded_how_to_confirm(const struct guarded *guarded, const char *interface)
{
	if (guarded->confirm_s)
		printf("unconfirmed: taken back in %u s\nkeep it:   %s\n", guarded->confirm_s,
		       shell_command("confirm", interface, "", "").text);
}
