#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What `stats` shows: the numbers are right, they add up, and watching them begins and ends cleanly everywhere.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() {
	tmux -L "ff-$$" kill-server 2>/dev/null || true
	net_teardown
}

# ended_with PID STATUS: within five seconds.
ended_with() {
	local status=0
	wait_until 5 eval "! kill -0 $1 2>/dev/null" || {
		echo "still running"
		return 1
	}
	wait "$1" || status=$?
	equal "$status" "$2" "exit status"
}

lines_in() { wc -l <"$1"; }

@test "at rest, frames are passed and dropped ones, and every drop is a rule's, after mixed traffic" {
	ff attach --preset strict s0
	send4 SF,SR,F,0,U,RU,S,A --count 800
	send6 SF,SR,F,0,U,RU,S,A --count 800
	send4 SF --tiny --count 10
	sums_agree
	equal "$(stats .dropped.packets)" 1210
	equal "$(count no-syn-ack-rst dropped)" 200
	equal "$(count rst-urg-no-ack dropped)" 200
}

@test "bytes are whole frames: Ethernet header, IP and all" {
	ff attach s0
	send4 SF --count 10
	equal "$(stats .dropped.bytes)" $((10 * (14 + 20 + 20)))
	send6 SF --count 10 --payload 100
	equal "$(stats .dropped.bytes)" $((10 * 54 + 10 * (14 + 40 + 20 + 100)))
	equal "$(stats '.rules[0].dropped.bytes')" "$(stats .dropped.bytes)"
}

@test "what no rule could judge is counted by its reason" {
	local before
	ff attach s0
	before=$(stats .not_judged)
	in_a "$PYTHON" - <<-'PY'
		import socket

		def ip(protocol, rest, total=None, offset=0, start=0x45):
		    length = 20 + len(rest) if total is None else total
		    return (bytes([start, 0]) + length.to_bytes(2, "big") + b"\0\7" + offset.to_bytes(2, "big") +
		            bytes([64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]) + rest)

		wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		wire.bind(("a0", 0))
		ether = bytes.fromhex("020000000005" "02000000000a")
		tcp = bytes(12) + b"\x50\x02" + bytes(6)
		for count, rest in (
		        (3, b"\x88\xcc" + bytes(46)),                # LLDP
		        (5, b"\x08\0" + ip(17, bytes(26))),          # UDP
		        (7, b"\x08\0" + ip(6, tcp, offset=100)),     # a later fragment
		        (2, b"\x08\0" + ip(6, tcp, offset=1)),       # one that could overwrite the flags
		        (4, b"\x08\0" + ip(6, tcp, total=30)),       # a datagram that ends before the flags
		        (6, b"\x08\0" + ip(6, tcp, total=19)),       # ... inside the IP header
		        (8, b"\x08\0" + ip(6, tcp, start=0x44)),     # a header that is too short
		        (9, b"\x88\xa8\0\1" + b"\x81\0\0\1" * 4 + b"\x08\0" + ip(6, tcp))):
		    for _ in range(count):
		        wire.send(ether + rest)
	PY
	jq -en --argjson a "$before" --argjson b "$(stats .not_judged)" '
		$b["non-ip"] - $a["non-ip"] >= 3 and $b["non-tcp"] - $a["non-tcp"] >= 5 and $b.fragment == 7
		and $b["tiny-fragment"] == 2 and $b.truncated == 4 and $b.malformed == 14 and $b["vlan-depth"] == 9
		and $b["ipv6-exthdr"] == 0 and $b.runt == 0' || {
		stats .not_judged
		return 1
	}
	equal "$(stats .dropped.packets)" 11 # tiny-fragment and vlan-depth
	sums_agree
}

@test "counters never go back while frames come from both sides of the policy" {
	ff attach s0
	start_flood SF,S --pps 10000
	ff --json stats s0 --watch=0.02 --count 100 >"$BATS_TEST_TMPDIR/reports"
	stop_flood
	jq -es 'length == 100 and ([range(1; length) as $i | .[$i - 1:$i + 1]
		| .[0].frames.packets <= .[1].frames.packets and .[0].passed.packets <= .[1].passed.packets
		and .[0].dropped.packets <= .[1].dropped.packets and .[0].dropped.bytes <= .[1].dropped.bytes] | all)' \
		"$BATS_TEST_TMPDIR/reports"
	sums_agree
}

