#include "command.h"
int cmd_diff(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	(void)globals, (void)argc, (void)argv;
	return diag_fail(diag, -1, "not yet");
}
