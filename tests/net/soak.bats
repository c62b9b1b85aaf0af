#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A flood, honest sessions and a toggle every millisecond, together: in the end everything that was sent has passed or
# was dropped, no change of policy got lost, memory is flat, and the kernel has nothing to complain about.
#
# SOAK_SECONDS makes it longer (make soak).

bats_require_minimum_version 1.5.0
load lib.bash

TOGGLER=$ROOT/build/bench/toggler

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() { net_teardown; }

# warnings LINE: what the kernel has complained about since it said LINE. (Its buffer may have lost that meanwhile; all of
# it is newer then.)
warnings() {
	dmesg 2>/dev/null | LINE=$1 awk '{ said[NR] = $0 } $0 == ENVIRON["LINE"] { old = NR }
		END { for (i = old + 1; i <= NR; i++) print said[i] }' |
		grep -E 'WARNING|BUG:|Oops|rcu.*stall|hung task|Call Trace' || true
}
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

# toggle: gives a rule one mode after the other, by one loader after the other. The last line is how many there were.
toggle() {
	local mode loaders=0
	while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do
		for mode in off monitor enforce; do
			ff rule s0 "rst-urg-no-ack=$mode" >/dev/null
			loaders=$((loaders + 1))
			sleep 0.1
		done
	done
	echo "$loaders"
}

generation() { "$PYTHON" "$BATS_TEST_DIRNAME/hostile_maps.py" "$(pins_of "$SERVER_ID")/state" generation ""; }

@test "soak: a flood, sessions, and a change of policy each millisecond" {
	local seconds=${SOAK_SECONDS:-25} end before memory toggler_memory watch toggler loaders unseen sessions=0
	[ -x "$TOGGLER" ] || skip "no $TOGGLER: run make bench-build"
	before=$(dmesg 2>/dev/null | tail -n 1)
	count_at_server illegal 'tcp flags & (fin|syn|rst|ack) != { syn, syn|ack, ack, fin|ack, rst, rst|ack }'
	ff attach --preset strict s0
	unseen=$(unseen)
	start_in "$SERVER" "$PYTHON" "$BATS_TEST_DIRNAME/sessions.py" serve
	wait_until 10 grep -q listening "$BATS_TEST_TMPDIR/out"
	"$FLAGFILTER" --netns "$SERVER" --json stats s0 --watch=0.02 >"$BATS_TEST_TMPDIR/watch" 3>&- &
	watch=$!
	toggle >"$BATS_TEST_TMPDIR/loaders" 3>&- &
	loaders=$!
	"$TOGGLER" "$SERVER" s0 rst-urg-no-ack >"$BATS_TEST_TMPDIR/toggler" 3>&- &
	toggler=$!
	PROCESSES+=("$watch" "$loaders" "$toggler")
	# The last one is dropped, counted, or not looked at, as the rule's mode is.
	start_flood SF,SR,F,0,RU --pps 20000 --seconds $((seconds + 60))
	sleep 2
	memory=$(resident_kib "$watch") toggler_memory=$(resident_kib "$toggler")
	end=$((SECONDS + seconds))
	while [ "$SECONDS" -lt "$end" ]; do
		in_a timeout 60 "$PYTHON" "$BATS_TEST_DIRNAME/sessions.py" talk "$S4" short 50
		in_a timeout 60 "$PYTHON" "$BATS_TEST_DIRNAME/sessions.py" talk "$S6" bulk 2
		sessions=$((sessions + 52))
	done
	echo "# $seconds s: memory of the reader $memory KiB, then $(resident_kib "$watch") KiB;" \
		"of the toggler $toggler_memory KiB, then $(resident_kib "$toggler") KiB" >&3
	[ "$(resident_kib "$watch")" -le $((memory + 256)) ]
	[ "$(resident_kib "$toggler")" -le $((toggler_memory + 256)) ]
	stop_flood
	touch "$BATS_TEST_TMPDIR/stop"
	wait "$loaders"
	kill "$watch" "$toggler"
	wait "$watch" || true
	wait "$toggler"
	loaders=$(cat "$BATS_TEST_TMPDIR/loaders")
	sums_agree
	equal "$(unseen)" "$unseen" "frames sent that neither passed nor were dropped, since attach"
	[ "$(stats .dropped.packets)" -ge $((seconds * 1000)) ]
	equal "$(arrived illegal)" 0 "illegal frames that arrived"
	equal "$(generation)" "$(jq ".stores + .changes + $loaders" "$BATS_TEST_TMPDIR/toggler")" "changes of policy"
	for count in dropped would_drop; do
		[ "$(count rst-urg-no-ack "$count")" -ge $((seconds * 100)) ]
	done
	jq -es '[range(1; length) as $i | .[$i].frames.packets >= .[$i - 1].frames.packets] | all' "$BATS_TEST_TMPDIR/watch"
	equal "$(warnings "$before")" "" "kernel warnings"
	echo "# $(stats .dropped.packets) dropped, $(stats .passed.packets) passed, $sessions sessions, $(stats .frames.packets) frames;" \
		"RST,URG: $(stats '.rules[] | select(.name == "rst-urg-no-ack") | "\(.dropped.packets) dropped, \(.would_drop.packets) would be"');" \
		"$loaders loaders, toggler $(cat "$BATS_TEST_TMPDIR/toggler")" >&3
}
