/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "show/summary.h"

#include "base/cleanup.h"
#include "show/output.h"
#include "show/report.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define TARGETS_MAX 32 /* that are told apart, for each source */
#define PORTS_FEW 16
#define SOURCES_PRINTED 10
#define COMBINATIONS_PRINTED 6

/*
 * What a packet looks like: the first that fits. Scanners are told by the window and the options that they send when
 * they are not told otherwise: nmap 7 in its scans a window of 1024, in its OS detection a fixed one for each probe;
 * hping3 a window of 512. (nmap's Maimon scan is FIN+ACK, which any connection ends with.)
 */
#define ANY (-1)
static const struct scan {
	const char *name, *tool; /* tool: NULL if any could have sent it */
	int flags;		 /* of the classic six, or a named class, or ANY */
	int window;
	int options; /* 0: none, 1: some, or ANY */
} scans[] = {
	{"OS detection, probe T2", "nmap -O", 0, 128, 1},
	{"OS detection, probe T3", "nmap -O", SYN | FIN | PSH | URG, 256, 1},
	{"OS detection, probe T7", "nmap -O", FIN | PSH | URG, 65535, 1},
	{"NULL scan", "nmap -sN", 0, 1024, 0},
	{"FIN scan", "nmap -sF", FIN, 1024, 0},
	{"Xmas scan", "nmap -sX", FIN | PSH | URG, 1024, 0},
	{"SYN+FIN scan", "nmap --scanflags SYNFIN", SYN | FIN, 1024, ANY},
	{"NULL packets", "hping3", 0, 512, 0},
	{"FIN packets", "hping3 -F", FIN, 512, 0},
	{"Xmas packets", "hping3 -FPU", FIN | PSH | URG, 512, 0},
	{"SYN+FIN packets", "hping3 -SF", SYN | FIN, 512, 0},
	{"SYN+RST packets", "hping3 -SR", SYN | RST, 512, 0},
	{"NULL scan", NULL, 0, ANY, ANY},
	{"FIN scan", NULL, FIN, ANY, ANY},
	{"Xmas scan", NULL, FIN | PSH | URG, ANY, ANY},
	{"Xmas scan with all six flags", NULL, CLASSIC, ANY, ANY},
	{"SYN+FIN scan", NULL, SYN | FIN, ANY, ANY},
	{"SYN+RST packets", NULL, SYN | RST, ANY, ANY},
	{"TCP headers cut into fragments", "nmap -f", FF_TINY_FRAGMENT, ANY, ANY},
	{"other illegal packets", NULL, ANY, ANY, ANY},
};
#define SCANS (sizeof(scans) / sizeof(*scans))

struct span {
	struct ff_count count;
	struct moment first, last; /* the earliest and the latest that are known; a capture need not be in order */
};

struct source {
	__u8 family;
	__u8 address[16]; /* of the first packet; for IPv6 the first half is the source, if there is no more than one */
	bool several;	  /* addresses in an IPv6 network */
	struct span seen;
	__u64 unseen; /* so many packets it may have sent in addition, at the most */
	struct span scan[SCANS];
	unsigned int targets; /* TARGETS_MAX + 1: more than that */
	unsigned int ports;
	/* From here on only what the two numbers say is valid: most of a flood's sources need little, and go soon. */
	__u16 few_ports[PORTS_FEW];
	__u8 target[TARGETS_MAX][16];
	__u8 port[65536 / 8]; /* bit set, once there are more than PORTS_FEW */
};

struct summary {
	struct span frames, illegal;
	struct ff_count class[FF_CLASSES]; /* what there was of each */
	__u16 widest[FF_CLASSES];	   /* verdicts of the widest preset */
	const struct policy *policy;
	struct ff_count dropped, would_drop, exempted; /* by the policy */
	struct heavy_hitters heavy;
	struct source source[SUMMARY_SOURCES]; /* in the order of the heavy hitters' entries, until they are told */
};

static int preset_verdicts(unsigned int preset, __u16 verdict[FF_CLASSES])
{
	_cleanup_free_ struct policy *policy = malloc(sizeof(*policy));
	struct diag ignored;

	if (!policy)
		return -ENOMEM;
	policy_from_preset(policy, preset_name(preset), &ignored);
	compile_verdicts(policy->rule, policy->rules, false, verdict);
	return 0;
}

int summary_open(struct summary **summary, const struct policy *policy)
{
	struct summary *new = calloc(1, sizeof(*new));

	if (!new || preset_verdicts(PRESETS - 1 /* the widest */, new->widest)) {
		free(new);
		return -ENOMEM;
	}
	new->policy = policy;
	*summary = new;
	return 0;
}

void summary_close(struct summary *summary)
{
	free(summary);
}

