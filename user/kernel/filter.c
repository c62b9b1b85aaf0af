/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Theory of operation: a change writes what nobody uses and ends in one store.
 *
 * The program reads the generation once per packet and takes verdicts and exemptions from
 * slot[filter_slot(generation)]. A change fills the other slot, then stores generation + 1. Killed before that store,
 * the loader has changed nothing; killed after it, everything. Before a slot is filled again, no packet may still be
 * using it: that is what "settled" and the wait for an RCU grace period are for.
 *
 * Counters are written by the program alone, so no change can lose a count. A rule keeps its counter as long as it is
 * in the policy with the same meaning. A rule that is new gets a counter that the live policy does not use; what stands
 * there already becomes the new rule's base, and goes over to "removed".
 *
 * A reader takes no lock: it copies the live slot and the counters, and begins again if the generation has changed.
 */
#include "kernel/filter.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/shell.h"
#include "base/text.h"
#include "kernel/nic.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

void filter_close(struct filter *filter)
{
	if (filter->state)
		munmap(filter->state, sizeof(*filter->state));
	for (enum program_map map = 0; map < PROGRAM_MAPS; map++)
		cleanup_fd(&filter->map[map]);
	cleanup_fd(&filter->grace);
}

/* -EPROTO unless it is a map of the kind and the sizes that this program knows. */
static int check_map(int fd, enum program_map map)
{
	static const struct {
		__u32 type, key_size, value_size;
	} known[] = {
		[MAP_STATE] = {BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct ff_state)},
		[MAP_COUNTERS] = {BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32), sizeof(struct ff_counters)},
		[MAP_SOURCES] = {BPF_MAP_TYPE_LPM_TRIE, sizeof(struct ff_source_key), sizeof(__u8)},
		[MAP_SAMPLING] = {BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32), sizeof(struct ff_sampling)},
		[MAP_SAMPLES] = {BPF_MAP_TYPE_PERF_EVENT_ARRAY, sizeof(__u32), sizeof(__u32)},
	};
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	return info.type == known[map].type && info.key_size == known[map].key_size &&
			       info.value_size == known[map].value_size
		       ? 0
		       : -EPROTO;
}

