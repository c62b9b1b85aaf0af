#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Every fuzz target for its share of FUZZ_SECONDS, two at a time, then as root the parser's against the kernel's engine.
# Speaks TAP. Starts from tests/fuzz/corpus and from what earlier runs found; finds go to build/fuzz/corpus and crashes,
# which are what fails, to build/fuzz/crash.
set -u
cd "$(dirname "$0")/../.." || exit 1

# Shares of FUZZ_SECONDS in percent, in two lanes. The parser is what everyone can reach.
lanes=("frame 65 flags 25" "policy 50 capture 40")
kernel_share=10
out=build/fuzz seeds=tests/fuzz/corpus
seconds=${FUZZ_SECONDS:-60}
# FLAGS and arguments are short, frames are as long as every kernel takes; libFuzzer stops a run that takes 10 s.
declare -A length=([frame]=2048 [policy]=4096 [capture]=8192 [flags]=512)
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1

# fuzz TARGET SHARE [LOG]
fuzz() {
	local target=$1 share=$2 log=$out/${3:-$1} options=()
	mkdir -p "$out/corpus/$target" "$out/crash"
	[ -e "tests/fuzz/$target.dict" ] && options+=(-dict="tests/fuzz/$target.dict")
	"$out/$target" -max_total_time=$((seconds * share / 100 + 1)) -max_len="${length[$target]}" -timeout=10 \
		-rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$out/crash/$target-" "${options[@]}" \
		"$out/corpus/$target" "$seeds/$target" >"$log.log" 2>&1
	echo $? >"$log.status"
}

lane() {
	while [ $# -gt 0 ]; do
		fuzz "$1" "$2"
		shift 2
	done
}

# result NUMBER LOG TEXT
result() {
	local inputs
	inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$2.log")
	if [ "$(cat "$out/$2.status")" -eq 0 ]; then
		printf 'ok %d - %s: %d inputs\n' "$1" "$3" "$inputs"
	else
		printf 'not ok %d - %s\n' "$1" "$3"
		tail -n 60 "$out/$2.log" | sed 's/^/# /'
	fi
}

rm -f "$out"/*.status "$out"/*.log
for lane in "${lanes[@]}"; do
	# shellcheck disable=SC2086 # words
	lane $lane &
done
wait
[ "$(id -u)" -ne 0 ] || FUZZ_ENGINE=kernel fuzz frame $kernel_share kernel

{
	echo 1..5
	result 1 frame "fuzz the parser and the judge"
	result 2 policy "fuzz the policy file"
	result 3 capture "fuzz the capture reader"
	result 4 flags "fuzz FLAGS and the arguments of rule"
	if [ -e "$out/kernel.log" ]; then
		result 5 kernel "fuzz the parser, the kernel judges alike"
	else
		echo "ok 5 - fuzz the parser, the kernel judges alike # skip needs root"
	fi
} | tee "$out/summary"
! grep -q '^not ok' "$out/summary"
