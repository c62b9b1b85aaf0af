#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Runs the tests with an instrumented build, and says how much of the code they ran: by file in build/coverage/summary, line
# by line in build/coverage/lines.txt. Fails below the limits. Speaks TAP. Whether the tests pass is not asked here.
#
# Without root there are no network tests, and most of the loader cannot run: then the limits for files alone hold.
set -u
cd "$(dirname "$0")/../.." || exit 1

out=$PWD/build/coverage
user_lines=90 # percent, of user/*.c in all
# Of 180 branches in bpf/parse.h two are there for the kernel's verifier alone: after "the datagram ends within the buffer"
# it still asks whether the flags do. A third is taken in test_engine, while test_parse has the others.
branches=(bpf/parse.h:98 user/policy/compile.c:100)
network=(tests/net/{attach,policy,several,stats,change,doctor,samples,view,interfaces,hostile,locks,outside,errors,privileges}.bats)

# One file a process, which tests run by another user can write, too; merged after each test, or they would be gigabytes.
raw=$(mktemp -d)
trap 'rm -rf "$raw"' EXIT
chmod 1777 "$raw"
export LLVM_PROFILE_FILE=$raw/%p.profraw FLAGFILTER=$out/flagfilter
rm -f "$out"/*.profdata

merge() {
	local known=()
	[ -e "$out/all.profdata" ] && known=("$out/all.profdata")
	find "$raw" -name '*.profraw' -size +0 >"$raw/list"
	llvm-profdata merge -sparse -failure-mode=all -f "$raw/list" "${known[@]}" -o "$out/next.profdata" >>"$out/log" 2>&1 &&
		mv "$out/next.profdata" "$out/all.profdata"
	rm -f "$raw"/*.profraw
}

: >"$out/log"
objects=()
for test in tests/unit/test_*.c; do
	test=$out/$(basename "$test" .c)
	objects+=(-object "$test")
	"$test" >>"$out/log" 2>&1
done
merge
tests=(tests/cli/{captures,commands,replay,summary,streams,times}.bats)
[ "$(id -u)" -ne 0 ] || tests+=(tests/cli/replay_kernel.bats "${network[@]}")
for test in "${tests[@]}"; do
	bats "$test" >>"$out/log" 2>&1
	merge
done

cover() { llvm-cov "$1" "$out/flagfilter" "${objects[@]}" -instr-profile="$out/all.profdata" "${@:2}" 2>>"$out/log"; }
cover export -summary-only user bpf >"$out/summary.json"
cover show -show-branches=count user bpf >"$out/lines.txt"

# percent PATTERN lines|branches: covered, of all files whose name matches; and "covered of all".
percent() {
	jq -r --arg pattern "$1" --arg what "$2" '[.data[0].files[] | select(.filename | test($pattern)) | .summary[$what]]
		| (map(.covered) | add) as $covered | (map(.count) | add) as $all
		| "\($covered * 10000 / $all | floor / 100) \($covered) of \($all)"' "$out/summary.json"
}

# limit NUMBER PATTERN lines|branches PERCENT
limit() {
	local got counts
	read -r got counts < <(percent "$2" "$3")
	awk -v got="$got" -v limit="$4" 'BEGIN { exit !(got >= limit) }' || printf 'not '
	printf 'ok %d - %s: %s %% of %s (%s), at least %d\n' "$1" "$2" "$got" "$3" "$counts" "$4"
}

{
	echo "1..$((${#branches[@]} + 1))"
	number=0
	for file in "${branches[@]}"; do limit $((++number)) "${file%:*}" branches "${file#*:}"; done
	if [ "$(id -u)" -eq 0 ]; then
		limit $((++number)) 'user/.*[.]c$' lines $user_lines
	else
		echo "ok $((++number)) - user/: $(percent 'user/.*[.]c$' lines) # skip needs root"
	fi
} | tee "$out/tap"
{
	jq -r '.data[0].files[] | select(.summary.lines.count > 0 and .summary.lines.covered > 0) | [.filename, .summary.lines.percent, .summary.branches.percent] | @tsv' "$out/summary.json" |
		awk -F'\t' '{ sub(/.*\/(user|bpf)\//, "&"); n = split($1, p, "/"); printf "%-24s lines %6.2f %%  branches %6.2f %%\n", p[n - 1] "/" p[n], $2, $3 }'
	grep -v '^1\.\.' "$out/tap"
} >"$out/summary"
! grep -q '^not ok' "$out/tap"