/* Maps the state, if it has the layout that this program knows. */
static int map_state(int fd, struct ff_state **state)
{
	void *memory = mmap(NULL, sizeof(**state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	/* Where it is not one to be mapped, libbpf had no memory to find out that the kernel has such maps. */
	if (memory == MAP_FAILED)
		return errno == EINVAL ? -ENOMEM : -errno;
	if (((struct ff_state *)memory)->layout != FF_LAYOUT) {
		munmap(memory, sizeof(**state));
		return -EPROTO;
	}
	*state = memory;
	return 0;
}

int filter_open(struct filter *filter, const char *pins, struct diag *diag)
{
	_cleanup_(filter_close) struct filter opened = FILTER_CLOSED;
	_cleanup_fd_ int dir = pins_dir(pins);
	int error = dir < 0 ? dir : 0;
	__u32 id;

	for (enum program_map map = 0; map < PROGRAM_MAPS && !error; map++) {
		opened.map[map] = pins_open_in(dir, map, &id);
		if (map == MAP_COUNTERS)
			opened.id = id;
		error = opened.map[map] < 0 ? opened.map[map] : check_map(opened.map[map], map);
	}
	if (!error)
		error = map_state(opened.map[MAP_STATE], &opened.state);
	if (error == -EPROTO)
		return diag_fail(diag, error,
				 "the maps in %s belong to another version of flagfilter; use that one, or "
				 "`%s` and attach anew",
				 pins, shell_command("detach", "IF", "", "").text);
	if (error == -ENOENT)
		return diag_fail(diag, -EIO, "of the maps in %s one is missing", pins); /* and not the filter */
	if (error) {
		diag_fail(diag, error, "cannot open the maps in %s: %s", pins, strerror(-error));
		return pins_add_needs(diag, error);
	}
	*filter = opened;
	opened = FILTER_CLOSED;
	return 0;
}

static __u32 generation_of(const struct ff_state *state)
{
	return __atomic_load_n(&state->generation, __ATOMIC_ACQUIRE);
}

__u32 filter_generation(const struct filter *filter)
{
	return generation_of(filter->state);
}

__u32 filter_rule_names(const struct filter *filter, char name[2][FF_COUNTERS][FF_NAME_SIZE])
{
	const struct ff_state *state = filter->state;
	__u32 generation;

	do {
		const struct ff_policy *live;
		char(*of_live)[FF_NAME_SIZE];

		generation = generation_of(state);
		live = &state->slot[filter_slot(generation)];
		of_live = name[filter_slot(generation)];
		memset(of_live, 0, sizeof(name[0]));
		for (unsigned int i = 0; i < live->rules && i < FF_RULES_MAX; i++)
			memcpy(of_live[live->rule[i].counter % FF_COUNTERS], live->rule[i].name, FF_NAME_SIZE - 1);
		atomic_thread_fence(memory_order_acquire);
	} while (generation != generation_of(state));
	return generation;
}

/*
 * While the keys of SLOT stay, those of the other slot come and go: a change makes it the next policy's. Behind a key
 * that is gone the kernel begins anew with the first one, and so does this.
 */
static int read_sources(int fd, __u8 slot, struct policy *policy)
{
	struct ff_source_key key, first, *previous = NULL;

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		previous = &key;
		if (key.slot != slot)
			continue;
		if (policy->sources && !memcmp(&key, &first, sizeof(key)))
			policy->sources = 0;
		if (!policy->sources)
			first = key;
		if (policy->sources == FF_SOURCES_MAX)
			continue;
		policy->source[policy->sources] = key;
		policy->source[policy->sources++].slot = 0;
	}
	if (errno != ENOENT)
		return -errno;
	qsort(policy->source, policy->sources, sizeof(*policy->source), policy_compare_sources);
	return 0;
}

/* Counters are 64-bit words throughout. */
static void subtract(void *counters, const void *base, size_t size)
{
	const __u64 *right = base;
	__u64 *left = counters;

	for (size_t i = 0; i < size / sizeof(*left); i++)
		left[i] -= right[i];
}

static void add_count(struct ff_count *sum, const struct ff_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
}

static void add_rule_count(struct ff_rule_count *sum, const struct ff_rule_count *count)
{
	add_count(&sum->dropped, &count->dropped);
	add_count(&sum->would_drop, &count->would_drop);
	add_count(&sum->exempted, &count->exempted);
}

static bool counter_in_use(const struct ff_rule *rule, unsigned int rules, unsigned int counter)
{
	for (unsigned int i = 0; i < rules; i++)
		if (rule[i].counter == counter)
			return true;
	return false;
}

/* What was counted under POLICY since its base, given all that was ever counted. */
static void counts_from(struct counts *counts, const struct ff_policy *policy, const struct ff_counters *raw)
{
	counts->counting_ns = policy->counting_ns;
	counts->mark.ever = counts->counters = *raw;
	subtract(&counts->counters, &policy->base, sizeof(policy->base));
	counts->removed = policy->removed;
	for (unsigned int counter = 0; counter < FF_COUNTERS; counter++)
		if (!counter_in_use(policy->rule, policy->rules, counter))
			add_rule_count(&counts->removed, &counts->counters.rule[counter]);
	counts->policy.rules = policy->rules;
	memcpy(counts->policy.label, policy->label, sizeof(policy->label) - 1);
	text_clean(counts->policy.label);
	memcpy(counts->policy.rule, policy->rule, sizeof(policy->rule));
	memcpy(counts->policy.port, policy->port, sizeof(policy->port));
}

static bool is_rule(const struct ff_rule *rule)
{
	return memchr(rule->name, '\0', sizeof(rule->name)) &&
	       rule->name[strspn(rule->name, RULE_NAME_CHARS)] == '\0' && rule->value <= FF_FLAGS_ALL &&
	       rule->mask <= FF_FLAGS_ALL && rule->mode <= FF_ENFORCED && rule->counter < FF_COUNTERS &&
	       (!rule->class || (rule->class >= FF_NAMED_CLASSES && rule->class < FF_CLASSES));
}

/* What is read back from a map is believed only if it is what a loader writes. */
static bool is_policy(const struct ff_policy *policy)
{
	if (policy->rules > FF_RULES_MAX)
		return false;
	for (unsigned int i = 0; i < policy->rules; i++)
		if (!is_rule(&policy->rule[i]))
			return false;
	return true;
}

/* -EAGAIN if the policy changed meanwhile. */
static int try_read(const struct filter *filter, struct snapshot *snapshot, struct ff_policy *live,
		    struct ff_counters *raw)
{
	const struct ff_state *state = filter->state;
	__u32 generation = generation_of(state);
	int error = 0;

	/* The analyzer thinks that errno may be 0 after a failure.
	 * NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	*live = state->slot[filter_slot(generation)];
	memset(&snapshot->counts, 0, sizeof(snapshot->counts));
	if (!is_policy(live))
		error = -EPROTO;
	else if (live->sources)
		error = read_sources(filter->map[MAP_SOURCES], filter_slot(generation), &snapshot->counts.policy);
	if (!error)
		error = program_sum_counters(filter->map[MAP_COUNTERS], raw);
	atomic_thread_fence(memory_order_acquire);
	if (generation_of(state) != generation)
		return -EAGAIN;
	if (error)
		return error;
	snapshot->time_ns = clock_wall_ns();
	snapshot->attached_ns = state->attached_ns;
	snapshot->applied_ns = live->applied_ns;
	snapshot->counts.mark.filter = filter->id;
	snapshot->counts.mark.taken_ns = clock_boot_ns();
	counts_from(&snapshot->counts, live, raw);
	return 0;
}

static int fail_no_policy(struct diag *diag)
{
	return diag_fail(diag, -EPROTO, "what the maps hold is no policy; `%s` and attach anew",
			 shell_command("detach", "IF", "", "").text);
}

int filter_read(const struct filter *filter, struct snapshot *snapshot, struct diag *diag)
{
	_cleanup_free_ struct ff_policy *live = malloc(sizeof(*live));
	_cleanup_free_ struct ff_counters *raw = malloc(sizeof(*raw));
	int error = live && raw ? -EAGAIN : -ENOMEM;

	for (int tries = 0; tries < 10000 && error == -EAGAIN; tries++)
		error = try_read(filter, snapshot, live, raw);
	if (error == -EPROTO)
		return fail_no_policy(diag);
	return error ? diag_fail(diag, error, "cannot read the counters: %s", strerror(-error)) : 0;
}

/*
 * An update of a map of maps returns only when no program that runs with the old one is left: the kernel promises that
 * for just this use (Linux 5.0, maybe_wait_bpf_programs).
 */
static int get_grace(struct filter *filter)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = filter->map[MAP_SOURCES]);

	if (filter->grace < 0)
		filter->grace =
			bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "grace", sizeof(__u32), sizeof(__u32), 1, &options);
	return filter->grace < 0 ? -errno : filter->grace;
}

