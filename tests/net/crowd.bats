#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a command asks the kernel does not grow with the filters, interfaces and foreign programs that it is not about.

# shellcheck disable=SC2154 # status, stderr, stderr_lines: bats sets them
bats_require_minimum_version 1.5.0
load lib.bash

setup_file() {
	net_setup_file
	cc -O2 "$BATS_TEST_DIRNAME/crowd.c" -o "$BATS_FILE_TMPDIR/crowd" -lbpf
}

setup() {
	export ASAN_OPTIONS=detect_leaks=0 # it would trace the process that strace traces
	net_setup
	need_tools strace
}
teardown() {
	[ -z "${PROGRAMS:-}" ] || exec {PROGRAMS}>&-
	net_teardown
}

# interfaces FIRST LAST: makes the pairs vN and wN.
interfaces() { seq "$1" "$2" | sed 's/.*/link add v& type veth peer name w&/' | ip -n "$SERVER" -batch -; }

# filters FIRST LAST: attaches to each vN.
filters() {
	local i
	for i in $(seq "$1" "$2"); do
		ff attach "v$i" >/dev/null
	done
}

# programs N: so many of somebody else's are there until teardown.
programs() {
	mkfifo "$BATS_TEST_TMPDIR/end"
	"$BATS_FILE_TMPDIR/crowd" "$1" <"$BATS_TEST_TMPDIR/end" >"$BATS_TEST_TMPDIR/there" 3>&- &
	PROCESSES+=($!)
	exec {PROGRAMS}>"$BATS_TEST_TMPDIR/end"
	wait_until 20 grep -q programs "$BATS_TEST_TMPDIR/there"
}

# system_calls COMMAND...: how many it takes, but for memory, at the least of three times: others may have the lock, or
# change something, while it runs. UNCOUNTED: none of these, either.
system_calls() {
	local least='' calls
	for _ in 1 2 3; do
		strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e "trace=!brk,mmap,munmap,mprotect${UNCOUNTED:+,$UNCOUNTED}" \
			"$FLAGFILTER" --netns "$SERVER" "$@" >/dev/null 2>&1 || return
		calls=$(wc -l <"$BATS_TEST_TMPDIR/trace")
		[ -n "$least" ] && [ "$least" -le "$calls" ] || least=$calls
	done
	echo "$least"
}

# about_one: the commands about one interface, v1, and their system calls, one a line.
about_one() {
	local command
	while read -r command; do
		# shellcheck disable=SC2086 # words on purpose
		echo "$command: $(system_calls $command)"
	done <<-COMMANDS
		rule v1
		rule v1 syn-fin=monitor
		exempt v1 list
		apply v1 $BATS_TEST_TMPDIR/policy.yaml
		reset v1
		save v1
		diff v1 $BATS_TEST_TMPDIR/policy.yaml
		stats v1
		matrix v1
		status v1
	COMMANDS
}

# change_calls: those of the commands that attach w1 and detach it again. libxdp asks about all interfaces, in as many
# answers as it takes.
change_calls() {
	local UNCOUNTED=recvfrom,recvmsg,lseek,getdents64 attach detach
	for _ in 1 2 3; do
		strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e "trace=!brk,mmap,munmap,mprotect,$UNCOUNTED" \
			"$FLAGFILTER" --netns "$SERVER" attach w1 >/dev/null 2>&1
		attach+=$(wc -l <"$BATS_TEST_TMPDIR/trace")$'\n'
		strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e "trace=!brk,mmap,munmap,mprotect" \
			"$FLAGFILTER" --netns "$SERVER" detach w1 >/dev/null 2>&1
		detach+=$(wc -l <"$BATS_TEST_TMPDIR/trace")$'\n'
	done
	echo "attach $(sort -n <<<"$attach" | sed -n '/./{p;q}') detach $(sort -n <<<"$detach" | sed -n '/./{p;q}')"
}

@test "a command about one interface takes as many system calls with 30 filters, 200 interfaces and 500 foreign programs as with one filter" {
	local one attach_one
	interfaces 1 10
	filters 1 1
	ff save v1 >"$BATS_TEST_TMPDIR/policy.yaml"
	one=$(about_one)
	filters 2 10 # as many as attach looks at of what may have been left behind, and more
	attach_one=$(change_calls)
	interfaces 11 100
	filters 11 30
	programs 500
	equal "$(about_one)" "$one"
	equal "$(change_calls)" "$attach_one"
}

@test "status of all takes system calls by the filters, not by interfaces and foreign programs" {
	local few many
	interfaces 1 10
	filters 1 2
	few=$(system_calls status)
	filters 3 10
	many=$(system_calls status)
	interfaces 11 60
	programs 300
	UNCOUNTED=recvfrom
	[ "$(system_calls status)" -le "$many" ]
	[ "$many" -le $((few * 5)) ]
}

@test "what was left behind among many is swept by who attaches, and nothing that is alive" {
	local i alive
	interfaces 1 24
	filters 1 24
	for i in $(seq 2 2 24); do
		in_s ip link del "v$i"
	done
	alive=$(seq 1 2 23 | sed "s/.*/v&/" | sort)
	# Where it looks is up to chance. The kernel drops a deleted interface's program after a while.
	for i in $(seq 100); do
		ff attach s0 >/dev/null
		ff detach s0 >/dev/null
		[ "$(pins_of "$SERVER_ID" | wc -l)" -gt 12 ] || break
	done
	equal "$(pins_of "$SERVER_ID" | wc -l)" 12
	equal "$(ff --json status | jq -r '.filters[].interface' | sort)" "$alive"
	in_s ip link del v1
	in_s ip link del v3
	swept() { ff detach --all >/dev/null && equal "$(pins_of "$SERVER_ID")" ""; }
	wait_until 5 swept
}

@test "a filter whose interface was moved is found among others, and another's program is not taken for one" {
	local third=ff-$$-t
	extra_namespace "$third"
	interfaces 1 3
	filters 1 3
	in_s ip link set v2 netns "$third"
	[ -n "$(nsenter --net="/run/netns/$third" ip -j -d link show v2 | jq -r '.[0].xdp.prog.id // empty')" ] ||
		skip "this kernel takes XDP off when an interface moves"
	"$FLAGFILTER" --netns "$third" rule v2 syn-fin=off >/dev/null
	equal "$("$FLAGFILTER" --netns "$third" --json rule --all | jq -r '.interfaces[0].rules[0].mode')" off
	put_foreign
	run -3 ff status s0
	run -1 --separate-stderr ff attach s0
	explained_line "another owner"
	equal "$(ff --json status | jq -r '[.filters[].interface] | join(" ")')" "v1 v3"
	"$FLAGFILTER" --netns "$third" detach --all >/dev/null
}
