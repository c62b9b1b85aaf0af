#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Interfaces that go, come back, change names or namespaces, and programs that other tools take away: what status says,
# and that nothing is told of the wrong interface. (attach.bats has the plain cases.)

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() { net_teardown; }

# says TEXT: status of s0, with exit status 3.
says() {
	run -3 ff status s0
	[[ $output == "not attached to s0"*"$1"* ]]
}

dropped_on() { ff --json stats "$1" | jq .dropped.packets; }

@test "its program taken off by another tool: status says so until the next change has swept" {
	ff attach s0
	in_s ip link set dev s0 xdpdrv off
	wait_until 5 says "another tool took its program off; \`flagfilter --netns $SERVER attach s0\` puts" # the kernel frees it after a while
	run -1 --separate-stderr ff stats s0
	one_line "another tool"
	run -1 ff rule s0 syn-fin=off
	equal "$(pins_of "$SERVER_ID")" "" "stale pins"
	run -3 ff status s0
	equal "$output" "not attached to s0"
}

@test "another tool's program in its place: status names that one" {
	ff attach s0
	in_s ip -force link set dev s0 xdpdrv obj "$BATS_FILE_TMPDIR/pass.o" sec xdp
	wait_until 5 says "'pass_all', id $(xdp_id), is there in its place"
	ff detach --all
	says "'pass_all', id $(xdp_id), is there"
}

@test "an interface deleted and made again, with the same name and another index: nothing of the old one is told" {
	ff attach s0
	send4 SF --count 5
	in_s ip link del s0
	ip link add a0 netns "$ATTACKER" type veth peer name s0 netns "$SERVER" index 4711
	run -3 ff status s0
	equal "$output" "not attached to s0"
	run -3 ff --json status s0
	equal "$(jq -c .filters <<<"$output")" "[]"
	swept() { ff detach --all >/dev/null && [ -z "$(pins_of "$SERVER_ID")" ]; }
	wait_until 5 swept
}

@test "two filtered interfaces exchange their names: counters and rules go with the interface" {
	in_s ip link add e0 type veth peer name e1
	ff attach s0
	ff attach --preset strict e0
	send4 SF --count 6
	in_s ip link set s0 down
	in_s ip link set e0 down
	in_s ip link set s0 name tmp0
	in_s ip link set e0 name s0
	in_s ip link set tmp0 name e0
	equal "$(dropped_on e0)" 6
	equal "$(dropped_on s0)" 0
	equal "$(ff --json status e0 | jq -r '.filters[0].policy')" "preset default"
	ff rule s0 syn-fin=off
	equal "$(ff --json rule e0 | jq -r '.rules[0].mode')" enforce
	ff detach s0
	equal "$(dropped_on e0)" 6
}

@test "moved to another namespace, and another of its name and index in its place: each has its own" {
	local third=ff-$$-t index
	extra_namespace "$third"
	ff attach s0
	send4 SF --count 6
	index=$(in_s ip -j link show s0 | jq '.[0].ifindex')
	in_s ip link set s0 netns "$third"
	[ -n "$(nsenter --net="/run/netns/$third" ip -j -d link show s0 | jq -r '.[0].xdp.prog.id // empty')" ] ||
		skip "this kernel takes XDP off when an interface moves"
	in_s ip link add s0 index "$index" type veth peer name s1
	run -3 ff status s0
	equal "$output" "not attached to s0"
	ff attach --preset strict s0
	equal "$(dropped_on s0)" 0
	equal "$("$FLAGFILTER" --netns "$third" --json stats s0 | jq .dropped.packets)" 6
	"$FLAGFILTER" --netns "$third" detach s0
	equal "$(ff --json status s0 | jq -r '.filters[0].policy')" "preset strict"
	ff detach s0
	equal "$(pins_of "$SERVER_ID")" ""
}

# said_of NAME: what all commands say, text and JSON, of the interface that is called NAME and the filter on it, each run.
said_of() {
	local call forms json policy=$BATS_TEST_TMPDIR/policy.yaml
	echo 'version: 1' >"$policy"
	while read -ra call; do
		case ${call[0]} in
		capture) call+=(--count 1) ;;
		offenders | report) call+=(--seconds 1) ;;
		esac
		forms=('' --json)
		[ "${call[0]}" != detach ] || forms=(--json)
		for json in "${forms[@]}"; do
			echo "$ ${call[0]} $json"
			timeout 20 "$FLAGFILTER" --netns "$SERVER" ${json:+"$json"} "${call[@]}" 2>&1 || [ $? -eq 3 ] || echo "failed: $?"
		done
	done < <(echo "attach $1" && calls_but "attach detach check replay explain" "IF=$1" "FILE=$policy" && echo "detach $1")
}

