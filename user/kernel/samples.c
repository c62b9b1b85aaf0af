/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Theory of operation: the reader lets the program sample until a moment that is near, and renews that every second.
 *
 * A renewal looks for the filter anew, so the reader follows one that was replaced, and ends with one that was
 * detached. It takes the lock of those who change filters only if something has changed, and never waits for it. That
 * there is one reader is told by another lock, on the directory of the filter's pins, which the kernel drops with the
 * process.
 */
#include "kernel/samples.h"

#include "base/clock.h"
#include "base/shell.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define RENEW_NS 1000000000ull
#define RETRY_NS (RENEW_NS / 10)
#define DEADLINE_NS (3 * RENEW_NS)
#define PAGES_PER_CPU 64 /* room for more than a full bucket by default */
#define LOOK_MS 50	 /* how late a sample may be told */

struct samples {
	char interface[IF_NAMESIZE];
	__u64 every_ns;
	const char *const *rule; /* only these; NULL: all */
	unsigned int rules;
	samples_handler *handler;
	void *context;

	struct filter filter;
	int lock; /* on the directory of its pins */
	struct perf_buffer *buffer;
	int map; /* behind the buffer; when this descriptor is closed, the kernel forgets who reads */
	__u32 map_id;
	__u32 begun;				 /* the generation in which samples were asked for */
	struct samples_count before, finished;	 /* of the filter before it was read; of filters read before this one */
	__u64 next_renewal_ns;			 /* CLOCK_MONOTONIC */
	__s64 realtime_offset_ns;		 /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	__u32 generation;			 /* that was named last */
	char name[2][FF_COUNTERS][FF_NAME_SIZE]; /* of the rules, by slot and counter */
	int handled;
};

/* Notes the names of the live rules. Those of the policy before stay: samples from then may still come. */
static void note_names(struct samples *samples)
{
	samples->generation = filter_rule_names(&samples->filter, samples->name);
}

/* The live rule with this counter; empty: no rule has it. */
static const char *live_name(const struct samples *samples, unsigned int counter)
{
	return samples->name[filter_slot(samples->generation)][counter];
}

/* Whether the reader wants to know about the rule called NAME. */
static bool wants(const struct samples *samples, const char *name)
{
	for (unsigned int j = 0; j < samples->rules; j++)
		if (!strcmp(name, samples->rule[j]))
			return true;
	return !samples->rules;
}

bool samples_no_ethernet(const struct samples *samples)
{
	return samples->filter.state->no_ethernet;
}

static void on_sample(struct samples *samples, int cpu, const struct ff_sample *header, __u32 size)
{
	struct sample sample;

	if (size < sizeof(*header) || size - sizeof(*header) < header->captured)
		return;
	if (samples->generation != filter_generation(&samples->filter))
		note_names(samples);
	sample = (struct sample){
		.time_ns = header->time_ns + samples->realtime_offset_ns,
		.rule = samples->name[header->slot & 1][FF_COUNTER(header->verdict) % FF_COUNTERS],
		.class = header->class,
		.dropped = FF_ACTION(header->verdict) != FF_MONITOR,
		.cpu = cpu,
		.weight = header->weight,
		.length = header->length,
		.captured = header->captured,
		.no_ethernet = samples_no_ethernet(samples),
		.data = header + 1,
	};
	/*
	 * Samples of rules that nobody asked for come after a policy in which no rule matches any class was replaced:
	 * then the kernel samples all rules until this reader renews its request.
	 */
	if (!wants(samples, sample.rule))
		return;
	if (!*sample.rule)
		sample.rule = "?";
	samples->handled++;
	samples->handler(samples->context, &sample);
}

static enum bpf_perf_event_ret on_event(void *context, int cpu, struct perf_event_header *event)
{
	const struct {
		struct perf_event_header event;
		__u32 size;
		char data[];
	} __attribute__((packed)) *raw = (const void *)event;

	if (event->type == PERF_RECORD_SAMPLE)
		on_sample(context, cpu, (const void *)raw->data, raw->size);
	return LIBBPF_PERF_EVENT_CONT;
}

/*
 * The kernel does not wake the reader for each sample, which would cost the receiving CPU more than the sample itself,
 * but when the buffer is half full.
 */
