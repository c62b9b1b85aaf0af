/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the fuzz targets share. A property that does not hold ends the process, and libFuzzer keeps the input. */
#ifndef FUZZ_H
#define FUZZ_H

#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define REQUIRE(condition)                                                                                             \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                 \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size);

/* A path under which the input can be opened and read as a file, until the next call. */
static inline const char *fuzz_file(const __u8 *data, size_t size)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		REQUIRE(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	REQUIRE(!ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

/* What holds of every policy, wherever it came from. */
static inline void require_policy(const struct policy *policy)
{
	REQUIRE(policy->rules <= FF_RULES_MAX && policy->sources <= FF_SOURCES_MAX);
	REQUIRE(memchr(policy->label, '\0', sizeof(policy->label)));
	for (unsigned int i = 0; i < policy->rules; i++) {
		const struct ff_rule *rule = &policy->rule[i];
		size_t length = strnlen(rule->name, sizeof(rule->name));

		REQUIRE(length > 0 && length < sizeof(rule->name) && rule->name[0] != '-');
		REQUIRE(strspn(rule->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length);
		REQUIRE(rule->mode <= FF_ENFORCED && rule->counter == 0);
		REQUIRE(rule->class ? rule->class >= FF_NAMED_CLASSES && rule->class < FF_CLASSES && !rule->mask
				    : rule->mask && rule->mask <= FF_FLAGS_ALL);
		REQUIRE(!(rule->value & ~rule->mask));
		for (unsigned int j = 0; j < i; j++)
			REQUIRE(strcmp(rule->name, policy->rule[j].name) != 0);
	}
	for (unsigned int i = 0; i < policy->sources; i++) {
		const struct ff_source_key *source = &policy->source[i];

		REQUIRE(source->family == 4 || source->family == 6);
		REQUIRE(source->prefix_len >= FF_SOURCE_PREFIX);
		REQUIRE(source->prefix_len <= FF_SOURCE_PREFIX + (source->family == 4 ? 32u : 128u));
	}
}

/* What a diagnostic is: one line that says something. */
static inline void require_one_line(const struct diag *diag)
{
	REQUIRE(diag->text[0] && memchr(diag->text, '\0', sizeof(diag->text)));
	REQUIRE(!strchr(diag->text, '\n'));
}

#endif
