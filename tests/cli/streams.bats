#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The three descriptors that a process is given, closed or not; and what comes from outside and is printed on them.

# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
bats_require_minimum_version 1.5.0

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	FLAGFILTER=${FLAGFILTER:-$ROOT/build/flagfilter}
	cd "$BATS_TEST_TMPDIR" || return 1
	printf 'version: 1\n' >policy.yaml
	# A capture without frames: magic, version 2.4, zone, accuracy, snaplen 65535, Ethernet.
	printf '\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0' >empty.pcap
}

@test "with any of descriptors 0 to 2 closed, no file takes their place, and to write where nothing is fails" {
	export ASAN_OPTIONS=detect_leaks=0 # it would trace the process that strace traces
	local call closed expected usual
	printf 'version: [' >broken.yaml
	sha256sum -- *.yaml *.pcap >before
	for call in "check policy.yaml" "check broken.yaml" "explain SF --policy policy.yaml" "replay empty.pcap" \
		"replay nowhere" "attach no-such-if --policy policy.yaml" "check" "-v status no-such-if"; do
		usual=0
		# shellcheck disable=SC2086 # words
		"$FLAGFILTER" $call >out 2>err </dev/null || usual=$?
		for closed in 0 1 2 01 02 12 012; do
			expected=$usual
			[[ $closed != *1* || ! -s out ]] || expected=1
			echo "$call: $closed"
			run -"$expected" strace -qq -o trace -e trace=openat,write,writev bash -c \
				"exec $(sed 's/0/<\&- /; s/1/>\&- /; s/2/2>\&- /' <<<"$closed") '$FLAGFILTER' $call"
			run ! grep -E '"(policy.yaml|broken.yaml|empty.pcap)".* = [0-2]$' trace
			run ! grep -E "writev?\([$closed],.* = [0-9]" trace
		done
	done
	sha256sum -c --quiet before
}

@test "standard input that is closed is no empty file" {
	run -1 --separate-stderr bash -c "'$FLAGFILTER' check - <&-"
	[ "$stderr" = "flagfilter: <stdin>: Bad file descriptor" ]
}

# What stands for what: nothing of a terminal's language, nothing that turns, hides or breaks the line.
UNCLEAN=(
	$'\e' $'\r' $'\n' $'\x7f' $'\xff' $'\u0080' $'\u009b' $'\u00ad' $'\u061c' $'\u115f' $'\u180e' $'\u200b' $'\u200f'
	$'\u2028' $'\u2029' $'\u202e' $'\u2060' $'\u2066' $'\u2069' $'\u3164' $'\ue000' $'\ufeff' $'\ufff9' $'\uffff'
	$'\U0001d173' $'\U000e0041' $'\U000e0100' $'\U000f0000' $'\U0010ffff'
)

@test "unknown options and commands, and the names of files, are printed clean and on one line" {
	local each call
	for each in "${UNCLEAN[@]}"; do
		for call in "x${each}y" "--x${each}y" "check --x${each}y" "check -$each" "check nowhere${each}y" "explain x${each}y" \
			"--netns x${each}y status" "replay nowhere${each}y" "check policy.yaml y${each}y" "--json=x${each}y" \
			"explain SF --preset x${each}y" "replay policy.yaml --engine x${each}y" "doctor x${each}y"; do
			[ "$call" != $'check -\xff' ] || continue # glibc takes that for -?
			mapfile -td ' ' words < <(printf %s "$call")
			run --separate-stderr "$FLAGFILTER" "${words[@]}"
			[ "$status" -gt 0 ] || { printf "%q\n" "$call" && false; }
			[[ $each == $'\n' || $stderr != *"$each"* ]] || { printf '%q: %q\n' "$call" "$stderr" && false; }
			[ "$(grep -cv '^Try `flagfilter' <<<"$stderr")" -eq 1 ] || { printf '%q: %q\n' "$call" "$stderr" && false; }
		done
	done
}

@test "labels of policies are clean in JSON as they are in text, and what is text stays" {
	local each
	for each in "${UNCLEAN[@]}"; do
		cp policy.yaml "a${each}b.yaml"
		run -0 --separate-stderr "$FLAGFILTER" --json check "a${each}b.yaml"
		[[ $(jq -r .policy <<<"$output") =~ ^a\?+b\.yaml$ ]] || { printf '%q: %q\n' "$each" "$output" && false; }
		run -0 --separate-stderr "$FLAGFILTER" --json replay empty.pcap --policy "a${each}b.yaml"
		[[ $(jq -r .policy <<<"$output") =~ ^a\?+b\.yaml$ ]] || { printf '%q: %q\n' "$each" "$output" && false; }
	done
	cp policy.yaml $'é漢🙂\u0301.yaml'
	[ "$("$FLAGFILTER" --json check $'é漢🙂\u0301.yaml' | jq -r .policy)" = $'é漢🙂\u0301.yaml' ]
}
