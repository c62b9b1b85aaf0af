#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Changes without fear: saved and compared, made one by one, and taken back by themselves unless confirmed.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() { net_teardown; }

# policy NAME: a policy file from standard input; prints its path.
policy() {
	local path=$BATS_TEST_TMPDIR/$1.yaml
	{ echo "version: 1" && cat; } >"$path"
	printf '%s' "$path"
}

# What the kernel has: verdicts, rules with their counters, ports, sources.
live() { "$PYTHON" "$BATS_TEST_DIRNAME/live_policy.py" "$(pins_of "$SERVER_ID")"; }

# unconfirmed FILTER: of what status says, by jq.
unconfirmed() { ff --json status s0 | jq -r ".filters[0].unconfirmed$1"; }
changed_from() { [ "$(live)" != "$1" ]; }
is_confirmed() { [ "$(unconfirmed "")" = null ]; }
is_guarded() { [ "$(unconfirmed .guarded)" = true ]; }
is_unguarded() { [ "$(unconfirmed .guarded)" = false ]; }
more_than() { [ "$("${@:2}")" -gt "$1" ]; }
not_attached() { [ -z "$(xdp_id s0)" ]; }

# Whether the process is gone, or a zombie that nobody has waited for yet.
is_over() { [[ $(ps -o stat= -p "$1") != [^Z]* ]]; }

# Everything a policy can have.
everything() {
	policy "$1" <<-'YAML'
		preset: strict
		rules:
		  - { name: syn-rst, mode: monitor }
		  - { name: tiny-fragment, mode: "off" }
		  - { name: malformed, mode: enforce }
		  - { name: zebra, flags: "URG,AE/URG,AE", mode: enforce }
		  - { name: aardvark, flags: "NONE/ACK", mode: monitor }
		exempt:
		  sources: [198.51.100.0/24, 198.51.100.7, 0.0.0.0/3, "2001:db8:1::/48", "::/127"]
		  ports: [1, 8443, 65535]
	YAML
}

# ---- save

@test "save prints a policy file that apply reads back to the same state, byte for byte" {
	local preset before files=()
	for preset in none default strict conntrack; do
		files+=("$(policy "$preset" <<<"preset: $preset")")
	done
	files+=("$(everything everything)"
		"$(policy ports <<<"exempt: {ports: [$(seq -s, 1 7 65535)]}")"
		"$(policy own <<<"$(echo "preset: none" && echo rules: && for i in {64..1}; do
			echo "  - {name: own-$i, flags: $((i % 32))/31, mode: monitor}"
		done)")")
	ff attach s0
	for file in "${files[@]}"; do
		ff apply s0 "$file"
		before=$(live)
		ff save s0 >"$BATS_TEST_TMPDIR/saved.yaml"
		ff check "$BATS_TEST_TMPDIR/saved.yaml" >/dev/null
		ff apply s0 "$BATS_TEST_TMPDIR/saved.yaml"
		equal "$(live)" "$before" "$file"
		ff detach s0
		ff attach s0 --policy "$BATS_TEST_TMPDIR/saved.yaml"
		equal "$(live | grep -v -e ^rules -e ^verdict)" "$(grep -v -e ^rules -e ^verdict <<<"$before")" "$file"
		equal "$(ff save s0 | tail -n +2)" "$(tail -n +2 "$BATS_TEST_TMPDIR/saved.yaml")" "$file"
	done
}

@test "save, as JSON: rules and exempt lists; where nothing is attached: a failure in one line" {
	run -1 --separate-stderr ff save s0
	one_line s0 "not attached"
	ff attach s0 --policy "$(everything everything)"
	ff --json save s0 | jq -e '.schema == 1 and .interface == "s0" and (.rules | length) == 12 and .rules[1].mode == "monitor"
		and .exempt.ports == [1, 8443, 65535] and (.exempt.sources | sort) ==
		["0.0.0.0/3", "198.51.100.0/24", "198.51.100.7/32", "2001:db8:1::/48", "::/127"]'
}

