#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What each command needs, who may read and write what it leaves in the kernel, and that nothing from outside reaches a
# terminal or JSON unseen.

# shellcheck disable=SC2154 # stderr, stderr_lines: bats sets them
bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() { net_teardown; }

# with CAPABILITIES COMMAND...: our command in the server's namespace as uid 0 with these capabilities and no others:
# "bpf,net_admin", "" for none.
with() {
	local set=-all${1:+,+${1//,/,+}}
	in_s setpriv --inh-caps=-all --bounding-set="$set" "$FLAGFILTER" "${@:2}"
}

# ---- privileges

@test "attach needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, and no more where nothing else is attached" {
	run -0 with bpf,net_admin,perfmon attach s0
	[ -n "$(xdp_id)" ]
	equal "$(send4 SF --count 5)" 5
	equal "$(with bpf --json stats s0 | jq .dropped.packets)" 5
	ff detach s0
	nothing_left
}

@test "attach without one of them names it, and leaves nothing behind" {
	local have missing
	while read -r missing have; do
		run -1 --separate-stderr with "$have" attach s0
		one_line s0 "$missing, which root has"
		nothing_left
	done <<-CAPS
		CAP_BPF net_admin,perfmon
		CAP_NET_ADMIN bpf,perfmon
		CAP_PERFMON bpf,net_admin
		CAP_PERFMON
	CAPS
}

@test "reading needs less: CAP_BPF at most, and where the kernel asks for none, no capability at all" {
	local command
	ff attach s0
	send4 SF --count 5
	for command in "status s0" status "stats s0" "rule s0" "stats s0 --watch=0.05 --count 2"; do
		# shellcheck disable=SC2086 # words on purpose
		run -0 with bpf $command
	done
	if [ "$(uname -r | awk -F. '{ print $1 * 100 + $2 }')" -ge 600 ]; then
		equal "$(with "" --json stats s0 | jq .dropped.packets)" 5
		equal "$(with "" --json status s0 | jq -r '.filters[0].mode')" native
	fi
}

@test "rule and apply need CAP_BPF, and name it" {
	printf 'version: 1\npreset: strict\n' >"$BATS_TEST_TMPDIR/policy.yaml"
	ff attach s0
	run -0 with bpf rule s0 syn-fin=monitor
	equal "$(mode syn-fin)" monitor
	run -0 with bpf apply s0 "$BATS_TEST_TMPDIR/policy.yaml"
	equal "$(mode syn-fin)" enforce
	run -1 --separate-stderr with net_admin,perfmon rule s0 syn-fin=monitor
	one_line "CAP_BPF, which root has"
	equal "$(mode syn-fin)" enforce
}

# needs CAPABILITIES COMMAND...: with these it is done; without any one of them, and with none, it fails in one line that
# names the one that is missing, or in a pair the one or the other.
needs() {
	local all=$1 names=CAP_${1//,/|CAP_} less one
	shift
	for one in ${all//,/ }; do
		less=$(tr , '\n' <<<"$all" | grep -vx "$one" | paste -sd,)
		run -1 --separate-stderr with "$less" "$@"
		one_line "CAP_${one^^}, which root has" || {
			echo "$* with '$less'"
			return 1
		}
	done
	run -1 --separate-stderr with "" "$@"
	one_line "which root has"
	[[ ${stderr_lines[0]} =~ ${names^^} ]] || {
		echo "$* with none: ${stderr_lines[0]}"
		return 1
	}
	run -0 with "$all" "$@"
}

@test "what reads the policy and the counters needs none, nor does confirm" {
	local command
	[ "$(uname -r | awk -F. '{ print $1 * 100 + $2 }')" -ge 519 ] || skip "CAP_BPF before Linux 5.19"
	printf 'version: 1\n' >"$BATS_TEST_TMPDIR/policy.yaml"
	ff attach s0
	for command in "matrix s0" "matrix s0 --preset strict" "save s0" "diff s0 $BATS_TEST_TMPDIR/policy.yaml" "exempt s0"; do
		# shellcheck disable=SC2086 # words on purpose
		run -0 with "" $command
	done
	ff apply s0 "$BATS_TEST_TMPDIR/policy.yaml" --confirm 60
	run -0 with "" confirm s0
	[[ $output == confirmed* ]]
}

@test "what changes the policy or the counters needs CAP_BPF" {
	printf 'version: 1\n' >"$BATS_TEST_TMPDIR/policy.yaml"
	ff attach s0
	needs bpf rule s0 add mine SYN,URG/SYN,URG monitor
	needs bpf rule s0 del mine
	needs bpf exempt s0 add 192.0.2.1 8443
	needs bpf exempt s0 del 192.0.2.1/32
	needs bpf reset s0
	needs bpf apply s0 "$BATS_TEST_TMPDIR/policy.yaml" --confirm 1
	ff confirm s0
}

@test "attach --confirm needs CAP_SYS_ADMIN too, with which it could be detached again" {
	run -1 --separate-stderr with bpf,net_admin,perfmon attach s0 --confirm 1
	one_line s0 "CAP_SYS_ADMIN, which root has"
	nothing_left
	run -0 with net_admin,sys_admin attach s0 --confirm 1
	wait_until 5 nothing_left
}

@test "what reads samples needs CAP_PERFMON" {
	ff attach s0 --policy "$ROOT/dist/monitor.yaml"
	needs perfmon offenders s0 --seconds 1
	needs perfmon report s0 --seconds 1
	start_flood SF --pps 1000
	needs perfmon capture s0 -c 1
	stop_flood
}

@test "status --cost needs CAP_SYS_ADMIN to measure, and says so without" {
	ff attach s0
	run -0 --separate-stderr with bpf,net_admin,perfmon status s0 --cost 0.1
	[[ $stderr == *CAP_SYS_ADMIN* ]]
	run -0 --separate-stderr with sys_admin --json status s0 --cost 0.1
	equal "$stderr" ""
	jq -e .filters[0].cost.window_s <<<"$output"
}

@test "attached again or detached, the old program is named to the kernel: that needs CAP_SYS_ADMIN, and says so" {
	local id
	ff attach s0
	id=$(xdp_id)
	run -1 --separate-stderr with bpf,net_admin,perfmon attach s0
	one_line s0 "$id" "CAP_SYS_ADMIN, which root has"
	run -1 --separate-stderr with bpf,net_admin,perfmon detach s0
	one_line s0 "CAP_SYS_ADMIN, which root has"
	equal "$(xdp_id)" "$id"
	with "" --json stats s0 | jq -e .frames # still found, without a look at programs
	run -0 with bpf,net_admin,perfmon,sys_admin attach s0
	run -0 with bpf rule s0 syn-fin=off # found after a replacement too
	run -0 with net_admin,sys_admin detach s0
	nothing_left
}

@test "whose program it is cannot be told without CAP_SYS_ADMIN: nothing is done, and it says so" {
	put_foreign
	for command in "attach s0" "stats s0" "detach s0"; do
		# shellcheck disable=SC2086 # words on purpose
		run -1 --separate-stderr with bpf,net_admin,perfmon $command
		one_line s0 "$(xdp_id)" "CAP_SYS_ADMIN, which root has"
	done
}

@test "--netns needs CAP_SYS_ADMIN, and says so" {
	run -1 --separate-stderr setpriv --inh-caps=-all --bounding-set=-all,+bpf "$FLAGFILTER" --netns "$SERVER" status
	one_line "$SERVER" "CAP_SYS_ADMIN, which root has"
}

@test "pins: their directory is root's alone, and nothing in it is anybody's to write" {
	ff attach s0
	equal "$(stat -c '%a %u' "$PINS")" "700 0"
	equal "$(stat -c %a "$(pins_of "$SERVER_ID")")" 700
	equal "$(find "$(pins_of "$SERVER_ID")" ! -type l -perm /077)" ""
}

# ---- strings from outside

# clean TEXT: what was said holds no control character but newlines, and is UTF-8.
clean() {
	printf %s "$1" | iconv -f utf-8 -t utf-8 >/dev/null || return
	! printf %s "$1" | LC_ALL=C grep -q $'[\001-\011\013-\037\177]' || {
		printf 'control characters in: %q\n' "$1"
		return 1
	}
}

@test "an interface name with escape sequences or no UTF-8 is shown with ? in their place, in text and JSON" {
	local name command answer calls
	for name in $'e\033[2J\a' $'\377\376x' $'c\302\233m'; do
		in_s ip link add x0 type veth peer name x1
		in_s ip link set x0 name "$name" || skip "ip does not set such names"
		mapfile -t calls < <(echo attach && calls_but "attach detach capture offenders report" IF=X | cut -d' ' -f1 &&
			printf '%s\n' "stats --watch=0.05 --count=2" "offenders --seconds 1" "report --seconds 1" attach detach)
		for command in "${calls[@]}"; do
			for json in "" --json; do
				[ "$command$json" != detach ] || continue
				answer=0
				[ "$command" != confirm ] || answer=3
				# shellcheck disable=SC2086 # words on purpose
				run -$answer ff $json $command "$name"
				clean "$output"
				[[ $output == *"?"* || $command$json == @(rule|save)* || $command == *watch* ]]
				[ -z "$json" ] || jq -es . <<<"$output" >/dev/null
			done
		done
		run -1 ff stats "$name"
		clean "$output"
		in_s ip link del x1
		run -1 ff stats "$name"
		clean "$output"
	done
}

@test "arguments and file names with escape sequences are shown with ? in their place" {
	local evil=$'\033]0;owned\a\377'
	run -2 ff "$evil"
	clean "$output"
	ff attach s0
	run -2 ff rule s0 "$evil"
	clean "$output"
	run -2 ff rule s0 "$evil=off"
	clean "$output"
	run -1 ff check "/nonexistent/$evil"
	clean "$output"
	printf 'version: 1\npreset: "\033[31m"\n' >"$BATS_TEST_TMPDIR/$evil.yaml"
	run -2 ff check "$BATS_TEST_TMPDIR/$evil.yaml"
	clean "$output"
	printf 'version: 1\npreset: none\n' >"$BATS_TEST_TMPDIR/$evil.yaml"
	for command in "check" "apply s0"; do
		for json in "" --json; do
			# shellcheck disable=SC2086 # words on purpose
			run -0 ff $json $command "$BATS_TEST_TMPDIR/$evil.yaml"
			clean "$output"
		done
	done
	run -0 ff status s0
	clean "$output"
}

# in_map MEMBER HEX: see hostile_maps.py. MEMBER is one of struct ff_policy, as C names it.
in_map() {
	printf '#include <stddef.h>\n#include <stdio.h>\n#include "flagfilter.h"\nint main(void)\n{\n%s\n}\n' \
		"printf(\"%zu\\n\", offsetof(struct ff_policy, $1));" >"$BATS_TEST_TMPDIR/offset.c"
	cc -I"$ROOT" -I"$ROOT/include" "$BATS_TEST_TMPDIR/offset.c" -o "$BATS_TEST_TMPDIR/offset"
	"$PYTHON" "$BATS_TEST_DIRNAME/hostile_maps.py" "$(pins_of "$SERVER_ID")/state" "$("$BATS_TEST_TMPDIR/offset")" "$2"
}

@test "a label in a map with escape sequences, without an end, or no UTF-8 is cut and cleaned" {
	local label
	ff attach s0
	for label in 1b5b324a0700 "$(printf '41%.0s' {1..66})" fffec28000; do
		in_map label "$label"
		for command in status rule "--json status" "--json rule"; do
			# shellcheck disable=SC2086 # words on purpose
			run -0 ff $command s0
			clean "$output"
		done
	done
}

@test "rules in a map that no loader writes are not believed: one line, and detach still works" {
	local what member data command
	while read -r what member data; do
		ff attach s0
		in_map "$member" "$data"
		for command in "stats s0" "--json stats s0" "rule s0" "rule s0 syn-fin=off" "attach s0 --preset none"; do
			# shellcheck disable=SC2086 # words on purpose
			run -1 --separate-stderr ff $command
			one_line "no policy" "detach IF" || {
				echo "$what"
				return 1
			}
		done
		ff detach s0
		nothing_left
	done <<-'HOSTILE'
		too-many-rules rules ffff
		escape-in-name rule[0].name 1b5b324a
		name-without-end rule[0].name 6161616161616161616161616161616161616161616161616161616161616161
		bits-beyond-flags rule[0].value ffff
		unknown-class rule[0].class ff7f
		unknown-mode rule[0].mode ff
		counter-out-of-bounds rule[0].counter ff
	HOSTILE
}

@test "maps of other sizes in our place are not read" {
	local dir
	ff attach s0
	dir=$(pins_of "$SERVER_ID")
	rm "$dir/counters"
	bpftool map create "$dir/counters" type percpu_array key 4 value 32000 entries 1 name counters
	run -1 --separate-stderr ff stats s0
	one_line "another version" "detach IF"
	run -1 --separate-stderr ff rule s0 syn-fin=off
	one_line "another version"
	ff detach s0
	nothing_left
}

# ---- the binary

@test "the binary is hardened: PIE, RELRO, bound at start, no executable stack, canaries, fortified" {
	local all
	all=$(readelf -W -h -l -d --dyn-syms "$FLAGFILTER")
	grep -q 'Type: .*DYN' <<<"$all"
	grep -q GNU_RELRO <<<"$all"
	grep -q BIND_NOW <<<"$all"
	grep -Eq 'GNU_STACK .* RW ' <<<"$all"
	run ! grep -Eq 'LOAD .* RWE ' <<<"$all"
	grep -q __stack_chk_fail <<<"$all"
	grep -Eq '__(v?f|sn|vsn)printf_chk' <<<"$all"
	run ! grep -Eq 'R(UN)?PATH' <<<"$all"
}

@test "no document and no flag claims CET, unless the binary is marked for it" {
	readelf -n "$FLAGFILTER" | grep -q IBT || run ! grep -nE '[^o] CET|fcf-protection' "$ROOT"/{README,SECURITY}.md "$ROOT"/docs/* "$ROOT/Makefile"
}
