/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "show/doctor.h"
#include "base/text.h"
#include "cmd/command.h"
#include "show/output.h"
#include <errno.h>

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
		char heading[32];

		snprintf(heading, sizeof(heading), "%-8s %-13s ", finding_state_name(finding->state), finding->check);
		doctor_print(stdout, heading, finding);
	}
}

int cmd_doctor(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	char *interface = command_parse_interface(globals, argc, argv);
	struct findings findings;
	struct facts facts;
	enum answer answer;
	int error;

	error = facts_gather(&facts, interface, globals->netns, diag);
	if (error)
		return error;
	doctor_diagnose(&facts, &findings);
	answer = doctor_answer(&findings);
	text_clean(interface);
	if (globals->json)
		error = output_json(stdout,
				    json_pack("{si ss sI ss so so}", "schema", 1, "interface", interface, "ifindex",
					      (json_int_t)facts.nic.ifindex, "driver", facts.nic.driver, "native",
					      answer == UNKNOWN ? json_null() : json_boolean(answer == YES), "findings",
					      doctor_to_json(&findings)));
	else
		print_findings(interface, &findings);
	return error ? error : answer == NO ? COMMAND_NO : 0;
}
