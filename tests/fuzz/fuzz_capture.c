/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The input as a capture: every frame in it is judged, and counted once, or passed over for its link type. */
#include "fuzz.h"
#include "packet/capture.h"
#include "packet/engine_native.h"
#include "packet/link_type.h"

#include <errno.h>
#include <stdint.h>

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
	struct captured frame;
	__u64 judged = 0, passed_over = 0, number = 0;
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
	while ((more = capture_next(capture, &frame, &diag)) > 0) {
		char *block = malloc(frame.size); /* so that the sanitizer sees what is behind its end */

		REQUIRE(block || !frame.size);
		memcpy(block, frame.data, frame.size);
		engine_native_judge(engine, block, frame.size);
		free(block);
		judged++;
		REQUIRE(frame.number > number && frame.number >= judged);
		REQUIRE(!frame.size || frame.size <= frame.file_size + LINK_HEADROOM);
		number = frame.number;
	}
	if (more < 0)
		require_one_line(&diag);
	frames += judged;
	REQUIRE(sum_frames(engine_native_counters(engine)) == frames);
	for (unsigned int type = 0; type <= UINT16_MAX && (number > judged || more == -EPROTONOSUPPORT); type++) {
		passed_over += capture_passed_over(capture, type);
		REQUIRE(!link_type_is_judged(type) || !capture_passed_over(capture, type));
	}
	REQUIRE(number <= judged + passed_over);
	REQUIRE(more != -EPROTONOSUPPORT || (!judged && passed_over)); /* only at the end is it known */
	capture_close(capture);
	return 0;
}
