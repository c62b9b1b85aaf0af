#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A real Linux behind the filter: to illegal flags in shapes that a filter may read otherwise than Linux does, it answers
# without the filter, and is silent with it. Legal flags in the same shapes are answered, but for the shapes that are
# dropped themselves. The shapes are in behind.py.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup_silent; }
teardown() { net_teardown; }

# become_tap: s0 is a tap instead of a veth, with the same addresses.
become_tap() {
	in_s ip link del s0
	in_s ip tuntap add s0 mode tap vnet_hdr
	in_s ip link set s0 address 02:00:00:00:00:05 up
	in_s ip address add "$S4/24" dev s0
	in_s ip address add "$S6/64" dev s0 nodad
	know_nobody
}

# try veth|cut-veth|tap open|filtered: all shapes. MADE: what was sent, by class.
try() {
	local told enter=in_a interface=a0
	[ "$1" != tap ] || enter=in_s interface=s0
	told=$($enter "$PYTHON" "$BATS_TEST_DIRNAME/behind.py" "$1" "$interface" "$2")
	MADE=$(jq .made <<<"$told")
	equal "$(jq -r '.wrong | to_entries[] | "\(.key): \(.value)"' <<<"$told")" "" "otherwise than it should be"
	[ "$(jq .tried <<<"$told")" -gt 500 ]
}

@test "veth: without a filter, whatever the shape is answered" { try veth open; }

@test "tap: without a filter, whatever the shape is answered" {
	become_tap
	try tap open
}

# behind_filter WIRE native|generic
behind_filter() {
	ff attach --mode "$2" s0
	try "$1" filtered
	counted_as_made "$MADE"
}

@test "veth, native: no illegal flags are answered, whatever the shape" { behind_filter cut-veth native; }

@test "veth, generic: no illegal flags are answered, whatever the shape" { behind_filter veth generic; }

@test "tap, native: no illegal flags are answered, whatever the shape" {
	become_tap
	behind_filter tap native
}

@test "tap, generic: no illegal flags are answered, whatever the shape" {
	become_tap
	behind_filter tap generic
}

# stray WIRE: STRAY_COUNT random shapes, from STRAY_SEED; see stray.py. Prints how many were answered, and shows some.
stray() {
	local enter=in_a interface=a0 told
	[ "$1" != tap ] || enter=in_s interface=s0
	told=$($enter "$PYTHON" "$BATS_TEST_DIRNAME/stray.py" "$1" "$interface" "${STRAY_SEED:-1}" "${STRAY_COUNT:-8000}")
	jq .answered <<<"$told"
	jq -r '.shown[] | join("\n") + "\n"' <<<"$told" >&2
}

# Apart from the tests of the filter: of what comes here, fragments are left that wait for others.
@test "random shapes: without a filter one in six is answered, on a veth and on a tap" {
	[ "$(stray veth)" -gt $((${STRAY_COUNT:-8000} / 6)) ]
	become_tap
	[ "$(stray tap)" -gt $((${STRAY_COUNT:-8000} / 6)) ]
}

# stray_behind_filter WIRE
stray_behind_filter() {
	local mode
	for mode in native generic; do
		ff attach --mode "$mode" s0
		equal "$(stray "$1")" 0 "answered, $mode"
		[ "$(stats .dropped.packets)" -gt $((${STRAY_COUNT:-8000} / 6)) ]
		sums_agree
		ff detach s0
	done
}

@test "random shapes: behind a filter on a veth none is answered" { stray_behind_filter veth; }

@test "random shapes: behind a filter on a tap none is answered" {
	become_tap
	stray_behind_filter tap
}

# What Linux itself sends with length 0 is judged, and passes.
@test "honest segments of more than 64 KiB are not malformed" {
	local address
	need_tools iperf3
	in_a "$PYTHON" "$BATS_TEST_DIRNAME/big_tcp.py" a0 || skip "no BIG TCP for IPv4: Linux 6.3 has it"
	in_a sysctl -q -w net.ipv6.conf.a0.disable_ipv6=0
	in_a ip address add "$A6/64" dev a0 nodad
	start_in "$SERVER" iperf3 -s --forceflush
	wait_until 10 grep -q listening "$BATS_TEST_TMPDIR/out"
	for address in "$S4" "$S6"; do
		ff attach --mode generic s0
		in_a timeout 60 iperf3 -c "$address" -n 100M >/dev/null
		equal "$(stats '.not_judged.malformed')" 0 "$address: malformed"
		equal "$(stats .dropped.packets)" 0 "$address: dropped"
		[ "$(stats '.frames.bytes / .frames.packets | floor')" -gt 65535 ] # else it shows nothing
		ff detach s0
	done
}
