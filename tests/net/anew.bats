#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Counters that begin anew under a reader: detached and attached, reset, a rule added or taken back. A rate is never
# made of counts that have nothing to do with each other.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() {
	tmux -L "ff-$$-anew" kill-server 2>/dev/null || true
	net_teardown
}

# start_watches: stats as JSON and as lines, every half second, of what start_flood sends. They have seen thousands.
start_watches() {
	start_flood SR,A --pps 1000
	sleep 2
	ff --json stats s0 --watch=0.5 --count "$1" >"$BATS_TEST_TMPDIR/json" 3>&- &
	WATCHES=($!)
	ff stats s0 --watch=0.5 --count "$1" >"$BATS_TEST_TMPDIR/text" 3>&- &
	WATCHES+=($!)
	PROCESSES+=("${WATCHES[@]}")
	sleep 0.75
}

# Both went on to the end, and no rate but the first is far from what was sent: 500 passed and 500 dropped a second.
rates_are_right() {
	wait "${WATCHES[@]}"
	stop_flood
	jq -c '[.rates, .dropped.packets]' "$BATS_TEST_TMPDIR/json"
	cat "$BATS_TEST_TMPDIR/text"
	jq -es --argjson count "$1" 'length == $count and (.[1:] | all(.rates.interval_s > 0.3 and .rates.interval_s < 1.5
		and .rates.dropped_pps >= 0 and .rates.dropped_pps < 2500 and .rates.passed_pps >= 0 and .rates.passed_pps < 2500)
		and (map(.rates.dropped_pps) | add / length > 100))' "$BATS_TEST_TMPDIR/json"
	equal "$(wc -l <"$BATS_TEST_TMPDIR/text")" "$1"
	equal "$(grep -cE 'passed [0-9]+ \([0-9]{1,4}\.[0-9]/s\) dropped [0-9]+ \([0-9]{1,4}\.[0-9]/s\)' "$BATS_TEST_TMPDIR/text")" "$1"
	run ! grep -E '[^0-9]-[0-9]' <(cut -d' ' -f2- "$BATS_TEST_TMPDIR/text")
}

# Quick enough to come between two looks.
detach_and_attach() {
	ff detach s0
	ff attach s0
}

@test "stats --watch: detached and attached in between" {
	ff attach s0
	start_watches 7
	detach_and_attach
	sleep 1.5
	detach_and_attach
	rates_are_right 7
}

@test "stats --watch: reset in between" {
	ff attach s0
	start_watches 7
	ff reset s0
	sleep 1.1
	ff reset s0
	rates_are_right 7
}

@test "stats --watch: another build takes over, and its counters go on" {
	ff attach s0
	start_watches 7
	ff attach s0
	rates_are_right 7
	[ "$(jq -s '.[-1].dropped.packets' "$BATS_TEST_TMPDIR/json")" -gt 1500 ]
}

# A terminal as wide as it needs to be. rate_on_screen NAME: packets/s in the line of that name.
start_on_screen() {
	tmux -L "ff-$$-anew" -f /dev/null new-session -d -x 120 -y 40 "'$FLAGFILTER' --netns $SERVER $*; sleep 60" 3>&-
}
screen() { tmux -L "ff-$$-anew" capture-pane -p; }

# Nothing on the screen, looked at every tenth second while $1 is done, is a rate above 2000 or below 0.
never_huge() {
	local pid
	"$@" >/dev/null 3>&- &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		screen >"$BATS_TEST_TMPDIR/screen"
		run ! grep -E '[0-9.] [kMGTPE] |-[0-9]|inf|nan|[0-9]{8}' <(tail -n +4 "$BATS_TEST_TMPDIR/screen" | sed 's/[0-9.]* [kMGT]*B$//') || {
			cat "$BATS_TEST_TMPDIR/screen"
			return 1
		}
		sleep 0.1
	done
	wait "$pid"
}

begin_anew_in_all_ways() {
	sleep 1
	detach_and_attach
	sleep 1.5
	ff reset s0
	sleep 1.5
	ff rule s0 del syn-rst && ff rule s0 syn-rst=enforce
	sleep 1.5
	ff rule s0 del syn-rst --confirm 1
	sleep 2.5
}

@test "tables on a terminal: whatever begins anew, no rate is huge" {
	need_tools tmux
	ff attach s0
	start_flood SR,A --pps 1000
	sleep 2
	start_on_screen stats s0 --watch=0.5
	wait_until 5 eval 'screen | grep -q packets/s'
	never_huge begin_anew_in_all_ways
	screen
	screen | grep -E '^syn-rst +enforce +dropped +[0-9]+ +[0-9]+ '
	stop_flood
}

@test "top: whatever begins anew, no rate is huge, and offenders neither" {
	need_tools tmux
	ff attach s0
	start_flood SR,A --pps 1000
	sleep 2
	start_on_screen top
	wait_until 5 eval 'screen | grep -q 192.0.2.1'
	never_huge begin_anew_in_all_ways
	screen
	wait_until 5 eval 'screen | grep -q 192.0.2.1'
	stop_flood
}

# What offenders and report say of a look in whose midst COMMAND... is run.
look_while() {
	local pid
	ff --json offenders s0 --seconds 3 >"$BATS_TEST_TMPDIR/offenders" 3>&- &
	pid=$!
	sleep 1.4 # a reader that looks for the filter, which it does every second, while there is none, ends
	"$@"
	wait "$pid"
	cat "$BATS_TEST_TMPDIR/offenders"
	jq -e '.interval_s > 0.5 and .interval_s < 6 and (.rules[] | select(.name == "syn-rst")
		| .counted.pps > 50 and .counted.pps < 1200 and .counted.packets < 4000
		and (.sources[0].pps | . > 50 and . < 1200))' "$BATS_TEST_TMPDIR/offenders"
}

@test "offenders: what was counted since the new beginning, in the time since" {
	ff attach s0
	start_flood SR,A --pps 1000
	sleep 2
	look_while ff reset s0
	look_while detach_and_attach
	ff rule s0 del syn-rst --confirm 2 # taken back while it is looked at: its old counts are no news
	look_while true
	stop_flood
}

@test "report: what was counted since the new beginning, in the time since" {
	ff attach s0 && ff rule s0 syn-rst=monitor
	start_flood SR,A --pps 1000
	sleep 2
	ff --json report s0 --seconds 3 >"$BATS_TEST_TMPDIR/report" 3>&- &
	local pid=$!
	sleep 1
	ff reset s0
	wait "$pid"
	stop_flood
	cat "$BATS_TEST_TMPDIR/report"
	jq -e '.interval_s > 0.5 and .interval_s < 3 and (.rules[0].now | .packets < 2500 and .pps > 200 and .pps < 1200)
		and .rules[0].would_drop.packets == .rules[0].now.packets' "$BATS_TEST_TMPDIR/report"
}