static void count(struct ff_count *count, __u32 size)
{
	count->packets++;
	count->bytes += size;
}

static void span_add(struct span *span, const struct moment *time, __u32 size)
{
	if (time->known && (!span->first.known || moment_compare(time, &span->first) < 0))
		span->first = *time;
	if (time->known && (!span->last.known || moment_compare(time, &span->last) > 0))
		span->last = *time;
	count(&span->count, size);
}

bool summary_frame(struct summary *summary, const struct outcome *outcome, const struct moment *time, __u32 size)
{
	bool named = summary->policy && FF_ACTION(outcome->verdict) != FF_PASS;
	bool illegal = named || summary->widest[outcome->class] != FF_PASS;

	span_add(&summary->frames, time, size);
	count(&summary->class[outcome->class], size);
	if (named)
		count(outcome->dropped	  ? &summary->dropped
		      : outcome->exempted ? &summary->exempted
					  : &summary->would_drop,
		      size);
	if (illegal)
		span_add(&summary->illegal, time, size);
	return illegal;
}

/* ---- sources */

static unsigned int address_size(__u8 family)
{
	return family == 4 ? 4 : family == 6 ? 16 : 0;
}

/* The source of PACKET; where there is no room for a new one, in the place of the one with the fewest packets. */
static struct source *find_source(struct summary *summary, const struct packet *packet)
{
	const struct heavy_key key = heavy_source(packet->family, packet->source);
	unsigned int number = heavy_add(&summary->heavy, &key, 1);
	struct source *source = &summary->source[number];

	if (summary->heavy.entry[number].samples > 1)
		return source;
	memset(source, 0, offsetof(struct source, few_ports));
	source->family = packet->family;
	source->unseen = summary->heavy.entry[number].error;
	memcpy(source->address, packet->source, sizeof(source->address));
	return source;
}

static void add_target(struct source *source, const struct packet *packet)
{
	unsigned int size = address_size(packet->family);

	if (!size || source->targets > TARGETS_MAX)
		return;
	for (unsigned int i = 0; i < source->targets; i++)
		if (!memcmp(source->target[i], packet->dest, size))
			return;
	if (source->targets < TARGETS_MAX)
		memcpy(source->target[source->targets], packet->dest, size);
	source->targets++;
}

static bool add_to_set(__u8 set[65536 / 8], __u16 port)
{
	bool is_new = !(set[port / 8] & 1 << port % 8);

	set[port / 8] |= 1 << port % 8;
	return is_new;
}

static void add_port(struct source *source, __u16 port)
{
	if (source->ports > PORTS_FEW) {
		source->ports += add_to_set(source->port, port);
		return;
	}
	for (unsigned int i = 0; i < source->ports; i++)
		if (source->few_ports[i] == port)
			return;
	if (source->ports < PORTS_FEW) {
		source->few_ports[source->ports++] = port;
		return;
	}
	memset(source->port, 0, sizeof(source->port));
	for (unsigned int i = 0; i < PORTS_FEW; i++)
		add_to_set(source->port, source->few_ports[i]);
	source->ports += add_to_set(source->port, port);
}

static const struct scan *scan_of(const struct packet *packet)
{
	int flags = packet->class < FF_NAMED_CLASSES ? packet->class & CLASSIC : packet->class;
	const struct scan *scan = scans;

	while ((scan->flags != ANY && scan->flags != flags) ||
	       (scan->window != ANY && (!packet->has_header || scan->window != packet->window)) ||
	       (scan->options != ANY && scan->options != packet->has_options))
		scan++;
	return scan;
}

void summary_source(struct summary *summary, const struct packet *packet, const struct moment *time, __u32 size)
{
	struct source *source = find_source(summary, packet);

	if (memcmp(source->address, packet->source, address_size(packet->family)) != 0)
		source->several = true;
	span_add(&source->seen, time, size);
	span_add(&source->scan[scan_of(packet) - scans], time, size);
	add_target(source, packet);
	if (packet->ports)
		add_port(source, packet->dest_port);
}

/* ---- what is told */

static int more_packets(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	return (x->seen.count.packets < y->seen.count.packets) - (x->seen.count.packets > y->seen.count.packets);
}

/* "192.0.2.1", "2001:db8::1", or "2001:db8::/64" if several addresses of it were seen. Returns BUFFER. */
static const char *source_name(const struct source *source, char buffer[SOURCE_SIZE])
{
	__u8 address[16];

	memcpy(address, source->address, sizeof(address));
	if (source->several)
		memset(address + 8, 0, 8);
	if (source->family)
		inet_ntop(source->family == 4 ? AF_INET : AF_INET6, address, buffer, SOURCE_SIZE);
	else
		snprintf(buffer, SOURCE_SIZE, "no address");
	if (source->several)
		snprintf(buffer + strlen(buffer), SOURCE_SIZE - strlen(buffer), "/64");
	return buffer;
}

