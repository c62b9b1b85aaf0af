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
	static const char *const answers[] = {
		[UNKNOWN] = "nothing is known that native attach would fail for",
		[NO] = "native attach will fail, until the problems are solved",
		[YES] = "native attach will work",
	};

	printf("%s: %s\n\n", interface, answers[doctor_answer(findings)]);
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
	enum answer answer;
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	error = examine(&facts, arguments.interface, globals->netns, diag);
	if (error)
		return error;
	doctor_diagnose(&facts, &findings);
	answer = doctor_answer(&findings);
	if (globals->json)
		error = output_json(stdout,
				    json_pack("{si ss sI ss so so}", "schema", 1, "interface", arguments.interface,
					      "ifindex", (json_int_t)facts.nic.ifindex, "driver", facts.nic.driver,
					      "native", answer == UNKNOWN ? json_null() : json_boolean(answer == YES),
					      "findings", doctor_to_json(&findings)));
	else
		print_findings(arguments.interface, &findings);
	return error ? error : answer == NO ? COMMAND_NO : 0;
}
