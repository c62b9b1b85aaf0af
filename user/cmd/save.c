/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/cleanup.h"
#include "cmd/command.h"
#include "kernel/locate.h"
#include "policy/write.h"
#include "show/output.h"
#include <errno.h>

int cmd_save(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	_cleanup_free_ struct snapshot *snapshot = malloc(sizeof(*snapshot));
	const char *interface = command_parse_interface(globals, argc, argv);
	const struct policy *policy;
	int error;

	if (!snapshot)
		return diag_no_memory(diag);
	policy = &snapshot->counts.policy;
	error = locate_and_read(snapshot, interface, diag);
	if (error)
		return error;
	if (globals->json)
		return output_json(stdout, json_pack("{si ss ss so so}", "schema", 1, "interface",
						     snapshot->location.interface.name, "policy", policy->label,
						     "rules", output_rules(policy), "exempt", output_exempt(policy)));
	return policy_write(stdout, policy);
}
