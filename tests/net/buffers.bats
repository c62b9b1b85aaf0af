#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Frames that lie in several buffers, of which the program is shown the first: whatever is in that, they are judged,
# counted, exempted and sampled as if they were in one. No driver here makes such frames; the kernel's test run does.
#
# shellcheck disable=SC2154 # output is what run sets

bats_require_minimum_version 1.5.0
load lib.bash

FRAMES="$ROOT/build/tests/frames"

setup_file() {
	local maker="$BATS_TEST_DIRNAME/../frames/make_frames.py"
	net_setup_file
	mkdir -p "${FRAMES%/*}"
	[[ $FRAMES.expected -nt $maker && $FRAMES.expected -nt $ROOT/docs/contract.md ]] || "$maker" "$FRAMES"
}
setup() { net_setup; }
teardown() { net_teardown; }

buffers() { "$PYTHON" "$BATS_TEST_DIRNAME/buffers.py" "$(xdp_id s0)" "$@"; }

# Or skips, where the kernel runs no such frames.
attach() {
	ff attach s0 >/dev/null
	run buffers --frame "$(printf '00%.0s' {1..40})"
	[ "$status" -ne 77 ] || skip "this kernel runs no program on a first buffer that is short"
	[ "$status" -eq 0 ]
	ff reset s0 >/dev/null
}

# frame4, frame6: SYN+FIN from port 40000 to 443, with 120 bytes behind; frame6 has four extension headers.
frame4() {
	printf '%s' 020000000005 02000000000a 0800 4500 00a0 0007 0000 40 06 0000 c0000201 c0000202
	printf '%s' 9c40 01bb 00000001 00000000 50 03 0000 0000 0000 "$(printf '61%.0s' {1..120})"
}
frame6() {
	printf '%s' 020000000005 02000000000a 86dd 60000000 00b4 3c 40 \
		20010db8000000000000000000000001 20010db8000000000000000000000002
	printf '%s' 3c00010400000000 3c00010400000000 2b00010400000000 0600000000000000 \
		9c40 01bb 00000001 00000000 50 03 0000 0000 0000 "$(printf '61%.0s' {1..128})"
}

@test "frames cut between any two bytes get the verdict of the whole frame" {
	attach
	run -0 buffers "$FRAMES" 41
	[ "$output" -gt 20000 ]
}

@test "their whole length is counted" {
	local frame size runs=0 bytes=0
	attach
	for frame in "$(frame4)" "$(frame6)"; do
		size=$((${#frame} / 2))
		equal "$(buffers --frame "$frame")" $((size - 14))
		runs=$((runs + size - 14)) bytes=$((bytes + size * (size - 14)))
	done
	equal "$(count syn-fin dropped)" $runs
	equal "$(stats .dropped.bytes)" $bytes
}

@test "their source, or their port, is exempt" {
	local frame exempt runs=0
	attach
	while read -r frame exempt; do
		ff exempt s0 add "$exempt" >/dev/null
		equal "$(buffers --frame "$("$frame")")" 0 "$frame $exempt"
		ff exempt s0 del "$exempt" >/dev/null
		runs=$((runs + $("$frame" | wc -c) / 2 - 14))
		equal "$(count syn-fin exempted)" $runs
	done <<-EXEMPT
		frame4 443
		frame4 $A4
		frame6 443
		frame6 2001:db8::/64
	EXEMPT
}

# Sends until the reader has had its fill.
read_enough() {
	buffers --frame "$(frame6)" >/dev/null
	! kill -0 "$READER" 2>/dev/null
}

@test "samples of them have bytes of all buffers" {
	need_tools tshark
	attach
	"$FLAGFILTER" --netns "$SERVER" capture s0 -c 20 -w "$BATS_TEST_TMPDIR/out.pcapng" >/dev/null 2>&1 3>&- &
	READER=$!
	PROCESSES+=("$READER")
	wait_until 10 read_enough
	equal "$(tshark -r "$BATS_TEST_TMPDIR/out.pcapng" -T fields -e frame.len -e frame.cap_len -e tcp.flags -e tcp.srcport 2>/dev/null | sort -u)" \
		$'234\t234\t0x0003\t40000'
}