/* Waits until every packet that still meets an older generation is through. GRACE: from get_grace() */
static int settle(struct filter *filter, int grace)
{
	__u32 generation = generation_of(filter->state), zero = 0;
	int error = 0;

	if (grace < 0)
		return grace;
	if (filter->state->settled != generation &&
	    bpf_map_update_elem(grace, &zero, &filter->map[MAP_SOURCES], BPF_ANY))
		error = -errno;

	if (!error)
		filter->state->settled = generation;
	return error;
}

struct filter_wait {
	struct ff_state *state;
	__u32 generation; /* as the change has left it */
};

/* Leaves the wait behind the change to GENERATION for later. False if that cannot be. */
static bool put_off(struct filter *filter, __u32 generation)
{
	struct filter_waits *waits = filter->waits;
	struct filter_wait *grown;

	if (!waits)
		return false;
	if (waits->grace < 0)
		waits->grace = fcntl(filter->grace, F_DUPFD_CLOEXEC, 0);
	if (waits->sources < 0)
		waits->sources = fcntl(filter->map[MAP_SOURCES], F_DUPFD_CLOEXEC, 0);
	grown = reallocarray(waits->wait, waits->count + 1, sizeof(*grown));
	if (grown)
		waits->wait = grown;
	if (!grown || waits->grace < 0 || waits->sources < 0 ||
	    map_state(filter->map[MAP_STATE], &grown[waits->count].state))
		return false;
	grown[waits->count++].generation = generation;
	return true;
}

