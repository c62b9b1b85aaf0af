#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Many loaders at once, and loaders of different builds: no report is wrong, no packet is judged by nobody.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() { net_teardown; }

# ---- fifty at once

# policy_of LETTER NUMBER [SOURCES]: a policy of eight rules for SYN+FIN, called by the letter, and 300 exempt sources in
# 10.NUMBER.0.0/16.
policy_of() {
	local i
	printf 'version: 1\npreset: none\nrules:\n'
	for i in {0..7}; do
		printf '  - {name: %s-%d, flags: "SYN,FIN/SYN,FIN", mode: enforce}\n' "$1" "$i"
	done
	printf 'exempt:\n  sources:\n'
	for ((i = 0; i < ${3:-300}; i++)); do
		printf '    - 10.%d.%d.%d\n' "$2" $((i / 100)) $((i % 100))
	done
}

@test "fifty loaders at once, and readers: no counter goes back, no report mixes policies, the sums agree" {
	policy_of a 1 >"$BATS_TEST_TMPDIR/a.yaml"
	policy_of b 2 >"$BATS_TEST_TMPDIR/b.yaml"
	ff attach s0 --policy "$BATS_TEST_TMPDIR/a.yaml"
	start_flood SF,A --pps 5000
	"$PYTHON" "$BATS_TEST_DIRNAME/races.py" "$FLAGFILTER" "$SERVER" s0 "$BATS_TEST_TMPDIR/a.yaml" \
		"$BATS_TEST_TMPDIR/b.yaml" 8
	stop_flood
	sums_agree
	[ "$(stats .frames.packets)" -ge "$CROSSED" ]
	equal "$(pins_of "$SERVER_ID" | wc -l)" 1 "pins"
	ff detach s0
	nothing_left
}

