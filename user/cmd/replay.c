/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* replay: what a policy would have done to the frames of a capture. */
#include "base/text.h"
#include "cmd/command.h"
#include "kernel/program.h"
#include "packet/capture.h"
#include "packet/engine_native.h"
#include "packet/link_type.h"
#include "policy/compile.h"
#include "show/output.h"
#include "show/report.h"
#include "show/summary.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

struct arguments {
	const char *capture;
	bool kernel;
	bool verdicts;
	bool summary;
};

struct replay {
	struct engine_native *native; /* with a trial, for the frames it refuses */
	struct program_trial *trial;  /* NULL: the native engine judges everything */
	struct summary *summary;      /* NULL: none is asked for */
	struct ff_counters longer;    /* what both count too little: bytes that a frame has in the file alone */
	__u64 frames;
	__u64 refused; /* by the trial, of these */
};

/*
 * BPF_PROG_TEST_RUN takes no frame that is shorter than an Ethernet header, and none that is too long: up to 5.17 one
 * that does not fit into a page beside the program's headroom (3520 bytes on x86: -EINVAL, or in 5.10.y -EMSGSIZE),
 * later one that needs more than 17 pages behind that (73152 bytes: -ENOMEM). The first buffer is then all that the
 * program sees, as on a network card: headers beyond it are cut off, and a chain of extension headers that long is
 * malformed for the kernel and not for the native engine. To hand the kernel the beginning of a frame it refuses would
 * count the wrong length, so these are judged natively, and the report says how many they were.
 */
#define TRIAL_SIZE_MIN ((__u32)sizeof(struct ethhdr))
#define TRIAL_SIZE_SAFE 2048 /* no kernel refuses this */

static bool is_refusal(int error, __u32 size)
{
	return size > TRIAL_SIZE_SAFE && (error == -EINVAL || error == -EMSGSIZE || error == -ENOMEM);
}

static int judge(struct replay *replay, const struct captured *frame, struct outcome *outcome, struct diag *diag)
{
	int error;

	if (replay->trial && frame->size >= TRIAL_SIZE_MIN) {
		error = program_trial_run(replay->trial, frame->data, frame->size, outcome);
		if (!error)
			return 0;
		if (!is_refusal(error, frame->size))
			return diag_fail(diag, error, "the kernel cannot run the program on frame %llu (%u bytes): %s",
					 frame->number, frame->size, strerror(-error));
	}
	replay->refused += replay->trial != NULL;
	*outcome = engine_native_judge(replay->native, frame->data, frame->size);
	return 0;
}

/* A frame that met OUTCOME is BYTES longer than what was judged, or, modulo 2^64, shorter. */
static void count_longer(struct ff_counters *longer, const struct outcome *outcome, __u64 bytes)
{
	struct ff_rule_count *rule = &longer->rule[FF_COUNTER(outcome->verdict)];

	if (outcome->dropped)
		rule->dropped.bytes += bytes;
	else
		longer->passed[outcome->class].bytes += bytes;
	if (outcome->exempted)
		rule->exempted.bytes += bytes;
	else if (FF_ACTION(outcome->verdict) == FF_MONITOR)
		rule->would_drop.bytes += bytes;
}

/* The rule that had a say, be it that an exemption overruled it; otherwise the class. */
static const char *say_name(const struct policy *policy, const struct outcome *outcome)
{
	if (FF_ACTION(outcome->verdict) != FF_PASS)
		return policy->rule[FF_COUNTER(outcome->verdict)].name;
	return outcome->class < FF_NAMED_CLASSES ? "tcp" : class_name(outcome->class);
}

/* One line for frame NUMBER, with --json an object. */
static int print_verdict(__u64 number, const struct policy *policy, const struct outcome *outcome, bool json)
{
	const char *verdict = outcome->dropped				  ? "drop"
			      : FF_ACTION(outcome->verdict) == FF_MONITOR ? "would-drop"
									  : "pass";
	const char *name = say_name(policy, outcome); /* [a-z0-9-]: nothing to escape */
	int length;

	if (json)
		length = printf("{\"frame\":%llu,\"verdict\":\"%s\",\"name\":\"%s\"}\n", number, verdict, name);
	else
		length = printf("%llu\t%s\t%s\n", number, verdict, name);
	return length < 0 ? -errno : 0;
}

static int write_failed(int error, struct diag *diag)
{
	return diag_fail(diag, error, "cannot write the output: %s", strerror(-error));
}

