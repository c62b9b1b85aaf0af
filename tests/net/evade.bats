#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Evasion, tried for real: frames that hide SYN+FIN in fragments, chains, tags, options and wrong lengths. Each ends where
# docs/contract.md says (Classes): by our counters, and by what nft counts behind the filter. With the filter off, what the
# receiving kernel makes of them: the facts in docs/reliability.md.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup_silent; }
teardown() { net_teardown; }

# Counts the attempts behind the filter; and those that nft sees as SYN+FIN before TCP, put together (IPv4 only: for IPv6
# the hook comes before that).
count_attempts() {
	in_s nft -f - <<-NFT
		table netdev behind {
			chain in {
				type filter hook ingress device s0 priority 0
				ether saddr 02:00:00:00:00:ee counter
			}
		}
		table ip stack {
			counter syn_fin { }
			chain in {
				type filter hook input priority 0
				$SYN_FIN counter name syn_fin
			}
		}
	NFT
}
behind() { in_s nft -j list table netdev behind | jq '.nftables[] | .rule // empty | .expr[].counter // empty | .packets'; }
reached_input() { in_s nft -j list counter ip stack syn_fin | jq '.nftables[] | .counter // empty | .packets'; }

# stack_count NAME: one of the server stack's own counters, as nstat calls them. TcpInSegs: whatever was handed to TCP.
stack_count() { in_s nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }

evade() { in_a "$PYTHON" "$BATS_TEST_DIRNAME/evade.py" a0 "$1"; }

# attempt KIND [ATTACH-OPTION...]: sends them, and compares: each class as often as it was made, and behind the filter what
# is not dropped. MADE: what was sent, by class.
attempt() {
	ff attach "${@:2}" s0 >/dev/null
	count_attempts
	MADE=$(evade "$1")
	counted_as_made "$MADE"
	equal "$(stats .frames.packets)" "$(jq add <<<"$MADE")" "frames"
	equal "$(behind)" "$(($(jq add <<<"$MADE") - DROPPED))" "arrived behind the filter"
}

made() { jq ".[\"$1\"]" <<<"$MADE"; }

# unfiltered KIND: sends them with no filter at all.
unfiltered() {
	count_attempts
	MADE=$(evade "$1")
	equal "$(behind)" "$(jq add <<<"$MADE")" "arrived"
}

@test "fragments at every boundary, IPv4 and IPv6: nothing reaches TCP" {
	attempt fragments
	equal "$(stack_count TcpInSegs)" 0
}

@test "first fragments of every size up to the whole TCP header: tiny below 14 bytes" {
	attempt tiny-fragments
	equal "$(stack_count TcpInSegs)" 0
}

@test "overlapping fragments that rewrite the flags: no SYN+FIN reaches TCP" {
	attempt overlaps
	equal "$(reached_input)" 0
}

@test "an IPv6 first fragment that ends inside its extension headers is tiny, and nothing of it reaches TCP" {
	attempt split-chain
	equal "$(stack_count TcpInSegs)" 0
}

@test "an IPv6 first fragment that ends before an announced extension header is tiny, and nothing of it reaches TCP" {
	attempt split-boundary
	equal "$(stack_count TcpInSegs)" 0
}

@test "extension headers, none to twelve: eight are followed, more are dropped; nothing reaches TCP" {
	attempt chains
	equal "$(stack_count TcpInSegs)" 0
}

@test "VLAN stacks, none to six tags with VLAN id 0: four are followed, more are dropped; nothing reaches TCP" {
	attempt vlans
	equal "$(stack_count TcpInSegs)" 0
}

@test "IPv4 options of every length: SYN+FIN is found behind all" {
	attempt options
	equal "$(stack_count TcpInSegs)" 0
}

@test "IP lengths, header lengths and versions that are wrong" {
	attempt lengths
	equal "$(reached_input)" 0
}

# What the tests above prove nothing without: unfiltered, the attempts are real.
@test "unfiltered, a receiver puts the fragments together, discards overlaps, steps over chains, tags and options" {
	local before kind segments
	unfiltered fragments
	equal "$(stack_count IpReasmOKs) $(reached_input)" "14 14" "IPv4 datagrams"
	[ "$(stack_count Ip6ReasmOKs)" -ge 8 ] # 14 where the kernel does not ask for the whole header first
	in_s nft flush ruleset
	unfiltered overlaps
	[ "$(stack_count IpExtReasmOverlaps)" -ge 10 ]
	for kind in chains vlans options split-boundary; do
		in_s nft flush ruleset
		before=$(stack_count TcpInSegs)
		unfiltered $kind
		# each frame is a segment, but for those of which two are fragments of one
		[ $kind = split-boundary ] && segments=5 || segments=$(jq add <<<"$MADE")
		equal "$(($(stack_count TcpInSegs) - before))" "$segments" "$kind"
	done
}
