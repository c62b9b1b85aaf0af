#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Attach, detach, status: the filter comes and goes, and never takes what is not its own.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() { net_teardown; }

status_of() { ff --json status s0 | jq -r ".filters[0].$1"; }

# ---- it comes and goes

@test "attach puts a native program on the interface, and detach leaves nothing behind" {
	run -0 ff attach s0
	[[ $output == *s0* ]]
	[ -n "$(xdp_id)" ]
	equal "$(status_of mode)" native
	equal "$(status_of policy)" "preset default"
	[ -n "$(pins_of "$SERVER_ID")" ]
	run -0 ff detach s0
	nothing_left
}

@test "attach and status agree with the kernel about mode and program" {
	local attached
	attached=$(ff --json attach s0)
	jq -e '.schema == 1 and .interface == "s0" and .mode == "native"' <<<"$attached"
	equal "$(jq -r .ifindex <<<"$attached")" "$(in_s ip -j link show s0 | jq '.[0].ifindex')"
	equal "$(jq -r .attached <<<"$attached")" "$(status_of attached)"
	if [ "$(status_of attached)" = exclusive ]; then
		equal "$(status_of program_id)" "$(xdp_id)"
	fi
	run -0 ff status s0
	[[ $output == *native*"$(status_of program_id)"* ]]
}

@test "attach --mode generic is generic, and says so" {
	ff attach --mode generic s0
	equal "$(status_of mode)" generic
	equal "$(stats .mode)" generic
	in_s ip link show s0 | grep -q xdpgeneric
	ff detach s0
	nothing_left
}

@test "a generic filter drops, counts and passes like a native one" {
	ff attach --mode generic s0
	count_at_server syn_fin "$SYN_FIN"
	equal "$(send4 SF --count 300)" 300
	equal "$(send6 SF --count 200)" 200
	equal "$(count syn-fin dropped)" 500
	equal "$(arrived syn_fin)" 0
	in_a "$PYTHON" - <<-PY
		import socket
		try: socket.create_connection(("$S4", 9), 2)
		except ConnectionRefusedError: pass
	PY
	sums_agree
}

@test "a driver without native XDP: native is refused with what to try, auto falls back and says so" {
	add_without_native_xdp d0
	in_s ip link set d0 up
	run -1 --separate-stderr ff attach d0
	explained_line d0 native "--mode generic"
	equal "$(pins_of "$SERVER_ID")" ""
	run -0 ff --json attach --mode auto d0
	equal "$(jq -r .mode <<<"$output")" generic
	equal "$(ff --json status d0 | jq -r '.filters[0].mode')" generic
	ff detach d0
}

@test "auto is native where the driver can" {
	equal "$(ff --json attach --mode auto s0 | jq -r .mode)" native
}

@test "offload on a card that has none is refused in one line and leaves nothing" {
	run -1 --separate-stderr ff attach --mode offload s0
	one_line s0 offload
	nothing_left
}

@test "a jumbo interface attaches natively, and a jumbo frame's bytes are all counted" {
	ip -n "$ATTACKER" link set a0 mtu 9000
	ip -n "$SERVER" link set s0 mtu 9000
	ff attach s0
	equal "$(send4 SF --count 10 --payload 8960)" 10
	equal "$(stats .dropped.packets)" 10
	equal "$(stats .dropped.bytes)" $((10 * 9014))
	sums_agree
}

@test "status without an interface lists every filter of the namespace" {
	in_s ip link add e0 type veth peer name e1
	ff attach s0
	ff attach e0
	equal "$(ff --json status | jq -r '[.filters[].interface] | sort | join(" ")')" "e0 s0"
	run -0 ff status
	[[ $output == *s0* && $output == *e0* ]]
}

@test "status where nothing is attached says no: exit 3, an empty list" {
	run -3 ff status s0
	[[ $output == *"not attached"*s0* ]]
	run -3 ff --json status s0
	equal "$(jq -c .filters <<<"$output")" "[]"
	run -0 ff status
	[[ $output == *nowhere* ]]
}