static void summarize(struct summary *summary, const struct outcome *outcome, const struct captured *frame)
{
	struct packet packet;

	if (!summary_frame(summary, outcome, &frame->time, frame->file_size))
		return;
	packet_parse(&packet, frame->data, frame->size, false);
	packet.class = outcome->class; /* also of a frame whose headers go on for long */
	summary_source(summary, &packet, &frame->time, frame->file_size);
}

static int replay_frames(struct replay *replay, struct capture *capture, const struct policy *policy,
			 const struct arguments *arguments, bool json, struct diag *diag)
{
	struct captured frame;
	struct outcome outcome;
	int error;

	while ((error = capture_next(capture, &frame, diag)) > 0) {
		replay->frames++;
		error = judge(replay, &frame, &outcome, diag);
		if (error)
			return error;
		if (frame.size != frame.file_size)
			count_longer(&replay->longer, &outcome, (__u64)frame.file_size - frame.size);
		if (replay->summary)
			summarize(replay->summary, &outcome, &frame);
		error = arguments->verdicts ? print_verdict(frame.number, policy, &outcome, json) : 0;
		if (error)
			return write_failed(error, diag);
	}
	return error;
}

/* struct ff_counters is nothing but counters of 64 bits. */
static void add_counters(struct ff_counters *sum, const struct ff_counters *more)
{
	__u64 *to = (__u64 *)sum;
	const __u64 *from = (const __u64 *)more;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

/* What the kernel's own counters say of the frames it judged, and the native engine's of all others. */
static int read_counters(const struct replay *replay, struct ff_counters *counters, struct diag *diag)
{
	int error = replay->trial ? program_trial_counters(replay->trial, counters) : 0;

	if (error)
		return diag_fail(diag, error, "cannot read the program's counters: %s", strerror(-error));
	add_counters(counters, engine_native_counters(replay->native));
	add_counters(counters, &replay->longer);
	return 0;
}

/* Frames that were not judged since their link type is another, by its name. */
static int passed_over_to_json(const struct capture *capture, json_t *object)
{
	json_t *types = json_object();
	char number[8];
	int error = 0;

	for (unsigned int type = 0; type <= UINT16_MAX; type++)
		if (capture_passed_over(capture, type))
			error |= json_object_set_new(types, link_type_name(type, number),
						     json_integer(capture_passed_over(capture, type)));
	return error | json_object_set_new(object, "other_link_types", types) ? -ENOMEM : 0;
}

static void print_passed_over(const struct capture *capture)
{
	bool first = true;
	char number[8];

	for (unsigned int type = 0; type <= UINT16_MAX; type++) {
		if (!capture_passed_over(capture, type))
			continue;
		printf("%s%-40s %12llu\n", first ? "\nof other link types, not judged            packets\n" : "",
		       link_type_name(type, number), capture_passed_over(capture, type));
		first = false;
	}
}

static int print_json(const struct replay *replay, const struct capture *capture, const struct counts *counts,
		      const char *name)
{
	json_t *object = json_pack("{si ss ss ss}", "schema", 1, "capture", name, "policy", counts->policy.label,
				   "engine", replay->trial ? "kernel" : "native");
	int error = object ? report_to_json(counts, object) : -ENOMEM;

	if (!error)
		error = passed_over_to_json(capture, object);
	if (!error && replay->trial)
		error = json_object_set_new(object, "judged_natively", json_integer(replay->refused)) ? -ENOMEM : 0;
	if (!error)
		return output_json(stdout, object);
	json_decref(object);
	return error;
}

static int print_summary(const struct replay *replay, const struct capture *capture, const char *name, bool json)
{
	json_t *object;
	int error;

	if (!json) {
		printf("%s: ", name);
		error = summary_print(stdout, replay->summary);
		print_passed_over(capture);
		return error;
	}
	object = json_pack("{si ss}", "schema", 1, "capture", name);
	error = object ? summary_to_json(replay->summary, object) : -ENOMEM;
	if (!error)
		error = passed_over_to_json(capture, object);
	if (!error)
		return output_json(stdout, object);
	json_decref(object);
	return error;
}

static int print_report(const struct replay *replay, const struct capture *capture, const struct counts *counts,
			const char *path, bool json)
{
	_cleanup_free_ char *name = strdup(path);

	if (!name)
		return -ENOMEM;
	text_clean(name);
	if (replay->summary)
		return print_summary(replay, capture, name, json);
	if (json)
		return print_json(replay, capture, counts, name);
	printf("%s: %s, %s engine\n", name, counts->policy.label, replay->trial ? "kernel" : "native");
	report_print(stdout, counts, NULL, 0);
	print_passed_over(capture);
	return 0;
}

enum { KEY_ENGINE = 256, KEY_VERDICTS, KEY_SUMMARY };

static const struct argp_option options[] = {
	{"engine", KEY_ENGINE, "ENGINE", 0, "native (in this process, no root) or kernel", 0},
	{"verdicts", KEY_VERDICTS, NULL, 0,
	 "instead of the report one line per frame, with --json an object: number, verdict, rule or class", 0},
	{"summary", KEY_SUMMARY, NULL, 0,
	 "instead of the report: which illegal packets, from whom, what they look like, what each preset would drop",
	 0},
	{0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case KEY_ENGINE:
		arguments->kernel = !strcmp(value, "kernel");
		if (!arguments->kernel && strcmp(value, "native") != 0)
			command_usage_error(state, "unknown engine '%s': native or kernel", value);
		break;
	case KEY_VERDICTS:
		arguments->verdicts = true;
		break;
	case KEY_SUMMARY:
		arguments->summary = true;
		break;
	default:
		return command_parse_argument(key, value, state, &arguments->capture, "a capture");
	}
	if (arguments->summary && (arguments->verdicts || arguments->kernel))
		command_usage_error(state, "--summary goes with neither --verdicts nor --engine kernel");
	return 0;
}

static const struct argp argp = {.options = options, .parser = parse_option};

static int open_engines(struct replay *replay, const struct policy *policy, struct diag *diag)
{
	int error = engine_native_open(&replay->native, policy);

	if (error)
		return diag_fail(diag, error, "cannot judge natively: %s", strerror(-error));
	error = replay->trial ? program_trial_set_policy(replay->trial, policy) : 0;
	return error ? diag_fail(diag, error, "cannot judge in the kernel: %s", strerror(-error)) : 0;
}

static void close_engines(struct replay *replay)
{
	if (replay->trial)
		program_trial_close(replay->trial);
	if (replay->native)
		engine_native_close(replay->native);
	summary_close(replay->summary);
}

static int run(struct replay *replay, struct capture *capture, struct counts *counts, const struct arguments *arguments,
	       bool json, struct diag *diag)
{
	int error, broken;

	error = capture_begin(capture, diag);
	if (error)
		return error;
	broken = replay_frames(replay, capture, &counts->policy, arguments, json, diag);
	if ((broken && broken != -EIO) || arguments->verdicts)
		return broken;
	/* Where the capture breaks off, what came before is still worth its report. */
	error = read_counters(replay, &counts->counters, diag);
	if (error)
		return error;
	error = print_report(replay, capture, counts, arguments->capture, json);
	return error ? write_failed(error, diag) : broken;
}

int cmd_replay(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	_cleanup_(close_engines) struct replay replay = {};
	_cleanup_capture_ struct capture *capture = NULL;
	_cleanup_free_ struct counts *counts = calloc(1, sizeof(*counts));
	struct policy_options from = {};
	struct arguments arguments = {};
	int error;

	command_parse(globals, &argp, argc, argv, &arguments, &from);
	if (!counts)
		return diag_fail(diag, -ENOMEM, "cannot replay: %s", strerror(ENOMEM));
	if ((error = command_open_policy(&from, diag)) || (error = capture_open(&capture, arguments.capture, diag)) ||
	    (error = arguments.kernel ? program_trial_open(&replay.trial, diag) : 0))
		return error;
	command_confine(globals, arguments.kernel);
	error = command_read_policy(&counts->policy, &from, diag);
	if (error)
		return error;
	compile_number(counts->policy.rule, counts->policy.rules);
	if (arguments.summary && summary_open(&replay.summary, from.path || from.preset ? &counts->policy : NULL))
		return diag_no_memory(diag);
	error = open_engines(&replay, &counts->policy, diag);
	if (error)
		return error;
	error = run(&replay, capture, counts, &arguments, globals->json, diag);
	if (replay.refused && !globals->json)
		fprintf(stderr,
			"flagfilter: the kernel engine takes no frames of this size, judged natively: %llu of %llu\n",
			replay.refused, replay.frames);
	return error;
}
