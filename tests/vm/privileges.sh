# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Part of tests/vm/guest.sh: what capabilities each command needs on this kernel, as uid 0 with these and no others: the
# table in docs/reliability.md. (tests/net/privileges.bats does more of it, on the machine's own kernel.)
#
# shellcheck shell=bash disable=SC2317 # the tests are called by name

# with CAPABILITIES COMMAND...: "bpf,net_admin"; none: "none".
with() {
	local set=-all
	[ "$1" = none ] || set+=,+${1//,/,+}
	setpriv --inh-caps=-all --bounding-set="$set" "${@:2}"
}

# with_less MISSING CAPABILITIES COMMAND...: is refused, and names that one and no other.
with_less() {
	local missing=$1 have=$2
	shift 2
	refused "; it needs CAP_$missing, which root has" -- with "$have" flagfilter "$@"
}

strict_policy() { printf 'version: 1\npreset: strict\nexempt: {sources: [192.0.2.99]}\n' >/tmp/strict.yaml; }

# Three do to attach where nothing is: the filter is then exclusive, for the dispatcher asks for CAP_SYS_ADMIN.
attach_needs() {
	ulimit -l unlimited
	with_less BPF net_admin,perfmon attach v1
	with_less NET_ADMIN bpf,perfmon attach v1
	with_less NET_ADMIN sys_admin attach v1
	with_less PERFMON bpf,net_admin attach v1
	no_pins
	with bpf,net_admin,perfmon flagfilter attach v1
	equal "$(status v1 .attached)" exclusive
	equal "$(cross v0 v1 "$SF" 5)" 0
}

# Before Linux 5.11 maps count as locked memory.
locked_memory_counts() {
	ulimit -l 64
	refused "locked memory" "ulimit -l unlimited" -- with bpf,net_admin,perfmon flagfilter attach v1
	with bpf,net_admin,perfmon,sys_resource flagfilter attach v1
}

exclusive_needs() {
	local command
	ulimit -l unlimited
	strict_policy
	with bpf,net_admin,perfmon flagfilter attach v1
	for command in stats status rule; do
		with bpf flagfilter $command v1
		if kernel_is 5.19; then
			with none flagfilter $command v1
		else
			with_less BPF net_admin,perfmon $command v1
		fi
	done
	for command in "rule v1 syn-fin=monitor" "apply v1 /tmp/strict.yaml"; do
		# shellcheck disable=SC2086 # words on purpose
		with_less BPF net_admin,perfmon $command
		# shellcheck disable=SC2086 # words on purpose
		with bpf flagfilter $command
	done
	for command in attach detach; do
		with_less SYS_ADMIN bpf,net_admin,perfmon $command v1
		with_less NET_ADMIN sys_admin $command v1
		with net_admin,sys_admin flagfilter $command v1
	done
	no_pins
}

# Behind the dispatcher programs are told apart by their ids, which only CAP_SYS_ADMIN may look at.
shared_needs() {
	local command all=bpf,net_admin,perfmon
	strict_policy
	other late 50
	with_less SYS_ADMIN $all attach v1
	with_less NET_ADMIN sys_admin attach v1
	with net_admin,sys_admin flagfilter attach v1
	equal "$(status v1 .attached)" shared
	for command in "stats v1" "status v1" "rule v1" "rule v1 syn-fin=monitor" "apply v1 /tmp/strict.yaml"; do
		# shellcheck disable=SC2086 # words on purpose
		with_less SYS_ADMIN $all $command
		# shellcheck disable=SC2086 # words on purpose
		with sys_admin flagfilter $command
	done
	for command in attach detach; do
		with_less SYS_ADMIN $all $command v1
		with_less NET_ADMIN sys_admin $command v1
		with net_admin,sys_admin flagfilter $command v1
	done
	no_pins
}
