#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Where the kernel does not ask the program: what comes in there is answered by TCP, and the user is told.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() {
	net_setup
	in_a nft -f - <<-NFT
		table inet answers {
			counter rst { }
			chain pre {
				type filter hook prerouting priority -400
				ip saddr $S4 tcp flags & rst == rst counter name rst drop
			}
		}
	NFT
}
teardown() { net_teardown; }

answers() { in_a nft -j reset counter inet answers rst | jq '.nftables[] | .counter // empty | .packets'; }

# scan INTERFACE: SYN+FIN to closed ports, twelve, from the attacker's interface. Each is a flow of its own.
scan() {
	local port
	for port in {2001..2012}; do
		in_a "$PYTHON" "$BATS_TEST_DIRNAME/send_frames.py" "$1" "$A4" "$S4" SF --port "$port" >/dev/null
	done
	sleep 0.1
}

finding() { ff --json doctor s0 | jq -r ".findings[] | select(.check == \"$1\").$2"; }

# queues_come_and_are_told: s0 gets a queue while a filter is attached, and the filter is attached again.
queues_come_and_are_told() {
	equal "$(ff --json status s0 | jq '.filters[0].unfiltered_queues') $(finding queues state)" "0 "
	scan a0
	equal "$(answers) $(count syn-fin dropped)" "0 12"
	in_s ethtool -L s0 rx 2 || skip "one CPU, one queue"
	in_a ethtool -L a0 tx 2
	equal "$(ff --json status s0 | jq '.filters[0].unfiltered_queues') $(finding queues state)" "1 note"
	[[ $(ff status s0) == *"1 receive queue came after the attach"*"attach again:  flagfilter --netns $SERVER attach s0"* ]]
	[[ $(finding queues text) == "1 of 2 "* ]]

	# some of the twelve flows go by the second queue
	scan a0
	[ "$(answers)" -gt 0 ]

	PATH=${FLAGFILTER%/*}:$PATH bash -c "$(finding queues fix)"
	equal "$(ff --json status s0 | jq '.filters[0].unfiltered_queues') $(finding queues state)" "0 "
	[[ $(ff status s0) != *queue* ]]
	scan a0
	equal "$(answers)" 0
}

one_queue() {
	in_s ethtool -L s0 rx 1 tx 1 || skip "this kernel's veth has one number of queues"
	in_a ethtool -L a0 rx 1 tx 1
}

@test "a veth's queue that came after the attach runs no filter: status and doctor say so, attach again heals it" {
	one_queue
	ff attach s0
	equal "$(ff --json status s0 | jq -r '.filters[0].attached')" exclusive
	queues_come_and_are_told
}

@test "the same behind libxdp's dispatcher" {
	need_tools xdp-loader
	one_queue
	in_s xdp-loader load --mode native s0 "$BATS_FILE_TMPDIR/pass.o" || skip "libxdp loads nothing here"
	in_s xdp-loader status s0 | grep -q xdp_dispatcher || skip "libxdp cannot load its dispatcher on this kernel"
	ff attach s0
	queues_come_and_are_told
	in_s xdp-loader unload s0 --all
}

@test "in generic mode queues that come are no matter" {
	one_queue
	ff attach s0 --mode generic
	in_s ethtool -L s0 rx 2 || skip "one CPU, one queue"
	in_a ethtool -L a0 tx 2
	scan a0
	equal "$(answers) $(count syn-fin dropped)" "0 12"
	equal "$(ff --json status s0 | jq '.filters[0].unfiltered_queues') $(finding queues state)" "0 "
}

# e0 and e1, the two ends of a veth, both at the attacker.
second_wire() {
	in_a ip link add e0 type veth peer name e1
	in_a ip link set e0 up
	in_a ip link set e1 up
}

# redirect ingress|egress INTERFACE HELPER: its frames, as they come or as they go, are sent on to a0, or to its other end.
redirect() {
	cat >"$BATS_TEST_TMPDIR/redirect.c" <<-C
		static long (*bpf_redirect)(unsigned int, unsigned long long) = (void *)23;
		static long (*bpf_redirect_peer)(unsigned int, unsigned long long) = (void *)155;
		__attribute__((section("tc"), used)) int redirect(void *skb) { return $3($(in_a ip -j link show dev a0 | jq '.[0].ifindex'), 0); }
		char _license[] __attribute__((section("license"), used)) = "GPL";
	C
	clang -O2 -g -target bpf -c "$BATS_TEST_TMPDIR/redirect.c" -o "$BATS_TEST_TMPDIR/redirect.o"
	in_a tc qdisc add dev "$2" clsact
	in_a tc filter add dev "$2" "$1" bpf da obj "$BATS_TEST_TMPDIR/redirect.o" sec tc || skip "tc takes no BPF program here"
}

@test "frames that the sender has redirected: native mode sees them, generic mode does not, doctor says so" {
	need_tools tc
	second_wire
	redirect egress e1 bpf_redirect
	ff attach s0
	scan e1
	equal "native: $(answers) $(count syn-fin dropped)" "native: 0 12"
	ff detach s0
	ff attach s0 --mode generic
	scan e1
	equal "generic: $(answers) $(count syn-fin dropped)" "generic: 12 0"
	equal "$(finding redirect state)" note
	[[ $(finding redirect text) == *"generic mode"* ]]
}

@test "frames that are handed to the other end by bpf_redirect_peer: native mode does not see them, generic mode does" {
	need_tools tc
	second_wire
	redirect ingress e0 bpf_redirect_peer
	ff attach s0
	scan e1
	equal "native: $(answers) $(count syn-fin dropped)" "native: 12 0"
	ff detach s0
	ff attach s0 --mode generic
	scan e1
	equal "generic: $(answers) $(count syn-fin dropped)" "generic: 0 12"
}
