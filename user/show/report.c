/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "show/report.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

json_t *report_count_to_json(const struct ff_count *count)
{
	return json_pack("{sI sI}", "packets", (json_int_t)count->packets, "bytes", (json_int_t)count->bytes);
}

static json_t *rule_to_json(const char *name, const char *mode, const char *match, const struct ff_rule_count *count)
{
	return json_pack("{ss ss ss so so so}", "name", name, "mode", mode, "match", match, "dropped",
			 report_count_to_json(&count->dropped), "would_drop", report_count_to_json(&count->would_drop),
			 "exempted", report_count_to_json(&count->exempted));
}

static json_t *rules_to_json(const struct counts *counts)
{
	json_t *rules = json_array();

	for (unsigned int i = 0; i < counts->policy.rules; i++) {
		const struct ff_rule *rule = &counts->policy.rule[i];
		char match[RULE_MATCH_SIZE];

		json_array_append_new(rules,
				      rule_to_json(rule->name, mode_name(rule->mode), rule_match_format(rule, match),
						   &counts->counters.rule[rule->counter]));
	}
	if (counts_anything_removed(counts))
		json_array_append_new(rules, rule_to_json(COUNTS_REMOVED, mode_name(FF_OFF), "", &counts->removed));
	return rules;
}

int report_to_json(const struct counts *counts, json_t *object)
{
	struct ff_count passed = counts_passed(counts), dropped = counts_dropped(counts);
	struct ff_count frames = counts_frames(counts);
	json_t *not_judged = json_object();
	int error = 0;

	for (unsigned int class = FF_NAMED_CLASSES; class < FF_CLASSES; ++class)
		error |= json_object_set_new(not_judged, class_name(class),
					     json_integer(counts_not_judged(counts, class)));
	error |= json_object_set_new(object, "frames", report_count_to_json(&frames));
	error |= json_object_set_new(object, "passed", report_count_to_json(&passed));
	error |= json_object_set_new(object, "dropped", report_count_to_json(&dropped));
	error |= json_object_set_new(object, "rules", rules_to_json(counts));
	error |= json_object_set_new(object, "not_judged", not_judged);
	return error ? -ENOMEM : 0;
}

const char *report_scaled(char buffer[REPORT_SCALED_SIZE], double number, double limit, const char *unit)
{
	static const char prefixes[] = "kMGTPE";
	int prefix = -1;

	while (number >= limit && prefix + 1 < (int)strlen(prefixes)) {
		number /= 1000;
		limit = 1000;
		prefix++;
	}
	if (prefix < 0)
		snprintf(buffer, REPORT_SCALED_SIZE, "%.0f%s%s", number, *unit ? " " : "", unit);
	else
		snprintf(buffer, REPORT_SCALED_SIZE, "%.1f %c%s", number, prefixes[prefix], unit);
	return buffer;
}

#define NO_RATE (-1.0)

/* The columns behind a name: packets, packets a second (unless PPS is NO_RATE), bytes. */
static void print_count(FILE *out, const struct ff_count *count, double pps)
{
	char text[REPORT_SCALED_SIZE];

	fprintf(out, " %12llu", (unsigned long long)count->packets);
	if (pps != NO_RATE)
		fprintf(out, " %11s", report_scaled(text, pps, 100000, ""));
	fprintf(out, " %9s\n", report_scaled(text, count->bytes, 1000, "B"));
}

/* One line for what the rule does in its mode, and one for each other thing it once did. */
static void print_rule(FILE *out, const char *name, enum ff_mode mode, const struct ff_rule_count *count,
		       const struct ff_rule_count *growth, double seconds)
{
	static const struct {
		const char *name;
		size_t offset;
		enum ff_mode mode;
	} outcomes[] = {
		{"dropped", offsetof(struct ff_rule_count, dropped), FF_ENFORCED},
		{"would drop", offsetof(struct ff_rule_count, would_drop), FF_MONITORED},
		{"exempted", offsetof(struct ff_rule_count, exempted), FF_ENFORCED},
	};
	bool first = true;

	for (unsigned int i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++) {
		const struct ff_count *now = (const void *)((const char *)count + outcomes[i].offset), *grown;
		bool main_one = i < 2 && mode == outcomes[i].mode;

		if (!main_one && !now->packets)
			continue;
		fprintf(out, "%-21.31s %-7s %-10s", first ? name : "", first ? mode_name(mode) : "", outcomes[i].name);
		grown = growth ? (const void *)((const char *)growth + outcomes[i].offset) : NULL;
		print_count(out, now, grown ? counts_rate(grown->packets, seconds) : NO_RATE);
		first = false;
	}
	if (first)
		fprintf(out, "%-21.31s %s\n", name, mode_name(mode));
}

static void print_header(FILE *out, const char *title, bool rates)
{
	fprintf(out, "\n%-40s %12s%s      size\n", title, "packets", rates ? "   packets/s" : "");
}

static void print_totals(FILE *out, const struct counts *counts, const struct ff_counters *growth, double seconds)
{
	struct ff_count passed = counts_passed(counts), dropped = counts_dropped(counts);

	fprintf(out, "%-40s", "passed");
	print_count(out, &passed, growth ? counts_rate(counters_passed(growth), seconds) : NO_RATE);
	fprintf(out, "%-40s", "dropped");
	print_count(out, &dropped, growth ? counts_rate(counters_dropped(growth), seconds) : NO_RATE);
}

void report_print_not_judged(FILE *out, const struct counts *counts, unsigned int classes)
{
	fputs("\nnot judged by flags", out);
	for (unsigned int i = 0; i < classes; i++) {
		enum ff_class class = FF_NAMED_CLASSES + i;

		fprintf(out, "%s%-13s %11llu", i % 3 ? "  " : "\n", class_name(class),
			(unsigned long long)counts_not_judged(counts, class));
	}
	fputs("\n", out);
}

void report_print(FILE *out, const struct counts *counts, const struct ff_counters *growth, double seconds)
{
	static const struct ff_rule_count none; /* a rule that is gone counts no more */

	print_header(out, "frames", growth);
	print_totals(out, counts, growth, seconds);

	print_header(out, "rule                  mode", growth);
	for (unsigned int i = 0; i < counts->policy.rules; i++) {
		const struct ff_rule *rule = &counts->policy.rule[i];

		print_rule(out, rule->name, rule->mode, &counts->counters.rule[rule->counter],
			   growth ? &growth->rule[rule->counter] : NULL, seconds);
	}
	if (counts_anything_removed(counts))
		print_rule(out, COUNTS_REMOVED, FF_OFF, &counts->removed, growth ? &none : NULL, seconds);

	report_print_not_judged(out, counts, FF_CLASSES - FF_NAMED_CLASSES);
}
