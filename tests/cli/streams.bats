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

# What stands for what: nothing of a terminal's language, nothing that turns, hides or breaks the line.
UNCLEAN=(
	$'\e' $'\r' $'\n' $'\x7f' $'\xff' $'\u0080' $'\u009b' $'\u00ad' $'\u061c' $'\u115f' $'\u180e' $'\u200b' $'\u200f'
	$'\u2028' $'\u2029' $'\u202e' $'\u2060' $'\u2066' $'\u2069' $'\u3164' $'\ue000' $'\ufeff' $'\ufff9' $'\uffff'
	$'\U0001d173' $'\U000e0041' $'\U000e0100' $'\U000f0000' $'\U0010ffff'
)

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