/* Behind a change that came meanwhile, who made it waits. */
void filter_wait(struct filter_waits *waits)
{
	__u32 zero = 0;

	if (!waits->count || bpf_map_update_elem(waits->grace, &zero, &waits->sources, BPF_ANY))
		return; /* then the next change of each waits */
	for (unsigned int i = 0; i < waits->count; i++)
		if (generation_of(waits->wait[i].state) == waits->wait[i].generation)
			waits->wait[i].state->settled = waits->wait[i].generation;
}

void filter_waits_close(struct filter_waits *waits)
{
	while (waits->count)
		munmap(waits->wait[--waits->count].state, sizeof(*waits->wait->state));
	free(waits->wait);
	cleanup_fd(&waits->grace);
	cleanup_fd(&waits->sources);
}

int filter_write_sources(int sources_fd, __u8 slot, const struct policy *policy)
{
	struct ff_source_key key, next;
	const __u8 present = 1;
	int error = bpf_map_get_next_key(sources_fd, NULL, &next);

	while (!error) {
		key = next;
		error = bpf_map_get_next_key(sources_fd, &key, &next);
		if (key.slot == slot && bpf_map_delete_elem(sources_fd, &key))
			return -errno;
	}
	if (errno != ENOENT)
		return -errno;
	for (unsigned int i = 0; i < policy->sources; i++) {
		key = policy->source[i];
		key.slot = slot;
		if (bpf_map_update_elem(sources_fd, &key, &present, BPF_ANY))
			return -errno;
	}
	return 0;
}

static bool same_meaning(const struct ff_rule *a, const struct ff_rule *b)
{
	return a->value == b->value && a->mask == b->mask && a->class == b->class && !strcmp(a->name, b->name);
}

/* Gives every rule of NEXT its counter: the one it has in LIVE, or one that LIVE does not use. */
static void assign_counters(struct policy *next, const struct ff_policy *live, const struct ff_counters *raw,
			    struct ff_counters *base, struct ff_rule_count *removed)
{
	unsigned int unused = 0;

	for (unsigned int i = 0; i < next->rules; i++) {
		struct ff_rule *rule = &next->rule[i];
		struct ff_rule_count counted;
		unsigned int old = 0;

		while (old < live->rules && !same_meaning(&live->rule[old], rule))
			old++;
		if (old < live->rules) {
			rule->counter = live->rule[old].counter;
			continue;
		}
		while (counter_in_use(live->rule, live->rules, unused))
			unused++;
		counted = raw->rule[unused];
		subtract(&counted, &base->rule[unused], sizeof(counted));
		add_rule_count(removed, &counted);
		base->rule[unused] = raw->rule[unused];
		rule->counter = unused++;
	}
}