@test "rates are those of the interval" {
	ff attach s0
	start_flood SF --pps 2000
	sleep 0.3
	ff --json stats s0 --watch=0.5 --count 4 >"$BATS_TEST_TMPDIR/reports"
	stop_flood
	jq -es '.[0].rates.interval_s == 0 and .[0].rates.dropped_pps == 0
		and (.[1:] | all(.rates.interval_s > 0.4 and .rates.interval_s < 1.5))
		and (.[1:] | map(.rates.dropped_pps) | add / length | . > 1000 and . < 3000)' "$BATS_TEST_TMPDIR/reports"
}

@test "--count N ends after N reports; without --watch there is one" {
	ff attach s0
	equal "$(ff --json stats s0 --watch=0.05 --count 7 | wc -l)" 7
	equal "$(ff stats s0 --watch=0.05 --count 3 | wc -l)" 3
	equal "$(ff --json stats s0 | wc -l)" 1
	equal "$(ff stats s0 --watch 0.05 --count 2 | wc -l)" 2
}

@test "--watch on a pipe prints plain lines: one a report, no escape codes" {
	ff attach s0
	send4 SF --count 12
	ff stats s0 --watch=0.05 --count 5 | cat >"$BATS_TEST_TMPDIR/lines"
	equal "$(lines_in "$BATS_TEST_TMPDIR/lines")" 5
	run ! grep -q $'[\033\r]' "$BATS_TEST_TMPDIR/lines"
	equal "$(grep -c 'dropped 12.*syn-fin=12' "$BATS_TEST_TMPDIR/lines")" 5
}

@test "--watch --json prints one object a line, each as soon as it is made" {
	ff attach s0
	start_in "$SERVER" "$FLAGFILTER" --json stats s0 --watch=0.2 --count 20
	sleep 0.7
	[ "$(lines_in "$BATS_TEST_TMPDIR/out")" -ge 2 ]
	[ "$(lines_in "$BATS_TEST_TMPDIR/out")" -lt 10 ]
	kill -TERM "$STARTED"
	ended_with "$STARTED" 0
	while IFS= read -r line; do
		jq -e '.schema == 1 and .interface == "s0"' <<<"$line" >/dev/null
	done <"$BATS_TEST_TMPDIR/out"
}

@test "--watch ends with status 0 on SIGINT and SIGTERM, at once, also in the middle of a long interval" {
	local signal
	ff attach s0
	for signal in INT TERM; do
		rm -f "$BATS_TEST_TMPDIR/out" # what the one before has written is no sign of life
		start_in "$SERVER" env --default-signal=INT "$FLAGFILTER" stats s0 --watch=30
		wait_until 5 test -s "$BATS_TEST_TMPDIR/out"
		kill "-$signal" "$STARTED"
		ended_with "$STARTED" 0
		equal "$(lines_in "$BATS_TEST_TMPDIR/out")" 1
	done
}

@test "--watch at a terminal is drawn in place, and what stood there moves up instead of being wiped away" {
	local out=$BATS_TEST_TMPDIR/out
	ff attach s0
	script -qec "stty cols 80 rows 20; '$FLAGFILTER' --netns $SERVER stats s0 --watch=0.1 --count 3" "$out" >/dev/null
	equal "$(grep -c $'\033\\[2J' "$out")" 0
	equal "$(grep -o $'\033\\[H' "$out" | wc -l)" 3
	[ "$(sed $'/\033\\[H/q' "$out" | grep -cx $'\r')" -ge 20 ]
}

