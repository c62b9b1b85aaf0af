#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154,SC2016 # output and stderr: run sets them; what wait_until runs is expanded there
# Interfaces without Ethernet header: all that the filter does, on a tun, with a real Linux at both ends. Other kinds of
# link are tried in the virtual machines' kernels.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() {
	need_tools nmap
	net_setup
	ip -n "$ATTACKER" link del a0
	make_tunnel
	start_in "$SERVER" "$PYTHON" -m http.server --bind :: --directory "$BATS_TEST_DIRNAME" 80
	wait_until 10 in_a "$PYTHON" -c "import socket; socket.create_connection(('$S4', 80), 2)" 2>/dev/null
}
teardown() { net_teardown; }

# make_tunnel [TYPE]: the wire is tuns that are called a0 and s0, as the veth was. TYPE: see tunnel.py.
make_tunnel() {
	"$PYTHON" "$BATS_TEST_DIRNAME/tunnel.py" "$ATTACKER" a0 "$SERVER" s0 "$@" >"$BATS_TEST_TMPDIR/tunnel" 2>&1 3>&- &
	TUNNEL=$!
	PROCESSES+=("$TUNNEL")
	wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/tunnel" || skip "no tuns here"
	ip -n "$ATTACKER" link set a0 up
	ip -n "$SERVER" link set s0 up
	ip -n "$ATTACKER" address add "$A4/24" dev a0
	ip -n "$ATTACKER" address add "$A6/64" dev a0 nodad
	ip -n "$SERVER" address add "$S4/24" dev s0
	ip -n "$SERVER" address add "$S6/64" dev s0 nodad
}

remove_tunnel() {
	kill "$TUNNEL"
	wait "$TUNNEL" || true
}

# scan OPTION...: what nmap learns of four ports, of which 80 is open, in a word each.
scan() {
	in_a nmap -n -Pn -T5 --max-retries 1 --initial-rtt-timeout 100ms --max-rtt-timeout 200ms -p 79-82 -oG - "$@" | grep -o '[0-9]*/[a-z|]*/tcp' | cut -d / -f 2 | xargs
}
SEEN="closed open|filtered closed closed" BLIND="open|filtered open|filtered open|filtered open|filtered"

@test "tun: real scans are blind, IPv4 and IPv6; counted are as many as nft saw leave, each by its IP length" {
	local kind family target flags rule size before
	ff attach s0 --mode generic
	while IFS=: read -r kind rule flags; do
		for family in 4 6; do
			target=("$S4") size=40
			[ $family = 4 ] || target=(-6 "$S6") size=60
			ff rule s0 syn-fin=off fin-no-ack=off tcp-no-flag=off
			# shellcheck disable=SC2086
			equal "$(scan $kind "${target[@]}")" "$SEEN" "nmap $kind ${target[*]} without the rules"
			ff rule s0 syn-fin=enforce fin-no-ack=enforce tcp-no-flag=enforce
			ff reset s0
			count_at_attacker sent "$flags"
			count_at_server come "$flags"
			# shellcheck disable=SC2086
			equal "$(scan $kind "${target[@]}")" "$BLIND" "nmap $kind ${target[*]}"
			before=$(left sent)
			[ "$before" -gt 0 ]
			equal "$(arrived come)" 0 "behind the filter"
			equal "$(count "$rule" dropped)" "$before" "$rule"
			equal "$(stats .dropped.packets)" "$before" "dropped"
			[[ $kind = *SYNFIN ]] || equal "$(stats .dropped.bytes)" $((before * size)) "bytes: no Ethernet header"
			sums_agree
			in_a nft delete table netdev before
			in_s nft delete table inet behind
		done
	done <<-SCANS
		-sN:tcp-no-flag:$NO_FLAG
		-sF:fin-no-ack:$FIN_NO_ACK
		-sF --scanflags SYNFIN:syn-fin:$SYN_FIN
	SCANS
	ff detach s0
	nothing_left
}

