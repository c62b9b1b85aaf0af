#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The loader fails at any step: killed there, or refused what it asks for.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() {
	net_setup_file
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fault.c" -o "$BATS_FILE_TMPDIR/fault.so" -ldl
}

setup() { net_setup; }
teardown() { net_teardown; }

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

@test "attach without memory at every step" { every_step attach ENOMEM; }
@test "attach again without memory at every step" { every_step replace ENOMEM; }
@test "rule without memory at every step" { every_step rule ENOMEM; }
@test "apply without memory at every step" { every_step apply ENOMEM; }
@test "detach without memory at every step" { every_step detach ENOMEM; }