# ---- rules and exemptions, one by one

@test "rule add and del: the rule counts from then on, and goes to (removed); no other counter is touched" {
	ff attach s0
	send4 SF --count 30
	send4 SPU --count 5
	ff rule s0 add urgent-syn SYN,URG/SYN,URG,FIN monitor
	equal "$(ff --json rule s0 | jq -r '.rules[-1] | .name, .mode, .match' | xargs)" "urgent-syn monitor SYN,URG/SYN,FIN,URG"
	send4 SPU --count 20
	equal "$(count urgent-syn would_drop)" 20
	[[ $(ff status s0) == *"preset default, changed"* ]]
	ff rule s0 urgent-syn=enforce
	send4 SPU --count 10
	equal "$(count urgent-syn dropped)" 10
	equal "$(count syn-fin dropped)" 30
	ff rule s0 del urgent-syn
	send4 SPU --count 7
	equal "$(count urgent-syn dropped)" -
	equal "$(count "(removed)" dropped)" 10
	equal "$(count "(removed)" would_drop)" 20
	equal "$(count syn-fin dropped)" 30
	equal "$(stats .dropped.packets)" 40
	[[ $(ff status s0) == *"preset default"* && $(ff status s0) != *changed* ]] # it is as it was
	ff rule s0 del syn-fin null # built-in ones too, and by an alias
	send4 0 --count 10
	equal "$(stats .dropped.packets)" 40
	sums_agree
}

@test "rule add and del of what cannot be: exit 2, one line, nothing changed" {
	local before
	ff attach s0
	before=$(live)
	while read -r why arguments; do
		# shellcheck disable=SC2086 # words on purpose
		run -2 --separate-stderr ff rule s0 $arguments
		one_line "$why"
		equal "$(live)" "$before" "$arguments"
	done <<-'MISTAKES'
		built add syn-fin SYN/SYN monitor
		built add malformed SYN/SYN monitor
		invalid add Big SYN/SYN monitor
		'SIN' add x SIN/SYN monitor
		VALUE/MASK add x SYN monitor
		unknown add x SYN/SYN sometimes
		takes add x SYN/SYN
		takes add x SYN/SYN off monitor
		'x' del x
		'x' del syn-fin x
		name del
		NAME=MODE syn-fin
	MISTAKES
	ff rule s0 add x SYN/SYN off
	run -2 --separate-stderr ff rule s0 add x SYN/SYN off
	one_line "'x'" already
}

@test "exempt add, del and list: in effect at once, counted under the rule, other counters as before" {
	ff attach s0
	equal "$(ff exempt s0)" "nothing is exempt on s0"
	count_at_server syn_fin "$SYN_FIN"
	send4 SF,SR --count 40
	equal "$(ff --json exempt s0 add 192.0.2.0/25 2001:db8::1 8443 | jq -c '[.exempt.sources, .exempt.ports]')" \
		'[["192.0.2.0/25","2001:db8::1/128"],[8443]]'
	send4 SF --count 10
	send6 SF --count 11
	equal "$(count syn-fin exempted)" 21
	equal "$(count syn-fin dropped)" 20
	equal "$(count syn-rst dropped)" 20
	equal "$(arrived syn_fin)" 21
	ff exempt s0 del 192.0.2.0/25
	send4 SF --count 5
	send4 SF --count 6 --port 8443
	equal "$(count syn-fin exempted)" 27
	equal "$(count syn-fin dropped)" 25
	ff exempt s0 del 8443 2001:db8::1
	send4 SF --count 6 --port 8443
	equal "$(count syn-fin exempted)" 27
	equal "$(count syn-fin dropped)" 31
	equal "$(ff exempt s0 list)" "nothing is exempt on s0"
	equal "$(count syn-rst dropped)" 20
	sums_agree
}