@test "detach --all takes every filter of this namespace, and no other's" {
	local report
	in_s ip link add e0 type veth peer name e1
	ff attach s0
	ff attach e0
	"$FLAGFILTER" --netns "$ATTACKER" attach a0
	report=$(ff --json detach --all)
	equal "$(jq -c '.detached | sort' <<<"$report")" '["e0","s0"]'
	nothing_left
	"$FLAGFILTER" --netns "$ATTACKER" status a0
	run -0 ff detach --all
}

@test "detach where nothing is attached: one line, exit 1" {
	run -1 --separate-stderr ff detach s0
	one_line "not attached" s0
	ff attach s0
	ff detach s0
	run -1 --separate-stderr ff detach s0
	one_line "not attached" s0
}

@test "stats --json has the documented keys, no more and no fewer" {
	ff attach s0
	send4 SF --count 3
	ff --json stats s0 >"$BATS_TEST_TMPDIR/stats"
	equal "$(jq -c 'keys' "$BATS_TEST_TMPDIR/stats")" \
		'["attached","dropped","frames","ifindex","interface","mode","not_judged","passed","rates","rules","schema","time"]'
	equal "$(jq -c '[.frames, .passed, .dropped | keys] | unique' "$BATS_TEST_TMPDIR/stats")" '[["bytes","packets"]]'
	equal "$(jq -c '[.rules[] | keys] | unique' "$BATS_TEST_TMPDIR/stats")" \
		'[["dropped","exempted","match","mode","name","would_drop"]]'
	equal "$(jq -c '[.rules[] | .dropped, .would_drop, .exempted | keys] | unique' "$BATS_TEST_TMPDIR/stats")" \
		'[["bytes","packets"]]'
	equal "$(jq -r '.not_judged | keys_unsorted[]' "$BATS_TEST_TMPDIR/stats")" "$(contract_table Classes | cut -d'|' -f1)"
	equal "$(jq -c '.rates | keys' "$BATS_TEST_TMPDIR/stats")" '["dropped_pps","interval_s","passed_pps"]'
	equal "$(jq -c '[.schema, .interface, .mode]' "$BATS_TEST_TMPDIR/stats")" '[1,"s0","native"]'
	jq -e '.time | test("^20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$")' "$BATS_TEST_TMPDIR/stats"
	equal "$(jq -c '.rules[0] | [.name, .mode, .match, .dropped.packets, .dropped.bytes]' "$BATS_TEST_TMPDIR/stats")" \
		'["syn-fin","enforce","SYN,FIN/SYN,FIN",3,162]'
	equal "$(jq -r '.rules[].name' "$BATS_TEST_TMPDIR/stats")" "$(contract_rules default | cut -d' ' -f1)"
}

# ---- attached twice

@test "attached again, the program is another, and counters and policy are as before" {
	local before
	ff attach --preset strict s0
	ff rule s0 syn-rst=monitor
	send4 SF,SR --count 20
	before=$(status_of program_id)
	run -0 ff attach s0
	[ "$(status_of program_id)" != "$before" ]
	equal "$(count syn-fin dropped)" 10
	equal "$(count syn-rst would_drop)" 10
	equal "$(mode syn-rst)" monitor
	equal "$(mode rst-urg-no-ack)" enforce
	send4 SF,SR --count 20
	equal "$(count syn-fin dropped)" 20
	equal "$(count syn-rst would_drop)" 20
	equal "$(pins_of "$SERVER_ID" | wc -l)" 1
	sums_agree
	ff detach s0
	nothing_left
}

@test "attached again under a flood, not one illegal packet comes through and none is lost from the count" {
	local i before
	ff attach s0
	count_at_server syn_fin "$SYN_FIN"
	start_flood SF
	wait_until 5 counted_more_than 1000 syn-fin
	for i in {1..15}; do
		before=$(count syn-fin dropped)
		ff attach s0 >/dev/null
		[ "$(count syn-fin dropped)" -ge "$before" ]
	done
	stop_flood
	equal "$(arrived syn_fin)" 0
	equal "$(count syn-fin dropped)" "$CROSSED"
}