/* Illegal packets of sources that had to make room. */
static __u64 others(const struct summary *summary)
{
	__u64 packets = summary->illegal.count.packets;

	for (unsigned int i = 0; i < summary->heavy.entries; i++)
		packets -= summary->source[i].seen.count.packets;
	return packets;
}

/* What a preset would drop. */
struct effect {
	struct ff_count dropped;
	bool more[FF_CLASSES]; /* classes that occurred, and that the preset before it would not drop */
};

static int preset_effect(const struct summary *summary, unsigned int preset, struct effect *effect)
{
	__u16 verdict[FF_CLASSES], before[FF_CLASSES];

	*effect = (struct effect){};
	if (preset_verdicts(preset, verdict) || preset_verdicts(preset ? preset - 1 : 0, before))
		return -ENOMEM;
	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		if (verdict[class] == FF_PASS)
			continue;
		effect->dropped.packets += summary->class[class].packets;
		effect->dropped.bytes += summary->class[class].bytes;
		effect->more[class] = summary->class[class].packets && before[class] == FF_PASS;
	}
	return 0;
}

/* The class with the most packets among those in LEFT, taken out of it; -1: none is left. */
static int take_most(const struct summary *summary, bool left[FF_CLASSES])
{
	int most = -1;

	for (int class = 0; class < FF_CLASSES; ++class)
		if (left[class] && (most < 0 || summary->class[class].packets > summary->class[most].packets))
			most = class;
	if (most >= 0)
		left[most] = false;
	return most;
}

/* ---- text */

static void print_span(FILE *out, const struct span *span)
{
	char first[OUTPUT_TIME_SIZE], last[OUTPUT_TIME_SIZE];

	if (span->first.known)
		fprintf(out, "%s to %s\n", output_moment(&span->first, first), output_moment(&span->last, last));
	else
		fputs("without a time\n", out);
}

static const char *plural(__u64 number)
{
	return number == 1 ? "" : "s";
}

static void print_source(FILE *out, const struct source *source)
{
	char name[SOURCE_SIZE];

	fprintf(out, "\n%s: %llu packet%s to ", source_name(source, name), source->seen.count.packets,
		plural(source->seen.count.packets));
	if (source->ports)
		fprintf(out, "%u port%s of ", source->ports, plural(source->ports));
	if (source->targets > TARGETS_MAX)
		fprintf(out, "more than %d addresses\n  ", TARGETS_MAX);
	else
		fprintf(out, "%u address%s\n  ", source->targets, source->targets == 1 ? "" : "es");
	print_span(out, &source->seen);
	if (source->unseen)
		fprintf(out, "  and at most %llu packet%s before that\n", source->unseen, plural(source->unseen));
	for (unsigned int i = 0; i < SCANS; i++)
		if (source->scan[i].count.packets)
			fprintf(out, "  %10llu  %s%s%s%s\n", source->scan[i].count.packets, scans[i].name,
				scans[i].tool ? " (as by " : "", scans[i].tool ? scans[i].tool : "",
				scans[i].tool ? ")" : "");
}

static void print_sources(FILE *out, struct summary *summary)
{
	unsigned int shown = summary->heavy.entries < SOURCES_PRINTED ? summary->heavy.entries : SOURCES_PRINTED;
	__u64 packets = others(summary);
	unsigned int more;

	for (unsigned int i = 0; i < shown; i++)
		print_source(out, &summary->source[i]);
	for (unsigned int i = shown; i < summary->heavy.entries; i++)
		packets += summary->source[i].seen.count.packets;
	more = summary->heavy.entries - shown + summary->heavy.overflowed;
	if (packets)
		fprintf(out, "\nand %llu packet%s from %s%u more source%s\n", packets, plural(packets),
			summary->heavy.overflowed ? "at least " : "", more, plural(more));
}

static int print_preset(FILE *out, const struct summary *summary, unsigned int preset)
{
	unsigned int shown = 0, more = 0;
	struct effect effect;
	char text[FLAGS_SIZE];
	int class;

	if (preset_effect(summary, preset, &effect))
		return -ENOMEM;
	fprintf(out, "%-10s %12llu", preset_name(preset), effect.dropped.packets);
	while ((class = take_most(summary, effect.more)) >= 0) {
		if (++shown > COMBINATIONS_PRINTED)
			more++;
		else
			fprintf(out, "%s%12llu %s\n", shown == 1 ? "" : "                       ",
				summary->class[class].packets, class_format(class, text));
	}
	if (more)
		fprintf(out, "                                and %u more\n", more);
	else if (!shown)
		fputc('\n', out);
	return 0;
}