@test "exempt of what cannot be: exit 2, one line, nothing changed" {
	local before
	ff attach s0 --policy "$(everything everything)"
	before=$(live)
	while read -r why arguments; do
		# shellcheck disable=SC2086 # words on purpose
		run -2 --separate-stderr ff exempt s0 $arguments
		one_line "$why"
		equal "$(live)" "$before" "$arguments"
	done <<-'MISTAKES'
		already add 9 8443
		already add 198.51.100.0/24
		not del 198.51.100.0/25
		not del 8443 80
		bits add 192.0.2.1/24
		prefix add 192.0.2.0/33
		bad add 0
		bad add 65536
		bad add http
		name add
		list nonsense 80
		list list 80
	MISTAKES
}

# ---- diff

@test "diff tells what apply would change, and what the packets seen so far would have met" {
	local conntrack same added
	conntrack=$(policy conntrack <<-'YAML'
		preset: conntrack
		rules: [{ name: syn-rst, mode: monitor }]
		exempt: { ports: [443] }
	YAML
	)
	ff attach s0
	send4 RAU --count 12
	send4 SR --count 5
	send4 A,S,SA,FA --count 400
	run -3 --separate-stderr ff --json diff s0 "$conntrack"
	added=$(contract_rules conntrack | grep -vxF "$(contract_rules default)" | cut -d' ' -f1 | xargs)
	jq --arg added "$added" -e '.schema == 1 and .interface == "s0" and .policy == "preset default" and .differs and .reordered == false
		and .exempt == {added: {sources: [], ports: [443]}, removed: {sources: [], ports: []}}
		and ([.rules[].name] == ["syn-rst", ($added | split(" ")[])])
		and .rules[0].before.mode == "enforce" and .rules[0].after.mode == "monitor" and .rules[1].before == null
		and .verdicts[0] == {class: "tcp", flags: "RST,ACK,URG", before: "pass", after: "drop", rule: "rst-ack-urg",
			passed: {packets: 12}, dropped: {packets: 0}}
		and .verdicts[1] == {class: "tcp", flags: "SYN,RST", before: "drop", after: "would-drop", rule: "syn-rst",
			passed: {packets: 0}, dropped: {packets: 5}}
		and ([.verdicts[2:][] | .passed.packets + .dropped.packets] | add) == 0' <<<"$output"
	equal "$(jq -r .counting_since <<<"$output")" "$(ff --json status s0 | jq -r '.filters[0].attached_since')"
	run -3 --separate-stderr ff diff s0 "$conntrack"
	[[ $output == *"this would newly drop RST,ACK,URG: 12 packets seen"* ]]
	[[ $output == *"this would no longer drop but monitor SYN,RST: 5 packets seen, 5 dropped"* ]]
	[[ $output == *"+ port 443"* ]]
	equal "$(wc -L <<<"$output" | awk '{print $1 <= 100}')" 1

	# What diff has said is what comes: the same packets once more, under the new policy.
	ff apply s0 "$conntrack"
	send4 RAU --count 12
	send4 SR --count 5
	equal "$(count rst-ack-urg dropped)" 12
	equal "$(count syn-rst would_drop)" 5
	run -0 --separate-stderr ff diff s0 "$conntrack"
	[[ $output == *"no difference"* ]]
	same=$(ff --json diff s0 "$conntrack")
	jq -e '(.differs or .reordered) == false and .rules == [] and .verdicts == []' <<<"$same"
}

@test "diff of a bad file: exit 2; where nothing is attached: exit 1; and it changes nothing" {
	local before
	run -1 --separate-stderr ff diff s0 "$(policy none <<<'preset: none')"
	one_line "not attached"
	ff attach s0
	before=$(live)
	run -2 --separate-stderr ff diff s0 "$(policy bad <<<'preset: bad')"
	one_line bad.yaml:2
	run -3 --separate-stderr ff diff s0 "$(policy none <<<'preset: none')"
	equal "$(live)" "$before"
}

# ---- reset

