#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # output, stderr and lines are what run sets
#
# replay --summary, against captures whose content is known from how scapy made them, and from tcpdump. Needs no root.

bats_require_minimum_version 1.5.0

ROOT="$BATS_TEST_DIRNAME/../.."
FLAGFILTER="${FLAGFILTER:-$ROOT/build/flagfilter}"
# shellcheck source=tests/cli/contract.bash
source "$ROOT/tests/cli/contract.bash"

setup_file() { "$BATS_TEST_DIRNAME/../frames/make_scans.py" "$BATS_FILE_TMPDIR" 2>/dev/null; }

# The capture of this test, by its name in make_scans.py.
use() { CAPTURE=$BATS_FILE_TMPDIR/$1.pcap; }

summary() { "$FLAGFILTER" --json replay --summary "$@" "$CAPTURE"; }

# looks_like INDEX: of a source, "N SCAN (TOOL)", one a line, sorted.
looks_like() {
	summary | jq -r ".sources[$1].looks_like[] | \"\(.packets) \(.scan) (\(.tool // \"\"))\"" | sort
}

@test "who, when, how many targets and ports; honest packets are nobody's" {
	use two_scanners
	summary >"$BATS_TEST_TMPDIR/json"
	jq -e '(.frames | del(.bytes)) == {"packets": 161, "first": "2001-09-09T01:46:41.000Z", "last": "2001-09-09T01:53:20.000Z"}
		and .illegal == {"packets": 110, "bytes": '$((110 * 54))', "first": "2001-09-09T01:46:41.000Z", "last": "2001-09-09T01:50:10.000Z"}
		and .others == 0
		and (.sources | length) == 2
		and ([.sources[] | {source, packets, addresses, ports, unseen_at_most}] == [
			{"source": "192.0.2.1", "packets": 100, "addresses": 4, "ports": 100, "unseen_at_most": 0},
			{"source": "192.0.2.2", "packets": 10, "addresses": 1, "ports": 10, "unseen_at_most": 0}])
		and (.sources[1] | .first == "2001-09-09T01:50:01.000Z" and .last == "2001-09-09T01:50:10.000Z")
		' "$BATS_TEST_TMPDIR/json"
	run -0 "$FLAGFILTER" replay --summary "$CAPTURE"
	[[ ${lines[0]} == "$CAPTURE: 161 frames, 2001-09-09T01:46:41.000Z to 2001-09-09T01:53:20.000Z" ]]
	[[ $output == *"110 illegal packets from 2 sources"*"192.0.2.1: 100 packets to 100 ports of 4 addresses"* ]]
	[[ $output == *"192.0.2.2: 10 packets to 10 ports of 1 address"$'\n'* ]]
	[ -z "$(printf '%s\n' "${lines[@]:1}" | awk 'length > 80')" ]
}

@test "a capture out of order has its earliest and its latest packet all the same" {
	use out_of_order
	summary | jq -e '.illegal.first == "2001-09-09T01:46:43.000Z" and .sources[0].last == "2001-09-09T01:46:49.000Z"'
}

@test "scans are told by their flags, and the tools by their windows and options" {
	use scans
	equal "$(looks_like 0)" "$(sort <<-'LIST'
		2 NULL scan (nmap -sN)
		3 FIN scan (nmap -sF)
		4 Xmas scan (nmap -sX)
		5 SYN+FIN scan (nmap --scanflags SYNFIN)
		1 OS detection, probe T2 (nmap -O)
		1 OS detection, probe T3 (nmap -O)
		1 OS detection, probe T7 (nmap -O)
		6 NULL packets (hping3)
		3 Xmas scan ()
		7 Xmas scan with all six flags ()
		8 SYN+RST packets ()
		9 other illegal packets ()
	LIST
	)"
}

equal() {
	[ "$1" = "$2" ] || {
		printf 'expected:\n%s\nsaw:\n%s\n' "$2" "$1"
		return 1
	}
}

@test "what is legal is no scan: SYN, Maimon, ACK, window and ECN probes, RST" {
	use legal
	summary | jq -e '.illegal.packets == 0 and .sources == [] and .illegal.first == null and .presets[3].dropped == {"packets": 0, "bytes": 0}'
	run -0 "$FLAGFILTER" replay --summary "$CAPTURE"
	[[ $output == *"0 illegal packets"* ]]
}

@test "headers cut into fragments are told as such, with the ports that can be seen" {
	use fragments
	equal "$(looks_like 0)" "6 TCP headers cut into fragments (nmap -f)"
	summary | jq -e '.sources[0].ports == 3'
}

