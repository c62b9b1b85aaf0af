#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A flood, honest sessions and a toggle every millisecond, together: in the end everything that was sent has passed or
# was dropped, memory is flat, and the kernel has nothing to complain about.
#
# SOAK_SECONDS makes it longer (make soak).

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() { net_teardown; }

warnings() { dmesg 2>/dev/null | grep -cE 'WARNING|BUG:|Oops|rcu.*stall|hung task|Call Trace' || true; }
# What the attacker's end has sent, by the kernel's count: frames that the ring was too full for are not in it.
sent_by_attacker() { ip -n "$ATTACKER" -s -j link show a0 | jq '.[0].stats64.tx.packets'; }

# How many of them the filter has not counted. The kernel sends frames of its own when it likes, router solicitations and
# the like, so it is asked again until none came while the filter was asked.
unseen() {
	local before=- after frames
	while after=$(sent_by_attacker) && [ "$before" != "$after" ]; do
		before=$after
		frames=$(stats .frames.packets)
	done
	echo $((after - frames))
}

resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# toggle: changes a rule and changes it back, one loader after the other, in as many processes as it takes.
toggle() {
	while :; do
		ff rule s0 rst-urg-no-ack=off
		ff rule s0 rst-urg-no-ack=enforce
	done
}

@test "soak: flood, sessions, and changes without a pause" {
	local seconds=${SOAK_SECONDS:-25} end before memory watch unseen sessions=0
	before=$(warnings)
	count_at_server illegal 'tcp flags & (fin|syn|rst|ack) != { syn, syn|ack, ack, fin|ack, rst, rst|ack }'
	ff attach --preset strict s0
	unseen=$(unseen)
	start_in "$SERVER" "$PYTHON" "$BATS_TEST_DIRNAME/sessions.py" serve
	wait_until 10 grep -q listening "$BATS_TEST_TMPDIR/out"
	"$FLAGFILTER" --netns "$SERVER" --json stats s0 --watch=0.02 >"$BATS_TEST_TMPDIR/watch" 3>&- &
	watch=$!
	PROCESSES+=("$watch")
	toggle >/dev/null 3>&- &
	PROCESSES+=($!)
	start_flood SF,SR,F,0 --pps 20000 --seconds $((seconds + 60))
	sleep 2
	memory=$(resident_kib "$watch")
	end=$((SECONDS + seconds))
	while [ "$SECONDS" -lt "$end" ]; do
		in_a timeout 60 "$PYTHON" "$BATS_TEST_DIRNAME/sessions.py" talk "$S4" short 50
		in_a timeout 60 "$PYTHON" "$BATS_TEST_DIRNAME/sessions.py" talk "$S6" bulk 2
		sessions=$((sessions + 52))
	done
	echo "# $seconds s: memory of the reader $memory KiB, then $(resident_kib "$watch") KiB" >&3
	[ "$(resident_kib "$watch")" -le $((memory + 256)) ]
	stop_flood
	kill "${PROCESSES[2]}" "$watch"
	wait "${PROCESSES[2]}" "$watch" || true
	sums_agree
	equal "$(unseen)" "$unseen" "frames sent that neither passed nor were dropped, since attach"
	[ "$(stats .dropped.packets)" -ge $((seconds * 1000)) ]
	equal "$(arrived illegal)" 0 "illegal frames that arrived"
	jq -es '[range(1; length) as $i | .[$i].frames.packets >= .[$i - 1].frames.packets] | all' "$BATS_TEST_TMPDIR/watch"
	equal "$(warnings)" "$before" "kernel warnings"
	echo "# $(stats .dropped.packets) dropped, $(stats .passed.packets) passed, $sessions sessions, $(stats .frames.packets) frames," \
		"generation $("$PYTHON" "$BATS_TEST_DIRNAME/hostile_maps.py" "$(pins_of "$SERVER_ID")/state" generation "")" >&3
}
