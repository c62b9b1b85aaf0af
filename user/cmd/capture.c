/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/clock.h"
#include "cmd/sampling_options.h"
#include "packet/packet.h"
#include "packet/pcapng.h"
#include "show/output.h"
#include <errno.h>
#include <string.h>

struct arguments {
	const char *interface;
	const char *path; /* of the capture to write; NULL: lines */
	unsigned long count;
	struct sampling_options sampling;
};

/* Where samples go. */
struct sink {
	bool json;
	struct pcapng *pcapng; /* NULL: lines on stdout */
	unsigned long left;    /* so many more, then stop */
	int error;	       /* of writing */
};

static const struct argp_option options[] = {
	{"count", 'c', "N", 0, "end after N packets", 0},
	{"write", 'w', "FILE", 0,
	 "write a pcapng capture with the rule as each packet's comment (\"-\": standard output)", 0},
	{},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->sampling;
		return 0;
	case 'c':
		arguments->count = command_number(state, text, ULONG_MAX, "packets");
		return 0;
	case 'w':
		arguments->path = text;
		return 0;
	default:
		return command_parse_interface_argument(key, text, state, &arguments->interface);
	}
}

static const char *fate(const struct sample *sample)
{
	return action_name(sample->dropped ? FF_DROP : FF_MONITOR);
}

static json_t *to_json(const struct sample *sample)
{
	char time[OUTPUT_TIME_SIZE], source[PACKET_ADDRESS_SIZE], dest[PACKET_ADDRESS_SIZE];
	json_t *object = json_pack("{ss ss ss sI sI sI}", "time", output_time(sample->time_ns, time), "rule",
				   sample->rule, "verdict", fate(sample), "length", (json_int_t)sample->length, "cpu",
				   (json_int_t)sample->cpu, "weight", (json_int_t)sample->weight);
	int error = output_class(object, sample->class);
	struct packet packet;

	packet_parse(&packet, sample->data, sample->captured, sample->no_ethernet);
	if (packet.family)
		error |= json_object_update_new(
			object, json_pack("{ss ss}", "source", packet_address(packet.family, packet.source, source),
					  "destination", packet_address(packet.family, packet.dest, dest)));
	if (packet.ports)
		error |= json_object_update_new(object, json_pack("{si si}", "source_port", packet.source_port,
								  "destination_port", packet.dest_port));
	if (!error)
		return object;
	json_decref(object);
	return NULL;
}

/* What it was that met the rule stands below, indented, because two IPv6 addresses leave no room beside them. */
static int print_lines(const struct sample *sample)
{
	char time[OUTPUT_TIME_SIZE], flags[FLAGS_SIZE], addresses[PACKET_SIZE], below[FLAGS_SIZE + PACKET_SIZE + 32];
	struct packet packet;

	packet_parse(&packet, sample->data, sample->captured, sample->no_ethernet);
	snprintf(below, sizeof(below), "%s %s length %u", class_format(sample->class, flags),
		 packet_format(&packet, addresses), sample->length);
	printf("%s %-10s %s\n    ", output_time(sample->time_ns, time), fate(sample), sample->rule);
	output_wrapped(stdout, 4, below);
	return ferror(stdout) ? -EIO : 0;
}

static int write_packet(struct pcapng *pcapng, const struct sample *sample)
{
	char comment[96], stands_for[32] = "";

	if (sample->weight > 1)
		snprintf(stands_for, sizeof(stands_for), ", 1 of %u", sample->weight);
	snprintf(comment, sizeof(comment), "flagfilter: %s %.*s%s", fate(sample), FF_NAME_SIZE, sample->rule,
		 stands_for);
	return pcapng_write(pcapng, sample->time_ns, sample->data, sample->captured, sample->length, comment);
}

static void on_sample(void *context, const struct sample *sample)
{
	struct sink *sink = context;

	if (!sink->left || sink->error)
		return;
	sink->left--;
	if (sink->pcapng)
		sink->error = write_packet(sink->pcapng, sample);
	else if (sink->json)
		sink->error = output_json(stdout, to_json(sample));
	else
		sink->error = print_lines(sample);
}

static int read_samples(struct samples *samples, struct sink *sink, struct diag *diag)
{
	while (!command_stop && sink->left) {
		int handled = samples_poll(samples, 1000, diag);

		if (handled < 0)
			return handled;
		if (!sink->error && (sink->pcapng ? pcapng_flush(sink->pcapng) : fflush(stdout)))
			sink->error = -errno;
		if (sink->error)
			return diag_fail(diag, sink->error, "cannot write the output: %s", strerror(-sink->error));
	}
	return 0;
}

/* How many there were: at the end of a capture that holds WRITTEN of them, and for whoever looks on. */
static int finish(const struct samples *samples, struct pcapng *pcapng, unsigned long written)
{
	struct samples_count count;
	int error = samples_count(samples, &count);

	if (error)
		return error;
	if (pcapng)
		error = pcapng_write_statistics(pcapng, clock_wall_ns(), count.seen, count.seen - written);
	if (pcapng && !error)
		error = pcapng_flush(pcapng);
	fprintf(stderr, "flagfilter: %llu packets seen, %llu sampled, %llu lost\n", count.seen, count.sampled,
		count.lost);
	return error;
}

int cmd_capture(struct globals *globals, int argc, char **argv, struct diag *diag)
{
	static const struct argp_child children[] = {{&sampling_argp, 0, NULL, 0}, {}};
	static const struct argp argp = {options, parse, NULL, NULL, children, NULL, NULL};
	struct arguments arguments = {.count = ULONG_MAX};
	_cleanup_pcapng_ struct pcapng *pcapng = NULL;
	_cleanup_samples_ struct samples *samples = NULL;
	struct sink sink = {};
	int error, unfinished;

	command_parse(globals, &argp, argc, argv, &arguments, NULL);
	sink.json = globals->json;
	sink.left = arguments.count;
	command_catch_stop(false);
	error = samples_open(&samples, arguments.interface, &arguments.sampling.samples, on_sample, &sink, diag);
	if (!error && arguments.path)
		error = pcapng_open(&pcapng, arguments.path, arguments.interface, samples_no_ethernet(samples),
				    FF_SAMPLE_SIZE_MAX, diag);
	if (error)
		return error;
	sink.pcapng = pcapng;
	error = read_samples(samples, &sink, diag);
	unfinished = finish(samples, pcapng, arguments.count - sink.left);
	if (!error && unfinished)
		error = diag_fail(diag, unfinished, "cannot write the output: %s", strerror(-unfinished));
	return error;
}
