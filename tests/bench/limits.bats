#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# How large the XDP program may grow. Whoever needs more raises a number here, and so decides it.

bats_require_minimum_version 1.5.0

# What was measured, and some room: 14,700 instructions, 5,500 bytes on Linux 6.18, x86-64, clang 14. A quarter of the
# bytes, ff_sample(), is not run while nobody reads samples.
INSTRUCTIONS_MAX=15500 # that the verifier works through, on all paths; the kernel's own limit is a million
JITED_BYTES_MAX=5800   # of machine code: it shares the instruction cache with the driver

setup() {
	local build=$BATS_TEST_DIRNAME/../../build
	[ "$(id -u)" -eq 0 ] || skip "loading a program needs root"
	[ -x "$build/bench/testrun" ] || skip "not built: make bench-build"
	"$build/bench/testrun" --size default=preset:default >"$BATS_TEST_TMPDIR/size.json"
}

# size FIELD: of the program as it is
size() { jq ".programs[0].size.$1" "$BATS_TEST_TMPDIR/size.json"; }

@test "the verifier is through with the program within $INSTRUCTIONS_MAX instructions" {
	now=$(size verified_instructions)
	[ "$now" -gt 0 ] || skip "this kernel does not tell (Linux 5.16)"
	echo "now $now, at most $INSTRUCTIONS_MAX"
	[ "$now" -le "$INSTRUCTIONS_MAX" ]
}

@test "the program's machine code is at most $JITED_BYTES_MAX bytes" {
	now=$(size jited_bytes)
	[ "$now" -gt 0 ] || skip "this kernel does not compile programs"
	[ "$(uname -m)" = x86_64 ] || skip "the number is for x86-64, not $(uname -m)"
	echo "now $now, at most $JITED_BYTES_MAX"
	[ "$now" -le "$JITED_BYTES_MAX" ]
}