@test "attached again under honest traffic, not one packet is lost, and each is counted once" {
	ff attach s0
	count_at_server honest 'tcp dport 80'
	start_flood A,PA,S
	sleep 0.3
	for _ in {1..15}; do
		ff attach s0 >/dev/null
	done
	stop_flood
	equal "$(arrived honest)" "$CROSSED"
	equal "$(stats '.passed.packets - (.not_judged | add)')" "$CROSSED"
}

@test "attached again with --preset or --policy, that policy is in force and the counters go on" {
	ff attach s0
	send4 SF --count 7
	ff attach --preset conntrack s0
	equal "$(mode rst-fin)" enforce
	equal "$(status_of policy)" "preset conntrack"
	equal "$(count syn-fin dropped)" 7
	printf 'version: 1\npreset: none\nrules:\n  - name: syn-fin\n    mode: monitor\n' >"$BATS_TEST_TMPDIR/policy.yaml"
	ff attach --policy "$BATS_TEST_TMPDIR/policy.yaml" s0
	equal "$(ff --json rule s0 | jq -c '[.rules[] | [.name, .mode]]')" '[["syn-fin","monitor"]]'
	send4 SF --count 5
	equal "$(count syn-fin dropped)" 7
	equal "$(count syn-fin would_drop)" 5
	sums_agree
}

@test "attached again in another mode is refused in one line, and all is as before" {
	local before
	ff attach s0
	send4 SF --count 5
	before=$(status_of program_id)
	run -1 --separate-stderr ff attach --mode generic --preset none s0
	one_line s0 native generic
	equal "$(status_of program_id)" "$before"
	equal "$(status_of mode)" native
	equal "$(count syn-fin dropped)" 5
	ff attach --mode auto s0
	equal "$(status_of mode)" native
}

@test "a bad policy or preset at attach: exit 2, nothing attached; at re-attach, nothing changed" {
	local before
	printf 'version: 1\npreset: strikt\n' >"$BATS_TEST_TMPDIR/bad.yaml"
	run -2 --separate-stderr ff attach --policy "$BATS_TEST_TMPDIR/bad.yaml" s0
	one_line bad.yaml:2 strikt
	run -2 --separate-stderr ff attach --preset strikt s0
	one_line strikt
	nothing_left
	ff attach s0
	before=$(status_of program_id)
	run -2 --separate-stderr ff attach --policy "$BATS_TEST_TMPDIR/bad.yaml" s0
	equal "$(status_of program_id)" "$before"
	equal "$(status_of policy)" "preset default"
}

# ---- other people's programs

@test "another's exclusive program is refused by name and id, and stays" {
	local id mode
	for mode in xdpdrv xdpgeneric; do
		put_foreign "$mode"
		id=$(xdp_id)
		run -1 --separate-stderr ff attach s0
		explained_line s0 pass_all "$id"
		run -1 --separate-stderr ff attach --mode generic s0
		explained_line s0 pass_all "$id"
		run -1 --separate-stderr ff detach s0
		one_line "not attached"
		run -0 ff detach --all
		run -3 ff status s0
		run -1 --separate-stderr ff stats s0
		run -1 --separate-stderr ff rule s0 syn-fin=off
		equal "$(xdp_id)" "$id"
		equal "$(pins_of "$SERVER_ID")" ""
		in_s ip link set dev s0 "$mode" off
	done
}

@test "another's program that took our place is not detached in our stead" {
	local id
	ff attach s0
	in_s ip -force link set dev s0 xdpdrv obj "$BATS_FILE_TMPDIR/pass.o" sec xdp
	id=$(xdp_id)
	run -1 --separate-stderr ff detach s0
	one_line "not attached" s0
	equal "$(xdp_id)" "$id"
	equal "$(pins_of "$SERVER_ID")" "" "stale pins"
}

