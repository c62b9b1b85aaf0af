#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Runs cmocka programs and bats files, whatever fails, and ends with one line: N passed, N failed, N skipped. What a test
# leaves behind is a failure, too.
#
# usage: [CHURN=1] tests/tools/run.sh TEST...	CHURN: beside a program that loads and unloads BPF programs all the time (root)
set -u
cd "$(dirname "$0")/../.." || exit 1

export PYTHONDONTWRITEBYTECODE=1
log=$(mktemp)
trap 'rm -f "$log" "$log.churn"; [ -z "$churn" ] || kill "$churn"' EXIT
churn='' passed=0 failed=0 skipped=0 failures=()

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

# What tests make outside of their own folders, by name.
things() {
	{
		find . -name __pycache__ -not -path './build/*' 2>/dev/null
		find /sys/fs/bpf -mindepth 1 \( -type d -empty -o -type l \) 2>/dev/null
		ls -d /run/netns/ff* /run/flagfilter /tmp/tmux-*/ff* /sys/fs/cgroup/memory/ff-* 2>/dev/null
	} | sort
}

# Whether THING is named by the number of a process that lives: then it is of a run that still goes on.
in_use() {
	local process
	process=$(grep -oE '/ff(bench|-)[0-9]+' <<<"$1" | grep -oE '[0-9]+$')
	[ -n "$process" ] && [ -e "/proc/$process" ]
}

# What iproute2 makes in the BPF filesystem when it attaches a program, and libxdp's directory, if that is empty.
remove_others() {
	local path
	for path in /sys/fs/bpf/{ip,xdp/globals,xdp,tc/globals,tc}; do
		grep -qxF "$path" <<<"$bpffs_before" || { [ -L "$path" ] && rm -f "$path"; } || rmdir "$path"
	done 2>/dev/null
}

if [ -n "${CHURN:-}" ]; then
	cc -O2 tests/net/churn.c -lbpf -o "$log.churn" || exit 1
	"$log.churn" 86400 >/dev/null &
	churn=$!
fi
bpffs_before=$(find /sys/fs/bpf -mindepth 1 2>/dev/null)
things_before=$(things)

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

remove_others
while IFS= read -r thing; do
	in_use "$thing" || failed=$((failed + 1)) failures+=("left behind: $thing")
done < <(comm -13 <(printf '%s\n' "$things_before") <(things))

for failure in "${failures[@]}"; do printf 'FAILED %s\n' "$failure"; done
printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
