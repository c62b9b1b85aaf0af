#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What was promised is kept: with few descriptors, little memory, and others that stand still with the lock.

# shellcheck disable=SC2016 # $PPID is for the shell that fault.c starts
# shellcheck disable=SC2030,SC2031,SC2154 # what bats sets, and sets in a subshell

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
	flock --no-fork "$1" sleep 100 3>&- &
	HOLDER=$!
	PROCESSES+=("$HOLDER")
	is_held() { ! flock --nonblock "$1" true; }
	wait_until 5 is_held "$1"
}

let_go() { kill -KILL "$HOLDER"; }

# start_command ARG...: a command in the background, COMMAND, whose standard error is in $BATS_TEST_TMPDIR/said.
start_command() {
	"$FLAGFILTER" --netns "$SERVER" "$@" >/dev/null 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	COMMAND=$!
	PROCESSES+=("$COMMAND")
}

has_said() { grep -q "$1" "$BATS_TEST_TMPDIR/said"; }

# The guardian of the command that waits: the process of our own that is nobody's child.
guardian_is_there() {
	GUARDIAN=$(ps -e -o pid=,sid=,args= | awk -v command="$COMMAND" -v ns="$SERVER" \
		'index($0, ns) && index($0, "--confirm") && $1 != command && !/awk/ { print $1 }')
	[ -n "$GUARDIAN" ]
}

# ---- who stands still

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
	run -0 --separate-stderr ff -v attach s0
	[[ $stderr == *libbpf:* ]]
	ff detach s0
	run -0 --separate-stderr ff -v attach s0 --confirm 1
	[[ $stderr == *libbpf:* ]]
	wait_until 10 not_attached
}

@test "a foreign process keeps the lock: a policy goes back all the same, within seconds, and so does attach" {
	local began
	ff attach s0
	ff rule s0 syn-fin=off --confirm 1
	hold "$PINS"
	began=$SECONDS
	wait_until 9 mode_is syn-fin enforce
	[ $((SECONDS - began)) -ge 4 ] # it has waited for the lock before
	let_go
	is_confirmed
	ff detach s0
	LIBXDP_SKIP_DISPATCHER=1 ff attach s0 --confirm 1
	hold "$PINS"
	wait_until 9 not_attached
	let_go
	ff detach --all
	nothing_left
}

@test "a loader that stands still between two of its steps (SIGSTOP) does not keep a guardian from taking back" {
	ff attach s0
	in_s ip link add x0 type veth peer name x1
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fault.c" -o "$BATS_TEST_TMPDIR/fault.so" -ldl
	ff rule s0 syn-fin=off --confirm 1
	FAULT_AT=12 FAULT='!kill -STOP $PPID' LD_PRELOAD=$BATS_TEST_TMPDIR/fault.so start_command attach x0
	stands_still() { [[ $(ps -o stat= -p "$COMMAND") == T* ]]; }
	wait_until 10 stands_still
	wait_until 9 mode_is syn-fin enforce
	kill -CONT "$COMMAND"
	wait "$COMMAND"
	is_confirmed
}

@test "reset that stood still, while a guardian took back, undoes nothing of that" {
	local step before
	ff attach s0 --preset strict
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fault.c" -o "$BATS_TEST_TMPDIR/fault.so" -ldl
	before=$("$PYTHON" "$BATS_TEST_DIRNAME/live_policy.py" "$(pins_of "$SERVER_ID")")
	ff apply s0 <(printf 'version: 1\npreset: none\nexempt: {sources: [192.0.2.1]}\n') --confirm 1
	: >"$BATS_TEST_TMPDIR/steps"
	FAULT_STEPS=$BATS_TEST_TMPDIR/steps LD_PRELOAD=$BATS_TEST_TMPDIR/fault.so ff reset s0
	step=$(($(wc -c <"$BATS_TEST_TMPDIR/steps") - 4)) # before the flip
	FAULT_AT=$step FAULT='!kill -STOP $PPID' LD_PRELOAD=$BATS_TEST_TMPDIR/fault.so start_command reset s0
	wait_until 12 is_confirmed
	kill -CONT "$COMMAND"
	wait "$COMMAND" || true
	equal "$("$PYTHON" "$BATS_TEST_DIRNAME/live_policy.py" "$(pins_of "$SERVER_ID")")" "$before"
}

# ---- who waits

@test "who waits for the lock says after a second for whom, and goes on when it is free" {
	ff attach s0
	hold "$PINS"
	start_command rule s0 syn-fin=off
	sleep 0.5
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	wait_until 3 has_said "waiting for process [0-9]* (sleep)"
	equal "$(wc -l <"$BATS_TEST_TMPDIR/said")" 1
	let_go
	wait "$COMMAND"
	equal "$(mode syn-fin)" off
}