static void set_sample_bits(struct ff_policy *policy, const bool wanted[FF_COUNTERS], bool any)
{
	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		__u16 verdict = policy->verdict[class] & ~(FF_SAMPLE << 8);

		if (any && FF_ACTION(verdict) != FF_PASS && (!wanted || wanted[FF_COUNTER(verdict) % FF_COUNTERS]))
			verdict |= FF_SAMPLE << 8;
		if (policy->verdict[class] != verdict)
			__atomic_store_n(&policy->verdict[class], verdict, __ATOMIC_RELAXED);
	}
}

void filter_sample(struct filter *filter, const bool wanted[FF_COUNTERS], __u64 every_ns, __u64 until_ns)
{
	struct ff_state *state = filter->state;

	state->sample_reader = getpid();
	state->sample_every_ns = every_ns;
	__atomic_store_n(&state->sample_until_ns, until_ns, __ATOMIC_RELEASE);
	set_sample_bits(&state->slot[filter_slot(generation_of(state))], wanted, until_ns);
}

bool filter_sample_longer(struct filter *filter, __u64 now_ns, __u64 until_ns)
{
	if (filter->state->sample_until_ns <= now_ns)
		return false;
	__atomic_store_n(&filter->state->sample_until_ns, until_ns, __ATOMIC_RELEASE);
	return true;
}

pid_t filter_sample_reader(const struct filter *filter)
{
	return filter->state->sample_reader;
}

/* Asks for samples of the same rules in NEXT as in LIVE; if of all there, of all. A counter in both is one rule's. */
static void sample_as_before(const struct ff_policy *live, struct ff_policy *next)
{
	bool wanted[FF_COUNTERS] = {}, all = true;

	for (unsigned int class = 0; class < FF_CLASSES; ++class) {
		__u16 verdict = live->verdict[class];

		if (FF_ACTION(verdict) == FF_PASS)
			continue;
		if (verdict & FF_SAMPLE << 8)
			wanted[FF_COUNTER(verdict) % FF_COUNTERS] = true;
		else
			all = false;
	}
	set_sample_bits(next, all ? NULL : wanted, true);
}

/* Whether the counters that the rules of POLICY had once can be theirs again: no other rule of LIVE has them now. */
static bool counters_are_free(const struct policy *policy, const struct ff_policy *live)
{
	for (unsigned int i = 0; i < policy->rules; i++)
		for (unsigned int j = 0; j < live->rules; j++)
			if ((policy->rule[i].counter == live->rule[j].counter) !=
			    same_meaning(&policy->rule[i], &live->rule[j]))
				return false;
	return true;
}

/* What is put in force, beside all that was ever counted. */
struct change {
	const struct policy *policy; /* NULL: as it is, but counting begins anew */
	bool restore;		     /* its rules have their counters already */
	struct policy numbered;
	struct ff_counters raw;
	struct ff_policy next;
};

/* The slot that follows LIVE. */
static void build_next(struct change *change, const struct ff_policy *live)
{
	struct ff_policy *next = &change->next;

	change->numbered = *change->policy;
	memset(next, 0, sizeof(*next));
	next->base = live->base;
	next->removed = live->removed;
	next->counting_ns = live->counting_ns;
	if (!change->restore || !counters_are_free(change->policy, live))
		assign_counters(&change->numbered, live, &change->raw, &next->base, &next->removed);
	compile_policy(&change->numbered, next);
	next->applied_ns = clock_boot_ns();
}

static void build_reset(struct change *change, const struct ff_policy *live)
{
	change->next = *live;
	change->next.base = change->raw;
	change->next.removed = (struct ff_rule_count){};
	change->next.counting_ns = clock_boot_ns();
}

static int prepare(struct filter *filter, struct change *change, __u32 generation, int grace)
{
	const struct policy *policy = change->policy;
	int error = settle(filter, grace);

	if (!error)
		error = program_sum_counters(filter->map[MAP_COUNTERS], &change->raw);
	if (!error && !policy) {
		policy = &change->numbered;
		error = read_sources(filter->map[MAP_SOURCES], filter_slot(generation), &change->numbered);
	}
	return error ? error : filter_write_sources(filter->map[MAP_SOURCES], filter_slot(generation + 1), policy);
}

