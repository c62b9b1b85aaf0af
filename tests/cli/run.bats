#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # output and lines are what run sets
#
# run.sh itself: what it counts, and that a test leaves nothing behind. Needs no root.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
LEFT=$ROOT/tests/cli/left-$$/__pycache__

teardown() { rm -rf "${LEFT%/*}"; }

# run_tests TEST-BODY: a bats file with one test.
run_tests() {
	printf '@test "it" {\n%s\n}\n' "$1" >"$BATS_TEST_TMPDIR/one.bats"
	run env -u BATS_TMPDIR -u BATS_RUN_TMPDIR "$ROOT/tests/tools/run.sh" "$BATS_TEST_TMPDIR/one.bats"
	echo "$output"
}

@test "a test that leaves nothing passes" {
	run_tests true
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1 passed, 0 failed, 0 skipped" ]
}

@test "what a test leaves behind is said, and a failure" {
	run_tests "mkdir -p '$LEFT'"
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "1 passed, 1 failed, 0 skipped" ]
	[[ $output == *"FAILED left behind: "*"left-$$/__pycache__"* ]]
}

@test "what was there before is nobody's failure, and no cache of Python's is written" {
	mkdir -p "$LEFT"
	printf 'x = 1\n' >"${LEFT%/*}/other.py"
	run_tests "[ ! -e '${LEFT%/*}/x' ] && cd '${LEFT%/*}' && /usr/bin/python3 -c 'import other'"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1 passed, 0 failed, 0 skipped" ]
	[ -z "$(ls "$LEFT")" ]
}
