#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Runs cmocka programs and bats files, whatever fails, and ends with one line: N passed, N failed, N skipped.
#
# usage: tests/tools/run.sh TEST...
set -u
cd "$(dirname "$0")/../.." || exit 1

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0 failures=()

# Both speak TAP, of which this much is needed: "ok", "not ok", and "# skip REASON" behind either.
count() {
	local line
	while IFS= read -r line; do
		case $line in
		"not ok"*) failed=$((failed + 1)) failures+=("$1: ${line#not ok }") ;;
		"ok"*"# skip"* | "ok"*"# SKIP"*) skipped=$((skipped + 1)) ;;
		"ok"*) passed=$((passed + 1)) ;;
		esac
	done <"$log"
}

for test in "$@"; do
	[ -e "$test" ] || continue
	printf '== %s\n' "$test"
	before=$((passed + failed + skipped)) start=$SECONDS
	case $test in
	*.bats) bats --tap "$test" >"$log" 2>&1 ;;
	*) CMOCKA_MESSAGE_OUTPUT=TAP "$test" >"$log" 2>&1 ;;
	esac
	status=$?
	count "$test"
	# Quiet about what is well; all that a failing file has to say.
	if [ $status -ne 0 ]; then cat "$log"; else grep -E '# (skip|SKIP)' "$log"; fi
	if [ $((passed + failed + skipped)) -eq $before ] || { [ $status -ne 0 ] && ! grep -q '^not ok' "$log"; }; then
		failed=$((failed + 1)) failures+=("$test: ended with status $status")
	fi
	printf '   %d tests, %d s\n' $((passed + failed + skipped - before)) $((SECONDS - start))
done

for failure in "${failures[@]}"; do printf 'FAILED %s\n' "$failure"; done
printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
