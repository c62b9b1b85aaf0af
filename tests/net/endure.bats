#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Commands that stay and look again: what they hold after thousands of looks is what they held after the first ones.
#
#	ENDURE_LOOKS=86400 bats tests/net/endure.bats	(`make endure`) a day of them

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() {
	net_setup_file
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fast_clock.c" -o "$BATS_FILE_TMPDIR/fast_clock.so" -ldl
}

setup() {
	net_setup
	ff attach s0 --preset strict >/dev/null
	ff rule s0 syn-rst=monitor >/dev/null
	# Each receive queue's samples take one descriptor.
	ulimit -n $((40 + $(nproc)))
}
teardown() { net_teardown; }

LOOKS=${ENDURE_LOOKS:-2000}

# endure SECONDS TERMINAL COMMAND...: see endure.py.
endure() {
	FAST_SO=$BATS_FILE_TMPDIR/fast_clock.so SERVER=$SERVER "$PYTHON" "$BATS_TEST_DIRNAME/endure.py" "$LOOKS" "$@" >&3
}

@test "stats --watch holds in the end what it held in the beginning" { endure 0.01 0 stats s0 --watch 0.01; }
@test "stats --watch --json too" { endure 0.01 0 stats s0 --watch 0.01 --json; }
@test "stats --watch on a terminal too" { endure 0.01 1 stats s0 --watch 0.01; }
@test "top too" { endure 1 1 top; }
@test "top of one interface too" { endure 1 1 top s0; }
@test "capture too" { endure 1 0 capture s0; }
@test "capture into a file too" { endure 1 0 capture s0 -w "$BATS_TEST_TMPDIR/all.pcapng"; }
@test "offenders too" { endure 1 0 offenders s0 --seconds 86400; }
@test "report too" { endure 1 0 report s0 --seconds 86400; }

@test "behind a dispatcher stats --watch does, too" {
	local id index
	need_tools bpftool
	id=$(xdp_id)
	in_s bpftool prog pin id "$id" "/sys/fs/bpf/ff-$$"
	sed 's/pass_all/xdp_dispatcher/' "$BATS_FILE_TMPDIR/pass.c" >"$BATS_TEST_TMPDIR/dispatcher.c"
	clang -O2 -g -target bpf -c "$BATS_TEST_TMPDIR/dispatcher.c" -o "$BATS_TEST_TMPDIR/dispatcher.o"
	in_s ip -force link set dev s0 xdpdrv obj "$BATS_TEST_TMPDIR/dispatcher.o" sec xdp
	index=$(in_s ip -j link show s0 | jq '.[0].ifindex')
	DISPATCHER=/sys/fs/bpf/xdp/dispatch-$index-$(xdp_id)
	mkdir -p "$DISPATCHER"
	mv "/sys/fs/bpf/ff-$$" "$DISPATCHER/prog0-prog"
	equal "$(ff --json status s0 | jq -c '.filters[] | [.attached, .program_id]')" "[\"shared\",$id]"
	endure 0.01 0 stats s0 --watch 0.01
	in_s ip link set dev s0 xdpdrv off
	rm -r "$DISPATCHER"
	run --separate-stderr ff detach s0 # sweeps what is left
	equal "$status" 1
}

@test "a reader that stays does not keep a program that was replaced" {
	local old
	start_in "$SERVER" "$FLAGFILTER" stats s0 --watch 0.05
	old=$(xdp_id)
	wait_until 5 grep -q . "$BATS_TEST_TMPDIR/out"
	ff attach s0 >/dev/null
	[ "$(xdp_id)" != "$old" ]
	sleep 0.5
	wait_until 5 eval "! bpftool prog show id $old >/dev/null 2>&1"
	kill -0 "$STARTED"
}
