#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What check, explain and replay may still do when they parse what others wrote: nothing but go on.

# shellcheck disable=SC2016 # what another shell expands
bats_require_minimum_version 1.5.0

setup_file() {
	ROOT=$BATS_TEST_DIRNAME/../..
	FLAGFILTER=${FLAGFILTER:-$ROOT/build/flagfilter}
	FRAMES=$ROOT/build/tests/frames
	export ROOT FLAGFILTER FRAMES
	[ -e "$FRAMES.expected" ] || { mkdir -p "${FRAMES%/*}" && "$ROOT/tests/frames/make_frames.py" "$FRAMES"; }
	cc -D_GNU_SOURCE -shared -fPIC "$ROOT/tests/cli/hostile.c" -o "$BATS_FILE_TMPDIR/hostile.so"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	[[ $("$FLAGFILTER" -v explain SF 2>&1) != *"this build has none"* ]] || skip "this build has no sandbox"
	printf 'version: 1\nrules:\n  - {name: mine, flags: URG/URG, mode: enforce}\n' >policy.yaml
}

teardown() {
	[ -z "${waiting-}" ] || kill "$waiting" 2>/dev/null || true
}

as_root() { [ "$(id -u)" -eq 0 ] || skip "needs root"; }

# taken_over COMMAND...: with a parser that has been taken over, the kernel answers EPERM whatever it tries.
taken_over() {
	run -0 env LD_PRELOAD="$BATS_FILE_TMPDIR/hostile.so" "$@"
	[ "${#lines[@]}" -eq 25 ]
	run -1 grep -v ': Operation not permitted$' <<<"$output"
}

# parsing COMMAND...: starts a command that waits for the first byte of the FIFO "fifo", and waits until it does.
parsing() {
	rm -f fifo && mkfifo fifo
	exec 9<>fifo
	"$@" >out 2>err 9>&- &
	waiting=$!
	for _ in {1..500}; do
		[[ "$(status Name) $(status State) $(status NoNewPrivs)" != "flagfilter S (sleeping) 1" ]] || return 0
		sleep 0.01
	done
	cat err
	return 1
}

# status FIELD: what /proc says of the command that waits.
status() { awk -F':\t' -v field="$1" '$1 == field { gsub("\t", " ", $2); print $2 }' "/proc/$waiting/status"; }

# go_on FILE: hands the command that waits what it waits for, and returns its status.
go_on() {
	local status=0
	cat "$1" >&9
	exec 9>&-
	wait "$waiting" || status=$?
	waiting=
	return $status
}

nothing_left() {
	local set
	for set in CapInh CapPrm CapEff CapAmb; do
		[ "$(status $set)" = "${1:-0000000000000000}" ] || [ "$(status $set)" = 0000000000000000 ]
	done
	[ "$(status NoNewPrivs)" = 1 ]
	[ "$(status Seccomp)" = "${2:-2}" ]
}

nobody() {
	[ "$(status Uid)" = "65534 65534 65534 65534" ]
	[ "$(status Gid)" = "65534 65534 65534 65534" ]
	[ -z "$(status Groups | tr -d ' ')" ]
	[ "$(status CapBnd)" = 0000000000000000 ]
}

@test "a parser that has been taken over can open, execute, connect, signal and trace nothing" {
	taken_over "$FLAGFILTER" check policy.yaml
	taken_over "$FLAGFILTER" explain SF --policy policy.yaml
	taken_over "$FLAGFILTER" replay "$FRAMES.pcap"
	taken_over "$FLAGFILTER" replay "$FRAMES.pcap" --policy policy.yaml --summary
	[ "$(id -u)" -ne 0 ] || taken_over "$FLAGFILTER" replay "$FRAMES.pcap" --engine kernel
}

@test "as root: nobody, without groups, capabilities and new privileges, under seccomp, before the first byte" {
	as_root
	parsing "$FLAGFILTER" replay fifo
	nobody
	nothing_left
	go_on "$FRAMES.pcap"
	diff out <("$FLAGFILTER" replay "$FRAMES.pcap" | sed '1s/^[^:]*:/fifo:/')
	parsing "$FLAGFILTER" check fifo
	nobody
	nothing_left
	go_on policy.yaml
	parsing "$FLAGFILTER" explain SF --policy fifo
	nobody
	nothing_left
	go_on policy.yaml
}

@test "standard input alike, and a policy as well as a capture from it" {
	parsing bash -c 'exec "$0" check - <fifo' "$FLAGFILTER"
	nothing_left
	go_on policy.yaml
	grep -q '^<stdin>: valid' out
	parsing bash -c 'exec "$0" --json replay "$1" --policy - <fifo' "$FLAGFILTER" "$FRAMES.pcap"
	nothing_left
	go_on policy.yaml
	diff out <("$FLAGFILTER" --json replay "$FRAMES.pcap" --policy - <policy.yaml)
	parsing bash -c 'exec "$0" replay - <fifo' "$FLAGFILTER"
	nothing_left
	go_on "$FRAMES.pcap"
}

@test "the kernel engine keeps descriptors alone, and before Linux 5.19 CAP_BPF" {
	as_root
	local bpf=
	[ "$(uname -r | awk -F. '{ print $1 * 100 + $2 }')" -ge 519 ] || bpf=0000008000000000
	"$FLAGFILTER" replay "$FRAMES.pcap" --engine kernel >/dev/null 2>&1 || skip "the kernel engine does not run here"
	parsing "$FLAGFILTER" --json replay fifo --engine kernel --policy policy.yaml
	nobody
	nothing_left $bpf
	go_on "$FRAMES.pcap"
	[ "$(jq .engine out)" = '"kernel"' ]
	diff <(jq 'del(.engine, .capture, .judged_natively)' out) \
		<("$FLAGFILTER" --json replay "$FRAMES.pcap" --policy policy.yaml | jq 'del(.engine, .capture)')
}

@test "who is not root stays who he is, under seccomp and without new privileges" {
	local user=(env)
	[ "$(id -u)" -ne 0 ] || user=(setpriv --reuid=61234 --regid=61234 --clear-groups)
	"${user[@]}" "$FLAGFILTER" explain SF || skip "another user cannot reach what was built here"
	parsing bash -c 'exec "$@" replay - <fifo' _ "${user[@]}" "$FLAGFILTER"
	[ "$(status Uid)" != "65534 65534 65534 65534" ]
	nothing_left
	go_on "$FRAMES.pcap"
}

@test "where nobody is no user of this namespace: seccomp, and no capabilities" {
	unshare --user --map-root-user true 2>/dev/null || skip "no user namespaces here"
	parsing unshare --user --map-root-user "$FLAGFILTER" check fifo
	nothing_left
	go_on policy.yaml
	grep -q '^fifo: valid' out
	run -0 unshare --user --map-root-user "$FLAGFILTER" -v explain SF
	[ "${lines[0]}" = "flagfilter: goes on without another user than root" ]
}

@test "where seccomp is refused: the rest is given up all the same, and -v says so" {
	parsing "$ROOT/tests/cli/no_seccomp.py" "$FLAGFILTER" -v replay fifo
	nothing_left "" 2 # the one that refuses
	[ "$(id -u)" -ne 0 ] || nobody
	go_on "$FRAMES.pcap"
	[ "$(cat err)" = "flagfilter: goes on without seccomp" ]
	diff out <("$FLAGFILTER" replay "$FRAMES.pcap" | sed '1s/^[^:]*:/fifo:/')
}
