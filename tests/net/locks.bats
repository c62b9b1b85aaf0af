#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What was promised is kept: with few descriptors, little memory, and others that stand still with the lock.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() { net_teardown; }

unconfirmed() { ff --json status s0 | jq -r ".filters[0].unconfirmed$1"; }
is_confirmed() { [ "$(unconfirmed "")" = null ]; }
is_over() { [[ $(ps -o stat= -p "$1") != [^Z]* ]]; }
not_attached() { [ -z "$(xdp_id "${1:-s0}")" ]; }
mode_is() { [ "$(mode "$1")" = "$2" ]; }

# hold DIRECTORY: a process, HOLDER, that takes the lock on it and stands still.
hold() {
	flock "$1" sleep 100 3>&- &
	HOLDER=$!
	PROCESSES+=("$HOLDER")
	is_held() { ! flock --nonblock "$1" true; }
	wait_until 5 is_held "$1"
}

# Lets go of it: HOLDER has a child, the sleep, that has the lock too.
let_go() {
	local child
	child=$(ps -o pid= --ppid "$HOLDER" | xargs)
	kill -KILL "$HOLDER" "$child"
}

# start_confirmed ARG...: a command in the background, COMMAND, whose standard error is in $BATS_TEST_TMPDIR/said.
start_command() {
	"$FLAGFILTER" --netns "$SERVER" "$@" >/dev/null 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	COMMAND=$!
	PROCESSES+=("$COMMAND")
}

has_said() { grep -q "$1" "$BATS_TEST_TMPDIR/said"; }

@test "a verbose command whose words nobody reads has no lock, and keeps nobody from taking back" {
	local pipe=$BATS_TEST_TMPDIR/pipe
	in_s ip link add x0 type veth peer name x1
	mkfifo "$pipe"
	exec 7<>"$pipe"
	dd if=/dev/zero of="$pipe" oflag=nonblock bs=4096 count=1000 2>/dev/null || true
	ff attach s0
	ff rule s0 syn-fin=off --confirm 2
	"$FLAGFILTER" --netns "$SERVER" -v attach x0 >/dev/null 2>"$pipe" 3>&- &
	PROCESSES+=($!)
	is_attached() { [ -n "$(xdp_id x0)" ]; }
	wait_until 10 is_attached
	wait_until 4 mode_is syn-fin enforce
	timeout 5 "$FLAGFILTER" --netns "$SERVER" rule s0 syn-fin=off
	exec 7>&-
}

@test "verbose words come all the same, also from a guardian" {
	local said
	run -0 --separate-stderr ff -v attach s0
	[[ $stderr == *libbpf:* ]]
	ff detach s0
	run -0 --separate-stderr ff -v attach s0 --confirm 1
	[[ $stderr == *libbpf:* ]]
	wait_until 10 not_attached
}

@test "who waits for the lock says after a second for whom, and goes on when it is free" {
	ff attach s0
	hold "$PINS"
	start_command rule s0 syn-fin=off
	sleep 0.5
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	wait_until 3 has_said "waiting for process [0-9]* (flock)"
	equal "$(wc -l <"$BATS_TEST_TMPDIR/said")" 1
	let_go
	wait "$COMMAND"
	equal "$(mode syn-fin)" off
}

@test "another has libxdp's lock: attach does not wait without end, and names it" {
	mkdir -p /sys/fs/bpf/xdp
	hold /sys/fs/bpf/xdp
	run -1 --separate-stderr timeout 20 "$FLAGFILTER" --netns "$SERVER" attach s0
	[[ ${stderr_lines[-1]} == *"process "*"(flock)"*libxdp* || $stderr == *"process "*"(flock) has the lock of libxdp"* ]]
	let_go
	nothing_left
	ff attach s0
}