@test "fifty attach and detach at once: each says what it did, one filter or none is left" {
	local i pids=() left
	for i in {1..25}; do
		ff attach s0 >/dev/null 2>"$BATS_TEST_TMPDIR/attach.$i" &
		pids+=($!)
		ff detach s0 >/dev/null 2>"$BATS_TEST_TMPDIR/detach.$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || true; done
	# attach never fails but, in reading back what it did, for a detach that came right behind it
	cat "$BATS_TEST_TMPDIR"/*tach.* | sort | uniq -c
	run ! grep -hv -e 'not attached to s0' -e 'waiting for' "$BATS_TEST_TMPDIR"/attach.* "$BATS_TEST_TMPDIR"/detach.*
	left=$(pins_of "$SERVER_ID" | wc -l)
	[ "$left" -eq "$([ -n "$(xdp_id)" ] && echo 1 || echo 0)" ]
	ff attach s0
	ff detach s0
	nothing_left
}

@test "a reader that stands still at any step, while the policy changes twice: what it says is of one policy" {
	local name number=0 step command steps policies=$BATS_TEST_TMPDIR
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fault.c" -o "$BATS_TEST_TMPDIR/fault.so" -ldl
	for name in a b c; do policy_of "$name" $((++number)) 5 >"$policies/$name.yaml"; done
	cat >"$BATS_TEST_TMPDIR/twice" <<-SH
		"$FLAGFILTER" --netns $SERVER apply s0 "$policies/b.yaml" && "$FLAGFILTER" --netns $SERVER apply s0 "$policies/c.yaml"
	SH
	ff attach s0 --policy "$policies/a.yaml"
	send4 SF --count 20
	for command in save stats; do
		for ((step = 1; ; step++)); do
			ff apply s0 "$policies/a.yaml" >/dev/null
			: >"$BATS_TEST_TMPDIR/ran"
			FAULT_AT=$step FAULT="!sh $BATS_TEST_TMPDIR/twice >$BATS_TEST_TMPDIR/ran" \
				LD_PRELOAD=$BATS_TEST_TMPDIR/fault.so ff --json $command s0 >"$BATS_TEST_TMPDIR/said"
			[ -s "$BATS_TEST_TMPDIR/ran" ] || break
			jq -e '{a: "10.1.", b: "10.2.", c: "10.3."} as $network | (.rules[0].name[:1]) as $name |
				(([.rules[] | select(.name != "(removed)").name[:1]] | unique) == [$name] and
				(.exempt == null or (.exempt.sources | length == 5) and (.exempt.sources | all(startswith($network[$name]))))
				and (.frames == null or .frames.packets == .passed.packets + .dropped.packets)
				and (.dropped == null or .dropped.packets == ([.rules[].dropped.packets] | add)))' \
				"$BATS_TEST_TMPDIR/said" >/dev/null || {
				echo "$command, step $step: $(cat "$BATS_TEST_TMPDIR/said")"
				return 1
			}
		done
		steps+="$command $((step - 1)) "
	done
	echo "# steps: $steps" >&3
}

# ---- another build

# another_build NAME SED-EXPRESSION FILE: this tree with that change, in $BATS_FILE_TMPDIR/NAME, if not there yet.
another_build() {
	local dir=$BATS_FILE_TMPDIR/$1
	[ ! -x "$dir/build/flagfilter" ] || return 0
	mkdir -p "$dir"
	cp -r "$ROOT/Makefile" "$ROOT/vmlinux.h" "$ROOT/bpf" "$ROOT/include" "$ROOT/user" "$ROOT/tests" "$dir"
	sed -i "$2" "$dir/$3"
	! cmp -s "$dir/$3" "$ROOT/$3" || {
		echo "nothing to change in $3"
		return 1
	}
	make -j2 -C "$dir" VERSION=0.2.1 build/flagfilter
}

# A program that does the same, and one thing more.
newer_build() {
	another_build newer 's/^\treturn ff_judge(frame, NULL);/\t__u64 now = bpf_ktime_get_ns();\n\n\tasm volatile("" ::"r"(now));\n&/' \
		bpf/flagfilter.bpf.c
	NEWER=$BATS_FILE_TMPDIR/newer/build/flagfilter
}

# instructions: how long the program on s0 is.
instructions() { bpftool -j prog show id "$(xdp_id)" | jq .bytes_xlated; }

@test "a newer build takes the place of an older one under traffic: nothing illegal slips through, nothing honest is lost" {
	local i before honest='tcp flags & (fin|syn|rst|ack) == ack'
	need_tools bpftool
	newer_build
	ff attach --preset strict s0
	[ "$(ff --json status s0 | jq -r '.filters[0].attached')" = exclusive ] || skip "shared: see attach.bats"
	ff rule s0 rst-urg-no-ack=monitor
	before=$(instructions)
	count_at_server illegal "$SYN_FIN"
	in_s nft "add counter inet behind honest; add rule inet behind pre $honest counter name honest drop"
	start_flood SF,A --pps 8000
	wait_until 5 counted_more_than 1000 syn-fin
	for i in {1..10}; do
		"$NEWER" --netns "$SERVER" attach s0 >/dev/null
		[ "$(instructions)" -gt "$before" ]
		ff attach s0 >/dev/null
		equal "$(instructions)" "$before"
	done
	"$NEWER" --netns "$SERVER" attach s0 >/dev/null
	stop_flood
	equal "$(arrived illegal)" 0 "illegal segments that arrived"
	equal "$(($(count syn-fin dropped) + $(arrived honest)))" "$CROSSED" "dropped and honest ones that arrived"
	equal "$(mode rst-urg-no-ack)" monitor
	equal "$("$NEWER" --netns "$SERVER" --json stats s0 | jq .dropped.packets)" "$(count syn-fin dropped)"
	sums_agree
	echo "# $CROSSED frames, 21 replacements" >&3
}

@test "a build of another layout misreads nothing: every command says so in one line, with what to do" {
	local command id other=$BATS_FILE_TMPDIR/layout/build/flagfilter
	another_build layout 's/^#define FF_LAYOUT 0xff00000.u/#define FF_LAYOUT 0xff0000feu/' include/flagfilter.h
	ff attach --preset strict s0
	send4 SF --count 7
	id=$(xdp_id)
	printf 'version: 1\npreset: none\n' >"$BATS_TEST_TMPDIR/policy.yaml"
	while read -r command; do
		# shellcheck disable=SC2086 # words on purpose
		run -1 --separate-stderr "$other" --netns "$SERVER" $command
		one_line "another version" "detach IF" || {
			echo "$command"
			return 1
		}
	done < <(calls_but "confirm detach doctor" IF=s0 "FILE=$BATS_TEST_TMPDIR/policy.yaml" && printf '%s\n' "attach s0 --preset none" \
		"--json stats s0" "stats s0 --watch" "rule s0 syn-fin=off" "rule s0 del syn-fin" "status s0 --cost 0.1" \
		"exempt s0 add 80" "apply s0 $BATS_TEST_TMPDIR/policy.yaml --confirm 60" "matrix s0 --preset none")
	equal "$(xdp_id)" "$id"
	equal "$(count syn-fin dropped)" 7
	# what it offers works: detach by the other build, attach anew, counting from zero
	"$other" --netns "$SERVER" detach s0
	nothing_left
	"$other" --netns "$SERVER" attach s0
	equal "$("$other" --netns "$SERVER" --json stats s0 | jq .dropped.packets)" 0
	run -1 --separate-stderr ff stats s0
	one_line "another version" "detach IF"
	"$other" --netns "$SERVER" detach s0
	nothing_left
}