@test "alternative names, a long one and a short one: each command finds the interface, and tells the kernel's name" {
	local long name said
	long=$(printf 'an-alternative-name-%.0s' {1..7})
	long=${long:0:127}
	for name in "$long" short; do
		in_s ip link property add dev s0 altname "$name" || skip "no alternative names here"
	done
	start_flood SF
	for name in "$long" short; do
		said=$(said_of "$name")
		echo "$said"
		[[ $said != *failed* && $said != *"$name"* ]]
		equal "$(grep -c '"interface": *"s0"' <<<"$said")" "$(grep -c '"interface":' <<<"$said")"
		[ "$(grep -c '"interface":' <<<"$said")" -ge 12 ]
	done
	# from inside the namespace too, and where nothing has that name
	ff attach s0
	run -0 --separate-stderr in_s "$FLAGFILTER" status "$long"
	equal "${lines[0]}" s0
	ff capture "$long" --count 1 --write "$BATS_TEST_TMPDIR/capture"
	grep -q s0 "$BATS_TEST_TMPDIR/capture"
	run -1 --separate-stderr ff status "${long}x"
	one_line "no interface 'an-alternative-name-"
	run -1 --separate-stderr "$FLAGFILTER" status short
	one_line "no interface 'short'"
}

@test "what each command prints for a person fits into 80 columns, also for the longest name" {
	local call name=abcdefghijklmno policy=p
	cd "$BATS_TEST_TMPDIR" # what a path of one's own takes is one's own
	printf 'version: 1\nrules: [{name: tcp-no-flag, mode: monitor}]\nexempt: {ports: [7]}\n' >"$policy"
	in_s ip link set s0 down
	in_s ip link set s0 name "$name" up
	start_flood SF,0
	while read -ra call; do
		case ${call[0]} in
		capture) call+=(--count 5) ;;
		offenders | report) call+=(--seconds 1) ;;
		apply) call+=(--confirm 60) ;;
		esac
		run --separate-stderr ff "${call[@]}"
		echo "$ ${call[*]} ($status)"$'\n'"$output"
		[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
		[ "$(wc -L <<<"$output")" -le 80 ]
	done < <(echo "attach $name" && calls_but "attach detach replay" "IF=$name" "FILE=$policy" FLAGS=SF &&
		printf '%s\n' "matrix $name --preset none" "matrix $name --rule syn-fin" "status $name --cost 0.1" \
			"rule $name syn-fin=monitor --confirm 60" "status $name" "confirm $name" "diff $name $policy" "detach $name")
}

@test "commands that are printed to be typed name the namespace that was given, and do what they say when they are" {
	# shellcheck disable=SC2016 # backquotes of what is printed
	local pattern='`[^`]*`|(watch it|undo it|keep it|to keep it): .*' policy=$BATS_TEST_TMPDIR/p said hint
	printf 'version: 1\n' >"$policy"
	# said COMMAND...: adds what it says; each command in it is for the server's namespace
	hints() {
		run "$FLAGFILTER" --netns "$SERVER" "$@"
		echo "$output"
		said=$(grep -oE "$pattern" <<<"$output")
		[ -n "$said" ]
		while read -r hint; do
			[[ $hint == *"flagfilter --netns $SERVER "* || $hint == *"ip -n $SERVER "* ]]
		done <<<"$said"
	}
	hints attach s0 --confirm 60
	hints status s0
	hints rule s0 syn-fin=off # unconfirmed
	ff confirm s0
	hints attach s0 --confirm 60
	hints rule s0 syn-fin=off --confirm 60
	PATH=${FLAGFILTER%/*}:$PATH bash -c "$(sed -n 's/^keep it: *//p' <<<"$output")"
	hints exempt s0 add 7 --confirm 60
	ff confirm s0
	hints apply s0 "$policy" --confirm 60
	ff confirm s0
	hints report s0
	hints capture s0 --rule none
	hints status nowhere
	TERM=dumb run script -qec "$FLAGFILTER --netns $SERVER top" /dev/null
	[[ $output == *"flagfilter --netns $SERVER stats IF --watch"* ]]
	# without --netns there is none
	run -0 in_s "$FLAGFILTER" attach s0
	[[ $output == *$'\n'"undo it:   flagfilter detach s0"* ]]
}
