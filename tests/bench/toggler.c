/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A change of the policy each millisecond, until SIGTERM; for the soak.
 *
 *	toggler NETNS INTERFACE RULE
 *
 * The product's own change returns when no packet meets the old policy any more, which takes the kernel an RCU grace
 * period, many milliseconds; until then the slot that the next change would write is in use. But to go back to the
 * policy before takes no writing: it still is in the other slot, whole. So each millisecond one store exchanges the
 * two, STORES times under the lock that loaders take; then they have their turn, and RULE gets its next mode by the way
 * that the `rule` command takes.
 */
#include "bench.h"
#include "kernel/change.h"

#include <sched.h>
#include <signal.h>
#include <string.h>

#define MILLISECOND_NS 1000000ull
#define STORES 100

static volatile sig_atomic_t stop;

static void end(int number)
{
	(void)number;
	stop = 1;
}

struct setting {
	const char *rule;
	enum ff_mode mode;
};

static int set(struct policy *policy, void *context, struct diag *diag)
{
	const struct setting *setting = context;

	return policy_set_mode(policy, setting->rule, setting->mode, diag);
}

static void change(const char *interface, struct setting *setting)
{
	static struct snapshot snapshot;
	struct diag diag = {};

	setting->mode = (setting->mode + 1) % (FF_ENFORCED + 1);
	if (change_policy(&snapshot, interface, set, setting, NULL, NULL, &diag))
		fail_diag(&diag);
}

/* Until the next millisecond begins. Those that went by meanwhile are not made up for. */
static void wait_for(__u64 *next_ns)
{
	__u64 now = clock_ns(CLOCK_MONOTONIC);

	*next_ns += MILLISECOND_NS;
	if (*next_ns < now)
		*next_ns = now;
	sleep_ns(*next_ns - now);
}

static void exchange(struct filter *filter)
{
	__u64 next = clock_ns(CLOCK_MONOTONIC);
	_cleanup_(pins_unlock) int lock = -1;
	struct diag diag = {};

	if (pins_lock(&lock, &diag))
		fail_diag(&diag);
	for (unsigned int i = 0; i < STORES; i++) {
		__atomic_store_n(&filter->state->generation, filter->state->generation + 1, __ATOMIC_RELEASE);
		wait_for(&next);
	}
}

static void open_filter(struct filter *filter, const char *interface)
{
	struct location location;
	struct diag diag = {};

	if (locate_filter(&location, interface, &diag) || filter_open(filter, location.pins, &diag))
		fail_diag(&diag);
}

int main(int argc, char **argv)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	struct setting setting = {.mode = FF_OFF};
	struct sched_param first = {.sched_priority = 1}; /* or the flood has the CPU */
	__u64 begin, changes = 0;
	struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART};

	if (argc != 4)
		fail("usage: toggler NETNS INTERFACE RULE");
	setting.rule = argv[3];
	xdp_set_verbose(false);
	sigaction(SIGTERM, &action, NULL);
	enter_netns(argv[1]);
	open_filter(&filter, argv[2]);
	sched_setscheduler(0, SCHED_FIFO, &first);
	begin = clock_ns(CLOCK_MONOTONIC);
	while (!stop) {
		change(argv[2], &setting);
		sleep_ns(MILLISECOND_NS); /* whoever waits for the lock has to wake up to take it */
		exchange(&filter);
		sleep_ns(MILLISECOND_NS);
		changes++;
	}
	print_json(json_pack("{sI sI sf}", "stores", (json_int_t)(changes * STORES), "changes", (json_int_t)changes,
			     "seconds", (clock_ns(CLOCK_MONOTONIC) - begin) / 1e9));
	return 0;
}