static struct perf_buffer *new_buffer(struct samples *samples, int map)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.watermark = 1,
		.wakeup_watermark = PAGES_PER_CPU / 2 * sysconf(_SC_PAGESIZE),
	};

	return perf_buffer__new_raw(map, PAGES_PER_CPU, &attr, on_event, samples, NULL);
}

static int count_of_filter(const struct filter *filter, struct samples_count *count)
{
	struct ff_sampling sum;
	int error = program_sum_sampling(filter->map[MAP_SAMPLING], &sum);

	if (!error)
		*count = (struct samples_count){sum.seen, sum.sampled, sum.lost};
	return error;
}

int samples_count(const struct samples *samples, struct samples_count *count)
{
	struct samples_count now;
	int error = count_of_filter(&samples->filter, &now);

	if (error)
		return error;
	*count = (struct samples_count){
		.seen = samples->finished.seen + now.seen - samples->before.seen,
		.sampled = samples->finished.sampled + now.sampled - samples->before.sampled,
		.lost = samples->finished.lost + now.lost - samples->before.lost,
	};
	return 0;
}

/* Which rule counters the reader wants to know about. */
static void find_wanted(const struct samples *samples, bool wanted[FF_COUNTERS])
{
	for (unsigned int counter = 0; counter < FF_COUNTERS; counter++) {
		const char *name = live_name(samples, counter);

		wanted[counter] = *name && wants(samples, name);
	}
}

/* Whether PINS is the directory that is locked, and not another one, perhaps of the same name. */
static bool is_locked(const struct samples *samples, const char *pins)
{
	_cleanup_fd_ int fd = samples->lock < 0 ? -1 : pins_dir(pins);

	return fd >= 0 && directory_is(samples->lock, fd, ".");
}

/* Makes this process the one reader of the filter pinned in PINS. */
static int lock_pins(struct samples *samples, const char *pins, const struct filter *filter, struct diag *diag)
{
	_cleanup_fd_ int fd = pins_dir(pins);
	char who[32];
	int reader;

	if (fd < 0)
		return diag_fail(diag, fd, "cannot open %s: %s", pins, strerror(-fd));
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		cleanup_fd(&samples->lock);
		samples->lock = fd;
		fd = -1;
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return diag_fail(diag, -errno, "cannot use %s: %s", pins, strerror(errno));
	reader = filter_sample_reader(filter);
	snprintf(who, sizeof(who), reader ? "process %d" : "another process", reader); /* it may not have said so yet */
	return diag_fail(diag, -EBUSY, "%s already reads samples of %s, and one can at a time: end it, or wait for it",
			 who, samples->interface);
}

static void close_buffer(struct samples *samples)
{
	perf_buffer__free(samples->buffer);
	cleanup_fd(&samples->map);
}

/* Opens the buffer of FILTER, which is pinned in PINS, if it is not that one which is open. */
static int open_buffer(struct samples *samples, const struct filter *filter, const char *pins)
{
	__u32 map_id = 0;
	_cleanup_fd_ int map = pins_open(pins, MAP_SAMPLES, &map_id);
	struct samples_count before, finished = {};
	struct perf_buffer *buffer;
	int error;

	if (map < 0 || map_id == samples->map_id)
		return map < 0 ? map : 0;
	error = count_of_filter(filter, &before);
	if (!error && samples->buffer)
		error = samples_count(samples, &finished);
	if (error)
		return error;
	buffer = new_buffer(samples, map);
	if (!buffer)
		return -errno;
	samples->finished = finished;
	samples->before = before;
	close_buffer(samples);
	samples->buffer = buffer;
	samples->map = map;
	samples->map_id = map_id;
	map = -1;
	return 0;
}

/* Lets FILTER, pinned in PINS, sample until UNTIL_NS. Needs the lock of those who change filters. */
static int begin(struct samples *samples, struct filter *filter, const char *pins, __u64 until_ns, struct diag *diag)
{
	bool wanted[FF_COUNTERS];
	int error = is_locked(samples, pins) ? 0 : lock_pins(samples, pins, filter, diag);

	if (error)
		return error;
	error = open_buffer(samples, filter, pins);
	if (error) {
		diag_fail(diag, error, "cannot read samples of %s: %s", samples->interface, strerror(-error));
		return diag_add_needs(diag, error, NEEDS_BPF | NEEDS_PERFMON);
	}
	filter_close(&samples->filter);
	samples->filter = *filter;
	*filter = FILTER_CLOSED;
	note_names(samples);
	find_wanted(samples, wanted);
	filter_sample(&samples->filter, wanted, samples->every_ns, until_ns);
	samples->begun = samples->generation;
	return 0;
}

