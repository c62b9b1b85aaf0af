/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "command.h"
#include "examine.h"
#include "output.h"
#include <errno.h>

struct arguments {
	const char *interface;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	return command_parse_argument(key, text, state, &arguments->interface, "an interface");
}

static void print_findings(const char *interface, const struct findings *findings)
{
	printf("%s: %s\n\n", interface,
	       doctor_finds_problem(findings) ? "native attach will fail, until the problems are solved"
					      : "native attach will work");
	for (unsigned int i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->finding[i];

		printf("%-8s %-13s %s\n", finding_state_name(finding->state), finding->check, finding->text);
		if (*finding->fix)
			printf("%-22s > %s\n", "", finding->fix);
	}
}

int cmd_doctor(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp argp = {NULL, parse, NULL, NULL, NULL, NULL, NULL};
	struct arguments arguments = {};
	struct findings findings;
	struct facts facts;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	error = examine(&facts, arguments.interface, globals->netns, diag);
	if (error)
		return error;
	doctor_diagnose(&facts, &findings);
	if (globals->json)
		error = output_json(stdout,
				    json_pack("{si ss sI ss sb so}", "schema", 1, "interface", arguments.interface,
					      "ifindex", (json_int_t)facts.nic.ifindex, "driver", facts.nic.driver,
					      "native", !doctor_finds_problem(&findings), "findings",
					      doctor_to_json(&findings)));
	else
		print_findings(arguments.interface, &findings);
	return error ? error : doctor_finds_problem(&findings) ? COMMAND_NO : 0;
}
