/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "moment.h"

#include "output.h"

int moment_read(struct moment *moment, const char *interface, struct diag *diag)
{
	return locate_and_read(&moment->location, &moment->snapshot, interface, diag);
}

double moment_interval_s(const struct moment *before, const struct moment *now)
{
	return before ? (__s64)(now->snapshot.time_ns - before->snapshot.time_ns) / 1e9 : 0;
}

static const char *how_attached(const struct moment *moment)
{
	return moment->location.programs.shared ? "shared" : "exclusive";
}

json_t *moment_to_json(const struct moment *moment, bool since)
{
	const struct location *location = &moment->location;
	char time[OUTPUT_TIME_SIZE], counting[OUTPUT_TIME_SIZE];

	output_time(moment->snapshot.counting_ns, counting);
	return json_pack("{si ss sI ss ss ss ss*}", "schema", 1, "interface", location->interface.name, "ifindex",
			 (json_int_t)location->interface.ifindex, "mode", xdp_mode_name(location->programs.mode),
			 "attached", how_attached(moment), "time", output_time(moment->snapshot.time_ns, time),
			 "counting_since", since ? counting : NULL);
}

bool moment_was_reset(const struct moment *moment)
{
	return moment->snapshot.counting_ns != moment->snapshot.attached_ns;
}

void moment_print_policy(FILE *out, const struct moment *moment)
{
	const __u64 now_ns = moment->snapshot.time_ns;
	char duration[OUTPUT_TIME_SIZE];

	fprintf(out, "%s, attached for %s", moment->snapshot.report.policy.label,
		output_duration(now_ns - moment->snapshot.attached_ns, duration));
	if (moment_was_reset(moment))
		fprintf(out, ", counting for %s", output_duration(now_ns - moment->snapshot.counting_ns, duration));
}

void moment_print(FILE *out, const struct moment *moment)
{
	const struct location *location = &moment->location;
	char time[OUTPUT_TIME_SIZE];

	fprintf(out, "%s  %s, %s  %s\n", location->interface.name, xdp_mode_name(location->programs.mode),
		how_attached(moment), output_time(moment->snapshot.time_ns, time));
	moment_print_policy(out, moment);
	fputc('\n', out);
}