@test "tun: honest connections are whole, nothing of them is dropped, and nft saw as many frames as were counted" {
	local address before
	ff attach s0 --mode generic --preset conntrack
	count_at_server come "meta l4proto tcp" accept
	before=$(stats '.frames.packets - ([.not_judged[]] | add)')
	equal "$before" 0
	for address in "$S4" "[$S6]"; do
		in_a "$PYTHON" -c "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen('http://$address/lib.bash').read())" |
			cmp - "$BATS_TEST_DIRNAME/lib.bash"
	done
	wait_until 10 eval '[ "$(arrived come)" = "$(stats ".frames.packets - ([.not_judged[]] | add)")" ]'
	[ "$(arrived come)" -gt 10 ]
	equal "$(stats .dropped.packets)" 0
}

@test "tun: native is refused with what to try, word by word; auto is generic; doctor knows it before" {
	local advice
	run -3 ff --json doctor s0
	equal "$(jq -c .native <<<"$output")" false
	equal "$(jq -r '.findings[] | select(.check == "gro").state' <<<"$output")" note
	advice=$(jq -r '.findings[] | select(.check == "driver").fix' <<<"$output")
	equal "$advice" "flagfilter --netns $SERVER attach s0 --mode generic"
	run -1 --separate-stderr ff attach s0
	[[ $stderr == *"only for a tap"*"> $advice"* ]]
	explained_line "--mode generic"
	equal "$(ff --json attach --mode auto s0 | jq -r .mode)" generic
	ff detach s0
	eval "${advice/#flagfilter/'"$FLAGFILTER"'}"
	equal "$(ff --json status s0 | jq -r '.filters[0].mode')" generic
}

@test "tun: exempt sources and ports pass, IPv4 and IPv6, and are counted so" {
	ff attach s0 --mode generic
	equal "$(scan -sN "$S4") $(scan -6 -sN "$S6")" "$BLIND $BLIND"
	ff exempt s0 add "$A4"
	equal "$(scan -sN "$S4") $(scan -6 -sN "$S6")" "$SEEN $BLIND" "exempt IPv4 source"
	ff exempt s0 del "$A4"
	ff exempt s0 add "$A6"
	equal "$(scan -sN "$S4") $(scan -6 -sN "$S6")" "$BLIND $SEEN" "exempt IPv6 source"
	ff exempt s0 del "$A6"
	ff reset s0
	ff exempt s0 add 81
	equal "$(scan -sN "$S4")" "open|filtered open|filtered closed open|filtered" "exempt port"
	equal "$(count tcp-no-flag exempted)" 1
}

@test "tun: a source address that looks like an Ethernet type is one" {
	ff attach s0 --mode generic
	ip -n "$ATTACKER" address add 8.0.69.6/32 dev a0
	ip -n "$SERVER" route add 8.0.69.6/32 dev s0
	equal "$(scan -sN -S 8.0.69.6 -e a0 "$S4")" "$BLIND"
	[ "$(count tcp-no-flag dropped)" -gt 0 ]
	ff rule s0 tcp-no-flag=off
	equal "$(scan -sN -S 8.0.69.6 -e a0 "$S4")" "$SEEN"
}

# reads COMMAND...: its output, while there are scans, until it ends.
reads() {
	ff "$@" >"$BATS_TEST_TMPDIR/read" 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	local reader=$!
	PROCESSES+=("$reader")
	while kill -0 "$reader" 2>/dev/null; do
		scan -sN "$S4" >/dev/null
		scan -6 -sN "$S6" >/dev/null
	done
	wait "$reader" || cat "$BATS_TEST_TMPDIR/said"
	cat "$BATS_TEST_TMPDIR/read"
}

