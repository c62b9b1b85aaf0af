/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/guarded.h"
#include "policy/syntax.h"
#include <errno.h>
#include <string.h>

struct arguments {
	struct guarded guarded;
	const struct globals *globals;
	struct snapshot *snapshot; /* of one after the other */
	bool add, delete;
	char **word; /* sources and ports, in argv */
	int words;
};

static void parse_word(struct argp_state *state, struct arguments *arguments, char *text)
{
	if (arguments->word) {
		arguments->words++;
		return;
	}
	arguments->word = &state->argv[state->next];
	arguments->add = !strcmp(text, "add");
	arguments->delete = !strcmp(text, "del");
	if (!arguments->add && !arguments->delete &&strcmp(text, "list"))
		command_usage_error(state, "'%s' is none of list, add and del", text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	bool change = arguments->add || arguments->delete;

	if (key == ARGP_KEY_END && change != !!arguments->words)
		command_usage_error(state, change ? "name sources or ports" : "list takes no arguments");
	if (key == ARGP_KEY_END && !change && arguments->guarded.confirm_s)
		command_usage_error(state, "--confirm without a change");
	if (key != ARGP_KEY_ARG || several_is_next(&arguments->guarded.several))
		return guarded_parse_several(key, text, state, &arguments->guarded);
	parse_word(state, arguments, text);
	return 0;
}

static int change_port(struct policy *policy, const char *text, bool add, struct diag *diag)
{
	unsigned int port = 0;
	int error = syntax_port(text, &port, diag);

	if (error)
		return error;
	if (policy_port_exempt(policy, port) == add)
		return diag_usage(diag, "port %u is %s exempt", port, add ? "already" : "not");
	policy_flip_port(policy, port);
	return 0;
}

static int change_source(struct policy *policy, const char *text, bool add, struct diag *diag)
{
	struct ff_source_key source, *present;
	int error = syntax_source(text, &source, diag);

	if (error)
		return error;
	present = policy_find_source(policy, &source);
	if (!!present == add)
		return diag_usage(diag, "source %s is %s", quote(text).text,
				  add ? "already exempt" : "not in the list, just as it is");
	if (present)
		*present = policy->source[--policy->sources];
	else if (policy->sources < FF_SOURCES_MAX)
		policy->source[policy->sources++] = source;
	else
		return diag_usage(diag, "no room for source %s: the policy has %d already", quote(text).text,
				  FF_SOURCES_MAX);
	return 0;
}

/* A policy_change. What has neither dot nor colon is a port. */
static int change_exempt(struct policy *policy, void *context, struct diag *diag)
{
	const struct arguments *arguments = context;
	int error = 0;

	for (int i = 0; !error && i < arguments->words; i++) {
		const char *text = arguments->word[i];

		error = strpbrk(text, ".:") ? change_source(policy, text, arguments->add, diag)
					    : change_port(policy, text, arguments->add, diag);
	}
	policy_label_changed(policy);
	return error;
}

static int print_exempt(struct arguments *arguments, const char *name)
{
	const struct policy *policy = &arguments->snapshot->counts.policy;
	const char *interface = arguments->snapshot->location.interface.name;
	struct guarded *guarded = &arguments->guarded;
	char text[SOURCE_SIZE];

	if (arguments->globals->json)
		return several_report(&guarded->several,
				      guarded_to_json(guarded, interface, policy, "exempt", output_exempt(policy)));
	several_head(&guarded->several, interface);
	for (unsigned int i = 0; i < policy->sources; i++)
		printf("source  %s\n", source_format(&policy->source[i], text));
	for (unsigned int port = 0; port < 65536; port++)
		if (policy_port_exempt(policy, port))
			printf("port    %u\n", port);
	if (!policy_has_exempt(policy))
		printf("nothing is exempt on %s\n", interface);
	guarded_how_to_confirm(guarded, name);
	return 0;
}

/* A several_work. */
static int change_or_list(struct several *several, const char *interface, void *context, struct diag *diag)
{
	struct arguments *arguments = context;
	int error;

	(void)several;
	if (arguments->words)
		error = guarded_change_policy(arguments->snapshot, &arguments->guarded, interface, change_exempt,
					      arguments, diag);
	else
		error = locate_and_read(arguments->snapshot, interface, diag);
	return error ? error : print_exempt(arguments, interface);
}

int cmd_exempt(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {guarded_options, parse, NULL, NULL, NULL, NULL, NULL};
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct arguments arguments = {.globals = globals, .snapshot = snapshot};

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	if (!snapshot)
		return diag_no_memory(diag);
	return guarded_do(globals, &arguments.guarded, change_or_list, diag);
}