@test "whatever ends a command that waits for the lock ends it at once, and it is never carried out" {
	local signal status file=$BATS_TEST_TMPDIR/none.yaml command
	printf 'version: 1\npreset: none\n' >"$file"
	ff attach s0
	for command in "rule s0 syn-fin=off" "rule s0 syn-fin=off --confirm 60" "apply s0 $file --confirm 60" \
		"exempt s0 add 80 --confirm 60" "attach x0 --confirm 60" "capture s0" "reset s0"; do
		for signal in INT TERM KILL; do
			in_s ip link show dev x0 >/dev/null 2>&1 || in_s ip link add x0 type veth peer name x1
			hold "$PINS"
			# SIGINT is ignored in what a shell starts in the background
			# shellcheck disable=SC2086 # words on purpose
			"$PYTHON" -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
				"$FLAGFILTER" --netns "$SERVER" $command >/dev/null 2>"$BATS_TEST_TMPDIR/said" 3>&- &
			COMMAND=$!
			PROCESSES+=("$COMMAND")
			wait_until 5 has_said waiting
			kill -s "$signal" "$COMMAND"
			status=0
			wait_until 1 is_over "$COMMAND"
			wait "$COMMAND" || status=$?
			equal "$status" $((128 + $(kill -l "$signal"))) "$command, $signal: status"
			let_go
			guardian_is_gone() { ! guardian_is_there; }
			wait_until 3 guardian_is_gone
			equal "$(mode syn-fin)" enforce "$command, $signal"
			equal "$(ff --json exempt s0 | jq -c .exempt.ports)" '[]'
			equal "$(xdp_id x0)" ""
			equal "$(unconfirmed "")" null
		done
	done
}

@test "a guardian that is asked to end while it waits to make the change ends, and the command says that nothing was done" {
	ff attach s0
	hold "$PINS"
	start_command rule s0 syn-fin=off --confirm 60
	wait_until 5 has_said waiting
	guardian_is_there
	kill -TERM "$GUARDIAN"
	wait_until 2 is_over "$GUARDIAN"
	status=0
	wait "$COMMAND" || status=$?
	equal "$status" 1
	equal "$(grep -vc waiting "$BATS_TEST_TMPDIR/said")" 1
	let_go
	equal "$(mode syn-fin)" enforce
}

@test "a guardian that is asked twice to end, while another has the lock, takes back and ends" {
	local guardian
	ff attach s0
	ff rule s0 syn-fin=off --confirm 60
	guardian=$(unconfirmed .guardian)
	hold "$PINS"
	kill -TERM "$guardian"
	sleep 0.5
	kill -TERM "$guardian"
	wait_until 2 is_over "$guardian"
	let_go
	equal "$(mode syn-fin)" enforce
}

@test "another has libxdp's lock: attach does not wait without end, and names it" {
	mkdir -p /sys/fs/bpf/xdp
	hold /sys/fs/bpf/xdp
	run -1 --separate-stderr timeout 20 "$FLAGFILTER" --netns "$SERVER" attach s0
	[[ ${stderr_lines[-1]} == *"process "*"(sleep)"*libxdp* || $stderr == *"process "*"(sleep) has the lock of libxdp"* ]]
	let_go
	nothing_left
	ff attach s0
}

# ---- few descriptors

# Each number of descriptors has an interface of its own, so that all can be tried at once.
many_interfaces() {
	local n
	for n in $FILES; do
		in_s ip link add "v$n" type veth peer name "w$n"
		in_s ip link set "v$n" up
	done
}
FILES="$(seq -s ' ' 3 40) 63 64 65"

# by_few LIMIT FILES COMMAND...: with so many descriptors; LIMIT is S if it may be raised, or H.
by_few() { (
	ulimit -S -n "$2"
	[ "$1" = S ] || ulimit -H -n "$2"
	exec "${@:3}"
) >/dev/null 2>"$BATS_TEST_TMPDIR/said.$2" 3>&-; }

# of INTERFACE: what there is: rules, exemptions, or nothing.
state_of() { ff save "$1" 2>/dev/null | tail -n +2 || echo nothing; }

# all_went_back COMMAND BEFORE: on each interface, and nobody is left who would have to do it.
all_went_back() {
	local n
	for n in $FILES; do
		went_back() { [ "$(state_of "v$n")" = "$2" ]; }
		wait_until 20 went_back "$@" || {
			echo "$1 on v$n was not taken back: $(cat "$BATS_TEST_TMPDIR/said.$n")"
			return 1
		}
	done
	none_unconfirmed() { [ "$(ff --json status | jq '[.filters[] | select(.unconfirmed)] | length')" -eq 0 ]; }
	wait_until 5 none_unconfirmed
	no_guardian() { ! pgrep -f "$SERVER.*--confirm" >/dev/null; }
	wait_until 5 no_guardian
}