@test "the interface is deleted while it is watched: one clear line, exit 1" {
	ff attach s0
	start_in "$SERVER" "$FLAGFILTER" stats s0 --watch=0.1 --count 100
	wait_until 5 test -s "$BATS_TEST_TMPDIR/out"
	in_s ip link del s0
	ended_with "$STARTED" 1
	equal "$(grep -c '^flagfilter: ' "$BATS_TEST_TMPDIR/out")" 1
	[[ $(tail -1 "$BATS_TEST_TMPDIR/out") == "flagfilter: no interface 's0'"* ]]
}

@test "the filter is detached while it is watched: one clear line, exit 1" {
	ff attach s0
	start_in "$SERVER" "$FLAGFILTER" --json stats s0 --watch=0.1 --count 100
	wait_until 5 test -s "$BATS_TEST_TMPDIR/out"
	ff detach s0
	ended_with "$STARTED" 1
	[[ $(tail -1 "$BATS_TEST_TMPDIR/out") == "flagfilter: not attached to s0"* ]]
}

@test "the program is replaced while it is watched: the watch goes on with the same counters" {
	ff attach s0
	send4 SF --count 5
	start_in "$SERVER" "$FLAGFILTER" --json stats s0 --watch=0.02 --count 60
	for _ in {1..10}; do
		ff attach s0 >/dev/null
	done
	ended_with "$STARTED" 0
	equal "$(jq -s '[.[].dropped.packets] | unique | @json' -r "$BATS_TEST_TMPDIR/out")" "[5]"
}

@test "output to a closed pipe ends the watch, quietly" {
	ff attach s0
	timeout 5 "$FLAGFILTER" --netns "$SERVER" stats s0 --watch=0.05 2>"$BATS_TEST_TMPDIR/err" | head -1
	[ "${PIPESTATUS[0]}" -ne 124 ]
	timeout 5 "$FLAGFILTER" --netns "$SERVER" --json stats s0 --watch=0.05 2>>"$BATS_TEST_TMPDIR/err" | head -1
	[ "${PIPESTATUS[0]}" -ne 124 ]
	equal "$(cat "$BATS_TEST_TMPDIR/err")" ""
}

@test "output that cannot be written is a failure, said in one line" {
	[ -w /dev/full ] || skip "no /dev/full"
	ff attach s0
	run -1 --separate-stderr eval 'ff stats s0 >/dev/full'
	one_line "No space left"
	run -1 --separate-stderr eval 'ff --json stats s0 --watch=0.05 --count 3 >/dev/full'
	one_line "No space left"
}

@test "on a terminal of 80 columns it is readable and steady, and Ctrl-C ends it with status 0" {
	local screen=$BATS_TEST_TMPDIR/screen t=(tmux -L "ff-$$" -f /dev/null)
	need_tools tmux
	ff attach --preset conntrack s0
	start_flood SF,SR,F,0,S --pps 3000
	"${t[@]}" new-session -d -x 80 -y 40 \
		"'$FLAGFILTER' --netns $SERVER stats s0 --watch=0.2; echo status=\$?; sleep 20" 3>&-
	sleep 1.5
	"${t[@]}" capture-pane -p >"$screen"
	cat "$screen"
	grep -q '^s0 .*native' "$screen"
	grep -Eq '^syn-fin +enforce +dropped +[0-9]+' "$screen"
	grep -q 'packets/s' "$screen"
	grep -q '^not judged' "$screen"
	grep -Eq '^ *passed +[0-9]' "$screen"
	# lines that were wrapped would begin in the middle of a table
	equal "$(grep -cE '^(syn-fin|syn-rst|fin-no-ack|tcp-no-flag|rst-fin) ' "$screen")" 5
	equal "$(awk 'length > 80' "$screen")" ""
	equal "$(grep -c '^frames' "$screen")" 1 # drawn over, not below one another
	"${t[@]}" send-keys C-c
	stop_flood
	wait_until 5 eval "'${t[0]}' -L 'ff-$$' capture-pane -p | grep -q status=0"
}

@test "with NO_COLOR, and where there is no terminal, there is no colour" {
	ff attach s0
	for command in "stats s0" "status" "rule s0" "status s0"; do
		# shellcheck disable=SC2086 # words on purpose
		run -0 ff $command
		[[ $output != *$'\033'* ]]
	done
}