@test "beside programs of libxdp's dispatcher: shared, judged all the same, and only ours goes" {
	local other
	need_tools xdp-loader
	in_s xdp-loader load --mode native s0 "$BATS_FILE_TMPDIR/pass.o" || skip "libxdp loads nothing here"
	in_s xdp-loader status s0 | grep -q xdp_dispatcher || skip "libxdp cannot load its dispatcher on this kernel"
	other=$(in_s xdp-loader status s0 | awk '/pass_all/ { print $4 }')
	ff attach s0
	equal "$(status_of attached)" shared
	equal "$(status_of 'beside[0].name')" pass_all
	equal "$(status_of 'beside[0].id')" "$other"
	count_at_server syn_fin "$SYN_FIN"
	start_flood SF
	ff attach s0
	ff attach s0
	stop_flood
	equal "$(count syn-fin dropped)" "$CROSSED"
	equal "$(arrived syn_fin)" 0
	ff detach s0
	equal "$(in_s xdp-loader status s0 | awk '/pass_all/ { print $4 }')" "$other"
	equal "$(pins_of "$SERVER_ID")" ""
	in_s xdp-loader unload s0 --all
}

# ---- interfaces that are not there, or not where they were

@test "an interface that does not exist: one line with its name, exit 1, by every command" {
	local command
	printf 'version: 1\npreset: none\n' >"$BATS_TEST_TMPDIR/policy.yaml"
	while read -r command; do
		# shellcheck disable=SC2086 # words on purpose
		run -1 --separate-stderr ff $command
		one_line "no interface '" || {
			echo "$command"
			return 1
		}
	done < <(calls_but "" IF=nope0 "FILE=$BATS_TEST_TMPDIR/policy.yaml" && printf '%s\n' "rule nope0 syn-fin=off" \
		"stats nope0 --watch" "attach an-interface-name-that-is-too-long")
	equal "$(pins_of "$SERVER_ID")" ""
	run -1 --separate-stderr "$FLAGFILTER" --netns ff-none attach s0
	one_line ff-none
}

@test "programs that are attached no more but held by others: attach works, however many there are" {
	local held="/sys/fs/bpf/ff-$$-held" times=0
	need_tools bpftool
	mkdir "$held"
	while [ $((times += 1)) -le 4 ]; do
		ff attach s0 || break
		bpftool prog pin id "$(xdp_id)" "$held/$times"
		in_s ip link set s0 xdp off
	done
	rm -r "$held"
	ff attach s0
	equal "$(pins_of "$SERVER_ID" | wc -l)" 1
	ff detach s0
	nothing_left
	equal "$times" 5 "attached"
}

# A killed loader's notes of dispatchers, made by hand: they are links in the filter's pins. tests/vm/faults.sh has real ones.
@test "a dispatcher's pins are removed only where a killed loader noted it, here, and it is not attached" {
	local xdp=/sys/fs/bpf/xdp pins index id note stay=""
	need_tools bpftool
	ff attach s0
	index=$(in_s ip -j link show s0 | jq ".[0].ifindex") id=$(xdp_id) pins=$(pins_of "$SERVER_ID")
	mkdir -p "$xdp"
	# attached; another namespace's; of an interface that is not there; not noted; and the one that is left
	local attached=dispatch-$index-$id others=dispatch-$index-$((4000000000 + $$)) absent=dispatch-9999-$((4000000000 + $$)) \
		unnoted=dispatch-$index-$((4100000000 + $$)) left=dispatch-$index-$((4200000000 + $$))
	for note in "$attached" "$others" "$absent" "$unnoted" "$left"; do
		mkdir "$xdp/$note"
		bpftool prog pin id "$id" "$xdp/$note/prog0-prog"
	done
	for note in "$attached" "$absent" "$left"; do ln -s "$SERVER_ID" "$pins/$note"; done
	ln -s 1 "$pins/$others"
	ff rule s0 syn-rst=off
	for note in "$attached" "$others" "$absent" "$unnoted" "$left"; do
		[ ! -e "$xdp/$note" ] || stay+=" $note"
		rm -rf "${xdp:?}/$note"
	done
	equal "$stay" " $attached $others $absent $unnoted"
	equal "$(find "$pins" -name 'dispatch-*' -printf '%f\n' | sort)" "$(printf '%s\n' "$others" "$absent" | sort)" "notes"
	ff detach s0
	nothing_left
}