static int flip(struct filter *filter, const struct policy *policy, bool restore, struct diag *diag)
{
	_cleanup_free_ struct change *change = calloc(1, sizeof(*change));
	/* Made before anything is changed: whoever cannot wait in the end must not begin. */
	int grace = get_grace(filter);
	struct ff_state *state = filter->state;
	__u32 generation = generation_of(state);
	const struct ff_policy *live = &state->slot[filter_slot(generation)];
	int error;

	if (!change)
		return diag_no_memory(diag);
	if (!is_policy(live))
		return fail_no_policy(diag);
	change->policy = policy;
	change->restore = restore;
	error = prepare(filter, change, generation, grace);
	if (error) {
		diag_fail(diag, error, "cannot write the new policy: %s; the old one stays", strerror(-error));
		return diag_add_needs(diag, error, NEEDS_BPF);
	}
	if (policy)
		build_next(change, live);
	else
		build_reset(change, live);
	if (state->sample_until_ns > clock_monotonic_ns())
		sample_as_before(live, &change->next);
	else
		set_sample_bits(&change->next, NULL, false);
	/* A guardian that could not wait for the lock any longer may have taken its change back meanwhile. */
	if (generation_of(state) == generation)
		state->slot[filter_slot(generation + 1)] = change->next;
	if (!__atomic_compare_exchange_n(&state->generation, &generation, generation + 1, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		return diag_fail(diag, -EAGAIN, "another change came in between; try again");

	/* From here on the change is made; if the wait fails, the next change waits. */
	if (!put_off(filter, generation + 1))
		settle(filter, grace);
	return 0;
}

int filter_change(struct filter *filter, const struct policy *policy, struct diag *diag)
{
	return flip(filter, policy, false, diag);
}

int filter_restore(struct filter *filter, const struct policy *policy, struct diag *diag)
{
	return flip(filter, policy, true, diag);
}

int filter_reset(struct filter *filter, struct diag *diag)
{
	return flip(filter, NULL, false, diag);
}

unsigned int filter_queues_added(const struct filter *filter, const char *interface)
{
	unsigned int then = filter->state->queues, now = then ? nic_queues_of_attach(interface) : 0;

	return now > then ? now - then : 0;
}

void filter_silence(struct ff_policy *policy, bool silent)
{
	for (unsigned int class = 0; class < FF_CLASSES; ++class)
		policy->verdict[class] = (policy->verdict[class] & ~(FF_SILENT << 8)) | (silent ? FF_SILENT << 8 : 0);
}

bool filter_is_silent(const struct filter *filter)
{
	return filter->state->slot[filter_slot(generation_of(filter->state))].verdict[0] & FF_SILENT << 8;
}

int filter_hand_over(struct filter *filter, struct filter *successor)
{
	struct ff_state *old = filter->state, *new = successor->state;
	_cleanup_free_ struct policy *policy = calloc(1, sizeof(*policy));
	__u32 live = filter_slot(generation_of(old)), next = !live;
	int grace = get_grace(filter);
	int error = policy ? settle(filter, grace) : -ENOMEM;

	if (!error)
		error = read_sources(filter->map[MAP_SOURCES], live, policy);
	if (!error)
		error = filter_write_sources(filter->map[MAP_SOURCES], next, policy);
	if (!error && filter_slot(generation_of(old)) != live)
		error = -EAGAIN; /* as in flip() */
	if (error)
		return error;
	old->slot[next] = new->slot[next] = old->slot[live];
	filter_silence(&old->slot[next], true);
	__atomic_store_n(&new->generation, new->generation + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&old->generation, old->generation + 1, __ATOMIC_RELEASE);
	return settle(successor, grace);
}
