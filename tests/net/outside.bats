#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What others can make or choose: files to write to, names of interfaces and namespaces, descriptors that are closed.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # wait_until expands what it runs; each test has a subshell; bats sets stderr
bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() {
	net_setup
	cd "$BATS_TEST_TMPDIR" || return 1
}
teardown() { net_teardown; }

# capture_to FILE [COMMAND...]: a capture without packets of s0.
capture_to() { timeout -s INT "${seconds:-0.4}" "${@:2}" "$FLAGFILTER" --netns "$SERVER" capture s0 -w "$1"; }
is_capture() { [ "$(head -c 4 "$1" | od -An -tx1)" = " 0a 0d 0d 0a" ]; }
refused() { # FILE WHY
	run -1 --separate-stderr capture_to "$1"
	one_line "cannot write $1: it " "$2"
}

@test "capture -w: a new file is its owner's alone, and so is one that he has" {
	ff attach s0
	umask 0
	capture_to new || true
	is_capture new
	equal "$(stat -c %a new)" 600 "mode"
	seq 100000 >old
	chmod 644 old
	capture_to old || true
	is_capture old
	equal "$(stat -c %a old)" 600 "mode"
	[ "$(stat -c %s old)" -lt 1000 ]
}

@test "capture -w: nothing through links, into another's file or pipe, into what is no file; and that is as it was" {
	ff attach s0
	echo precious >target
	cp target others
	cp target linked
	chown 65534 others
	ln -s target link
	ln -s nowhere dangling
	ln linked hard
	mkdir shared directory
	chmod 1777 shared
	mkfifo shared/fifo
	chown 65534 shared/fifo
	chmod 666 shared/fifo
	refused link "symbolic link"
	refused dangling "symbolic link"
	refused "$PWD/others" "another user's"
	refused linked "other names"
	refused hard "other names"
	run -1 --separate-stderr capture_to directory
	one_line "cannot write directory" "directory"
	cat shared/fifo >from-fifo 3>&- &
	PROCESSES+=($!)
	run -1 --separate-stderr capture_to shared/fifo # by the kernel, where fs.protected_fifos is on
	one_line "cannot write shared/fifo"
	[ ! -e nowhere ] && [ ! -s from-fifo ]
	for file in target others linked hard; do
		equal "$(cat $file) $(stat -c %a $file)" "precious 644"
	done
}

@test "capture -w: standard output by its names, a descriptor of the shell's, and pipes, also another's, take it as before" {
	local name
	ff attach s0
	for name in - /dev/stdout /dev/fd/1 /proc/self/fd/1; do
		capture_to "$name" >out || true
		is_capture out
		capture_to "$name" | cat >piped || true
		is_capture piped
	done
	capture_to /dev/fd/7 7>seven || true
	is_capture seven
	capture_to /dev/stderr 2>error || true
	is_capture error
	mkfifo fifo
	for name in root nobody; do
		chown $name fifo
		cat fifo >from-fifo 3>&- &
		PROCESSES+=($!)
		capture_to fifo || true
		is_capture from-fifo
	done
	capture_to /dev/null || true
	[ -c /dev/null ]
	run -1 --separate-stderr capture_to /dev/full
	one_line "cannot write /dev/full: No space left"
	run -1 --separate-stderr capture_to /dev/fd/99
	one_line "cannot write /dev/fd/99: Bad file descriptor"
}

@test "--netns: what lies in its directory and is none is told at once" {
	local odd=/run/netns/$SERVER-odd
	mkfifo "$odd"
	run -1 --separate-stderr timeout 5 "$FLAGFILTER" --netns "$SERVER-odd" status
	rm "$odd"
	one_line "$odd is no network namespace"
	echo text >"$odd"
	run -1 --separate-stderr "$FLAGFILTER" --netns "$SERVER-odd" status
	rm "$odd"
	one_line "$odd is no network namespace"
	ln -s "$SERVER" "$odd" # as containers' namespaces are made known to ip
	run -0 --separate-stderr "$FLAGFILTER" --netns "$SERVER-odd" status
	rm "$odd"
}

