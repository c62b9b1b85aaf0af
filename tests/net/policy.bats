#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Rules and policies changed on a live interface: what is in force, what is counted, and that nothing is ever lost.

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

# ---- modes

@test "each rule of the default preset drops its flags, exactly, over IPv4 and IPv6" {
	local rule flags send
	ff attach s0
	while read -r rule flags; do
		for send in send4 send6; do
			equal "$("$send" "$flags" --count 250)" 250
		done
		equal "$(count "$rule" dropped)" 500 "$rule"
	done <<-'RULES'
		syn-fin SF
		syn-rst SR
		fin-no-ack FPU
		tcp-no-flag 0
	RULES
	equal "$(send4 SF --tiny --count 100)" 100
	equal "$(send6 SF --tiny --count 100)" 100
	equal "$(count tiny-fragment dropped)" 200
	equal "$(stats '.not_judged."tiny-fragment"')" 200
	equal "$(stats .dropped.packets)" 2200
	sums_agree
}

@test "flags beside the illegal ones do not matter, and legal flags pass" {
	ff attach --preset strict s0
	send4 SF,SFE,SFC,SFN,SFPUAEC --count 500
	equal "$(count syn-fin dropped)" 500
	send4 0,E,C,N,ECN --count 500
	equal "$(count tcp-no-flag dropped)" 500
	send4 S,SEC,SECN,SP,SA,SAE,A,PA,FA,FPA,FPUA,R,RA,UA,SAN --count 1500
	send6 S,SEC,SECN,SP,SA,SAE,A,PA,FA,FPA,FPUA,R,RA,UA,SAN --count 1500
	equal "$(stats .dropped.packets)" 1000
	sums_agree
}

@test "monitor counts as would drop and lets pass; off does neither; enforce drops" {
	ff attach s0
	count_at_server syn_fin "$SYN_FIN"
	ff rule s0 syn-fin=monitor fin-no-ack=off # which matches these flags too
	send4 SF --count 100
	equal "$(count syn-fin would_drop)" 100
	equal "$(count syn-fin dropped)" 0
	equal "$(arrived syn_fin)" 100
	ff rule s0 syn-fin=off
	send4 SF --count 100
	equal "$(arrived syn_fin)" 200
	equal "$(stats .dropped.packets)" 0
	ff rule s0 syn-fin=enforce
	send4 SF --count 100
	equal "$(arrived syn_fin)" 200
	equal "$(count syn-fin dropped)" 100
	equal "$(count syn-fin would_drop)" 100
	sums_agree
}

@test "mode: monitor at the top: every rule of the preset only watches, and what save writes is the same policy" {
	local file
	file=$(policy watch <<<$'preset: conntrack\nmode: monitor\nrules: [{name: syn-rst, mode: enforce}]')
	ff attach s0 --policy "$file"
	equal "$(send4 SF --count 20)" 20
	equal "$(send4 SR --count 20)" 20
	equal "$(count syn-fin would_drop) $(count syn-fin dropped)" "20 0"
	equal "$(count syn-rst would_drop) $(count syn-rst dropped)" "0 20"
	ff save s0 >"$BATS_TEST_TMPDIR/saved.yaml"
	ff diff s0 "$BATS_TEST_TMPDIR/saved.yaml"
	ff apply s0 "$BATS_TEST_TMPDIR/saved.yaml"
	ff diff s0 "$file"
	run -3 ff diff s0 "$(policy enforcing <<<'preset: conntrack')"
}

@test "a monitored rule never shields a packet from an enforced one, whatever their order" {
	ff attach s0
	count_at_server syn_fin "$SYN_FIN"
	ff rule s0 syn-fin=monitor # comes first, and fin-no-ack matches SYN,FIN as well
	send4 SF --count 100
	equal "$(count syn-fin would_drop)" 0
	equal "$(count fin-no-ack dropped)" 100
	equal "$(arrived syn_fin)" 0
	sums_agree
}