int summary_print(FILE *out, struct summary *summary)
{
	const struct span *illegal = &summary->illegal;
	int error = 0;

	qsort(summary->source, summary->heavy.entries, sizeof(summary->source[0]), more_packets);
	fprintf(out, "%llu frame%s", summary->frames.count.packets, plural(summary->frames.count.packets));
	if (summary->frames.count.packets) {
		fputs(", ", out);
		print_span(out, &summary->frames);
	} else {
		fputc('\n', out);
	}
	fprintf(out, "%llu illegal packet%s", illegal->count.packets, plural(illegal->count.packets));
	if (illegal->count.packets) {
		fprintf(out, " from %s%u source%s\n", summary->heavy.overflowed ? "more than " : "",
			summary->heavy.entries, plural(summary->heavy.entries));
		print_sources(out, summary);
	} else {
		fputc('\n', out);
	}
	fputs("\npreset       would drop   of which the preset above would not\n", out);
	for (unsigned int i = 0; i < PRESETS && !error; i++)
		error = print_preset(out, summary, i);
	if (summary->policy)
		fprintf(out, "\n%s: drops %llu, would drop %llu more (monitored), exempts %llu\n",
			summary->policy->label, summary->dropped.packets, summary->would_drop.packets,
			summary->exempted.packets);
	return error;
}

/* ---- JSON */

/* The keys packets, bytes, first and last; where no time is known the latter two are null. */
static json_t *span_to_json(const struct span *span)
{
	char first[OUTPUT_TIME_SIZE], last[OUTPUT_TIME_SIZE];

	return json_pack("{sI sI ss? ss?}", "packets", (json_int_t)span->count.packets, "bytes",
			 (json_int_t)span->count.bytes, "first", output_moment(&span->first, first), "last",
			 output_moment(&span->last, last));
}

static json_t *source_to_json(const struct source *source)
{
	json_t *object = span_to_json(&source->seen), *looks_like = json_array();
	char name[SOURCE_SIZE];

	for (unsigned int i = 0; i < SCANS; i++) {
		json_t *scan;

		if (!source->scan[i].count.packets)
			continue;
		scan = span_to_json(&source->scan[i]);
		json_object_set_new(scan, "scan", json_string(scans[i].name));
		json_object_set_new(scan, "tool", scans[i].tool ? json_string(scans[i].tool) : json_null());
		json_array_append_new(looks_like, scan);
	}
	json_object_set_new(object, "source", json_string(source_name(source, name)));
	json_object_set_new(object, "unseen_at_most", json_integer(source->unseen));
	json_object_set_new(object, "addresses", json_integer(source->targets));
	json_object_set_new(object, "ports", json_integer(source->ports));
	json_object_set_new(object, "looks_like", looks_like);
	return object;
}

static json_t *preset_to_json(const struct summary *summary, unsigned int preset)
{
	json_t *more = json_array();
	struct effect effect;
	int class;

	if (preset_effect(summary, preset, &effect)) {
		json_decref(more);
		return NULL;
	}
	while ((class = take_most(summary, effect.more)) >= 0) {
		json_t *count = report_count_to_json(&summary->class[class]);

		output_class(count, class);
		json_array_append_new(more, count);
	}
	return json_pack("{ss so so}", "preset", preset_name(preset), "dropped", report_count_to_json(&effect.dropped),
			 "more", more);
}

int summary_to_json(struct summary *summary, json_t *object)
{
	json_t *sources = json_array(), *effects = json_array();
	int error = 0;

	qsort(summary->source, summary->heavy.entries, sizeof(summary->source[0]), more_packets);
	for (unsigned int i = 0; i < summary->heavy.entries; i++)
		json_array_append_new(sources, source_to_json(&summary->source[i]));
	for (unsigned int i = 0; i < PRESETS; i++)
		error |= json_array_append_new(effects, preset_to_json(summary, i));
	error |= json_object_set_new(object, "frames", span_to_json(&summary->frames));
	error |= json_object_set_new(object, "illegal", span_to_json(&summary->illegal));
	error |= json_object_set_new(object, "sources", sources);
	error |= json_object_set_new(object, "others", json_integer(others(summary)));
	error |= json_object_set_new(object, "presets", effects);
	if (summary->policy) {
		error |= json_object_set_new(object, "policy", json_string(summary->policy->label));
		error |= json_object_set_new(object, "dropped", report_count_to_json(&summary->dropped));
		error |= json_object_set_new(object, "would_drop", report_count_to_json(&summary->would_drop));
		error |= json_object_set_new(object, "exempted", report_count_to_json(&summary->exempted));
	}
	return error ? -ENOMEM : 0;
}
