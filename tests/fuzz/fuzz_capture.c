/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The input as a capture: every frame in it is judged, and counted once. */
#include "fuzz.h"
#include "packet/capture.h"
#include "packet/engine_native.h"

static __u64 sum_frames(const struct ff_counters *counters)
{
	__u64 sum = 0;

	for (unsigned int class = 0; class < FF_CLASSES; ++class)
		sum += counters->passed[class].packets + counters->dropped[class];
	return sum;
}

int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	static struct engine_native *engine;
	static __u64 frames; /* judged so far */
	struct capture *capture;
	struct diag diag = {};
	const void *frame;
	__u32 length;
	int more;

	if (!engine) {
		struct policy policy;

		REQUIRE(!policy_from_preset(&policy, "strict", &diag) && !engine_native_open(&engine, &policy));
	}
	REQUIRE(!capture_open(&capture, fuzz_file(data, size), &diag));
	if (capture_begin(capture, &diag)) {
		require_one_line(&diag);
		capture_close(capture);
		return 0;
	}
	while ((more = capture_next(capture, &frame, &length, &diag)) > 0) {
		char *block = malloc(length); /* so that the sanitizer sees what is behind its end */

		REQUIRE(block || !length);
		memcpy(block, frame, length);
		engine_native_judge(engine, block, length);
		free(block);
		frames++;
	}
	if (more < 0)
		require_one_line(&diag);
	REQUIRE(sum_frames(engine_native_counters(engine)) == frames);
	capture_close(capture);
	return 0;
}