@test "several settings of one command are all made; an error in one makes none" {
	ff attach s0
	ff rule s0 syn-fin=monitor null=off rst-fin=enforce non-ip=monitor
	equal "$(mode syn-fin)" monitor
	equal "$(mode tcp-no-flag)" off
	equal "$(mode rst-fin)" enforce
	equal "$(mode non-ip)" monitor
	run -2 --separate-stderr ff rule s0 syn-fin=off syn-rst=nonsense
	one_line nonsense
	equal "$(mode syn-fin)" monitor
	for twice in "syn-fin=off syn-rst=off syn-fin=enforce" "syn-fin=off null=off tcp-no-flag=monitor" \
		"syn-fin=off runt=off runt=monitor"; do
		# shellcheck disable=SC2086 # words on purpose
		run -2 --separate-stderr ff rule s0 $twice
		one_line "one rule, one mode" "${twice##* }"
		equal "$(mode syn-fin)" monitor
	done
	ff rule s0 syn-fin=monitor syn-fin=monitor # says the same
	run -0 ff rule s0
	[[ $output == *syn-fin*monitor* ]]
}

@test "a class can be given a mode: fragments enforced are dropped and counted" {
	ff attach s0
	ff rule s0 tiny-fragment=monitor
	send4 SF --tiny --count 40
	equal "$(count tiny-fragment would_drop)" 40
	equal "$(count tiny-fragment dropped)" 0
	ff rule s0 tiny-fragment=enforce
	send4 SF --tiny --count 40
	equal "$(count tiny-fragment dropped)" 40
	equal "$(stats '.not_judged."tiny-fragment"')" 80
	sums_agree
}

# ---- policies

@test "preset none with own rules: they and no others are in force, in the order of the file" {
	local file
	file=$(policy own <<-'YAML'
		preset: none
		rules:
		  - name: xmas-ack
		    flags: FIN,PSH,URG,ACK/FIN,PSH,URG,ACK
		    mode: enforce
		  - name: any-fin
		    flags: FIN/FIN
		    mode: enforce
		  - name: any-syn
		    flags: SYN/SYN
		    mode: monitor
	YAML
	)
	ff attach --policy "$file" s0
	equal "$(ff --json rule s0 | jq -r '[.rules[].name] | join(" ")')" "xmas-ack any-fin any-syn"
	send4 FPUA,F,SF,S,0 --count 500
	equal "$(count xmas-ack dropped)" 100
	equal "$(count any-fin dropped)" 200
	equal "$(count any-syn would_drop)" 100
	equal "$(stats .dropped.packets)" 300
	sums_agree
}

@test "exempt sources, IPv4 and IPv6, and ports pass what a rule would drop, and are counted as exempted" {
	local file
	ff attach s0
	count_at_server syn_fin "$SYN_FIN"
	file=$(policy four <<<'exempt: { sources: [192.0.2.0/28] }')
	ff apply s0 "$file"
	send4 SF --count 50
	send6 SF --count 70
	equal "$(count syn-fin exempted)" 50
	equal "$(count syn-fin dropped)" 70
	equal "$(arrived syn_fin)" 50

	file=$(policy six <<<'exempt: { sources: ["2001:db8::/127", 198.51.100.0/24] }')
	ff apply s0 "$file"
	send4 SF --count 50
	send6 SF --count 70
	equal "$(count syn-fin exempted)" 120
	equal "$(count syn-fin dropped)" 120
	equal "$(arrived syn_fin)" 120

	file=$(policy ports <<<'exempt: { ports: [443, 65535, 1] }')
	ff apply s0 "$file"
	send4 SF --count 10 --port 80
	send4 SF --count 20 --port 443
	send6 SF --count 30 --port 65535
	send6 SF --count 40 --port 442
	send4 SF --count 5 --port 1
	equal "$(count syn-fin exempted)" 175
	equal "$(count syn-fin dropped)" 170
	equal "$(arrived syn_fin)" 175
	sums_agree

	ff attach s0 # the exemptions stay
	send4 SF --count 20 --port 443
	equal "$(count syn-fin exempted)" 195
	ff apply s0 "$(policy none </dev/null)" # and go
	send4 SF --count 20 --port 443
	equal "$(count syn-fin exempted)" 195
	equal "$(count syn-fin dropped)" 190
}