@test "with any of descriptors 0 to 2 closed: no word lands in a capture, and a guardian does its work" {
	local closed to
	ff attach s0
	for closed in 0 1 2 01 02 12 012; do
		to=$(sed 's/0/<\&- /; s/1/>\&- /; s/2/2>\&- /' <<<"$closed")
		rm -f written
		timeout -s INT 0.4 bash -c "exec $to '$FLAGFILTER' -v --netns $SERVER capture s0 -w written" || true
		is_capture written
		run ! grep -a 'flagfilter: 0 packets' written
		bash -c "exec $to '$FLAGFILTER' -v --netns $SERVER rule s0 syn-fin=off --confirm 1" || [[ $closed == *1* ]]
		ff confirm s0
		equal "$(ff --json rule s0 | jq -r '.rules[0].mode')" off "$closed"
		bash -c "exec $to '$FLAGFILTER' -v --netns $SERVER detach s0" || [[ $closed == *1* ]]
		run -3 ff status s0
		bash -c "exec $to '$FLAGFILTER' -v --netns $SERVER attach s0 --confirm 1" || [[ $closed == *1* ]]
		wait_until 5 eval '! ff status s0 >/dev/null'
		ff attach s0
	done
}

# What sh, getopt or a terminal may take for something else than a name.
NAMES=(
	-a -- - --all -v 'a;id>z' 'x$(id>&2)' '$(id>z)' '`id>z`' p@q "it's" '"q"' '$HOME' 'a\b' "\\" '*' '?' '[a-z]0' '#x' '~root'
	'!x' 'a&b' 'a|b' '{a,b}' '<x' 5 1e1 'a=b' '=' .x é $'\xff1' $'-\e[31mx' $'\x01' $'\u202ex' "-'x"
)


# typed TEXT: what TEXT does in sh, where flagfilter is, on the server's interfaces.
typed() { PATH=$(dirname "$FLAGFILTER"):$PATH timeout 10 nsenter --net="/run/netns/$SERVER" sh -c "$1"; }

# hint LABEL: the command behind it in $output.
hint() { sed -n "s/^ *$1: *\(flagfilter .*\)/\1/p" <<<"$output"; }