@test "tun: capture, its file, offenders and report know the addresses" {
	local file=$BATS_TEST_TMPDIR/tun.pcapng
	need_tools tshark
	ff attach s0 --mode generic
	equal "$(reads --json capture s0 -c 16 | jq -r '.source' | sort -u | xargs)" "$A4 $A6"
	[[ $(reads capture s0 -c 4) == *"NONE $A4:"*" > $S4:"*" length 40"* ]]
	reads capture s0 -c 16 -w "$file"
	equal "$(tshark -r "$file" -T fields -e frame.protocols -e tcp.flags -e ip.src -e ipv6.src 2>/dev/null | tr -s '\t' ' ' | sed 's/ $//' | sort -u)" \
		"$(printf 'raw:ip:tcp 0x0000 %s\nraw:ipv6:tcp 0x0000 %s' "$A4" "$A6")"
	[[ $(reads offenders s0 --seconds 2) == *"$A4"* ]]
	ff rule s0 tcp-no-flag=monitor
	[[ $(reads report s0 --seconds 2) == *"tcp-no-flag"* ]]
}

@test "tun: the program is exchanged in place, the interface renamed, and nothing is forgotten" {
	local before
	ff attach s0 --mode generic
	equal "$(scan -sN "$S4")" "$BLIND"
	before=$(count tcp-no-flag dropped)
	ff attach s0 --mode generic
	equal "$(count tcp-no-flag dropped)" "$before"
	equal "$(scan -sN "$S4")" "$BLIND"
	[ "$(count tcp-no-flag dropped)" -gt "$before" ]
	equal "$(reads --json capture s0 -c 16 | jq -r '.source' | sort -u | xargs)" "$A4 $A6"
	in_s ip link set s0 down
	in_s ip link set s0 name vpn
	equal "$(ff --json status vpn | jq -r '.filters[0].interface')" vpn
	ff attach vpn --mode generic
	in_s ip link set vpn name s0
	in_s ip link set s0 up
	in_s ip -6 address add "$S6/64" dev s0 nodad
	ff reset s0
	equal "$(scan -sN "$S4") $(scan -6 -sN "$S6")" "$BLIND $BLIND"
	ff detach s0
	nothing_left
}

@test "tun: the hardware type says nothing: a tun that pretends to be Ethernet, or PPP" {
	remove_tunnel
	make_tunnel 1 # ARPHRD_ETHER
	[[ $(ip -n "$SERVER" link show s0) == *link/ether* ]]
	ff attach s0 --mode generic
	equal "$(scan -sN "$S4") $(scan -6 -sN "$S6")" "$BLIND $BLIND"
	ff detach s0
	remove_tunnel
	make_tunnel 512 # ARPHRD_PPP
	ff attach s0 --mode generic
	equal "$(scan -sN "$S4")" "$BLIND"
}

# Prints how many of 5 SYN,FIN behind each TAG are answered, through a tun of its own, whose packets say what they are.
answered_behind_tags() {
	in_s "$PYTHON" - "$FLAGFILTER" "$@" <<-'PY'
		import fcntl, os, select, struct, subprocess, sys
		from scapy.all import IP, TCP

		tun = os.open("/dev/net/tun", os.O_RDWR)
		fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH14x", b"pi0", 0x0001))
		for command in ("ip link set pi0 up", "ip address add 198.51.100.2/24 dev pi0", *sys.argv[2:]):
		    subprocess.run(command.replace("flagfilter", sys.argv[1], 1).split(), check=True, stdout=subprocess.DEVNULL)
		segment = bytes(IP(src="198.51.100.9", dst="198.51.100.2") / TCP(sport=1000, dport=7, flags="SF"))
		for tags in ("0800", "81000000", "81004000", "81005000", "81006000", "88a80000", "8100000088a86000"):
		    frame = bytes.fromhex("0000" + tags + "0800" * (tags != "0800")) + segment
		    for _ in range(5):
		        os.write(tun, frame)
		    answers = 0
		    while select.select([tun], [], [], 0.3)[0]:
		        answer = os.read(tun, 2000)
		        answers += answer[2:5] == b"\x08\x00\x45" and answer[13] == 6 and answer[37] & 4 != 0
		    print(answers, end=" ")
	PY
}

@test "tun: a segment behind tags, which Linux takes off, is no way around" {
	equal "$(answered_behind_tags)" "5 5 5 5 5 5 5 "
	equal "$(answered_behind_tags "flagfilter attach pi0 --mode generic")" "0 0 0 0 0 0 0 "
}
