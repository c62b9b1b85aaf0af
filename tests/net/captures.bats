#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Captures made here by tcpdump and dumpcap, on all interfaces at once and on one without Ethernet header: both engines say
# of each frame what tshark's reading of its flags asks for.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() {
	need_tools tcpdump dumpcap tshark
	net_setup
	cd "$BATS_TEST_TMPDIR" || exit
}
teardown() { net_teardown; }

# All flags by IPv4 and IPv6 over the veth, without a VLAN tag and with one, and out of a tun. (With two tags Linux 6.18 and
# libpcap 1.10 make of -i any what no reader finds IP in: the protocol of what is behind both, and the inner tag after that.)
send_all() {
	in_a "$PYTHON" - <<-'PY' 2>/dev/null
		from scapy.all import *
		ether = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:05")
		below = (IP(src="192.0.2.1", dst="192.0.2.2"), IPv6(src="2001:db8::1", dst="2001:db8::2"))
		s = conf.L2socket(iface="a0")
		for flags in range(256):
		    for tags in (ether, ether / Dot1Q(vlan=5)):
		        for ip in below:
		            s.send(tags / ip / TCP(sport=40000, dport=79, flags=flags))
		    time.sleep(0.002)
	PY
	in_s "$PYTHON" - <<-'PY' 2>/dev/null
		import fcntl, os, struct, sys, time
		from scapy.all import *
		tun = os.open("/dev/net/tun", os.O_RDWR)
		fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH", b"tun0", 0x1001))
		for flags in range(256):
		    for ip in IP(src="192.0.2.1", dst="192.0.2.2"), IPv6(src="2001:db8::1", dst="2001:db8::2"):
		        os.write(tun, bytes(ip / TCP(sport=40000, dport=79, flags=flags)))
		    time.sleep(0.002)
	PY
}

# judged_as_tshark CAPTURE FRAMES ENCAPSULATION...: at least so many segments, each judged as its flags ask for; the link
# types are those.
judged_as_tshark() {
	local engine
	tshark -r "$1" -T fields -e frame.number -e tcp.flags -e frame.encap_type 2>/dev/null >flags
	[ "$(cut -f3 flags | sort -nu | paste -sd ' ')" = "${*:3}" ]
	for engine in native kernel; do
		"$FLAGFILTER" replay "$1" --engine "$engine" --verdicts 2>/dev/null >verdicts
		"$PYTHON" - "$2" <<-'PY'
			import sys
			FIN, SYN, RST, PSH, ACK, URG = (1 << bit for bit in range(6))
			def asked_for(flags):
			    if flags & SYN and flags & FIN: return "syn-fin"
			    if flags & SYN and flags & RST: return "syn-rst"
			    if flags & FIN and not flags & ACK: return "fin-no-ack"
			    return "tcp" if flags & 0x3f else "tcp-no-flag"
			segments = 0
			read = [line.rstrip("\n").split("\t") for line in open("flags")]
			verdicts = [line.rstrip("\n").split("\t") for line in open("verdicts")]
			assert len(read) == len(verdicts), (len(read), len(verdicts))
			for (number, flags, _), (judged, verdict, name) in zip(read, verdicts):
			    assert number == judged
			    if not flags:
			        assert verdict == "pass" and name in ("non-tcp", "non-ip"), (number, verdict, name)
			        continue
			    rule = asked_for(int(flags, 16))
			    assert (verdict, name) == ("pass" if rule == "tcp" else "drop", rule), (number, flags, verdict, name)
			    segments += 1
			assert segments >= int(sys.argv[1]), segments
		PY
	done
}

@test "tcpdump -i any as LINUX_SLL and as LINUX_SLL2, of a tun, and dumpcap of several interfaces" {
	local pid pids=() many=(-i s0 -i any -i tun0)
	[ -c /dev/net/tun ] || skip "no /dev/net/tun"
	in_s ip tuntap add tun0 mode tun
	in_s ip link set tun0 up
	start_in "$SERVER" tcpdump -Z root -U -B 16384 -i any -y LINUX_SLL -w sll.pcap
	start_in "$SERVER" tcpdump -Z root -U -B 16384 -i any -y LINUX_SLL2 -w sll2.pcap
	start_in "$SERVER" tcpdump -Z root -U -B 16384 -i tun0 -w raw.pcap
	start_in "$SERVER" tcpdump -Z root -U -B 16384 -i s0 -w ethernet.pcap
	start_in "$SERVER" dumpcap -q -B 16 "${many[@]}" -w many.pcapng
	wait_until 10 test -s sll.pcap -a -s sll2.pcap -a -s raw.pcap -a -s ethernet.pcap -a -s many.pcapng
	sleep 0.5
	send_all
	sleep 1
	pids=("${PROCESSES[@]}")
	kill -INT "${pids[@]}"
	for pid in "${pids[@]}"; do wait "$pid" || true; done

	# tshark's numbers: 1 is Ethernet, 7 bare IP, 25 and 210 the cooked ones
	judged_as_tshark ethernet.pcap 1024 1
	judged_as_tshark sll.pcap 1536 25
	judged_as_tshark sll2.pcap 1536 210
	judged_as_tshark raw.pcap 512 7
	judged_as_tshark many.pcapng 3072 1 7 "$(tshark -r many.pcapng -T fields -e frame.encap_type | grep -vx '1\|7' | sort -u)"
	gzip sll2.pcap
	judged_as_tshark sll2.pcap.gz 1536 210
}
