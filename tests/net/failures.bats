#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The loader fails at any step: killed there, or refused what it asks for.

# shellcheck disable=SC2154 # stderr, stderr_lines: bats sets them
bats_require_minimum_version 1.5.0
load lib.bash

setup_file() {
	net_setup_file
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fault.c" -o "$BATS_FILE_TMPDIR/fault.so" -ldl
}

setup() { net_setup; }
teardown() {
	[ ! -d "$MEMORY" ] || rmdir "$MEMORY"
	net_teardown
}

MEMORY=/sys/fs/cgroup/memory/ff-$$ # made by the test that needs it

# every_step COMMAND FAULT: see every_step.py.
every_step() {
	need_tools bpftool
	ATTACKER=$ATTACKER SERVER=$SERVER FAULT_SO=$BATS_FILE_TMPDIR/fault.so \
		"$PYTHON" "$BATS_TEST_DIRNAME/every_step.py" "$@"
	nothing_left
}

# ---- at every step, the interface is as before or as after, and the next command works

@test "attach killed at every step" { every_step attach kill; }
@test "attach again killed at every step" { every_step replace kill; }
@test "rule killed at every step" { every_step rule kill; }
@test "apply killed at every step" { every_step apply kill; }
@test "detach killed at every step" { every_step detach kill; }

# A failed attach also asks the doctor: all steps of it take minutes (STRIDE=1).
@test "attach without memory at every fifth step" { STRIDE=${STRIDE:-5} every_step attach ENOMEM; }
@test "attach again without memory at every fifth step" { STRIDE=${STRIDE:-5} every_step replace ENOMEM; }
@test "rule without memory at every step" { every_step rule ENOMEM; }
@test "apply without memory at every step" { every_step apply ENOMEM; }
@test "detach without memory at every step" { every_step detach ENOMEM; }

@test "attach without memory for what libbpf asks of the kernel: the line does not blame the network card" {
	local create=0 load=5 command step refused=0
	for command in "$create" "$load"; do
		for step in {1..10}; do
			FAULT_AT=$step FAULT=ENOMEM FAULT_BPF=$command LD_PRELOAD=$BATS_FILE_TMPDIR/fault.so LIBXDP_SKIP_DISPATCHER=1 \
				run --separate-stderr ff attach s0
			ff detach --all
			[ "$status" -ne 0 ] || continue
			refused=$((refused + 1))
			explained_line ""
			[[ ${stderr_lines[0]} == *"Cannot allocate memory"* || ${stderr_lines[0]} == *"does not load"*"try again" ]]
		done
	done
	[ "$refused" -ge 2 ]
}

@test "attach in a control group with too little memory for the maps: one line, nothing left, and with enough it works" {
	local limit said told=0 tried=0
	[ -w "${MEMORY%/*}/memory.oom_control" ] || skip "no memory control groups of version 1"
	mkdir "$MEMORY"
	echo 1 >"$MEMORY/memory.oom_control" # refuse memory, and kill nobody for it
	for limit in 64 192 320 128 256 384 96 224; do
		[ "$told" -eq 0 ] || [ "$tried" -lt 3 ] || break # all may wait; then others have to say it
		tried=$((tried + 1))
		echo "${limit}K" >"$MEMORY/memory.limit_in_bytes"
		# Who needs a page for himself all the same waits for it without end.
		FAULT_AT=1 FAULT=$MEMORY/cgroup.procs FAULT_BPF=0 LD_PRELOAD=$BATS_FILE_TMPDIR/fault.so \
			run --separate-stderr timeout -s KILL 2 "$FLAGFILTER" --netns "$SERVER" attach s0
		echo "$limit KiB: status $status, $stderr"
		[ "$status" -ne 0 ]
		equal "$(xdp_id)" ""
		# ... or has not even one for its line, where that goes to a file.
		[ "$status" -eq 137 ] || [ -z "$stderr" ] || {
			said=${stderr_lines[0]}
			explained_line "cannot attach to s0"
			[[ $said == *"Cannot allocate memory" || $said == *"does not load"*"where memory is short, try again" ]]
			told=$((told + 1))
		}
		ff detach --all
		nothing_left
	done
	[ "$told" -gt 0 ]
	echo 8M >"$MEMORY/memory.limit_in_bytes"
	FAULT_AT=1 FAULT=$MEMORY/cgroup.procs FAULT_BPF=0 LD_PRELOAD=$BATS_FILE_TMPDIR/fault.so ff attach s0
	ff detach s0
	nothing_left
}

# ---- where it cannot work

# in_mounts SCRIPT: in the server's network namespace, with a mount namespace of its own.
in_mounts() { in_s unshare --mount --propagation private sh -c "$1"; }

@test "a BPF filesystem that is read-only: one line that says so, nothing attached" {
	run -1 --separate-stderr in_mounts "mount -t bpf -o mode=700 bpf /sys/fs/bpf && mount -o remount,ro /sys/fs/bpf && $FLAGFILTER attach s0"
	one_line /sys/fs/bpf/flagfilter "Read-only"
	equal "$(xdp_id)" ""
}

