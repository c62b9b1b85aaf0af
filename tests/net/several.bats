#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# rule, apply, exempt, reset and detach on several interfaces at once: IF,IF and --all.

# shellcheck disable=SC2154 # status, stderr, stderr_lines: bats sets them
bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }

setup() {
	net_setup
	in_s ip link add v1 type veth peer name w1
	in_s ip link add v2 type veth peer name w2
	in_s ip link add v3 type veth peer name w3
	ff attach v1 >/dev/null
	ff attach v2 >/dev/null
}
teardown() { net_teardown; }

# mode INTERFACE RULE: as the filter itself has it.
mode() { ff --json rule "$1" | jq -r --arg rule "$2" '.rules[] | select(.name == $rule).mode'; }

# interfaces_of JSON: what is said of which interface, in order.
interfaces_of() { jq -r '[.interfaces[].interface] | join(" ")' <<<"$1"; }

@test "several at once: those that are named, or all that have a filter, and no other" {
	ff attach s0 >/dev/null
	ff rule v1,v2 syn-fin=off >/dev/null
	equal "$(mode v1 syn-fin) $(mode v2 syn-fin) $(mode s0 syn-fin)" "off off enforce"
	ff rule --all syn-fin=monitor >/dev/null
	equal "$(mode v1 syn-fin) $(mode v2 syn-fin) $(mode s0 syn-fin)" "monitor monitor monitor"
	ff exempt v1,v2 add 192.0.2.0/24 443 >/dev/null
	equal "$(ff exempt v2)" $'source  192.0.2.0/24\nport    443'
	equal "$(ff exempt s0)" "nothing is exempt on s0"
	equal "$(ff exempt v1,s0)" $'v1\nsource  192.0.2.0/24\nport    443\n\ns0\nnothing is exempt on s0'
	equal "$(ff reset --all | sort | tr '\n' ' ')" "counting on s0 begins anew counting on v1 begins anew counting on v2 begins anew "
	equal "$(ff --json status | jq -r '[.filters[] | .counting_since > .attached_since] | all')" true
	equal "$(ff detach v1,s0)" $'detached from v1\ndetached from s0'
	equal "$(xdp_id v1)$(xdp_id s0)" ""
	[ -n "$(xdp_id v2)" ]
	equal "$(ff --json detach --all | jq -c .detached)" '["v2"]'
	for command in detach reset rule "rule --json"; do
		# shellcheck disable=SC2086 # words on purpose
		run -0 --separate-stderr ff $command --all
		equal "$stderr" ""
	done
	equal "$(ff rule --all)" "attached nowhere in this network namespace"
	equal "$(ff --json rule --all | jq -c .interfaces)" "[]"
}

@test "one that fails does not keep the others: it is told, and exit 1" {
	local report
	run -1 --separate-stderr ff rule v1,v3,v2 syn-fin=off
	equal "$stderr" "flagfilter: not attached to v3"
	equal "$(mode v1 syn-fin) $(mode v2 syn-fin)" "off off"
	run -1 --separate-stderr ff --json apply v3,nope,v2 - <<<$'version: 1\npreset: strict'
	report=$output
	equal "${#stderr_lines[@]}" 2
	[[ ${stderr_lines[0]} == *"not attached to v3"* && ${stderr_lines[1]} == *"no interface 'nope'"* ]]
	equal "$(interfaces_of "$report")" "v3 nope v2"
	equal "$(jq -r '[.interfaces[] | has("error")] | join(" ")' <<<"$report")" "true true false"
	ff rule v2 add mine SYN,FIN/SYN,FIN monitor >/dev/null
	run -1 --separate-stderr ff rule v1,v2 del mine # v1 has no such rule
	[[ $stderr == *"no rule 'mine'"* ]]
	equal "$(mode v2 mine)" ""
	run -1 --separate-stderr ff detach v1,v3
	equal "$output" "detached from v1"
	equal "$stderr" "flagfilter: not attached to v3"
}

@test "what is wrong for all of them is told once, exit 2, and nothing is changed" {
	local arguments
	for arguments in "rule --all nosuch=off" "rule v1,v2 syn-fin=loud" "exempt v1,v2 add 1.2.3.4.5" "rule v1,,v2 syn-fin=off" \
		"rule v1, syn-fin=off" "reset v1,v1" "apply v1,v2 /nowhere" "rule v1 syn-fin=off --all" "reset v1 --all" "detach v1 --all" \
		"apply --all" "rule --all --confirm 5" "reset" "detach"; do
		# shellcheck disable=SC2086 # words on purpose
		run --separate-stderr ff $arguments
		equal "${#stderr_lines[@]}" 1 "$arguments: $stderr"
		equal "$output" "" "$arguments"
		[ "$status" -eq 2 ] || [ "$arguments" = "apply v1,v2 /nowhere" ]
	done
	equal "$(ff --json status | jq -r '[.filters[] | .policy_since == .attached_since] | all')" true
}