@test "each preset's drops are those of tcpdump's filters, and what it has more than the one before" {
	use all_flags
	tcpdump_count() { tcpdump -nr "$CAPTURE" "$1" 2>/dev/null | wc -l; }
	# drops PRESET: what it drops, in tcpdump's words
	drops() { contract_rules "$1" | awk '$3 { printf "%stcp[13] & %d = %d", or, $3, $2; or = " or " }'; }
	local default strict conntrack
	default="($(drops default))" strict="($(drops strict))" conntrack="($(drops conntrack))"
	equal "$(summary | jq -c '[.presets[] | [.preset, .dropped.packets]]')" \
		"[[\"none\",0],[\"default\",$(tcpdump_count "$default")],[\"strict\",$(tcpdump_count "$strict")],[\"conntrack\",$(tcpdump_count "$conntrack")]]"
	equal "$(summary | jq -c '[.presets[2].more[].packets] | add')" "$(tcpdump_count "$strict and not $default")"
	summary | jq -e '[.presets[].more[].packets] | add == '"$(tcpdump_count "$conntrack")"
	summary | jq -e '.presets[3].more | map(.flags) | index("SYN,ACK,URG") and index("RST,FIN,ACK")'
	summary | jq -e '.presets[2].more | map(.flags) | index("URG") and index("PSH") and (index("SYN,FIN") | not)'
}

@test "an IPv6 network of 64 bits is one source; a lone address is told as such" {
	use ipv6
	summary | jq -e '[.sources[] | [.source, .packets]] == [["2001:db8:1:2::/64", 20], ["2001:db8:9::7", 5]]'
}

@test "a policy of one's own is told about too" {
	cat >"$BATS_TEST_TMPDIR/policy.yaml" <<-'YAML'
		version: 1
		preset: default
		rules:
		  - name: syn-fin
		    mode: monitor
		  - name: fin-ack
		    flags: FIN,ACK/FIN,ACK
		    mode: enforce
		  - name: syn-urg
		    flags: SYN,URG/SYN,URG
		    mode: monitor
		exempt:
		  ports: [443]
	YAML
	use policy
	summary --policy "$BATS_TEST_TMPDIR/policy.yaml" | jq -e '[.dropped, .would_drop, .exempted] == [
			{"packets": 10, "bytes": 540}, {"packets": 7, "bytes": 378}, {"packets": 6, "bytes": 324}]
		and (.policy | endswith("policy.yaml"))
		and .illegal.packets == 23'
	run -0 "$FLAGFILTER" replay --summary --policy "$BATS_TEST_TMPDIR/policy.yaml" "$CAPTURE"
	[[ ${lines[-1]} == *"policy.yaml: drops 10, would drop 7 more (monitored), exempts 6" ]]
	summary | jq -e 'has("policy") | not'
}

@test "spoofed sources without number: the scanner among them is found, and sums and bounds hold" {
	use flood
	summary >"$BATS_TEST_TMPDIR/json"
	jq -e '.illegal.packets == 102000 and (.sources | length) == 256
		and .illegal.packets == ([.sources[].packets] | add) + .others' "$BATS_TEST_TMPDIR/json"
	jq -e '.sources[0] | .source == "192.0.2.9" and .packets <= 2000 and .packets + .unseen_at_most >= 2000
		and .packets > 1500' "$BATS_TEST_TMPDIR/json"
	run -0 "$FLAGFILTER" replay --summary "$CAPTURE"
	[[ $output == *"102000 illegal packets from more than 256 sources"*"192.0.2.9: "*"from at least 247 more sources"* ]]
	[[ $FLAGFILTER == */asan/* ]] && return # whose shadow memory is more than any limit
	(ulimit -v 40000 && summary >/dev/null) # KiB: some 30 of them are libraries
}

@test "one is said in the singular" {
	use eleven
	run -0 "$FLAGFILTER" replay --summary "$CAPTURE"
	[[ $output == *"and 1 packet from 1 more source"$'\n'* ]]
	use one_too_many
	run -0 "$FLAGFILTER" replay --summary "$CAPTURE"
	[[ $output == *$'\n'"  and at most 1 packet before that"$'\n'* ]]
}

@test "a capture that breaks off is summed up to there, and fails" {
	use out_of_order
	head -c -10 "$CAPTURE" >"$BATS_TEST_TMPDIR/broken.pcap"
	run -1 --separate-stderr "$FLAGFILTER" --json replay --summary "$BATS_TEST_TMPDIR/broken.pcap"
	[ "$(jq .illegal.packets <<<"$output")" -eq 3 ]
	[[ $stderr == *"broken after frame 3"* ]]
}

@test "a capture without frames" {
	use nothing
	summary | jq -e '.frames == {"packets": 0, "bytes": 0, "first": null, "last": null} and .sources == []'
	run -0 "$FLAGFILTER" replay --summary "$CAPTURE"
	[[ ${lines[0]} == "$CAPTURE: 0 frames" ]]
}

@test "it goes with neither --verdicts nor the kernel engine" {
	run -2 --separate-stderr "$FLAGFILTER" replay --summary --verdicts x
	[[ $stderr == *"--verdicts"* ]]
	run -2 --separate-stderr "$FLAGFILTER" replay --engine kernel --summary x
}
