#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A look that fails is not taken for absence: each command with each error at its steps, and where pins cannot be seen.
#
#	ERRORS_STRIDE=1 MATRIX=FILE bats tests/net/errors.bats	(`make errors`) at each step; what each said goes to FILE

# shellcheck disable=SC2154,SC2030,SC2031 # status, stderr, stderr_lines: bats sets them, in each test its own
bats_require_minimum_version 1.5.0
load lib.bash

setup_file() {
	net_setup_file
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fault.c" -o "$BATS_FILE_TMPDIR/fault.so" -ldl
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fast_clock.c" -o "$BATS_FILE_TMPDIR/fast_clock.so" -ldl
}

setup() {
	net_setup
	in_s ip link set lo up
	ff attach s0 --preset strict >/dev/null
}
teardown() { net_teardown; }

# errors STRIDE KIND: see errors.py.
errors() {
	FAULT_SO=$BATS_FILE_TMPDIR/fault.so FAST_SO=$BATS_FILE_TMPDIR/fast_clock.so SERVER=$SERVER \
		STRIDE=${ERRORS_STRIDE:-$1} "$PYTHON" "$BATS_TEST_DIRNAME/errors.py" "$2" >"$BATS_TEST_TMPDIR/matrix" ||
		{ cat "$BATS_TEST_TMPDIR/matrix" && return 1; }
	cat "$BATS_TEST_TMPDIR/matrix" >&3
}

@test "what looks says the same or fails, whatever fails at whichever step" { errors 61 looks; }
@test "a change is made or fails, whatever fails at whichever step" { errors 61 changes; }
@test "no change is made while another is unconfirmed, whatever fails at whichever step" { errors 31 refused; }

# where_hidden COMMAND...: fails in one line that says what to try, from where no BPF filesystem is.
where_hidden() {
	run --separate-stderr ip netns exec "$SERVER" unshare --mount sh -c 'umount -l /sys/fs/bpf 2>/dev/null; exec "$@"' hidden "$FLAGFILTER" "$@"
	equal "$status" 1 "$*"
	one_line "no BPF filesystem" "--netns"
}

@test "where the BPF filesystem is hidden no command says that nothing is attached" {
	where_hidden status
	where_hidden status s0
	where_hidden detach --all
	where_hidden rule --all syn-fin=off
	where_hidden reset --all
	where_hidden exempt --all add 443
	equal "$(ff --json rule s0 | jq -r '.rules[] | select(.name == "syn-fin").mode')" enforce
	where_hidden detach s0
	where_hidden stats s0
	equal "$(ff --json status s0 | jq -r '.filters[].interface')" s0
}

@test "with a pin gone the filter is not said to be gone" {
	local command
	rm "$(pins_of "$SERVER_ID")/sampling"
	for command in "status" "status s0" "stats s0" "save s0"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr ff $command
		equal "$status" 1 "$command"
		one_line "is missing"
	done
	ff detach s0 >/dev/null
	nothing_left
}

@test "without descriptors an interface is not said not to be there" {
	local files
	for files in {6..14}; do
		run --separate-stderr bash -c "ulimit -n $files; exec \"\$@\"" few nsenter --net="/run/netns/$SERVER" "$FLAGFILTER" status s0
		[[ $output$stderr != *"no interface"* && $output$stderr != *"not attached"* ]]
		[ "$status" -ne 3 ]
	done
}
