#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Real scanners: every illegal packet they send is counted under its rule, as many as nft saw leave, and they learn
# nothing. With the rules off they learn what they did before.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() {
	net_setup
	start_in "$SERVER" "$PYTHON" -m http.server --bind :: 80
	wait_until 10 in_a "$PYTHON" -c "import socket; socket.create_connection(('$S4', 80), 2)" 2>/dev/null
}
teardown() { net_teardown; }

PORTS=79-82 # 80 is open

# nmap_ports OPTION...: "79 closed" and so on, a line a port.
nmap_ports() {
	in_a nmap -n -Pn -T5 --max-retries 1 -p "$PORTS" -oG - "$@" |
		grep -o '[0-9]*/[a-z|]*/tcp' | sed 's,/tcp,,; s,/, ,' | sort
}

all_ports() { printf "%s $1\n" 79 80 81 82; }

# Counters for each of the kinds of packet that these tests send, on the attacker's side and behind the filter.
count_kinds() {
	local side
	for side in count_at_attacker count_at_server; do
		"$side" syn_fin "$SYN_FIN"
		"$side" syn_rst "$SYN_RST"
		"$side" fin_no_ack "tcp flags & syn == 0 $FIN_NO_ACK"
		"$side" tcp_no_flag "$NO_FLAG"
		"$side" first_fragment 'ip frag-off & 0x3fff == 0x2000'
		"$side" second_fragment 'ip frag-off & 0x1fff == 1'
	done
}

# caught RULE KIND...: RULE has dropped all that left of these kinds, at least one, and nothing else was dropped.
caught() {
	local rule=$1 kind sent=0
	for kind in "${@:2}"; do
		sent=$((sent + $(left "$kind")))
		equal "$(arrived "$kind")" 0 "$kind behind the filter"
	done
	[ "$sent" -gt 0 ]
	equal "$(count "$rule" dropped)" "$sent" "$rule"
	equal "$(stats .dropped.packets)" "$sent" "dropped"
	sums_agree
}

# scan_is_blind RULE KIND OPTION...: without the filter nmap tells closed ports from others; with it all look alike, and
# each packet is counted; with the rule off, all is as before.
scan_is_blind() {
	local rule=$1 kind=$2 before
	shift 2
	before=$(nmap_ports "$@")
	[[ $before == *"79 closed"* && $before != *"80 closed"* ]]
	ff attach s0
	count_kinds
	equal "$(nmap_ports "$@")" "$(all_ports "open|filtered")"
	caught "$rule" "$kind"
	in_s nft delete table inet behind
	# SYN,FIN is FIN without ACK as well
	ff rule s0 "$rule=off" fin-no-ack=off
	equal "$(nmap_ports "$@")" "$before"
}

@test "nmap -sN is blind: tcp-no-flag" {
	need_tools nmap
	scan_is_blind tcp-no-flag tcp_no_flag -sN "$S4"
}

@test "nmap -sF is blind: fin-no-ack" {
	need_tools nmap
	scan_is_blind fin-no-ack fin_no_ack -sF "$S4"
}

@test "nmap -sX is blind: fin-no-ack" {
	need_tools nmap
	scan_is_blind fin-no-ack fin_no_ack -sX "$S4"
}

@test "nmap --scanflags SYNFIN is blind: syn-fin" {
	need_tools nmap
	scan_is_blind syn-fin syn_fin -sF --scanflags SYNFIN "$S4"
}

@test "nmap -6 -sN is blind: tcp-no-flag" {
	need_tools nmap
	scan_is_blind tcp-no-flag tcp_no_flag -6 -sN "$S6"
}

@test "nmap -6 -sF is blind: fin-no-ack" {
	need_tools nmap
	scan_is_blind fin-no-ack fin_no_ack -6 -sF "$S6"
}

@test "nmap -6 -sX is blind: fin-no-ack" {
	need_tools nmap
	scan_is_blind fin-no-ack fin_no_ack -6 -sX "$S6"
}

