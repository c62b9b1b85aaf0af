#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # output, stderr and lines are what run sets
#
# replay --summary, against what real scanners sent and tcpdump recorded and counts.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() {
	need_tools nmap hping3 tcpdump
	net_setup
}
teardown() { net_teardown; }

# Records on the server's interface what comes from the attacker until stop_recording.
start_recording() {
	CAPTURE=$BATS_TEST_TMPDIR/capture.pcap
	# shellcheck disable=SC2119
	start_in "$SERVER" tcpdump --immediate-mode -i s0 -U -w "$CAPTURE" ether src 02:00:00:00:00:0a
	RECORDER=$STARTED
	wait_until 10 grep -q listening "$BATS_TEST_TMPDIR/out"
}

stop_recording() {
	sleep 0.5
	kill -INT "$RECORDER"
	wait "$RECORDER" || true
}

# recorded FILTER: frames, as tcpdump counts them.
recorded() { tcpdump -nr "$CAPTURE" "$1" 2>/dev/null | wc -l; }

# told SCAN TOOL: packets.
told() {
	"$FLAGFILTER" --json replay --summary "$CAPTURE" |
		jq "[.sources[].looks_like[] | select(.scan == \"$1\" and .tool == \"$2\").packets] | add // 0"
}

nmap_() { in_a nmap -n -Pn -T4 --max-retries 0 "$@" >/dev/null; }

@test "nmap's scans are told by name, each with its packets; Maimon and SYN scans are legal" {
	local illegal
	start_recording
	for scan in -sN -sF -sX -sM -sS; do nmap_ -p1-20 $scan "$S4"; done
	nmap_ -p1-20 -sS --scanflags SYNFIN "$S4"
	stop_recording
	equal "$(told 'NULL scan' 'nmap -sN')" "$(recorded 'tcp[13] & 63 = 0')"
	equal "$(told 'FIN scan' 'nmap -sF')" "$(recorded 'tcp[13] = 1')"
	equal "$(told 'Xmas scan' 'nmap -sX')" "$(recorded 'tcp[13] = 0x29')"
	equal "$(told 'SYN+FIN scan' 'nmap --scanflags SYNFIN')" "$(recorded 'tcp[13] = 3')"
	illegal=$("$FLAGFILTER" --json replay --summary "$CAPTURE")
	equal "$(jq -c '[.illegal.packets, (.sources | length), .sources[0].source, .sources[0].addresses, .sources[0].ports]' \
		<<<"$illegal")" "[80,1,\"$A4\",1,20]"
	[ "$(recorded 'tcp[13] = 0x11')" -eq 20 ] # Maimon
}

@test "nmap's OS detection is told by its probes T2, T3 and T7" {
	start_in "$SERVER" "$PYTHON" -m http.server 80
	wait_until 10 in_a bash -c "exec 3<>/dev/tcp/$S4/80"
	start_recording
	nmap_ -p80,81 -O --max-os-tries 1 "$S4"
	stop_recording
	[ "$(recorded 'tcp[13] = 0x29')" -gt 0 ]
	equal "$(told 'OS detection, probe T2' 'nmap -O')" "$(recorded 'tcp[13] = 0')"
	equal "$(told 'OS detection, probe T3' 'nmap -O')" "$(recorded 'tcp[13] = 0x2b')"
	equal "$(told 'OS detection, probe T7' 'nmap -O')" "$(recorded 'tcp[13] = 0x29')"
}

@test "hping3's packets and nmap's fragments are told" {
	start_recording
	in_a hping3 -c 3 -i u1000 "$S4" >/dev/null 2>&1 || true
	in_a hping3 -c 4 -i u1000 -S -F -p 80 "$S4" >/dev/null 2>&1 || true
	in_a hping3 -c 5 -i u1000 -F -P -U -p 80 "$S4" >/dev/null 2>&1 || true
	nmap_ -p1-10 -f -sS "$S4"
	stop_recording
	equal "$(told 'NULL packets' hping3)" 3
	equal "$(told 'SYN+FIN packets' 'hping3 -SF')" 4
	equal "$(told 'Xmas packets' 'hping3 -FPU')" 5
	# those at offset 0, which have 8 bytes, and those at offset 8
	equal "$(told 'TCP headers cut into fragments' 'nmap -f')" \
		"$(recorded '(ip[6] & 0x20 != 0 and ip[6:2] & 0x1fff = 0) or ip[6:2] & 0x1fff = 1')"
	[ "$(told 'TCP headers cut into fragments' 'nmap -f')" -eq 20 ]
}