@test "interfaces with names that are no names to a shell: each hint, typed, does what it says to that one and nothing else" {
	local name shell watch undo
	in_s ip link add s1 type veth peer name s2
	ff attach s1
	for name in "${NAMES[@]}"; do
		in_s ip link set dev s0 name "$name"
		run -0 ff attach --confirm 60 -- "$name"
		[[ $output != *$'\e'* && $output != *$'\xff'* && $output != *$'\u202e'* ]]
		run -0 typed "$(hint 'keep it')"
		run -0 ff rule --confirm 60 -- "$name" syn-fin=off
		run -1 ff rule -- "$name" syn-fin=off
		run -0 typed "$(sed -n 's/.*goes back in [0-9]* s: `\(.*\)` keeps it$/\1/p' <<<"$output")"
		run -2 ff capture -r no-such-rule -- "$name"
		run -0 typed "$(sed -n 's/.*; see `\(.*\)`$/\1/p' <<<"$output")"
		run -0 ff attach -- "$name"
		for shell in sh bash zsh; do
			command -v "$shell" >/dev/null || continue
			equal "$($shell -c "set -- $(hint 'undo it'); shift \$((\$# - 1)); printf '%s.' \"\$1\"")" "$name." "for $shell"
		done
		watch=$(hint "watch it") undo=$(hint "undo it")
		run -124 typed "timeout 0.2 $watch"
		run -0 typed "$undo"
		echo "$name: $output"
		[[ $output == "detached from "* ]]
		run -3 ff status -- "$name"
		[[ $output != *$'\e'* && $output != *$'\xff'* && $output != *$'\u202e'* ]]
		in_s ip link set dev "$name" down
		run ff doctor -- "$name"
		run -0 sh -c "$(sed -n 's/.*> \(.* up\)$/\1/p' <<<"$output")"
		in_s ip -o link show dev "$name" | grep -q UP
		in_s ip link set dev "$name" name s0
	done
	run -0 ff status s1
	[ ! -e z ]
}

@test "-- may stand before the command's name, and before what any command takes" {
	local call
	in_s ip link set dev s0 name -a
	run -0 ff attach -- -a
	while read -r call; do
		# shellcheck disable=SC2086 # words
		run "$FLAGFILTER" --netns "$SERVER" -- $call
		[ "$status" -eq 0 ] || [[ $call == confirm* ]] || { echo "$call: $output" && false; }
	done < <(echo "version: 1" >p.yaml && calls_but "" IF=@ FILE=p.yaml FLAGS=SF | grep -vE '^(capture|attach|detach) ' |
		sed 's/@/-- -a/; s/^\(offenders\|report\)/& --seconds 1/')
	run -0 ff detach -- -a
}

@test "a namespace with such a name: what doctor advises, typed, is done there" {
	local odd="-x \$(id>z);y'"
	ip netns add "$odd"
	NAMESPACES+=("$odd")
	in_s ip link set dev s0 down
	in_s ip link set dev s0 netns "$odd"
	run -0 "$FLAGFILTER" --netns "$odd" doctor s0
	run -0 sh -c "$(sed -n 's/.*> \(.* up\)$/\1/p' <<<"$output")"
	ip -n "$odd" -o link show dev s0 | grep -q UP
	[ ! -e z ]
}

exchange_names() {
	while :; do
		in_s ip -batch - <<-BATCH
			link set dev s0 name sx
			link set dev s1 name s0
			link set dev sx name s1
		BATCH
		sleep 0.0$((RANDOM % 9 + 1))
	done
}

@test "names that are exchanged meanwhile: nobody is advised to take off the filter" {
	local again=0
	in_s ip link add s1 type veth peer name s2
	ff attach s0
	exchange_names 3>&- &
	PROCESSES+=($!)
	for ((i = 0; i < 40; i++)); do
		run ff doctor s0
		[[ $output != *"another owner"* && $output != *"xdpdrv off"* ]] || { echo "$output" && false; }
		[[ $output != *"another interface than a moment ago"* ]] || again=$((again + 1))
	done
	[ "$again" -gt 0 ] # it was tried
	kill "${PROCESSES[-1]}"
}

# at_terminal SHELL TEXT: the words of the line, in "<>", after TAB; in the server's namespace.
at_terminal() {
	local file=flagfilter
	[ "$1" = bash ] || file=_flagfilter
	PATH=$ROOT/build:$PATH timeout 60 nsenter --net="/run/netns/$SERVER" "$PYTHON" \
		"$ROOT/tests/cli/complete_at_terminal.py" "$1" "$ROOT/build/completion/$file" "$2"
}

@test "completed at a terminal, such names are one word, whole, as they are, whatever was typed of it" {
	local shell name
	need_tools zsh
	ip netns add "n \$(id>z);y@"
	NAMESPACES+=("n \$(id>z);y@")
	in_s ip link set dev lo name l@p
	for shell in bash zsh; do
		for name in 'x$(id>&2)' "i't\"\`\$z" 'b{a,c};id'; do
			in_s ip link set dev s0 name "$name"
			equal "$(at_terminal $shell "flagfilter attach ${name:0:1}")" "flagfilter attach $name" "$shell"
			equal "$(at_terminal $shell "flagfilter attach '${name:0:1}")" "flagfilter attach $name" "$shell, in single quotes"
			equal "$(at_terminal $shell "flagfilter attach \"${name:0:1}")" "flagfilter attach $name" "$shell, in double quotes"
			in_s ip link set dev "$name" name s0
		done
		in_s ip link set dev s0 name p@q
		equal "$(at_terminal $shell "flagfilter attach p@")" "flagfilter attach p@q" "$shell"
		in_s ip link set dev p@q name -a
		equal "$(at_terminal $shell "flagfilter attach -- -")" "flagfilter attach -- -a" "$shell"
		equal "$(at_terminal $shell "flagfilter attach ")" "flagfilter attach l@p" "$shell: no option is offered as a name"
		in_s ip link set dev -a name $'\xffz'
		equal "$(at_terminal $shell "flagfilter attach l")" "flagfilter attach l@p" "$shell"
		in_s ip link set dev $'\xffz' name s0
		equal "$(at_terminal $shell "flagfilter --netns n")" "flagfilter --netns n \$(id>z);y@" "$shell"
	done
	[ ! -e z ]
}