@test "whatever counts says since when: attached, or reset" {
	local attached reset
	ff attach s0 --policy "$(policy monitored <<<$'preset: none\nrules: [{name: syn-fin, mode: monitor}]')"
	attached=$(ff --json status s0 | jq -r '.filters[0].attached_since')
	run -0 ff stats s0
	[[ ${lines[1]} =~ monitored.*', attached for 00:00:'..$ ]]
	send4 SF --count 12
	sleep 1.1
	ff reset s0
	reset=$(ff --json status s0 | jq -r '.filters[0].counting_since')
	[[ $reset > $attached ]]
	send4 SF,RAU --count 14
	equal "$(ff --json matrix s0 | jq -r .counting_since)" "$reset"
	run -0 ff stats s0
	[[ ${lines[1]} =~ ', attached for 00:00:'..', counting for 00:00:0'.$ ]]
	run -0 ff matrix s0 --rule rst-ack-urg
	[[ ${output//$'\n'/ } == *"would have dropped 7 of "*" since $reset;"* ]]
	run -0 ff report s0 --seconds 1
	[[ ${lines[0]} =~ ', attached for 00:00:'..', counting for 00:00:0' ]]
	[[ $output == *"since reset   would have dropped 7 packets"* ]]
	equal "$(ff --json report s0 --seconds 1 | jq -r '.counting_since')" "$reset"
	run -3 ff diff s0 "$(policy none <<<'preset: none')"
	[[ $output == *"packets seen since $reset"* ]]
}

@test "reset sets every counter to zero, in the midst of a flood not one is lost or counted twice" {
	local before after
	ff attach s0 --policy "$(policy x <<<$'rules: [{name: x, flags: "URG/URG,ACK", mode: monitor}]')"
	send4 SF,SR,FPU,0,UP,A --count 600
	ff rule s0 del x
	ff rule s0 add y URG,ACK/URG,ACK off # which gets the counter that x had
	[ "$(count "(removed)" would_drop)" -gt 0 ]
	before=$(live)
	equal "$(ff --json reset s0 | jq -c .)" '{"schema":1,"interface":"s0","reset":true}'
	equal "$(live)" "$before"
	ff --json stats s0 | jq -e '.dropped.packets == 0 and .dropped.bytes == 0 and ([.not_judged[]] | add) < 20
		and all(.rules[]; .name != "(removed)" and .dropped.packets == 0 and .would_drop.packets == 0)'
	[[ $(ff --json status s0 | jq -r '.filters[0].counting_since') > $(ff --json status s0 | jq -r '.filters[0].attached_since') ]]
	send4 SF --count 33
	equal "$(count syn-fin dropped)" 33
	equal "$(stats .dropped.packets)" 33
	sums_agree

	ff rule s0 syn-fin=monitor fin-no-ack=off # all counts before this are in .dropped
	count_at_server syn_fin "$SYN_FIN" accept
	start_flood SF
	wait_until 10 more_than 1000 count syn-fin would_drop
	before=$(arrived syn_fin)
	ff reset s0
	after=$(arrived syn_fin)
	stop_flood
	# What is counted now came after the reset began, and all that came after it ended is.
	[ "$(count syn-fin would_drop)" -le $((CROSSED - before)) ]
	[ "$(count syn-fin would_drop)" -ge $((CROSSED - after)) ]
	ff rule s0 syn-fin=off # and changes of policy do not bring the old counts back
	[ "$(count syn-fin would_drop)" -le $((CROSSED - before)) ]
	equal "$(stats .dropped.packets)" 0
	sums_agree
}

# ---- unless confirmed

@test "apply --confirm takes effect, and goes back by itself, policy and counters as if it had not been" {
	local before saved strict file
	strict=$(policy strict <<-'YAML'
		preset: strict
		rules: [{ name: syn-rst, mode: off }, { name: new, flags: URG/URG, mode: monitor }]
	YAML
	)
	ff attach s0 --policy "$(everything everything)"
	ff rule s0 zebra=monitor
	count_at_server syn_fin "$SYN_FIN"
	send4 SF --count 10
	send4 UAN --count 3 # monitored: zebra
	before=$(live) saved=$(ff save s0)
	equal "$(ff --json apply s0 "$strict" --confirm 6 | jq .confirm_within_s)" 6
	[ "$(live)" != "$before" ]
	equal "$(unconfirmed .to)" "$(head -n 1 <<<"$saved" | cut -c 3-)"
	equal "$(unconfirmed .guarded)" true
	file=$(unconfirmed .file)
	[ "$(unconfirmed .goes_back_in_s)" -le 6 ]
	[[ $(ff status s0) == *"unconfirmed: goes back to "*everything.yaml*" in "*" s"* ]]
	send4 SF --count 10
	send4 SU --count 6 # monitored: new
	equal "$(count syn-fin dropped)" 20
	equal "$(count new would_drop)" 6
	wait_until 20 is_confirmed
	equal "$(live)" "$before"
	equal "$(ff save s0)" "$saved"
	send4 SF --count 10
	send4 UAN --count 3
	equal "$(count syn-fin dropped)" 30
	equal "$(count zebra would_drop)" 6 # a rule that was not there meanwhile goes on with its count
	equal "$(count "(removed)" would_drop)" 6
	equal "$(stats .dropped.packets)" 30
	equal "$(arrived syn_fin)" 0
	sums_agree
	[ ! -e "$file" ]
}

@test "confirm in time: it stays, the guardian ends, and a second confirm says that there is nothing: exit 3" {
	local guardian after
	ff attach s0
	ff apply s0 "$(policy strict <<<'preset: strict')" --confirm 4
	guardian=$(unconfirmed .guardian)
	after=$(live)
	equal "$(ff --json confirm s0 | jq -c .)" '{"schema":1,"interface":"s0","confirmed":true}'
	equal "$(unconfirmed "")" null
	wait_until 10 is_over "$guardian"
	sleep 4
	equal "$(live)" "$after"
	run -3 --separate-stderr ff confirm s0
	[[ $output == *"nothing on s0"* ]]
	equal "$(ff --json confirm s0 | jq .confirmed)" false
	ff detach s0
	run -1 --separate-stderr ff confirm s0
	one_line "not attached"
}

@test "it goes back also when the whole session that asked for it is killed" {
	local before session
	ff attach s0
	before=$(live)
	# shellcheck disable=SC2016 # for that shell
	setsid bash -c '"$@"; touch "$OUT"; sleep 60' - "$FLAGFILTER" --netns "$SERVER" apply s0 \
		"$(policy none <<<'preset: none')" --confirm 5 >/dev/null 2>&1 3>&- &
	session=$!
	wait_until 10 is_guarded
	[ "$(ps -o sid= -p "$(unconfirmed .guardian)" | xargs)" != "$session" ]
	kill -KILL -- "-$session"
	wait "$session" || true
	wait_until 4 changed_from "$before"
	wait_until 20 is_confirmed
	equal "$(live)" "$before"
}

@test "it goes back also when the terminal is gone" {
	local before
	ff attach s0
	before=$(live)
	"$PYTHON" - "$FLAGFILTER" --netns "$SERVER" apply s0 "$(policy none <<<'preset: none')" --confirm 5 <<-'PYTHON'
		import os, pty, sys
		pid, terminal = pty.fork()
		if not pid:
		    os.execv("/bin/sh", ["sh", "-c", '"$@"; sleep 60', "sh"] + sys.argv[1:])
		seen = b""
		while b"confirm s0" not in seen:
		    seen += os.read(terminal, 1000)
		os.close(terminal)  # SIGHUP for all that are on it
		assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == 1
	PYTHON
	wait_until 4 changed_from "$before"
	wait_until 20 is_confirmed
	equal "$(live)" "$before"
}

@test "the guardian asked to end takes back at once" {
	local before
	ff attach s0
	before=$(live)
	ff apply s0 "$(policy none <<<'preset: none')" --confirm 60
	kill -HUP "$(unconfirmed .guardian)" # not asked to end
	sleep 0.2
	kill -TERM "$(unconfirmed .guardian)"
	wait_until 20 is_confirmed
	equal "$(live)" "$before"
}

@test "with hardly any stack a change is refused or taken back, and a process with the guardian's number is not taken for it" {
	local size kind guardian
	ff attach s0
	for size in 8 16 32 36 40 56 64 128 600; do
		for kind in S H; do
			bash -c "ulimit -${kind}s $size; exec '$FLAGFILTER' --netns $SERVER rule s0 syn-fin=off --confirm 1" || true
			wait_until 10 is_confirmed
			equal "$(ff --json rule s0 | jq -r '.rules[0].mode')" enforce "-${kind}s $size"
		done
	done
	ff rule s0 syn-fin=off --confirm 30
	guardian=$(unconfirmed .guardian)
	run -1 --separate-stderr unshare --pid --fork --mount-proc sh -c "echo $((guardian - 1)) >/proc/sys/kernel/ns_last_pid &&
		'$FLAGFILTER' --netns $SERVER rule s0 syn-rst=off; exit \$?"
	one_line "has an unconfirmed change"
	ff confirm s0
}

@test "a mark that is touched, and still there, does not end the time for the confirmation" {
	local mark
	ff attach s0
	ff rule s0 syn-fin=off --confirm 30
	mark=$(find "$PINS" -name 'unconfirmed-*')
	ln -s x "$mark/next"
	ff reset s0
	sleep 0.5
	equal "$(unconfirmed .guarded)" true
	ff confirm s0
	wait_until 10 is_confirmed
	equal "$(ff --json rule s0 | jq -r '.rules[0].mode')" off
}

@test "the guardian killed: status does not say that it goes back, and tells how to" {
	local before after saved file
	ff attach s0 --policy "$(everything everything)"
	before=$(live) saved=$(ff save s0 | tail -n +2)
	ff apply s0 "$(policy none <<<'preset: none')" --confirm 1
	after=$(live)
	kill -KILL "$(unconfirmed .guardian)"
	wait_until 10 is_unguarded
	sleep 1.2
	equal "$(live)" "$after"
	equal "$(unconfirmed .goes_back_in_s)" null
	file=$(unconfirmed .file)
	run -0 ff status s0
	[[ $output == *"does not go back by itself"*"confirm s0"*"apply s0 $file"* ]]
	ff apply s0 "$file"
	equal "$(ff save s0 | tail -n +2)" "$saved"
	equal "$(live | grep -e ^port -e ^source)" "$(grep -e ^port -e ^source <<<"$before")"
	is_confirmed
	[ ! -e "$file" ]
}

@test "the guardian killed, and then its filter gone too: the next command that changes something forgets it" {
	local file
	ff attach s0
	ff apply s0 "$(policy none <<<'preset: none')" --confirm 60
	file=$(unconfirmed .file)
	kill -KILL "$(unconfirmed .guardian)"
	wait_until 10 is_unguarded
	ff rule s0 >/dev/null
	[ -e "$file" ] # it has the old policy
	in_s ip link set dev s0 xdp off
	forgotten() { ff detach --all && [ ! -e "$file" ]; }
	wait_until 10 forgotten # the kernel lets go of the maps after a while
}

# ff_moved ARG...: where s0 was moved to.
ff_moved() { "$FLAGFILTER" --netns "$MOVED" "$@"; }

# to_another_namespace: moves s0 there, if the kernel leaves its program on it.
to_another_namespace() {
	MOVED=ff-$$-m
	extra_namespace "$MOVED"
	in_s ip link set s0 netns "$MOVED"
	ff_moved status s0 || skip "this kernel takes XDP off when an interface moves"
}

@test "its interface moved to another namespace: a policy goes back there, also if another has its name and index" {
	local before index
	ff attach s0
	before=$(live)
	index=$(in_s ip -j link show s0 | jq '.[0].ifindex')
	ff apply s0 "$(policy none <<<'preset: none')" --confirm 5
	[ "$(live)" != "$before" ]
	to_another_namespace
	in_s ip link add s0 index "$index" type veth peer name s1
	went_back() { [ "$(ff_moved --json status s0 | jq .filters[0].unconfirmed)" = null ]; }
	wait_until 20 went_back
	equal "$(live)" "$before"
	ff_moved detach s0
}

@test "attach --confirm, and its interface moved to another namespace: it stays, and status there says so" {
	local guardian file
	ff attach s0 --confirm 4
	guardian=$(unconfirmed .guardian) file=$(unconfirmed .file)
	to_another_namespace
	wait_until 20 is_over "$guardian"
	[[ $(ff_moved status s0) == *"does not go back by itself"*"confirm s0"* ]]
	ff_moved detach s0
	[ ! -e "$file" ]
}

@test "while a change is unconfirmed no other is accepted; reset, a new program and detach are" {
	local before guardian strict command
	strict=$(policy strict <<<'preset: strict')
	ff attach s0
	before=$(live)
	ff apply s0 "$strict" --confirm 30
	guardian=$(unconfirmed .guardian)
	for command in "rule s0 syn-fin=off" "rule s0 add x SYN/SYN off" "exempt s0 add 80" "apply s0 $strict" \
		"apply s0 $strict --confirm 9" "attach s0 --preset none" "attach s0 --confirm 9"; do
		# shellcheck disable=SC2086 # words on purpose
		run -1 --separate-stderr ff $command
		one_line s0
	done
	send4 SF --count 10
	ff reset s0
	send4 SF --count 5
	ff attach s0
	equal "$(unconfirmed .guardian)" "$guardian"
	kill -TERM "$guardian"
	wait_until 20 is_confirmed
	equal "$(live)" "$before"
	equal "$(count syn-fin dropped)" 5

	ff apply s0 "$strict" --confirm 30
	guardian=$(unconfirmed .guardian)
	ff detach s0
	wait_until 10 is_over "$guardian"
	ff attach s0 # not a filter that the old guardian knows
	is_confirmed
}

@test "a filter that came after the one with the unconfirmed change is not touched" {
	local after guardian
	ff attach s0
	ff apply s0 "$(policy none <<<'preset: none')" --confirm 5
	guardian=$(unconfirmed .guardian)
	in_s ip link set dev s0 xdp off
	sleep 0.5 # until the kernel has let go of it: only then are its pins swept, which the guardian does not keep
	ff attach s0 --preset strict
	after=$(live)
	equal "$(unconfirmed "")" null
	wait_until 10 is_over "$guardian"
	equal "$(live)" "$after"
	equal "$(ff --json status s0 | jq -r '.filters[0].policy')" "preset strict"
}

@test "attach --confirm detaches by itself, whatever its interface is called by then; confirmed, it stays" {
	count_at_server syn_fin "$SYN_FIN"
	ff attach s0 --confirm 6
	equal "$(unconfirmed .to)" null
	[[ $(ff status) == *"unconfirmed: is detached in "* ]]
	send4 SF --count 10
	equal "$(count syn-fin dropped)" 10
	in_s ip link set s0 down
	in_s ip link set s0 name t0
	in_s ip link set t0 name s0 up
	in_s ip neigh replace "$A4" lladdr 02:00:00:00:00:0a dev s0 nud permanent
	wait_until 20 not_attached
	nothing_left
	send4 SF --count 7
	equal "$(arrived syn_fin)" 7

	equal "$(ff --json attach s0 --confirm 4 | jq .confirm_within_s)" 4
	ff confirm s0
	sleep 4.3
	send4 SF --count 5
	equal "$(count syn-fin dropped)" 5
	run -1 --separate-stderr ff attach s0 --confirm 2
	one_line "already attached" "apply s0"
}

@test "attach --confirm that fails says why, and leaves no guardian and no file" {
	local before
	ff detach --all # which sweeps
	before=$(ls /run/flagfilter 2>/dev/null || true)
	put_foreign
	run -1 --separate-stderr ff attach s0 --confirm 30
	explained_line s0 "another owner"
	in_s ip link set dev s0 xdp off
	run -1 --separate-stderr ff attach nowhere --confirm 30
	one_line nowhere
	run -2 --separate-stderr ff apply s0 "$(policy bad <<<'preset: bad')" --confirm 30
	one_line bad.yaml:2
	for seconds in 0 -1 1.5 x '' 86401; do
		run -2 --separate-stderr ff attach s0 --confirm "$seconds"
		one_line seconds
	done
	equal "$(ls /run/flagfilter 2>/dev/null || true)" "$before"
	equal "$(ip netns pids "$SERVER")" ""
}

@test "rule and exempt --confirm go back as well" {
	local before
	ff attach s0
	before=$(live)
	ff rule s0 syn-fin=off --confirm 4
	equal "$(mode syn-fin)" off
	wait_until 20 is_confirmed
	equal "$(live)" "$before"
	equal "$(ff --json exempt s0 add 192.0.2.1 --confirm 4 | jq .confirm_within_s)" 4
	[ "$(live)" != "$before" ]
	wait_until 20 is_confirmed
	equal "$(live)" "$before"
	run -2 --separate-stderr ff rule s0 --confirm 1
	one_line "without a change"
	run -2 --separate-stderr ff exempt s0 list --confirm 1
	one_line "without a change"
}

@test "there and back under load: every packet is counted once, and dropped exactly while it was to be" {
	ff attach s0
	count_at_server syn_fin "$SYN_FIN"
	start_flood SF
	wait_until 10 counted_more_than 500 syn-fin
	ff apply s0 "$(policy watch <<<$'preset: none\nrules: [{name: w, flags: "SYN,FIN/SYN,FIN", mode: monitor}]')" --confirm 1
	wait_until 20 is_confirmed
	sleep 0.5
	stop_flood
	echo "$CROSSED packets: $(ff --json stats s0 | jq -c .rules)"
	equal "$(stats '[.rules[] | .dropped.packets, .would_drop.packets] | add')" "$CROSSED" "counted"
	equal "$(arrived syn_fin)" "$(count "(removed)" would_drop)" "arrived"
	[ "$(arrived syn_fin)" -gt 1000 ]
	sums_agree
}

# ---- completion

@test "completion asks for what there is: attached interfaces, rules, what is exempt" {
	# shellcheck source=/dev/null
	source "$ROOT/build/completion/flagfilter"
	completes() {
		COMP_LINE="$FLAGFILTER --netns $SERVER $1" COMP_POINT=$((${#FLAGFILTER} + ${#SERVER} + 10 + ${#1}))
		_flagfilter
		echo "${COMPREPLY[*]}"
	}
	equal "$(completes "attach ")" "lo s0"
	ff attach s0 --policy "$(policy x <<<$'preset: none\nrules: [{name: mine, flags: URG/URG, mode: off}]\nexempt: {sources: [192.0.2.1], ports: [80]}')"
	equal "$(completes "detach ")" s0
	equal "$(completes "rule s0 ")" "add del mine="
	equal "$(completes "rule s0 del ")" mine
	equal "$(completes "exempt s0 del ")" "192.0.2.1/32 80"
	equal "$(completes "rule --all ")" "$(completes "rule s0 ")"
	equal "$(completes "exempt --all del ")" "192.0.2.1/32 80"
	equal "$(completes "exempt s0,lo del ")" "192.0.2.1/32 80"
	equal "$(completes "detach lo,")" "lo,s0"
	for command in "capture s0 --rule " "offenders s0 -r " "offenders --json s0 --rule=m"; do
		equal "$(completes "$command")" "$(completes "rule s0 del ")" "$command"
	done
	# The matrix can be asked about built-in rules and classes, and not about rules of one's own.
	for name in $(completes "matrix s0 --rule "); do
		ff matrix s0 --rule "$name" >/dev/null
	done
	equal "$(completes "matrix s0 --rule syn-") $(completes "matrix s0 --rule=run")" "syn-ack-urg syn-fin syn-rst runt"
}