@test "an interface that has a comma in its name is one by that name" {
	in_s ip link add v1,v2 type veth peer name w4
	ff attach v1,v2 >/dev/null
	ff rule v1,v2 syn-fin=off >/dev/null
	equal "$(mode v1 syn-fin) $(mode v2 syn-fin)" "enforce enforce"
	ff detach v1,v2
	equal "$(xdp_id v1,v2)" ""
	[ -n "$(xdp_id v1)" ] && [ -n "$(xdp_id v2)" ]
}

@test "changes of several wait for one grace period, and a later change need not wait for it again" {
	need_tools strace
	local updates
	ff attach s0 >/dev/null
	for command in "rule --all syn-fin=off" "rule v1,v2,s0 syn-fin=off" "reset --all"; do
		# shellcheck disable=SC2086 # words on purpose
		in_s env ASAN_OPTIONS=detect_leaks=0 strace -qq -f -e trace=bpf -o "$BATS_TEST_TMPDIR/trace" "$FLAGFILTER" $command >/dev/null
		updates=$(grep -c BPF_MAP_UPDATE_ELEM "$BATS_TEST_TMPDIR/trace")
		equal "$updates" 1 "$command"
	done
	in_s env ASAN_OPTIONS=detect_leaks=0 strace -qq -f -e trace=bpf -o "$BATS_TEST_TMPDIR/trace" "$FLAGFILTER" rule v2 syn-fin=monitor >/dev/null
	equal "$(grep -c BPF_MAP_UPDATE_ELEM "$BATS_TEST_TMPDIR/trace")" 1 "one after them"
}

@test "apply says whether anything changed, of one as of several" {
	ff save v1 >"$BATS_TEST_TMPDIR/policy"
	ff rule v2 syn-fin=monitor >/dev/null
	equal "$(ff --json apply v1 "$BATS_TEST_TMPDIR/policy" | jq .changed)" false
	equal "$(ff --json apply v1,v2 "$BATS_TEST_TMPDIR/policy" | jq -c '[.interfaces[].changed]')" "[false,true]"
	equal "$(ff --json apply --all "$BATS_TEST_TMPDIR/policy" | jq -c '[.interfaces[].changed]')" "[false,false]"
	ff exempt v1 add 443 >/dev/null
	equal "$(ff --json apply v1 "$BATS_TEST_TMPDIR/policy" --confirm 60 | jq .changed)" true
	ff confirm v1
}

@test "with --confirm each goes back by itself, unless that one is confirmed" {
	run -0 ff rule v1,v2 syn-fin=off --confirm 2
	equal "$(grep -c '^keep it:' <<<"$output")" 2
	equal "$(mode v1 syn-fin) $(mode v2 syn-fin)" "off off"
	ff confirm v2
	is_back() { equal "$(mode v1 syn-fin)" enforce; }
	wait_until 10 is_back
	equal "$(mode v2 syn-fin)" off
}

@test "an interface whose name cannot be looked for is not taken for two others" {
	need_tools strace
	in_s ip link add v1,v2 type veth peer name w4
	ff attach v1,v2 >/dev/null
	for socket in 1 2 3 4; do
		in_s env ASAN_OPTIONS=detect_leaks=0 strace -qq -f -o /dev/null -e trace=socket \
			-e inject=socket:error=EMFILE:when=$socket "$FLAGFILTER" rule v1,v2 syn-fin=off || true
		equal "$(mode v1 syn-fin) $(mode v2 syn-fin)" "enforce enforce"
	done
}

@test "with --all one that is renamed meanwhile is done by its new name" {
	ff attach v3 >/dev/null
	(exec 9<"$PINS" && flock 9 && sleep 2) &
	sleep 0.3
	ff rule --all syn-fin=off >/dev/null &
	local changer=$!
	sleep 0.7
	in_s ip link set v3 name x3
	wait "$changer"
	equal "$(mode v1 syn-fin) $(mode v2 syn-fin) $(mode x3 syn-fin)" "off off off"
}

@test "who reads no further does not keep the others from being done" {
	# Line by line, so that the first interface's is written before the second one's turn.
	# shellcheck disable=SC2016 # the other bash expands it
	ASAN_OPTIONS=verify_asan_link_order=0 run -141 bash -c 'set -o pipefail
		{ sleep 0.5; exec stdbuf -oL "$0" --netns "$1" rule --all syn-fin=off; } | true' "$FLAGFILTER" "$SERVER"
	equal "$(mode v1 syn-fin) $(mode v2 syn-fin)" "off off"
}
