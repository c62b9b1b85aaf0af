#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Clocks: the wall clock may be set at any time and stand anywhere; durations and rates do not depend on it. (It is set
# for single processes, by clock.c; the clock of the machine is left alone.)

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() {
	net_setup_file
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/clock.c" -o "$BATS_FILE_TMPDIR/clock.so"
}
setup() {
	net_setup
	CLOCK_OFFSET=$BATS_TEST_TMPDIR/offset
	set_clock 0
}
teardown() {
	tmux -L "ff-$$-clocks" kill-server 2>/dev/null || true
	net_teardown
}

# set_clock SECONDS|=SECONDS: for all processes of ff_clock, so much off or at that second since 1970.
set_clock() { echo "$1" >"$CLOCK_OFFSET.new" && mv "$CLOCK_OFFSET.new" "$CLOCK_OFFSET"; }

ff_clock() { CLOCK_OFFSET=$CLOCK_OFFSET LD_PRELOAD=$BATS_FILE_TMPDIR/clock.so ff "$@"; }

# What each command that tells a duration says of a filter that was attached some seconds ago.
durations() {
	ff_clock stats s0 | sed -n 2p
	ff_clock matrix s0 | sed -n 2p
	ff_clock report s0 --seconds 1
}

# near DATE1 DATE2 [SECONDS]: they are no further apart.
near() {
	local apart=$(($(date -d "$1" +%s) - $(date -d "$2" +%s)))
	[ "${apart#-}" -le "${3:-10}" ] || {
		echo "$1 is not near $2"
		return 1
	}
}

@test "however the wall clock is set, a filter is attached for as long as it is, in every command that says so" {
	local offset screen=$BATS_TEST_TMPDIR/screen
	need_tools tmux
	ff attach --preset default s0 && ff rule s0 syn-rst=monitor
	for offset in -3 -86400 -1000000000 0 86400 3000000000; do
		set_clock "$offset"
		durations >"$BATS_TEST_TMPDIR/said"
		equal "$(grep -cE 'attached for 00:0[01]:[0-5][0-9]( |,|;|$)' "$BATS_TEST_TMPDIR/said")" 3 "$(cat "$BATS_TEST_TMPDIR/said")"
		ff reset s0
		durations >"$BATS_TEST_TMPDIR/said"
		equal "$(grep -cE 'counting for 00:00:0[0-9]' "$BATS_TEST_TMPDIR/said")" 3 "$(cat "$BATS_TEST_TMPDIR/said")"
	done
	set_clock -86400
	tmux -L "ff-$$-clocks" -f /dev/null new-session -d -x 120 -y 30 "CLOCK_OFFSET=$CLOCK_OFFSET \
		LD_PRELOAD=$BATS_FILE_TMPDIR/clock.so '$FLAGFILTER' --netns $SERVER top; sleep 60" 3>&-
	# shellcheck disable=SC2016 # eval expands it
	wait_until 10 eval 'tmux -L "ff-$$-clocks" capture-pane -p >"$screen"; grep -q "counting for" "$screen"'
	grep -E 'counting for 00:00:[0-5]' "$screen" || { cat "$screen"; return 1; }
}

@test "since when it is so is told by the wall clock as it is set now, also if it was wrong when the filter was attached" {
	local key before
	set_clock "=0" # no battery: 1970
	ff_clock attach s0 && ff_clock reset s0
	before=$(date -u +%FT%TZ)
	set_clock 0
	for key in attached_since policy_since counting_since; do
		near "$(ff_clock --json status s0 | jq -r ".filters[0].$key")" "$before"
	done
	near "$(ff_clock --json matrix s0 | jq -r .counting_since)" "$before"
	near "$(ff_clock --json report s0 --seconds 1 | jq -r .counting_since)" "$before"
	printf 'version: 1\npreset: default\n' >"$BATS_TEST_TMPDIR/policy"
	near "$(ff_clock --json diff s0 "$BATS_TEST_TMPDIR/policy" | jq -r .counting_since)" "$before"
	near "$(ff_clock status s0 | awk '$1 == "attached" { print $2 }')" "$before"
	near "$(ff_clock status s0 | awk '$1 == "reset" { print $2 }')" "$before"
	near "$(ff_clock matrix s0 --policy "$BATS_TEST_TMPDIR/policy" | grep -oE '[0-9-]+T[0-9:]+\.[0-9]+Z' | head -1)" "$before"
	set_clock 86400
	near "$(ff_clock --json status s0 | jq -r '.filters[0].attached_since')" "$(date -u -d "$before + 1 day" +%FT%TZ)"
}