@test "nmap -6 --scanflags SYNFIN is blind: syn-fin" {
	need_tools nmap
	scan_is_blind syn-fin syn_fin -6 -sF --scanflags SYNFIN "$S6"
}

@test "nmap -f does not slip past: both fragments with pieces of the flags' half are tiny-fragment" {
	local scan before
	need_tools nmap
	before=$(nmap_ports -f -sF "$S4")
	[[ $before == *"79 closed"* ]]
	ff attach s0
	count_kinds
	for scan in "-sN" "-sF" "-sX" "-sF --scanflags SYNFIN"; do
		# shellcheck disable=SC2086 # words on purpose
		equal "$(nmap_ports -f $scan "$S4")" "$(all_ports "open|filtered")"
	done
	caught tiny-fragment first_fragment second_fragment
	in_s nft delete table inet behind
	ff rule s0 tiny-fragment=off
	equal "$(nmap_ports -f -sF "$S4")" "$before"
}

@test "honest scans see what they always did: -sS and -sT, under strict" {
	local scan before
	need_tools nmap
	for scan in "-sS $S4" "-sT $S4" "-6 -sS $S6" "-6 -sT $S6"; do
		# shellcheck disable=SC2086 # words on purpose
		before=$(nmap_ports $scan)
		[[ $before == *"80 open"* && $before == *"79 closed"* ]]
		ff attach --preset strict s0
		# shellcheck disable=SC2086 # words on purpose
		equal "$(nmap_ports $scan)" "$before"
		equal "$(stats .dropped.packets)" 0
		ff detach s0
	done
}

@test "hping3: each illegal combination is dropped and counted under its rule, legal ones pass" {
	local rule options total=0
	local -A seen=()
	need_tools hping3
	ff attach --preset strict s0
	while IFS='|' read -r rule options; do
		# shellcheck disable=SC2086 # words on purpose
		in_a hping3 -q -c 30 -i u1000 -p 80 $options "$S4" >/dev/null 2>&1 || true # nobody answers
		if [ "$rule" = pass ]; then
			equal "$(stats .dropped.packets)" "$total" "hping3 $options"
			continue
		fi
		total=$((total + 30))
		equal "$(stats .dropped.packets)" "$total" "hping3 $options"
		equal "$(count "$rule" dropped)" "$((30 + ${seen[$rule]:-0}))" "hping3 $options: $rule"
		seen[$rule]=$((30 + ${seen[$rule]:-0}))
	done <<-'KINDS'
		syn-fin|-S -F
		syn-fin|-S -F -A -P -U
		syn-rst|-S -R
		fin-no-ack|-F
		fin-no-ack|-F -P -U
		fin-no-ack|-F -R
		tcp-no-flag|
		tcp-no-flag|-X -Y
		no-syn-ack-rst|-P
		no-syn-ack-rst|-U -P
		rst-urg-no-ack|-R -U
		pass|-S
		pass|-S -X -Y
		pass|-A
		pass|-F -A
		pass|-R
		pass|-F -P -U -A
	KINDS
	sums_agree
}

@test "hping3 in fragments: as long as the first has the flags they are judged, else it is tiny" {
	need_tools hping3
	ff attach s0
	in_a hping3 -q -c 20 -i u1000 -p 80 -F -f -m 16 -d 40 "$S4" >/dev/null 2>&1 || true
	equal "$(count fin-no-ack dropped)" 20
	equal "$(count tiny-fragment dropped)" 0
	in_a hping3 -q -c 20 -i u1000 -p 80 -F -f -m 8 -d 40 "$S4" >/dev/null 2>&1 || true
	equal "$(count fin-no-ack dropped)" 20
	equal "$(count tiny-fragment dropped)" 40 # at offsets 0 and 1
	[ "$(stats .not_judged.fragment)" -gt 40 ]
	sums_agree
}

@test "a generic filter blinds a scan as well" {
	need_tools nmap
	ff attach --mode generic s0
	count_kinds
	equal "$(nmap_ports -sX "$S4")" "$(all_ports "open|filtered")"
	caught fin-no-ack fin_no_ack
}
