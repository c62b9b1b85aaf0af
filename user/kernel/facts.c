/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/facts.h"

#include "base/cleanup.h"
#include "kernel/locate.h"
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* Of a question that is answered by 1 or 0, or fails. */
static enum answer answer_unless(int answer)
{
	return answer < 0 ? UNKNOWN : answer_from(answer);
}

static void try_program(struct facts *facts)
{
	struct program_trial *trial = NULL;
	int compiles = program_kernel_compiles();
	struct diag diag = {};

	if (compiles < 0)
		return; /* for want of capabilities: no more can be told */
	facts->jit = answer_from(compiles);
	facts->frags = answer_unless(program_kernel_has_frags());
	facts->loads = answer_from(!program_trial_open(&trial, &diag));
	if (facts->loads == NO) {
		snprintf(facts->load_failure, sizeof(facts->load_failure), "%.255s", diag.text);
		return;
	}
	facts->extension = answer_unless(program_trial_extends(trial));
	program_trial_close(trial);
}

static void look_at_programs(struct facts *facts, const struct interface *interface)
{
	_cleanup_(filter_close) struct filter filter = FILTER_CLOSED;
	struct location location = {};
	struct diag diag = {}, ignored;
	int error;

	facts->own = -1;
	facts->programs_error = xdp_list(facts->nic.ifindex, &facts->programs);
	if (facts->programs_error || !facts->programs.count)
		return;
	error = locate_on(&location, interface, &diag);
	if (!error) {
		facts->programs = location.programs;
		facts->own = location.program;
		if (!filter_open(&filter, location.pins, &ignored))
			facts->queues_added = filter_queues_added(&filter, location.interface.name);
	} else if (error == -ENOENT) {
		owner_find(facts->programs.program[0].id, &facts->owner);
	} else {
		facts->programs_error = error;
		snprintf(facts->programs_failure, sizeof(facts->programs_failure), "%.255s", diag.text);
	}
}

static void look_at_pins(struct facts *facts)
{
	struct diag diag = {};
	int error = pins_check(&diag);

	facts->bpffs = error != -ENOMEDIUM;
	facts->bpffs_mode = bpffs_open_to_others();
	if (error && facts->bpffs)
		snprintf(facts->pins_refused, sizeof(facts->pins_refused), "%.255s", diag.text);
}

int facts_of_link(struct facts *facts, const char *interface, const char *netns, struct diag *diag)
{
	struct interface found;
	int error = interface_find(&found, interface, diag);

	*facts = (struct facts){.netns = netns, .own = -1};
	return error ? error : nic_read(&facts->nic, &found, diag);
}

int facts_gather(struct facts *facts, const char *interface, const char *netns, struct diag *diag)
{
	struct interface found, now;
	struct facts read;
	struct rlimit memlock;
	int error = facts_of_link(&read, interface, netns, diag);

	if (error)
		return error;
	found.ifindex = read.nic.ifindex;
	memcpy(found.name, read.nic.name, sizeof(found.name));
	read.kernel = system_kernel();
	read.cpus = sysconf(_SC_NPROCESSORS_CONF);
	read.page_size = sysconf(_SC_PAGESIZE);
	read.capabilities = system_capabilities();
	read.memlock = getrlimit(RLIMIT_MEMLOCK, &memlock) ? 0 : memlock.rlim_cur;
	read.jit_switch = !access("/proc/sys/net/core/bpf_jit_enable", F_OK);
	read.btf = program_kernel_has_btf();
	look_at_pins(&read);
	try_program(&read);
	look_at_programs(&read, &found);
	/* What is advised names the interface: it must still be that one. */
	error = interface_find(&now, interface, diag);
	if (error)
		return error;
	if (now.ifindex != found.ifindex)
		return diag_fail(diag, -EAGAIN, "%s is another interface than a moment ago; try again", interface);
	*facts = read;
	return 0;
}