@test "the interface is deleted while attached: one line, and the next change sweeps what it left" {
	in_s ip link add e0 type veth peer name e1
	ff attach e0
	in_s ip link del e0
	local command
	for command in $(calls_but attach IF=e0 | cut -d' ' -f1); do
		run -1 --separate-stderr ff "$command" e0
		one_line "no interface 'e0'"
	done
	attach_sweeps() { ff attach s0 >/dev/null && equal "$(pins_of "$SERVER_ID" | wc -l)" 1; }
	wait_until 5 attach_sweeps # the kernel drops a deleted interface's program after a while
	ff detach s0
	nothing_left
}

@test "an interface of the same name and index as a deleted one starts anew" {
	local index
	ff attach s0
	send4 SF --count 5
	index=$(in_s ip -j link show s0 | jq '.[0].ifindex')
	in_s ip link del s0
	ip link add a0 netns "$ATTACKER" address 02:00:00:00:00:0a type veth \
		peer name s0 netns "$SERVER" index "$index" address 02:00:00:00:00:05
	ip -n "$ATTACKER" link set a0 up
	ip -n "$SERVER" link set s0 up
	run -3 ff status s0
	ff attach s0
	equal "$(count syn-fin dropped)" 0
	send4 SF --count 4
	equal "$(count syn-fin dropped)" 4
	ff detach s0
	nothing_left
}

@test "the program is taken off by another tool: not attached, and attach starts anew" {
	ff attach s0
	in_s ip link set dev s0 xdpdrv off
	run -3 ff status s0
	run -1 --separate-stderr ff stats s0
	one_line "not attached" s0
	run -1 --separate-stderr ff rule s0 syn-fin=off
	one_line "not attached" s0
	run -1 --separate-stderr ff detach s0
	one_line "not attached" s0
	equal "$(pins_of "$SERVER_ID")" "" "stale pins"
	ff attach s0
	equal "$(count syn-fin dropped)" 0
}

@test "the same index in two namespaces: two filters that know nothing of each other" {
	local index
	index=$(in_s ip -j link show s0 | jq '.[0].ifindex')
	in_a ip link add x0 index $((index + 100)) type veth peer name x1
	in_s ip link add y0 index $((index + 100)) type veth peer name y1
	"$FLAGFILTER" --netns "$ATTACKER" attach --preset strict x0
	ff attach --preset none y0
	ff attach s0
	equal "$("$FLAGFILTER" --netns "$ATTACKER" --json status x0 | jq -r '.filters[0].policy')" "preset strict"
	equal "$(ff --json status y0 | jq -r '.filters[0].policy')" "preset none"
	ff rule y0 syn-fin=monitor
	equal "$("$FLAGFILTER" --netns "$ATTACKER" --json rule x0 | jq -r '.rules[0].mode')" enforce
	ff detach y0
	equal "$("$FLAGFILTER" --netns "$ATTACKER" --json status x0 | jq -r '.filters[0].policy')" "preset strict"
	"$FLAGFILTER" --netns "$ATTACKER" detach x0
	ff status s0
}

@test "a renamed interface keeps its filter, under its new name" {
	ff attach s0
	send4 SF --count 6
	in_s ip link set s0 down
	in_s ip link set s0 name wan
	in_s ip link set wan up
	equal "$(ff --json stats wan | jq '.dropped.packets')" 6
	equal "$(ff --json stats wan | jq -r '.interface')" wan
	ff rule wan syn-fin=monitor
	run -1 --separate-stderr ff stats s0
	one_line "no interface 's0'"
	ff detach wan
	equal "$(xdp_id wan)" ""
	equal "$(pins_of "$SERVER_ID")" ""
}

