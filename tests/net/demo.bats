#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The demo, as somebody sees it who has a terminal of 80 columns.

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cd "$BATS_TEST_TMPDIR" || exit
}

@test "make demo at a terminal: begins at once, wipes nothing away, fits, and its sums agree" {
	local replayed live through
	((EUID == 0)) || skip "needs root"
	script -qec "stty cols 80 rows 24; make --no-print-directory -C '$ROOT' demo" typescript >/dev/null
	tr -d '\r' <typescript | sed '/^Script \(started\|done\)/d' >seen
	[[ $(tail -n 3 seen) == *"All "*" things that were to be seen were seen"* ]]
	[ "$(sed '/^---/q' seen | wc -l)" -le 4 ] # one line each of packages, if some are missing, and of building
	[ "$(grep -c $'\033' seen)" -eq 0 ]
	[ "$(wc -L <seen)" -le 80 ]
	[ "$(grep -c changed seen)" -eq 0 ]
	[ "$(find /run/netns -name 'ff-*-'"$(sed -n 's/^server  ff-server-\([0-9]*\) .*/\1/p' seen)")" = "" ]

	read -r replayed live < <(sed -nE 's/^([0-9]+) dropped here.* ([0-9]+) were dropped live:/\1 \2/p' seen)
	through=$(sed -nE 's/^the ([0-9]+) that passed while .*/\1/p' seen)
	[ "$(sed -nE 's/^dropped +([0-9]+) .*/\1/p' seen | xargs)" = "$replayed $live" ]
	[ "$through" -gt 0 ]
	[ $((live + through)) -eq "$replayed" ]
}