@test "counters survive rule changes, apply, and attaching again; none ever goes back" {
	local file before now i
	file=$(policy strict <<<'preset: strict')
	ff attach s0
	send4 SF,SR,FPU,0 --count 400
	for i in "rule s0 syn-fin=monitor" "rule s0 syn-fin=enforce" "apply s0 $file" "attach s0" \
		"attach s0 --preset conntrack" "apply s0 $file" "rule s0 rst-fin=enforce"; do
		before=$(ff --json stats s0)
		# shellcheck disable=SC2086 # words on purpose
		ff $i
		now=$(ff --json stats s0)
		jq -en --argjson a "$before" --argjson b "$now" '
			$b.frames.packets >= $a.frames.packets and $b.passed.packets >= $a.passed.packets
			and $b.dropped.packets == $a.dropped.packets and $b.dropped.bytes == $a.dropped.bytes
			and all(("syn-fin", "syn-rst", "fin-no-ack", "tcp-no-flag") as $name
				| [$a, $b | .rules[] | select(.name == $name).dropped.packets]; .[0] == .[1])' || {
			echo "after $i: $before $now"
			return 1
		}
	done
	equal "$(count syn-fin dropped)" 100
	equal "$(count tcp-no-flag dropped)" 100
}

@test "a rule taken out of the policy keeps its count in (removed), and back in starts at zero" {
	local with without
	with=$(policy with <<-'YAML'
		preset: none
		rules:
		  - { name: a, flags: "SYN,FIN/SYN,FIN", mode: enforce }
		  - { name: b, flags: "SYN,RST/SYN,RST", mode: monitor }
	YAML
	)
	without=$(policy without <<<'preset: none')
	ff attach --policy "$with" s0
	send4 SF,SR --count 60
	ff apply s0 "$without"
	send4 SF,SR --count 60
	equal "$(stats '[.rules[].name] | join(" ")')" "(removed)"
	equal "$(count "(removed)" dropped)" 30
	equal "$(count "(removed)" would_drop)" 30
	equal "$(stats .dropped.packets)" 30
	sums_agree
	ff apply s0 "$with"
	send4 SF,SR --count 20
	equal "$(stats .dropped.packets)" 40
	sums_agree
	# the rule's own count and the removed ones together are all there ever was
	equal "$(stats '[.rules[] | select(.name == "a" or .name == "(removed)").dropped.packets] | add')" 40
	equal "$(stats '[.rules[] | select(.name == "b" or .name == "(removed)").would_drop.packets] | add')" 40
}

@test "the same name with another match is another rule: the old one's count is not taken for its own" {
	ff attach --policy "$(policy one <<<$'preset: none\nrules: [{name: x, flags: "SYN,FIN/SYN,FIN", mode: enforce}]')" s0
	send4 SF --count 30
	ff apply s0 "$(policy two <<<$'preset: none\nrules: [{name: x, flags: "SYN,RST/SYN,RST", mode: enforce}]')"
	send4 SR --count 7
	equal "$(count x dropped)" 7
	equal "$(count "(removed)" dropped)" 30
	sums_agree
}

@test "rules come and go many times: not one drop is lost on the way" {
	local i total=0
	ff attach --preset none s0
	for i in {1..40}; do
		ff apply s0 "$(policy "p$i" <<-YAML
			preset: none
			rules:
			  - { name: r-$i, flags: "SYN,FIN/SYN,FIN", mode: enforce }
			  - { name: s-$i, flags: "SYN,RST/SYN,RST", mode: enforce }
			  - { name: t-$((i % 3)), flags: "FIN/FIN,ACK", mode: enforce }
			  - { name: u-$((i % 7)), flags: "URG/URG,ACK", mode: monitor }
		YAML
		)" >/dev/null
		send4 SF,SR,F --count 30 >/dev/null
		total=$((total + 30))
		equal "$(stats .dropped.packets)" "$total" "round $i"
		sums_agree
	done
	equal "$(stats '[.rules[].dropped.packets] | add')" "$total"
}