# each_number LIMIT COMMAND: runs it (@ is the interface) with each number, and looks at what has become of it.
each_number() {
	local limit=$1 command=$2 n pids=() before done=0 refused=0 status log
	for n in $FILES; do
		ff detach "v$n" >/dev/null 2>&1 || true
		[[ $command == attach* ]] || ff attach "v$n" >/dev/null
	done
	before=$(state_of v3)
	for n in $FILES; do
		# shellcheck disable=SC2086 # words on purpose
		by_few "$limit" "$n" "$FLAGFILTER" --netns "$SERVER" ${command//@/v$n} &
		pids[n]=$!
	done
	for n in $FILES; do
		status=0
		wait "${pids[n]}" || status=$?
		case $status in
		0) done=$((done + 1)) ;;
		*) refused=$((refused + 1)) ;;
		esac
		log=$BATS_TEST_TMPDIR/said.$n
		sed -i '/ waiting for /d; /^  /d' "$log"
		[ "$status" -eq 0 ] || [ "$status" -eq 127 ] || [ "$(wc -l <"$log")" -eq 1 ] || {
			echo "$command with $n: status $status, $(cat "$log")"
			return 1
		}
	done
	all_went_back "$command" "$before"
	echo "# $limit: ${command%% *}: $done done and taken back, $refused refused" >&3
}

@test "with three to forty descriptors, a change with --confirm is refused or taken back" {
	local limit command policy=$BATS_TEST_TMPDIR/policy.yaml
	printf 'version: 1\npreset: none\n' >"$policy"
	many_interfaces
	for limit in S H; do
		for command in "apply @ $policy --confirm 2" "rule @ syn-fin=off --confirm 2" "exempt @ add 80 --confirm 2" \
			"attach @ --confirm 2"; do
			each_number "$limit" "$command"
		done
	done
	ff detach --all >/dev/null
	nothing_left
}

# ---- a step that fails

# each_step FAULT COMMAND: as each_number, but each with a step that fails (see fault.c), the guardian's steps included.
each_step() {
	local fault=$1 command=$2 n step=1 steps before done=0 pids=() status
	ff detach v3 >/dev/null 2>&1 || true
	[[ $command == attach* ]] || ff attach v3 >/dev/null
	: >"$BATS_TEST_TMPDIR/steps"
	# shellcheck disable=SC2086 # words on purpose
	FAULT_STEPS=$BATS_TEST_TMPDIR/steps LD_PRELOAD=$FAULT_SO LIBXDP_SKIP_DISPATCHER=1 ff ${command//@/v3} >/dev/null
	no_guardian() { ! pgrep -f "$SERVER.*--confirm" >/dev/null; }
	wait_until 10 no_guardian
	steps=$(wc -c <"$BATS_TEST_TMPDIR/steps")
	while [ "$step" -le "$steps" ]; do
		for n in $FILES; do
			ff detach "v$n" >/dev/null 2>&1 || true
			[[ $command == attach* ]] || ff attach "v$n" >/dev/null
		done
		before=$(state_of v3)
		for n in $FILES; do
			# shellcheck disable=SC2086 # words on purpose
			FAULT_AT=$step FAULT=$fault FAULT_WIDE=1 LD_PRELOAD=$FAULT_SO LIBXDP_SKIP_DISPATCHER=1 \
				ff ${command//@/v$n} >/dev/null 2>"$BATS_TEST_TMPDIR/said.$n" 3>&- &
			pids[n]=$!
			step=$((step + ${STRIDE:-5}))
		done
		for n in $FILES; do
			status=0
			wait "${pids[n]}" || status=$?
			[ "$status" -le 1 ]
			[ "$status" -eq 1 ] || done=$((done + 1))
		done
		all_went_back "$command, $fault before step $step" "$before"
	done
	echo "# $fault at every ${STRIDE:-5}. of $steps steps: ${command%% *}: $done done and taken back" >&3
}

@test "a change with --confirm, whichever step of it or of its undo fails once: refused, or taken back" {
	local policy=$BATS_TEST_TMPDIR/policy.yaml
	FAULT_SO=$BATS_TEST_TMPDIR/fault.so
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fault.c" -o "$FAULT_SO" -ldl
	printf 'version: 1\npreset: none\nexempt: {sources: [192.0.2.1]}\n' >"$policy"
	many_interfaces
	each_step ENOMEM "apply @ $policy --confirm 2"
	ff detach --all >/dev/null
	nothing_left
}