/* The same for the filter that the interface has now. With WAIT also if another process has the lock; or else -EAGAIN.
 */
static int begin_anew(struct samples *samples, __u64 until_ns, bool wait, struct diag *diag)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	_cleanup_(pins_unlock) int lock = -1;
	struct location location;
	int error = wait ? pins_lock(&lock, diag) : pins_try_lock(&lock, diag);

	if (!error)
		error = locate_filter(&location, samples->interface, diag);
	if (!error)
		error = filter_open(&filter, location.pins, diag);
	return error ? error : begin(samples, &filter, location.pins, until_ns, diag);
}

/*
 * While the filter and its policy are those from before, it takes no lock to put off the deadline. If that has passed,
 * the program may have cleared what asks for samples.
 */
static int renew(struct samples *samples, __u64 now, struct diag *diag)
{
	struct location location;
	int error = locate_filter(&location, samples->interface, diag);

	if (error)
		return error;
	samples->realtime_offset_ns = clock_wall_ns() - now;
	if (is_locked(samples, location.pins) && samples->begun == filter_generation(&samples->filter) &&
	    filter_sample_longer(&samples->filter, now, now + DEADLINE_NS))
		return 0;
	return begin_anew(samples, now + DEADLINE_NS, false, diag);
}

static int renew_in_time(struct samples *samples, struct diag *diag)
{
	__u64 now = clock_monotonic_ns();
	int error;

	if (now < samples->next_renewal_ns)
		return 0;
	error = renew(samples, now, diag);
	samples->next_renewal_ns = now + (error == -EAGAIN ? RETRY_NS : RENEW_NS);
	if (error == -EAGAIN) { /* no failure: somebody else is at it */
		*diag = (struct diag){};
		return 0;
	}
	return error;
}

static int check_rules(const struct samples *samples, struct diag *diag)
{
	for (unsigned int j = 0; j < samples->rules; j++) {
		bool found = false;

		for (unsigned int counter = 0; counter < FF_COUNTERS && !found; counter++)
			found = !strcmp(live_name(samples, counter), samples->rule[j]);
		if (!found)
			return diag_usage(diag, "no rule '%.40s' in the policy of %s; see `%s`", samples->rule[j],
					  samples->interface, shell_command("rule", samples->interface, "", "").text);
	}
	return 0;
}

int samples_open(struct samples **samples, const char *interface, const struct samples_options *options,
		 samples_handler *handler, void *context, struct diag *diag)
{
	static const struct samples_options all;
	_cleanup_samples_ struct samples *opened = calloc(1, sizeof(*opened));
	int error;

	if (!opened)
		return diag_no_memory(diag);
	if (!options)
		options = &all;
	snprintf(opened->interface, sizeof(opened->interface), "%s", interface);
	opened->every_ns = 1000000000ull / (options->rate ? options->rate : SAMPLES_RATE);
	opened->rule = options->rule;
	opened->rules = options->rules;
	opened->handler = handler;
	opened->context = context;
	opened->filter = FILTER_CLOSED;
	opened->map = opened->lock = -1;
	error = begin_anew(opened, clock_monotonic_ns() + DEADLINE_NS, !options->no_wait, diag);
	if (!error)
		error = check_rules(opened, diag);
	if (error)
		return error;
	*samples = opened;
	opened = NULL;
	return 0;
}

int samples_poll(struct samples *samples, int timeout_ms, struct diag *diag)
{
	int error = renew_in_time(samples, diag);

	if (error)
		return error;
	samples->handled = 0;
	error = perf_buffer__poll(samples->buffer, timeout_ms < LOOK_MS ? timeout_ms : LOOK_MS);
	if (error >= 0)
		error = perf_buffer__consume(samples->buffer);
	if (error < 0 && error != -EINTR)
		return diag_fail(diag, error, "cannot read samples of %s: %s", samples->interface, strerror(-error));
	return samples->handled;
}

void samples_close(struct samples *samples)
{
	struct diag ignored = {};

	/* If that fails, the deadline does the same. */
	if (samples->buffer)
		begin_anew(samples, 0, false, &ignored);
	close_buffer(samples);
	cleanup_fd(&samples->lock);
	filter_close(&samples->filter);
	free(samples);
}