@test "an interface that moved to another namespace keeps its filter, and can be rid of it there" {
	local third=ff-$$-t
	extra_namespace "$third"
	in_s ip link add e0 type veth peer name e1
	ff attach e0
	in_s ip link set e0 netns "$third"
	run -1 --separate-stderr ff status e0
	if [ -z "$(nsenter --net="/run/netns/$third" ip -j -d link show e0 | jq -r '.[0].xdp.prog.id // empty')" ]; then
		skip "this kernel takes XDP off when an interface moves"
	fi
	"$FLAGFILTER" --netns "$third" status e0
	ff attach s0 # its sweep must not take the pins of what is in use elsewhere
	"$FLAGFILTER" --netns "$third" rule e0 syn-fin=monitor
	"$FLAGFILTER" --netns "$third" detach e0
	ff detach s0
	equal "$(pins_of "$SERVER_ID")" ""
}

# ---- where it cannot work

@test "without a BPF filesystem: one line that says so, exit 1, nothing attached" {
	local command
	for command in attach detach; do
		run -1 --separate-stderr ip netns exec "$SERVER" "$FLAGFILTER" "$command" s0
		one_line /sys/fs/bpf
	done
	nothing_left
	ff attach s0
	printf 'version: 1\npreset: none\n' >"$BATS_TEST_TMPDIR/policy.yaml"
	while read -r command; do # but doctor, which is there to say it otherwise
		# shellcheck disable=SC2086 # words on purpose
		run -1 --separate-stderr ip netns exec "$SERVER" "$FLAGFILTER" $command
		one_line /sys/fs/bpf || {
			echo "$command"
			return 1
		}
	done < <(calls_but doctor IF=s0 "FILE=$BATS_TEST_TMPDIR/policy.yaml" && printf '%s\n' "rule s0 syn-fin=off" \
		"stats s0 --watch" status)
	equal "$(mode syn-fin)" enforce
}

@test "a pin directory that belongs to somebody else is not trusted" {
	[ ! -e /sys/fs/bpf/flagfilter ] || skip "filters are attached on this machine"
	mkdir -m 777 /sys/fs/bpf/flagfilter
	chown 65534 /sys/fs/bpf/flagfilter
	run -1 --separate-stderr ff attach s0
	rmdir /sys/fs/bpf/flagfilter
	one_line "belongs to user 65534"
	nothing_left
}

@test "without privilege: one line that says so, exit 1, nothing changed" {
	local command before dir
	# a copy that anyone can run, wherever this tree is
	dir=$(mktemp -d)
	chmod 755 "$dir"
	install -m 755 "$FLAGFILTER" "$dir/flagfilter"
	as_nobody() { in_s setpriv --reuid=65534 --regid=65534 --clear-groups "$dir/flagfilter" "$@"; }
	run -1 --separate-stderr as_nobody attach s0
	explained_line root
	nothing_left
	ff attach s0
	before=$(ff --json status s0)
	printf 'version: 1\npreset: none\n' >"$dir/policy.yaml"
	chmod 644 "$dir/policy.yaml"
	while read -r command; do # but doctor, which is there to say it otherwise
		# shellcheck disable=SC2086 # words on purpose
		run -1 --separate-stderr as_nobody $command
		explained_line root || {
			echo "$command"
			return 1
		}
	done < <(calls_but doctor IF=s0 "FILE=$dir/policy.yaml" && printf '%s\n' "detach --all" "rule s0 syn-fin=off" status)
	# what is in the way is the directory, for whoever has CAP_BPF too
	run -1 --separate-stderr as_nobody status s0
	one_line "(needs root)"
	# shellcheck disable=SC2154 # bats sets stderr
	[[ $stderr != *CAP_* ]]
	run -1 --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$dir/flagfilter" --netns "$SERVER" status s0
	one_line root
	equal "$(ff --json status s0)" "$before"
	rm -r "$dir"
}

# ---- killed at any moment

# kill_randomly MILLISECONDS ARG...: runs our command and kills it within that time, unless it has ended.
kill_randomly() {
	local limit=$1
	shift
	timeout -s KILL "0.$(printf %03d $((RANDOM % limit + 1)))" \
		"$FLAGFILTER" --netns "$SERVER" "$@" >/dev/null 2>&1 || true
}

