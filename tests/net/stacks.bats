#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Two real Linux stacks talk, with a strict filter at both ends: not one of their packets is dropped, and their
# sessions are as without a filter. Offloads are as they come.
#
# FLAGFILTER_SOAK=SECONDS makes the last test longer.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() {
	net_setup
	ff attach --preset strict s0 >/dev/null
	"$FLAGFILTER" --netns "$ATTACKER" attach --preset strict a0 >/dev/null
}
teardown() { net_teardown; }

serve_sessions() {
	start_in "$SERVER" "$PYTHON" "$BATS_TEST_DIRNAME/sessions.py" serve
	wait_until 10 grep -q listening "$BATS_TEST_TMPDIR/out"
}

# talk KIND N: so many sessions over each of IPv4 and IPv6.
talk() {
	local host
	for host in "$S4" "$S6"; do
		in_a timeout 100 "$PYTHON" "$BATS_TEST_DIRNAME/sessions.py" talk "$host" "$1" "$2"
	done
}

# Every kind of session, N times.
talk_all() {
	local kind
	for kind in short server reset reset-back half-close urgent bulk refused abandoned; do
		talk "$kind" "$1"
	done
}

# nothing_dropped PACKETS: at both ends, though at least so many TCP packets were judged at each; and the filters were
# awake.
nothing_dropped() {
	local ns interface report
	for ns in "$SERVER" "$ATTACKER"; do
		[ "$ns" = "$SERVER" ] && interface=s0 || interface=a0
		report=$("$FLAGFILTER" --netns "$ns" --json stats "$interface")
		jq -e --argjson least "$1" '.dropped.packets == 0 and .not_judged.malformed == 0 and .not_judged.truncated == 0
			and .not_judged["tiny-fragment"] == 0
			and .passed.packets - (.not_judged | add) >= $least' <<<"$report" >/dev/null || {
			echo "$interface: $report"
			return 1
		}
	done
	send4 SF,SR,F,0,U --count 50
	equal "$(stats .dropped.packets)" 50 "control"
}

# lose PERCENT of what each end receives, before its stack.
lose() {
	local ns
	for ns in "$SERVER" "$ATTACKER"; do
		nsenter --net="/run/netns/$ns" nft -f - <<-NFT
			table inet loss {
				chain pre {
					type filter hook prerouting priority -350
					numgen random mod 100 < $1 drop
				}
			}
		NFT
	done
}

both_sysctl() {
	in_a sysctl -q -w "$1" && in_s sysctl -q -w "$1"
}

# stack_count NAME: one of the server stack's own counters, as nstat calls them.
stack_count() { in_s nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }

@test "HTTP: hundreds of requests, IPv4 and IPv6" {
	local host
	need_tools curl
	mkdir "$BATS_TEST_TMPDIR/www"
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/www/large"
	echo small >"$BATS_TEST_TMPDIR/www/small"
	start_in "$SERVER" "$PYTHON" -m http.server --bind :: --directory "$BATS_TEST_TMPDIR/www" 8080
	wait_until 10 in_a curl -sf -o /dev/null "http://$S4:8080/small"
	for host in "$S4" "[$S6]"; do
		in_a curl -sf -g --max-time 60 -o /dev/null "http://$host:8080/small?[1-150]"
		in_a curl -sf -g --max-time 60 -o "$BATS_TEST_TMPDIR/large" "http://$host:8080/large"
		cmp "$BATS_TEST_TMPDIR/large" "$BATS_TEST_TMPDIR/www/large"
	done
	nothing_dropped 600
}

@test "bulk, both ways and both at once, in several streams" {
	local host
	need_tools iperf3
	start_in "$SERVER" iperf3 -s --forceflush
	wait_until 10 grep -q listening "$BATS_TEST_TMPDIR/out"
	for host in "$S4" "$S6"; do
		in_a timeout 20 iperf3 -c "$host" -t 2 -P 3 -J | jq -e '.end.sum_received.bytes > 1000000'
		in_a timeout 20 iperf3 -c "$host" -t 2 -R -J | jq -e '.end.sum_received.bytes > 1000000'
		in_a timeout 20 iperf3 -c "$host" -t 1 --bidir -J | jq -e '.end.sum_received_bidir_reverse.bytes > 1000000'
	done
	nothing_dropped 5000
}

@test "hundreds of short connections, whoever closes first" {
	serve_sessions
	talk short 400
	talk server 400
	nothing_dropped 5000
}

@test "resets from either side, refused connections, data abandoned unread" {
	serve_sessions
	talk reset 150
	talk reset-back 150
	talk refused 150
	talk abandoned 50
	nothing_dropped 2000
}

@test "half-closed connections, urgent data, bulk with a checksum" {
	serve_sessions
	talk half-close 60
	talk urgent 100
	talk bulk 10
	nothing_dropped 2000
}

@test "ECN, and accurate ECN where the kernel has it" {
	local ecn
	serve_sessions
	count_at_server ecn_syn 'tcp flags & (syn|ack|ecn|cwr) == syn|ecn|cwr' accept
	for ecn in 1 3; do
		both_sysctl net.ipv4.tcp_ecn=$ecn || continue # 3: Linux 6.18
		talk_all 8
	done
	[ "$(arrived ecn_syn)" -ge 100 ]
	nothing_dropped 2000
}

@test "TCP Fast Open: data on the SYN passes" {
	both_sysctl net.ipv4.tcp_fastopen=3 || skip "no TCP Fast Open"
	serve_sessions
	talk fastopen 100
	[ "$(stack_count TcpExtTCPFastOpenPassive)" -ge 100 ]
	nothing_dropped 500
}

@test "loss of 3 %: retransmissions, SACK, duplicate everything, with and without ECN" {
	serve_sessions
	lose 3
	talk bulk 3
	talk short 15
	talk half-close 5
	both_sysctl net.ipv4.tcp_ecn=1
	talk bulk 3
	talk reset 15
	[ "$(stack_count TcpRetransSegs)" -gt 20 ]
	in_s nft delete table inet loss
	nothing_dropped 500
}

@test "everything at once, for a while, while the filter is attached again and rules are set" {
	local end=$((SECONDS + ${FLAGFILTER_SOAK:-8})) rounds=0
	serve_sessions
	while [ "$SECONDS" -lt "$end" ]; do
		talk_all 5
		ff attach s0 >/dev/null
		ff rule s0 syn-fin=monitor >/dev/null
		ff rule s0 syn-fin=enforce >/dev/null
		rounds=$((rounds + 1))
	done
	echo "$rounds rounds"
	nothing_dropped 1000
	sums_agree
}
