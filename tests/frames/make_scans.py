#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Captures for tests/cli/summary.bats, which knows what is in them: make_scans.py DIR writes DIR/NAME.pcap for each."""

import struct
import sys

from scapy.all import IP, TCP, UDP, Ether, IPv6, fragment, wrpcap

START = 1000000000  # 2001-09-09T01:46:40Z
SOME = [("MSS", 1460)]


def packet(flags, at=0, source="192.0.2.1", dest="198.51.100.1", port=80, window=8192, options=()):
    ip = IPv6(src=source, dst=dest) if ":" in source else IP(src=source, dst=dest)
    made = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:05") / ip / TCP(
        sport=40000, dport=port, flags=flags, window=window, options=list(options))
    made.time = START + at
    return made


def times(count, *args, **kwargs):
    return [packet(*args, **kwargs)] * count


def two_scanners():
    yield from (packet("", at=port, port=port, dest=f"198.51.100.{port % 4}") for port in range(1, 101))
    yield from (packet("SF", at=200 + port, source="192.0.2.2", port=port) for port in range(1, 11))
    yield from (packet("SA"[i % 2], at=300 + i, source="192.0.2.3") for i in range(50))  # legal
    other = Ether() / IP(src="192.0.2.4") / UDP()
    other.time = START + 400
    yield other


def out_of_order():
    yield from (packet("", at=at) for at in (5, 3, 9, 4))


def scans():
    yield from times(2, "", window=1024)
    yield from times(3, "F", window=1024)
    yield from times(4, "FPU", window=1024)
    yield from times(5, "SF", window=1024, options=SOME)
    yield packet("", window=128, options=SOME)
    yield packet("SFPU", window=256, options=SOME)
    yield packet("FPU", window=65535, options=SOME)
    yield from times(6, "", window=512, port=0)
    yield packet("FPU")
    yield packet("FPUEC")  # ECE and CWR: the same scan
    yield from times(7, "SFRPAU")
    yield from times(8, "SR")
    yield from times(9, "U")
    yield packet("FPU", window=65535)  # without that probe's options


def legal():
    yield from (packet(f, window=1024) for f in ("S", "FA", "A", "SEC", "R", "RA", "PA", "FPA", "FPUA", "SA", "UA"))


def fragments():
    for port in (1, 2, 3):
        for piece in fragment(packet("S", port=port), fragsize=8)[:2]:  # the ports; sequence and acknowledgement
            piece.time = START
            yield piece


def all_flags():
    for flags in range(256):
        yield from times(1 + flags % 3, flags)


def ipv6():
    for i in range(1, 21):
        yield packet("", source=f"2001:db8:1:2:3::{i:x}", dest="2001:db8::1")
    yield from times(5, "", source="2001:db8:9::7", dest="2001:db8::1")


def policy():
    yield from times(2, "SF")
    yield from times(3, "SFA", port=9)
    yield from times(4, "SA")
    yield from times(5, "FA")
    yield from times(6, "", port=443)
    yield from times(7, "SU", port=9)


def eleven():
    yield from (packet("", source=f"203.0.113.{i}") for i in range(11))


def one_too_many():
    yield from (packet("", source=f"203.0.{113 + i // 256}.{i % 256}") for i in range(257))


def nothing():
    return []


def flood(path):
    """100,000 spoofed sources with one packet each, and a scanner among them, 192.0.2.9: 2000 packets, 1000 ports."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))

        def write(source, port, at):
            tcp = struct.pack("!HHIIBBHHH", 1, port, 0, 0, 0x50, 0, 1024, 0, 0)
            ip = struct.pack("!BBHHHBBHII", 0x45, 0, 40, 0, 0, 64, 6, 0, source, 0xC6336401)
            data = bytes(12) + b"\x08\x00" + ip + tcp
            out.write(struct.pack("<IIII", START + at, 0, len(data), len(data)) + data)

        for i in range(100000):
            write(0x0A000000 + i * 7, 80, i // 1000)
            if i % 50 == 0:
                write(0xC0000209, i // 50 % 1000, i // 1000)


for made in (two_scanners, out_of_order, scans, legal, fragments, all_flags, ipv6, policy, eleven, one_too_many, nothing):
    wrpcap(f"{sys.argv[1]}/{made.__name__}.pcap", list(made()), linktype=1)
flood(f"{sys.argv[1]}/flood.pcap")
