#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The commands that need no root under valgrind: no bad access, nothing uninitialised, nothing lost. Some at once: valgrind
# takes a second to start.

bats_require_minimum_version 1.5.0

setup_file() {
	command -v valgrind >/dev/null || skip "valgrind is not installed"
	FLAGFILTER=$BATS_TEST_DIRNAME/../../build/unconfined/flagfilter
	FRAMES=$BATS_TEST_DIRNAME/../../build/tests/frames
	export FLAGFILTER FRAMES
	[ -e "$FRAMES.expected" ] || { mkdir -p "${FRAMES%/*}" && "$BATS_TEST_DIRNAME/../frames/make_frames.py" "$FRAMES"; }
}

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

# clean STATUS ARG...: ends with that status, and valgrind has no word to say.
clean() {
	local status=0
	valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
		--log-file="$BATS_TEST_TMPDIR/log.%p" "$FLAGFILTER" "${@:2}" >/dev/null 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
	[ "$status" -eq "$1" ] || {
		echo "${*:2}: status $status, not $1"
		cat "$BATS_TEST_TMPDIR"/stderr "$BATS_TEST_TMPDIR"/log.*
		return 1
	}
}

policy() { printf '%s\n' 'version: 1' "$@" >policy.yaml; }

@test "valgrind: check, of policies and of mistakes" {
	policy 'preset: conntrack' 'rules:' '  - {name: mine, flags: URG/URG, mode: monitor}' 'exempt:' \
		'  sources: [192.0.2.0/24, "2001:db8::/32"]' '  ports: [8443]'
	clean 0 check policy.yaml
	clean 0 --json check policy.yaml
	policy 'rules:' '  - {name: mine, flags: SIN/URG, mode: monitor}'
	clean 2 check policy.yaml
	printf 'version: [1\n' >policy.yaml
	clean 2 check policy.yaml
	clean 1 check nowhere.yaml
}

@test "valgrind: explain" {
	policy 'rules:' '  - {name: mine, flags: URG/URG, mode: monitor}' 'exempt:' '  ports: [8443]'
	clean 0 explain SF
	clean 0 --json explain UA --policy policy.yaml
	clean 2 explain SIN
}

@test "valgrind: replay, pcap and pcapng, report and verdicts, and a capture that breaks off" {
	head -c 150000 "$FRAMES.pcap" >broken.pcap
	clean 1 replay broken.pcap --preset strict
	clean 1 --json replay broken.pcap
	head -c 150000 "$FRAMES.pcapng" >broken.pcapng
	clean 1 replay broken.pcapng --verdicts
	clean 1 replay "$FRAMES.expected"
}

@test "valgrind: help, and arguments that are wrong" {
	clean 0 --help
	clean 0 stats --help
	clean 2
	clean 2 frobnicate
	clean 2 attach
	clean 2 replay broken.pcap --engine steam
}
