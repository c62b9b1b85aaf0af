/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "show/output.h"

#include <errno.h>
#include <string.h>
#include <time.h>

int output_json(FILE *out, json_t *object)
{
	int error = object ? 0 : -ENOMEM;

	errno = 0;
	if (object && (json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(12)) || fputc('\n', out) == EOF))
		error = errno ? -errno : -EIO;
	json_decref(object);
	return error;
}

const char *output_moment(const struct moment *moment, char buffer[OUTPUT_TIME_SIZE])
{
	const time_t seconds = moment->seconds;
	struct tm utc;

	if (!moment->known || !gmtime_r(&seconds, &utc))
		return NULL;
	snprintf(buffer, OUTPUT_TIME_SIZE, "%04lld-%02d-%02dT%02d:%02d:%02d.%03uZ", utc.tm_year + 1900ll,
		 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, moment->ns / 1000000);
	return buffer;
}

const char *output_time(__s64 wall_ns, char buffer[OUTPUT_TIME_SIZE])
{
	const long second_ns = 1000000000;
	bool before_1970 = wall_ns % second_ns < 0;
	const struct moment moment = {
		.known = true,
		.ns = wall_ns % second_ns + (before_1970 ? second_ns : 0),
		.seconds = wall_ns / second_ns - before_1970,
	};

	return output_moment(&moment, buffer);
}

const char *output_duration(__u64 duration_ns, char buffer[OUTPUT_TIME_SIZE])
{
	unsigned long seconds = duration_ns / 1000000000;
	int days = seconds >= 86400 ? snprintf(buffer, OUTPUT_TIME_SIZE, "%lud ", seconds / 86400) : 0;

	snprintf(buffer + days, OUTPUT_TIME_SIZE - days, "%02lu:%02lu:%02lu", seconds / 3600 % 24, seconds / 60 % 60,
		 seconds % 60);
	return buffer;
}

/* How many characters the SIZE bytes at TEXT are; text_clean() has seen to it that they are UTF-8. */
static size_t width(const char *text, size_t size)
{
	size_t characters = 0;

	for (size_t i = 0; i < size; i++)
		characters += (text[i] & 0xc0) != 0x80;
	return characters;
}

void output_wrapped(FILE *out, size_t column, const char *text)
{
	size_t at = column;

	while (*text) {
		size_t size = strcspn(text, " ");

		if (at > column && at + 1 + width(text, size) > OUTPUT_WIDTH) {
			fprintf(out, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			fputc(' ', out);
			at++;
		}
		fwrite(text, 1, size, out);
		at += width(text, size);
		text += size;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

json_t *output_rules(const struct policy *policy)
{
	json_t *rules = json_array();

	for (unsigned int i = 0; i < policy->rules; i++) {
		char match[RULE_MATCH_SIZE];

		json_array_append_new(rules, json_pack("{ss ss ss}", "name", policy->rule[i].name, "mode",
						       mode_name(policy->rule[i].mode), "match",
						       rule_match_format(&policy->rule[i], match)));
	}
	return rules;
}

json_t *output_exempt(const struct policy *policy)
{
	json_t *sources = json_array(), *ports = json_array();
	char text[SOURCE_SIZE];

	for (unsigned int i = 0; i < policy->sources; i++)
		json_array_append_new(sources, json_string(source_format(&policy->source[i], text)));
	for (unsigned int port = 0; port < 65536; port++)
		if (policy_port_exempt(policy, port))
			json_array_append_new(ports, json_integer(port));
	return json_pack("{so so}", "sources", sources, "ports", ports);
}

int output_class(json_t *object, __u16 class)
{
	bool judged = class < FF_NAMED_CLASSES;
	char text[FLAGS_SIZE];

	class_format(class, text);
	return json_object_update_new(
		object, json_pack("{ss ss?}", "class", judged ? "tcp" : text, "flags", judged ? text : NULL));
}