@test "no BPF filesystem: one line that says how to mount it" {
	run -1 --separate-stderr in_mounts "mount -t tmpfs none /sys/fs/bpf && $FLAGFILTER attach s0"
	one_line "mount -t bpf -o mode=700 bpf /sys/fs/bpf"
	equal "$(xdp_id)" ""
}

@test "locked memory on a kernel that counts it: the line says what to raise" {
	need_tools setarch
	ff attach s0
	said=$(ulimit -l 64 && FAULT_AT=1 FAULT=EPERM FAULT_BPF=0 LD_PRELOAD=$BATS_FILE_TMPDIR/fault.so \
		setarch --uname-2.6 "$FLAGFILTER" --netns "$SERVER" rule s0 syn-fin=off 2>&1 >/dev/null) || true
	echo "$said"
	[[ $said == "flagfilter: "*"locked memory"*"ulimit -l unlimited"* && $said != *$'\n'* ]]
	equal "$(mode syn-fin)" enforce
}

# Every command but top, which wants a terminal: in several ways those that are written here, the others as they are called.
REPORTS=("status" "status s0" "status s0 --cost 0.1" "stats s0" "stats s0 --watch=0.05 --count=3" "rule s0" "rule s0 syn-fin=off"
	"exempt s0" "exempt s0 add 80" "matrix s0" "matrix s0 --preset none"
	"report s0 --seconds 1" "offenders s0 --seconds 1" "capture s0 --count 1"
	"replay CAPTURE" "replay CAPTURE --verdicts" "replay CAPTURE --summary")
mapfile -t others < <(calls IF=s0 FILE=POLICY CAPTURE=CAPTURE FLAGS=SF |
	grep -vE "^($(printf '%s\n' "${REPORTS[@]%% *}" top attach detach | sort -u | paste -sd'|')) ")
REPORTS+=("${others[@]}" "attach s0" "detach --all")

# ready_for COMMAND: sets COMMAND to it with its files, and the stage for it.
ready_for() {
	local files=$BATS_TEST_TMPDIR
	COMMAND=${1/POLICY/$files/policy.yaml} COMMAND=${COMMAND/CAPTURE/$files/capture.pcapng}
	if [ ! -e "$files/policy.yaml" ]; then
		printf 'version: 1\npreset: strict\n' >"$files/policy.yaml"
		ff attach s0
		start_flood SF --pps 1000
		ff capture s0 --count 10 --write "$files/capture.pcapng"
	fi
	ff attach s0 --preset default >/dev/null
	[ "$1" != "confirm s0" ] || ff rule s0 syn-rst=off --confirm 60 >/dev/null
}

@test "the following two try every command" {
	equal "$(printf '%s\n' "${REPORTS[@]%% *}" top | sort -u)" \
		"$(commands | sort)"
}

@test "a full disk: every command that reports says in one line that it could not, exit 1" {
	local command json
	[ -w /dev/full ] || skip "no /dev/full"
	for command in "${REPORTS[@]}"; do
		for json in "" "--json"; do
			ready_for "$command"
			run -1 --separate-stderr eval "ff $json $COMMAND >/dev/full"
			mapfile -t stderr_lines < <(printf '%s\n' "${stderr_lines[@]}" | grep -v ' packets seen, ') # capture's last
			one_line "No space left" || {
				echo "$json $command"
				return 1
			}
		done
	done
	stop_flood
}

@test "a closed pipe: every command that reports ends by SIGPIPE, or where that is ignored with one line, exit 1" {
	local command
	closed() { # IGNORED-OR-NOT ARG...: exit status and stderr, with nobody at the other end of stdout
		"$PYTHON" - "$FLAGFILTER" --netns "$SERVER" "$@" <<-'PY'
			import os, signal, subprocess, sys
			binary, netns, name, ignore, *rest = sys.argv[1:]
			reader, writer = os.pipe()
			os.close(reader)
			done = subprocess.run([binary, netns, name, *rest], stdout=writer, stderr=subprocess.PIPE, text=True,
			                      restore_signals=False, preexec_fn=lambda: signal.signal(
			                          signal.SIGPIPE, signal.SIG_IGN if ignore == "ignore" else signal.SIG_DFL))
			said = [line for line in done.stderr.splitlines() if " packets seen, " not in line]
			print(done.returncode, "\n".join(said))
		PY
	}
	for command in "${REPORTS[@]}"; do
		ready_for "$command"
		# shellcheck disable=SC2086 # words on purpose
		equal "$(closed default $COMMAND)" "-13 " "$command"
		ready_for "$command"
		# shellcheck disable=SC2086 # words on purpose
		equal "$(closed ignore $COMMAND)" "1 flagfilter: cannot write the output: Broken pipe" "$command"
	done
	stop_flood
}