@test "a policy file with a mistake: exit 2, file and line, policy and counters as before" {
	local before bad line
	ff attach --preset strict s0
	send4 SF --count 10
	before=$(ff --json stats s0 | jq -c '[.dropped, .rules]')$(ff --json status s0)
	while IFS='|' read -r line bad; do
		printf '%b' "$bad" >"$BATS_TEST_TMPDIR/bad.yaml"
		run -2 --separate-stderr ff apply s0 "$BATS_TEST_TMPDIR/bad.yaml"
		one_line "bad.yaml:$line"
		equal "$(ff --json stats s0 | jq -c '[.dropped, .rules]')$(ff --json status s0)" "$before" "$bad"
	done <<-'BAD'
		2|version: 1\nnonsense: 1\n
		2|version: 1\npreset: nonsense\n
		3|version: 1\nrules:\n  - { name: nonsense, mode: off }\n
		3|version: 1\nrules:\n  - { name: syn-fin, mode: nonsense }\n
		3|version: 1\nrules:\n  - { name: x, flags: "SIN/SYN", mode: off }\n
		3|version: 1\nrules:\n  - { name: x, flags: "SYN,FIN/SYN", mode: off }\n
		4|version: 1\nrules:\n  - { name: syn-fin, mode: off }\n  - { name: syn-fin, mode: off }\n
		3|version: 1\nexempt:\n  sources: [192.0.2.0/33]\n
		3|version: 1\nexempt:\n  ports: [65536]\n
	BAD
	run -1 --separate-stderr ff apply s0 "$BATS_TEST_TMPDIR/absent.yaml"
	one_line absent.yaml
	equal "$(ff --json stats s0 | jq -c '[.dropped, .rules]')$(ff --json status s0)" "$before"
}

# ---- at once

@test "twenty loaders at once: one waits for the other, and every setting is in effect" {
	local i pids=() rules=""
	for i in {1..20}; do
		rules+="  - { name: r-$i, flags: \"SYN,FIN/SYN,FIN\", mode: off }"$'\n'
	done
	ff attach --policy "$(policy twenty <<<"preset: none
rules:
$rules")" s0
	for i in {1..20}; do
		"$FLAGFILTER" --netns "$SERVER" rule s0 "r-$i=monitor" >/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	equal "$(ff --json rule s0 | jq '[.rules[] | select(.mode == "monitor")] | length')" 20
}

@test "attach, rule and detach at once, many times: each does all or says why, and nothing is left" {
	local i pids
	for _ in {1..4}; do
		pids=()
		for i in "attach s0" "rule s0 syn-fin=monitor" "detach s0" "attach s0" "stats s0" "status" "detach --all" \
			"rule s0 syn-fin=off" "attach s0 --preset strict" "detach s0"; do
			# shellcheck disable=SC2086 # words on purpose
			"$FLAGFILTER" --netns "$SERVER" $i >"$BATS_TEST_TMPDIR/out.${#pids[@]}" 2>&1 3>&- &
			pids+=($!)
		done
		for i in "${!pids[@]}"; do
			wait "${pids[i]}" || grep -q "not attached" "$BATS_TEST_TMPDIR/out.$i" || {
				cat "$BATS_TEST_TMPDIR/out.$i"
				return 1
			}
		done
		ff detach --all
		nothing_left
	done
}

# ---- flips under load