@test "while the wall clock is set to and fro, rates stay what they are" {
	local offset reports=$BATS_TEST_TMPDIR/reports text=$BATS_TEST_TMPDIR/text pids=()
	ff attach s0
	start_flood SR --pps 1000
	sleep 0.3
	ff_clock --json stats s0 --watch=0.5 --count 9 >"$reports" 3>&- &
	pids+=($!)
	ff_clock stats s0 --watch=0.5 --count 9 >"$text" 3>&- &
	pids+=($!)
	for offset in 3600 -7200 0 =100 4000000000 -0.5 0; do
		sleep 0.5
		set_clock "$offset"
	done
	wait "${pids[@]}"
	set_clock 0
	(sleep 0.5 && set_clock -86400) 3>&- &
	ff_clock --json offenders s0 --seconds 2 >"$BATS_TEST_TMPDIR/offenders"
	ff rule s0 syn-rst=monitor
	(sleep 0.5 && set_clock 86400) 3>&- &
	ff_clock --json report s0 --seconds 2 >"$BATS_TEST_TMPDIR/report"
	stop_flood
	cat "$reports" "$text"
	jq -es 'length == 9 and (.[1:] | all(.rates.interval_s > 0.3 and .rates.interval_s < 2 and .rates.dropped_pps > 300
		and .rates.dropped_pps < 3000 and .rates.passed_pps >= 0))' "$reports"
	# ... and "time" is what the wall clock showed.
	[ "$(jq -r .time "$reports" | cut -c1-4 | sort -u | wc -l)" -ge 3 ]
	run ! grep -E -- '-[0-9.]+/s' "$text"
	equal "$(sed 1d "$text" | grep -oE 'dropped [0-9]+ \([0-9.]+/s' | grep -cE '\(([3-9][0-9]{2}|[12][0-9]{3})\.')" 8
	jq -e '.interval_s > 1 and .interval_s < 5 and (.rules[0].counted.pps | . > 300 and . < 3000)
		and (.rules[0].sources[0].pps | . > 300 and . < 3000)' "$BATS_TEST_TMPDIR/offenders"
	jq -e '.interval_s > 1 and .interval_s < 5 and (.rules[0].now.pps | . > 300 and . < 3000)' "$BATS_TEST_TMPDIR/report"
}

@test "any time is told right: before 1970, and where 31, 32 and 63 bits end" {
	local second
	ff attach s0
	for second in -2000000000 -1 0 1 2147483647 2147483648 4294967295 4294967296 9223372035; do
		set_clock "=$second"
		equal "$(ff_clock --json stats s0 | jq -r .time | cut -d. -f1)" "$(date -u -d "@$second" +%FT%T)"
		equal "$(ff_clock stats s0 | head -1 | grep -oE '[0-9-]+T[0-9:]+')" "$(date -u -d "@$second" +%FT%T)"
		near "$(ff_clock --json status s0 | jq -r '.filters[0].attached_since')" "$(date -u -d "@$second" +%FT%TZ)" 60
	done
	# More than nanoseconds in 64 bits can tell; the kernel lets nobody set it. Nothing falls over.
	for second in 9223372037 99999999999999 -99999999999999; do
		set_clock "=$second"
		ff_clock stats s0 | sed -n 2p | grep -E 'attached for 00:00:[0-5][0-9]$'
		ff_clock --json status s0 | jq -e '.filters[0].attached_since | test("^(1677|2262)-")'
	done
}

@test "samples carry the wall clock's time, and a capture with the clock before 1970 is one" {
	local second
	ff attach s0
	start_flood SF --pps 500
	for second in 2147483648 4294967297; do
		set_clock "=$second"
		near "$(ff_clock --json capture s0 --count 1 | jq -r .time)" "$(date -u -d "@$second" +%FT%TZ)"
		near "$(ff_clock capture s0 --count 1 | cut -d' ' -f1)" "$(date -u -d "@$second" +%FT%TZ)"
		ff_clock capture s0 --count 3 --write "$BATS_TEST_TMPDIR/pcapng"
		near "$(ff --json replay --summary "$BATS_TEST_TMPDIR/pcapng" | jq -r .frames.first)" "$(date -u -d "@$second" +%FT%TZ)"
	done
	set_clock "=-100000"
	ff_clock capture s0 --count 3 --write "$BATS_TEST_TMPDIR/pcapng"
	equal "$(ff --json replay --summary "$BATS_TEST_TMPDIR/pcapng" | jq .frames.packets)" 3
	stop_flood
}

@test "in a time namespace the clocks are the host's: durations, samples, and when a change goes back" {
	local there=(unshare --time --boottime 864000 --monotonic -1000 --fork) said
	"${there[@]}" true 2>/dev/null || skip "no time namespaces: Linux 5.6 has them"
	ff attach s0
	said=$("${there[@]}" "$FLAGFILTER" --netns "$SERVER" stats s0 | sed -n 2p)
	[[ $said == *"attached for 00:00:"* ]] || { echo "$said"; return 1; }
	near "$("${there[@]}" "$FLAGFILTER" --netns "$SERVER" --json status s0 | jq -r '.filters[0].attached_since')" "$(date -u +%FT%TZ)"
	"${there[@]}" "$FLAGFILTER" --netns "$SERVER" reset s0
	[[ $(ff stats s0 | sed -n 2p) == *"counting for 00:00:0"* ]]
	"${there[@]}" "$FLAGFILTER" --netns "$SERVER" stats s0 --watch=0.1 --count 3 | wc -l | grep -x 3
	start_flood SF --pps 500
	"${there[@]}" timeout 10 "$FLAGFILTER" --netns "$SERVER" --json capture s0 --count 1 | jq -r .time
	stop_flood
	"${there[@]}" "$FLAGFILTER" --netns "$SERVER" rule s0 syn-fin=off --confirm 2
	ff --json status s0 | jq -e '.filters[0].unconfirmed.goes_back_in_s | . >= 1 and . <= 2'
	# shellcheck disable=SC2016 # eval expands it
	wait_until 6 eval '[ "$(mode syn-fin)" = enforce ]'
}
