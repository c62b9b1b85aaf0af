/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/attach.h"
#include "base/cleanup.h"
#include "base/shell.h"
#include "base/system.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/guarded.h"
#include "policy/file.h"
#include "show/doctor.h"
#include <errno.h>
#include <string.h>

struct arguments {
	struct guarded guarded;
	enum xdp_mode mode;
	struct policy *policy; /* NULL: the default, or what there is */
};

static const struct argp_option options[] = {
	{"mode", 'm', "MODE", 0, "native (default), generic, offload, or auto: native, or else generic", 0},
	{"confirm", GUARDED_CONFIRM, "SECONDS", 0,
	 "detach by itself after so many seconds, unless `confirm` comes first", 0},
	{},
};

static int parse_mode(const char *text, enum xdp_mode *mode)
{
	if (!strcmp(text, "auto")) {
		*mode = XDP_MODE_NONE;
		return 0;
	}
	for (enum xdp_mode m = XDP_NATIVE; m <= XDP_OFFLOAD; m++)
		if (!strcmp(text, xdp_mode_name(m))) {
			*mode = m;
			return 0;
		}
	return -EINVAL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'm':
		if (parse_mode(text, &arguments->mode))
			command_usage_error(state, "unknown mode '%s': one of native, generic, offload, auto", text);
		return 0;
	default:
		return guarded_parse(key, text, state, &arguments->guarded);
	}
}

static int put_on(void *context, struct undo *undo, struct snapshot *snapshot, struct diag *diag)
{
	const struct arguments *arguments = context;

	if (undo && !(system_capabilities() & NEEDS_SYS_ADMIN)) {
		diag_fail(diag, -EPERM, "cannot attach to %s until confirmed: it could not be detached again",
			  arguments->guarded.interface);
		return diag_add_needs(diag, -EPERM, NEEDS_SYS_ADMIN);
	}
	return attach(&snapshot->location, arguments->guarded.interface, arguments->mode, arguments->policy, undo,
		      diag);
}

/* What attach itself asks the doctor, before anything is made: kernel and driver would not mind. */
static int look_before(const struct globals *globals, const struct arguments *arguments, struct findings *notes,
		       struct diag *diag)
{
	struct facts facts;
	char refusal[FRAMES_REFUSAL_SIZE];
	int error = facts_of_link(&facts, arguments->guarded.interface, globals->netns, diag);

	if (error)
		return error;
	if (doctor_refusal(&facts, refusal))
		return diag_fail(diag, -EMEDIUMTYPE, "cannot attach to %s: %s", facts.nic.name, refusal);
	doctor_look_at_link(&facts, notes);
	return 0;
}

static int print_attached(const struct globals *globals, const struct guarded *guarded, struct location *location,
			  const struct findings *notes)
{
	const char *interface = location->interface.name;

	text_clean(location->interface.name);
	if (globals->json) {
		json_t *object = json_pack("{si ss sI ss ss so so}", "schema", 1, "interface", interface, "ifindex",
					   (json_int_t)location->interface.ifindex, "mode",
					   xdp_mode_name(location->programs.mode), "attached",
					   location->programs.shared ? "shared" : "exclusive", "confirm_within_s",
					   guarded_seconds(guarded), "notes", doctor_to_json(notes));

		return output_json(stdout, object);
	}
	printf("flagfilter is attached to %s: %s mode, %s\nwatch it:  %s\nundo it:   %s\n", interface,
	       xdp_mode_name(location->programs.mode),
	       location->programs.shared ? "shared with other programs" : "exclusive",
	       shell_command("stats", guarded->interface, "", "--watch").text,
	       shell_command("detach", guarded->interface, "", "").text);
	guarded_how_to_confirm(guarded, guarded->interface);
	for (unsigned int i = 0; i < notes->count; i++)
		doctor_print(stdout, "note:      ", &notes->finding[i]);
	return 0;
}

/* Adds to DIAG, which says that attaching failed, what the doctor finds. */
static void explain(const struct globals *globals, const struct arguments *arguments, struct diag *diag)
{
	struct diag ignored = {};
	struct findings findings;
	struct facts facts;

	if (facts_gather(&facts, arguments->guarded.interface, globals->netns, &ignored))
		return;
	doctor_diagnose(&facts, &findings);
	doctor_explain(&findings, arguments->mode, diag);
}

int cmd_attach(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {.mode = XDP_NATIVE};
	_cleanup_free_ struct policy *policy = NULL;
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct policy_options from = {};
	struct findings notes;
	int error = 0;

	command_parse(globals, &argp, argc, argv, &arguments, &from);
	if (!snapshot)
		return diag_no_memory(diag);
	if (from.path || from.preset) {
		policy = malloc(sizeof(*policy));
		if (!policy)
			return diag_no_memory(diag);
		error = policy_from_options(policy, from.path, from.preset, diag);
	}
	if (error)
		return error;
	arguments.policy = policy;
	error = look_before(globals, &arguments, &notes, diag);
	if (error)
		return error;
	error = guardian_run(arguments.guarded.confirm_s, put_on, &arguments, snapshot, diag);
	/* Without a BPF filesystem (-ENOMEDIUM) or a capability (-EPERM) the one line says it all. */
	if (error && error != -ENOMEDIUM && error != -EPERM && error != -EACCES && !diag->usage)
		explain(globals, &arguments, diag);
	return error ? error : print_attached(globals, &arguments.guarded, &snapshot->location, &notes);
}