@test "a thousand flips while packets flow: two rules' counts add up to what was sent, exactly" {
	local i flips=${FLAGFILTER_FLIPS:-1000} settings seen=0 now
	settings=("syn-fin=enforce own=off" "syn-fin=monitor own=off" "syn-fin=off own=enforce" "syn-fin=off own=monitor"
		"syn-fin=monitor own=enforce" "syn-fin=enforce own=monitor")
	ff attach --policy "$(policy two <<-'YAML'
		preset: none
		rules:
		  - { name: syn-fin, mode: enforce }
		  - { name: own, flags: "SYN,FIN/SYN,FIN", mode: off }
	YAML
	)" s0
	count_at_server syn_fin "$SYN_FIN"
	start_flood SF
	for ((i = 0; i < flips; i++)); do
		# shellcheck disable=SC2086 # words on purpose
		ff rule s0 ${settings[i % ${#settings[@]}]} >/dev/null
		if ((i % 50 == 0)); then # and no counter goes back on the way
			now=$(stats .frames.packets)
			[ "$now" -ge "$seen" ]
			seen=$now
		fi
	done
	stop_flood
	echo "$CROSSED packets, $flips flips: $(ff --json stats s0 | jq -c .rules)"
	[ "$CROSSED" -gt 1000 ]
	equal "$(stats '[.rules[] | .dropped.packets, .would_drop.packets] | add')" "$CROSSED" "counted"
	equal "$(arrived syn_fin)" "$(stats '[.rules[].would_drop.packets] | add')" "arrived"
	# each of the four has had its share, so the flips did take effect
	jq -e '[.rules[] | .dropped.packets, .would_drop.packets] | min > 0' <<<"$(ff --json stats s0)"
	sums_agree
}

@test "whole policies take turns under load: no packet meets one policy's rule and another's exemption" {
	local i flips=$((${FLAGFILTER_FLIPS:-1000} / 4)) files
	# Under each of these, each in its own way, the attacker's SYN,FIN to port 80 are exempt. Only half of one and half
	# of another would drop one.
	files=(
		"$(policy a <<<$'preset: none\nrules: [{name: syn-fin, mode: enforce}]\nexempt: {ports: [80]}')"
		"$(policy b <<<$'preset: none\nrules: [{name: own, flags: "SYN,FIN/SYN,FIN", mode: enforce}]\nexempt: {sources: [192.0.2.1/32]}')"
		"$(policy c <<<$'preset: default\nexempt: {sources: [192.0.2.0/24, "::/0"]}')"
		"$(policy d <<<$'preset: strict\nexempt: {ports: [79, 80, 81], sources: [198.51.100.0/24]}')"
	)
	ff attach --policy "${files[0]}" s0
	count_at_server syn_fin "$SYN_FIN"
	start_flood SF --port 80
	for ((i = 0; i < flips; i++)); do
		ff apply s0 "${files[i % ${#files[@]}]}" >/dev/null
	done
	stop_flood
	echo "$CROSSED packets, $flips policies: $(ff --json stats s0 | jq -c .rules)"
	equal "$(stats .dropped.packets)" 0 "dropped"
	equal "$(stats '[.rules[].exempted.packets] | add')" "$CROSSED" "exempted"
	equal "$(arrived syn_fin)" "$CROSSED" "arrived"
}

@test "the order of packets shows each flip once: two settings of one command are never in force one by one" {
	local i flips=100 receiver
	# Frames are numbered, and of sixteen kinds in turn. One setting drops those with ECE, the other those without: so
	# whether a frame came through tells which was in force for it. A table written while it is in use, or two rules set
	# one after the other, shows as more changes than there were flips.
	ff attach --policy "$(policy halves <<-'YAML'
		preset: none
		rules:
		  - { name: with, flags: "SYN,FIN,ECE/SYN,FIN,ECE", mode: enforce }
		  - { name: without, flags: "SYN,FIN/SYN,FIN,ECE", mode: off }
	YAML
	)" s0
	start_in "$SERVER" "$PYTHON" "$BATS_TEST_DIRNAME/see_flips.py" s0 "$BATS_TEST_TMPDIR/flips"
	receiver=$STARTED
	wait_until 5 test -e "$BATS_TEST_TMPDIR/flips"
	start_flood SF,SFE,SFP,SFPE,SFU,SFUE,SFC,SFCE,SFPU,SFPUE,SFPC,SFPCE,SFUC,SFUCE,SFPUC,SFPUCE \
		--numbered --count 100000 --pps 10000
	wait_until 10 counted_more_than 0 with
	for ((i = 0; i < flips; i++)); do
		if ((i % 2)); then
			ff rule s0 with=enforce without=off >/dev/null
		else
			ff rule s0 with=off without=enforce >/dev/null
		fi
	done
	stop_flood
	kill -TERM "$receiver"
	wait "$receiver"
	cat "$BATS_TEST_TMPDIR/out"
	echo "$CROSSED packets: $(ff --json stats s0 | jq -c .rules)"
	equal "$(jq .came "$BATS_TEST_TMPDIR/flips")" $((CROSSED - $(stats .dropped.packets))) "frames behind the filter"
	equal "$(jq .changes "$BATS_TEST_TMPDIR/flips")" "$flips" "changes seen in $CROSSED packets"
}