@test "killed at any moment of attach: the next command works and nothing leaks" {
	local i
	RANDOM=1
	for i in {1..25}; do
		kill_randomly 50 attach s0
		ff attach s0 >/dev/null
		equal "$(pins_of "$SERVER_ID" | wc -l)" 1 "pin directories, round $i"
		ff detach s0
		nothing_left
	done
	# and straight from the kill to detach, which may find the filter or not
	for i in {1..25}; do
		kill_randomly 50 attach s0
		run ff detach s0
		if [ "$status" -ne 0 ]; then
			[[ $output == *"not attached"* ]]
		fi
		nothing_left
	done
}

@test "killed at any moment of attaching again or detaching: attached as before, or not at all" {
	local i
	RANDOM=2
	ff attach s0 >/dev/null
	send4 SF --count 5
	for i in {1..30}; do
		kill_randomly 60 attach --preset default s0
		equal "$(count syn-fin dropped)" 5 "round $i"
	done
	for i in {1..25}; do
		kill_randomly 30 detach s0
		run ff status s0
		if [ "$status" -eq 3 ]; then
			equal "$(xdp_id)" ""
			ff attach s0 >/dev/null
		fi
		equal "$status" "$((status == 3 ? 3 : 0))"
		send4 SF --count 1 >/dev/null
		[ "$(count syn-fin dropped)" -ge 1 ]
	done
	ff detach s0
	nothing_left
}

@test "killed at any moment of a rule change: all of it is in force, or none" {
	local i modes next=monitor
	RANDOM=3
	ff attach s0 >/dev/null
	for i in {1..60}; do
		kill_randomly 30 rule s0 "syn-fin=$next" "syn-rst=$next" "tcp-no-flag=$next"
		modes=$(ff --json rule s0 | jq -r '[.rules[] | select(.name | test("^(syn-|tcp-)")) | .mode] | unique | join(" ")')
		[[ $modes == monitor || $modes == enforce || $modes == off ]] || {
			echo "half a change: $modes"
			return 1
		}
		case $modes in monitor) next=off ;; off) next=enforce ;; *) next=monitor ;; esac
	done
	ff rule s0 syn-fin=enforce
	send4 SF --count 9
	equal "$(count syn-fin dropped)" 9
	ff detach s0
	nothing_left
}

# ---- usage

@test "usage errors: exit 2 and a word on stderr, by every command, and nothing happens" {
	local arguments
	ff attach s0
	while IFS= read -r arguments; do
		# shellcheck disable=SC2086 # words on purpose
		run -2 --separate-stderr ff $arguments
		equal "$output" ""
		# shellcheck disable=SC2154 # bats sets it
		[[ ${stderr_lines[0]} == flagfilter*:* && ${#stderr_lines[@]} -le 3 ]] || { # argp adds a hint of its own
			echo "'$arguments' says: ${stderr_lines[*]}"
			return 1
		}
	done <<-'USAGE'

		nonsense
		--nonsense
		attach
		attach s0 s0
		attach s0 --mode fast
		attach s0 --preset nonsense
		attach s0 --preset strict --policy x.yaml
		attach s0 --nonsense
		detach
		detach s0 s0
		detach s0 --all
		status s0 s0
		rule
		rule s0 syn-fin
		rule s0 syn-fin=
		rule s0 syn-fin=on
		rule s0 =off
		rule s0 nonsense=off
		rule s0 syn-fin=off nonsense=off
		rule s0 a-name-that-is-longer-than-any-rule-can-be=off
		apply
		apply s0
		apply s0 x y
		stats
		stats s0 s0
		stats s0 --watch=0
		stats s0 --watch=-1
		stats s0 --watch=x
		stats s0 --count=0
		stats s0 --count=x
		stats s0 --count=-1
		check
		check x y
		replay
		explain
		explain NONSENSE
	USAGE
	equal "$(mode syn-fin)" enforce
	equal "$(status_of policy)" "preset default"
}
