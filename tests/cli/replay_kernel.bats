#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# replay, kernel engine: the program in the running kernel says of every frame what the native engine says. Needs root.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # $1 is for the inner shell; output, stderr and lines are what run sets

bats_require_minimum_version 1.5.0

ROOT="$BATS_TEST_DIRNAME/../.."
FLAGFILTER="${FLAGFILTER:-$ROOT/build/flagfilter}"
FRAMES="$ROOT/build/tests/frames"

setup_file() {
	local maker="$BATS_TEST_DIRNAME/../frames/make_frames.py"

	[ "$(id -u)" -eq 0 ] || skip "needs root"
	mkdir -p "${FRAMES%/*}"
	[[ $FRAMES.expected -nt $maker && $FRAMES.expected -nt $ROOT/docs/contract.md ]] || "$maker" "$FRAMES"
}

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

# Both engines, with these options, on capture $1: the same verdicts, and the same report but for who judged.
expect_agreement() {
	local engine capture="$1"
	shift
	for engine in native kernel; do
		"$FLAGFILTER" replay "$capture" "$@" --engine "$engine" --verdicts >"$BATS_TEST_TMPDIR/$engine"
		"$FLAGFILTER" --json replay "$capture" "$@" --engine "$engine" >"$BATS_TEST_TMPDIR/$engine.json"
	done
	[ -s "$BATS_TEST_TMPDIR/native" ]
	cmp "$BATS_TEST_TMPDIR/native" "$BATS_TEST_TMPDIR/kernel"
	/usr/bin/python3 - "$BATS_TEST_TMPDIR/native.json" "$BATS_TEST_TMPDIR/kernel.json" <<-'PYTHON'
		import json, sys

		native, kernel = (json.load(open(path)) for path in sys.argv[1:])
		assert native.pop("engine") == "native" and kernel.pop("engine") == "kernel"
		assert kernel.pop("judged_natively") < kernel["frames"]["packets"] / 10
		assert native == kernel, (native, kernel)
	PYTHON
}

@test "both engines agree on every frame: preset none" {
	expect_agreement "$FRAMES.pcap" --preset none
}

@test "both engines agree on every frame: preset default" {
	expect_agreement "$FRAMES.pcap" --preset default
}

@test "both engines agree on every frame: preset strict" {
	expect_agreement "$FRAMES.pcap" --preset strict
}

@test "both engines agree on every frame: preset conntrack" {
	expect_agreement "$FRAMES.pcap" --preset conntrack
}

@test "both engines agree on every frame: monitors, named classes, exempt sources and ports" {
	cat >"$BATS_TEST_TMPDIR/policy.yaml" <<-EOF
		version: 1
		preset: conntrack
		rules:
		  - name: syn-fin
		    mode: monitor
		  - name: rst-fin
		    mode: off
		  - name: truncated
		    mode: enforce
		  - name: malformed
		    mode: enforce
		  - name: vlan-depth
		    mode: monitor
		  - name: fragment
		    mode: enforce
		  - name: runt
		    mode: enforce
		  - name: cwr
		    flags: CWR/CWR
		    mode: enforce
		exempt:
		  sources: [192.0.2.0/31, "2001:db8::/33"]
		  ports: [3, 80]
	EOF
	expect_agreement "$FRAMES.pcap" --policy "$BATS_TEST_TMPDIR/policy.yaml"
	grep -q $'\twould-drop\tsyn-fin$' "$BATS_TEST_TMPDIR/kernel"
	grep -q $'\tpass\tcwr$' "$BATS_TEST_TMPDIR/kernel"
	grep -q $'\tdrop\tmalformed$' "$BATS_TEST_TMPDIR/kernel"
}

# Here the exempt sources are others: what passes does so by its port.
@test "both engines agree on every frame: exempt ports alone" {
	cat >"$BATS_TEST_TMPDIR/policy.yaml" <<-EOF
		version: 1
		preset: strict
		rules:
		  - name: truncated
		    mode: enforce
		exempt:
		  sources: [192.0.2.128/25, "2001:db8:8000::/33"]
		  ports: [443]
	EOF
	expect_agreement "$FRAMES.pcap" --policy "$BATS_TEST_TMPDIR/policy.yaml"
	grep -q $'\tpass\tsyn-fin$' "$BATS_TEST_TMPDIR/kernel"
	grep -q $'\tpass\ttiny-fragment$' "$BATS_TEST_TMPDIR/kernel"
	grep -q $'\tdrop\ttiny-fragment$' "$BATS_TEST_TMPDIR/kernel"
}

@test "both engines agree on every frame of each other link type" {
	local type
	"$BATS_TEST_DIRNAME/../frames/make_captures.py" "$FRAMES" "$BATS_TEST_TMPDIR"
	cat >"$BATS_TEST_TMPDIR/policy.yaml" <<-EOF
		version: 1
		preset: strict
		rules:
		  - {name: syn-fin, mode: monitor}
		exempt:
		  ports: [443]
	EOF
	for type in LINUX_SLL LINUX_SLL2 RAW IPV4 IPV6 NULL LOOP; do
		expect_agreement "$BATS_TEST_TMPDIR/$type.pcap"
		expect_agreement "$BATS_TEST_TMPDIR/$type.pcap" --policy "$BATS_TEST_TMPDIR/policy.yaml"
	done
}

@test "frames the kernel takes none of are judged natively, and that is said" {
	run -0 --separate-stderr "$FLAGFILTER" replay "$FRAMES.pcap" --engine kernel
	[[ $stderr =~ ^"flagfilter: the kernel engine takes no frames of this size, judged natively: "[0-9]+" of "[0-9]+$ ]]
	[[ ${lines[0]} == *", kernel engine" ]]
}

@test "the kernel engine leaves nothing behind" {
	command -v bpftool >/dev/null || PATH="$PATH:/usr/sbin"
	command -v bpftool >/dev/null || skip "no bpftool"
	cc -shared -fPIC -O2 "$ROOT/tests/net/fault.c" -o "$BATS_TEST_TMPDIR/fault.so" -ldl
	FAULT_LOG=$BATS_TEST_TMPDIR/made LD_PRELOAD=$BATS_TEST_TMPDIR/fault.so \
		"$FLAGFILTER" replay "$FRAMES.pcap" --engine kernel >/dev/null 2>&1
	/usr/bin/python3 -B "$ROOT/tests/net/left_behind.py" "$BATS_TEST_TMPDIR/made"
}

@test "without root the kernel engine fails in one line" {
	cp "$FLAGFILTER" "$FRAMES-known.pcap" "$BATS_TEST_TMPDIR"
	chmod -R a+rX "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	run -1 --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all -- \
		./flagfilter replay - --engine kernel <frames-known.pcap
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"needs CAP_BPF and CAP_NET_ADMIN and CAP_PERFMON, which root has"* ]]
}
