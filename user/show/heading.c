/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "show/heading.h"

#include "show/output.h"

static const char *how_attached(const struct snapshot *snapshot)
{
	return snapshot->location.programs.shared ? "shared" : "exclusive";
}

json_t *heading_to_json(const struct snapshot *snapshot, bool since)
{
	const struct location *location = &snapshot->location;
	char time[OUTPUT_TIME_SIZE], counting[OUTPUT_TIME_SIZE];

	output_time(snapshot_wall_ns(snapshot, snapshot->counts.counting_ns), counting);
	return json_pack("{si ss sI ss ss ss ss*}", "schema", 1, "interface", location->interface.name, "ifindex",
			 (json_int_t)location->interface.ifindex, "mode", xdp_mode_name(location->programs.mode),
			 "attached", how_attached(snapshot), "time", output_time(snapshot->time_ns, time),
			 "counting_since", since ? counting : NULL);
}

void heading_print_policy(FILE *out, const struct snapshot *snapshot)
{
	const __u64 now_ns = snapshot->counts.mark.taken_ns;
	char duration[OUTPUT_TIME_SIZE];

	fprintf(out, "%s, attached for %s", snapshot->counts.policy.label,
		output_duration(now_ns - snapshot->attached_ns, duration));
	if (snapshot_was_reset(snapshot))
		fprintf(out, ", counting for %s", output_duration(now_ns - snapshot->counts.counting_ns, duration));
}

void heading_print(FILE *out, const struct snapshot *snapshot)
{
	const struct location *location = &snapshot->location;
	char time[OUTPUT_TIME_SIZE];

	fprintf(out, "%s  %s, %s  %s\n", location->interface.name, xdp_mode_name(location->programs.mode),
		how_attached(snapshot), output_time(snapshot->time_ns, time));
	heading_print_policy(out, snapshot);
	fputc('\n', out);
}
