#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""make_frames.py OUT: frames whose fate is known from how each was made, by another packet library than ours: scapy.

Writes
    OUT.pcap, OUT.pcapng    all frames
    OUT-known.pcap          those whose fate is known; of the others, at the end of OUT.pcap, only that every engine
                            and every form of the capture must agree
    OUT.expected            one line per frame of OUT.pcap: its class (flags as a hexadecimal number, or a name); then
                            for each of the presets default, strict and conntrack its verdict and the name that goes
                            with it; then its size. Tabs between; "?" for what is not known.

The same frames on every run.
"""

import pathlib
import random
import struct
import sys

from scapy.all import (
    ARP, Dot1Q, Dot3, Ether, GRE, ICMP, IP, IPv6, LLC, PPP, SNAP, STP, TCP, UDP, ICMPv6EchoRequest, ICMPv6ND_NS,
    IPOption_NOP, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Jumbo, PadN, PPPoE, Raw,
    RawPcapNgWriter, RawPcapWriter, fragment, fragment6)
from scapy.layers.ipsec import AH, ESP
from scapy.layers.vxlan import VXLAN

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE = (1 << bit for bit in range(9))

PRESETS = ("default", "strict", "conntrack")
CONTRACT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "contract.md"


def flags_of(words):
    return 0 if words == "NONE" else sum(globals()[word] for word in words.split(","))


def rules():
    """The rules of the contract, in order: (name, flags that are set, flags that are looked at, presets); in a rule for a
    class the flags are None."""
    table = CONTRACT.read_text(encoding="utf-8").split("\n## Rules\n")[1].split("\n## ")[0]
    for line in table.splitlines():
        if not line.startswith("| `"):
            continue
        name, _, match, presets = (cell.strip(" `") for cell in line.strip("|").split("|"))
        value, mask = (None, None) if match == "class" else map(flags_of, match.split("/"))
        yield name, value, mask, presets.split()


RULES = tuple(rules())

MAC = dict(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
V4 = dict(src="192.0.2.1", dst="198.51.100.1")
V6 = dict(src="2001:db8::1", dst="2001:db8:1::1")
HOP, DEST, ROUTING, AUTH, FRAGMENT, TCP_NEXT, UDP_NEXT = 0, 60, 43, 51, 44, 6, 17
EXTENSIONS = (HOP, DEST, ROUTING, AUTH, FRAGMENT)
TAGGINGS = ((), (0x8100,), (0x88a8,), (0x88a8, 0x8100), (0x8100, 0x8100), (0x8100, 0x88a8, 0x8100, 0x8100))
BAD_FLAGS = bytes([0x02, 0x03, 0x00, 0x29, 0xff])  # what padding is made of: it looks like flags

frames = []  # (bytes, class)


def add(frame, kind):
    frames.append((bytes(frame), kind))


def verdict(kind, preset):
    """What PRESET does to a frame of class KIND, and the name that goes with it."""
    if kind == "?":
        return "?", "?"
    named = isinstance(kind, str)
    for name, value, mask, presets in RULES:
        if preset in presets and (name == kind if mask is None else not named and kind & mask == value):
            return "drop", name
    return "pass", kind if named else "tcp"


def link(tags, ethertype):
    """An Ethernet header with these tags in front of what has that type."""
    types = list(tags) + [ethertype]
    layers = Ether(type=types[0], **MAC)
    for vlan, following in enumerate(types[1:], 1):
        layers = layers / Dot1Q(vlan=vlan, type=following)
    return layers


def extension(kind, following, size=1):
    if kind == HOP:
        return IPv6ExtHdrHopByHop(nh=following, options=[PadN(optdata=b"\x03" * (8 * size - 4))])
    if kind == DEST:
        return IPv6ExtHdrDestOpt(nh=following, options=[PadN(optdata=b"\x03" * (8 * size - 4))])
    if kind == ROUTING:
        return IPv6ExtHdrRouting(nh=following, addresses=["2001:db8:2::1"] * size, segleft=0)
    if kind == AUTH:
        return AH(nh=following, spi=3, seq=3, icv=b"\x03" * 12 * size, payloadlen=1 + 3 * size)
    return IPv6ExtHdrFragment(nh=following, offset=0, m=0, id=7)


def ipv6_chain(kinds, last=TCP_NEXT, sizes=(1,)):
    """IPv6 and these extension headers, in front of what has the number LAST."""
    following = list(kinds[1:]) + [last]
    layers = IPv6(nh=kinds[0] if kinds else last, **V6)
    for number, kind in enumerate(kinds):
        layers = layers / extension(kind, following[number], sizes[number % len(sizes)])
    return layers


def ipv4(options=0, **fields):
    return IP(options=[IPOption_NOP() for _ in range(options)], **V4, **fields)


def tcp(flags, **fields):
    return TCP(sport=40000, dport=443, seq=1, flags=flags, **fields)


def stacks():
    """Everything that may stand between Ethernet and TCP: (EtherType, layers)."""
    for options in (0, 4, 8, 24, 40):
        yield 0x0800, ipv4(options, proto=6)
    yield 0x86dd, ipv6_chain(())
    for kind in EXTENSIONS:
        yield 0x86dd, ipv6_chain((kind,))


class Template:
    """A segment with a place for flags, and the offsets at which its parts end."""

    def __init__(self, tags, ethertype, network, payload=b""):
        segment = tcp(0) / Raw(payload)
        self.frame = bytearray(bytes(link(tags, ethertype) / network / segment))
        self.link_end = 14 + 4 * len(tags)
        self.tcp = len(self.frame) - len(segment)

    def with_flags(self, flags):
        self.frame[self.tcp + 12] = self.frame[self.tcp + 12] & 0xfe | flags >> 8
        self.frame[self.tcp + 13] = flags & 0xff
        return bytes(self.frame)

    def class_of_cut(self, size, flags):
        if size < self.link_end:
            return "runt"
        if size < self.tcp:
            return "malformed"
        return flags if size >= self.tcp + 14 else "truncated"


def all_flags():
    for tags in TAGGINGS:
        for ethertype, network in stacks():
            template = Template(tags, ethertype, network)
            for flags in range(512):
                add(template.with_flags(flags), flags)


def honest_segments():
    """What real stacks send, options and data included: made by scapy as a whole, checksums too."""
    syn_options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)]
    for network in (ipv4(), IPv6(**V6)):
        for flags in (SYN, SYN | ECE | CWR, SYN | ECE | CWR | AE, SYN | ACK, SYN | ACK | ECE, SYN | ACK | ECE | AE,
                      SYN | ACK | CWR, ACK, ACK | PSH, ACK | ECE, ACK | CWR | PSH, FIN | ACK, FIN | ACK | PSH,
                      FIN | ACK | PSH | URG, ACK | URG, RST, RST | ACK):
            for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x03" * 1400):
                segment = tcp(flags & 0xff, options=syn_options if flags & SYN else [], reserved=flags >> 8)
                add(Ether(**MAC) / network / segment / Raw(data), flags)
        # TCP Fast Open: a SYN with a cookie and data
        add(Ether(**MAC) / network / tcp(SYN, options=[("TFO", (0x01020304, 0x05060708))]) / Raw(b"\x29" * 500), SYN)


def cuts():
    """Every stack, cut at every length up to the whole header."""
    for tags in TAGGINGS:
        for ethertype, network in stacks():
            template = Template(tags, ethertype, network)
            frame = template.with_flags(SYN | FIN)
            for size in range(len(frame)):
                add(frame[:size], template.class_of_cut(size, SYN | FIN))


def ip_lengths():
    """An IP length shorter than the frame: what follows is padding, and looks like TCP. Or longer: a cut capture. Or 0, by
    which segmentation offload means all that there is."""
    for tags in TAGGINGS:
        for ethertype, network in stacks():
            template = Template(tags, ethertype, network, BAD_FLAGS * 6)
            frame = template.with_flags(FIN | PSH | URG)
            version4 = ethertype == 0x0800
            begin = template.link_end + (0 if version4 else 40)
            for length in list(range(0, 130)) + [1500, 65535]:
                patched = bytearray(frame)
                struct.pack_into("!H", patched, template.link_end + (2 if version4 else 4), length)
                end = begin + length if length else len(frame)
                add(patched, template.class_of_cut(max(end, template.link_end), FIN | PSH | URG))


def length_0():
    """Frames of segmentation offload, of Linux' BIG TCP too: the datagram ends where the frame ends."""
    data = Raw(BAD_FLAGS * 20)
    for flags in (SYN | FIN, ACK, 0):
        for size in (0, 1, 100, 66000):
            payload = Raw(b"\x03" * size)
            add(Ether(**MAC) / ipv4(len=0) / tcp(flags) / payload, flags)
            add(Ether(**MAC) / ipv4(12, len=0) / tcp(flags) / payload, flags)
            add(Ether(**MAC) / IPv6(nh=6, plen=0, **V6) / tcp(flags) / payload, flags)
            jumbo = IPv6ExtHdrHopByHop(nh=6, options=[Jumbo(jumboplen=8 + 20 + size)])
            for first in (jumbo, extension(HOP, TCP_NEXT), extension(HOP, TCP_NEXT, 3), extension(DEST, TCP_NEXT)):
                kind = DEST if isinstance(first, IPv6ExtHdrDestOpt) else HOP
                add(Ether(**MAC) / IPv6(nh=kind, plen=0, **V6) / first / tcp(flags) / payload, flags)
    # what the jumbo option says is not read
    for said in (0, 20, 0xffffffff):
        jumbo = IPv6ExtHdrHopByHop(nh=6, options=[Jumbo(jumboplen=said)])
        add(Ether(**MAC) / IPv6(nh=HOP, plen=0, **V6) / jumbo / tcp(SYN | FIN) / data, SYN | FIN)
    add(Ether(**MAC) / ipv4(len=0) / UDP() / data, "non-tcp")
    add(Ether(**MAC) / IPv6(nh=17, plen=0, **V6) / UDP() / data, "non-tcp")
    add(Ether(**MAC) / ipv4(len=0, proto=6, frag=1) / data, "tiny-fragment")
    add(Ether(**MAC) / ipv4(len=0, proto=6, frag=3) / data, "fragment")
    add(Ether(**MAC) / ipv4(len=0, proto=6, flags="MF") / Raw(bytes(tcp(SYN | FIN))[:13]), "tiny-fragment")
    add(Ether(**MAC) / ipv4(len=0, proto=6) / Raw(bytes(tcp(SYN | FIN))[:13]), "truncated")
    add(Ether(**MAC) / ipv4(len=0, ihl=11), "malformed")


def padded():
    """Short datagrams in frames of at least 60 bytes."""
    padding = BAD_FLAGS * 10
    for size in range(20):
        part = bytes(tcp(SYN | FIN))[:size]
        kind = SYN | FIN if size >= 14 else "truncated"
        add(bytes(Ether(**MAC) / ipv4(proto=6) / Raw(part)) + padding, kind)
        if size:  # a length of 0 reaches to the frame's end
            add(bytes(Ether(**MAC) / IPv6(nh=6, **V6) / Raw(part)) + padding, kind)
    add(bytes(Ether(**MAC) / ipv4() / UDP() / Raw(b"")) + padding, "non-tcp")
    add(bytes(Ether(**MAC) / ARP()) + padding, "non-ip")


def add_fragments(header, parts, kind_of):
    """KIND_OF says the class by the offset of what a fragment carries, and by its size."""
    for packet, offset, carried in parts:
        add(bytes(header) + bytes(packet), kind_of(offset, carried))


def tcp_fragment(flags):
    def kind_of(offset, carried):
        if offset == 0:
            return flags if carried >= 14 else "tiny-fragment"
        return "tiny-fragment" if offset == 8 else "fragment"

    return kind_of


def fragments4(packet, size):
    for part in fragment(packet, fragsize=size):
        yield part, part.frag * 8, len(bytes(part.payload))


def fragments6(packet, size):
    for part in fragment6(packet, size):
        header = part[IPv6ExtHdrFragment]
        yield part, header.offset * 8, len(bytes(header.payload))


def fragments():
    data = BAD_FLAGS * 40
    for tags in TAGGINGS:
        for flags in (SYN | FIN, ACK, 0, FIN | PSH | URG):
            for size in (8, 16, 24, 64, 120):
                for options in (0, 12):
                    parts = fragments4(ipv4(options) / tcp(flags) / Raw(data), size)
                    add_fragments(link(tags, 0x0800), parts, tcp_fragment(flags))
                for before in ((), (DEST,), (HOP, ROUTING)):
                    whole = ipv6_chain(before + (FRAGMENT,)) / tcp(flags) / Raw(data)
                    unfragmented = len(whole) - 20 - len(data)
                    parts = fragments6(whole, unfragmented + size)
                    add_fragments(link(tags, 0x86dd), parts, tcp_fragment(flags))
    for size in (8, 16, 64):
        for packet in (ipv4() / UDP(sport=3, dport=3) / Raw(data), ipv4() / ICMP() / Raw(data)):
            add_fragments(link((), 0x0800), fragments4(packet, size), lambda offset, carried: "non-tcp")
        packet = ipv6_chain((FRAGMENT,), UDP_NEXT) / UDP(sport=3, dport=3) / Raw(data)
        add_fragments(link((), 0x86dd), fragments6(packet, 48 + size), lambda offset, carried: "non-tcp")


def tiny_fragments():
    """First fragments of every size, padded; and later ones at every small offset."""
    for size in range(25):
        part = (bytes(tcp(SYN | FIN)) + b"\x03" * 8)[:size]
        kind = SYN | FIN if size >= 14 else "tiny-fragment"
        for trailer in (b"", BAD_FLAGS * 10):
            add(bytes(Ether(**MAC) / ipv4(proto=6, flags="MF") / Raw(part)) + trailer, kind)
            add(bytes(Ether(**MAC) / ipv4(12, proto=6, flags="MF+DF") / Raw(part)) + trailer, kind)
            network = IPv6(nh=FRAGMENT, **V6) / IPv6ExtHdrFragment(nh=6, m=1, id=5)
            add(bytes(Ether(**MAC) / network / Raw(part)) + trailer, kind)
            network = IPv6(nh=DEST, **V6) / extension(DEST, FRAGMENT) / IPv6ExtHdrFragment(nh=6, m=1, id=5)
            add(bytes(Ether(**MAC) / network / Raw(part)) + trailer, kind)
    for offset in list(range(1, 40)) + [0x100, 0x1000, 0x1fff]:
        for more in (0, 1):
            kind = "tiny-fragment" if offset == 1 else "fragment"
            tail = Raw(BAD_FLAGS * 8)
            add(Ether(**MAC) / ipv4(proto=6, frag=offset, flags="MF" if more else 0) / tail, kind)
            header = dict(offset=offset, m=more, id=5)
            add(Ether(**MAC) / IPv6(nh=FRAGMENT, **V6) / IPv6ExtHdrFragment(nh=6, **header) / tail, kind)
            add(Ether(**MAC) / IPv6(nh=FRAGMENT, **V6) / IPv6ExtHdrFragment(nh=17, **header) / tail, "non-tcp")
            add(Ether(**MAC) / IPv6(nh=FRAGMENT, **V6) / IPv6ExtHdrFragment(nh=DEST, **header) / tail, "fragment")
            add(Ether(**MAC) / ipv4(proto=17, frag=offset) / tail, "non-tcp")


def first_fragments_in_chains():
    """IPv6: the datagram of a first fragment ends inside its chain of headers; or the frame alone does."""
    for before, behind in (((), (DEST,)), ((), (DEST, DEST)), ((), (ROUTING,)), ((), (AUTH,)), ((), (HOP,)), ((), (FRAGMENT, DEST)),
                           ((HOP,), (DEST, ROUTING)), ((ROUTING,), (DEST,)), ((DEST, HOP), (AUTH, DEST)), ((), (DEST,) * 7)):
        for size in (1, 3):
            chain = bytes(ipv6_chain(before + (FRAGMENT,) + behind, sizes=(size,)))
            end = len(bytes(ipv6_chain(before + (FRAGMENT,), sizes=(size,))))
            chain = chain[:end - 5] + b"" + chain[end - 4:]  # more fragments follow
            for tail in (b"", BAD_FLAGS * 10):
                for cut in range(end, len(chain)):
                    first = bytearray(chain[:cut])
                    struct.pack_into("!H", first, 4, cut - 40)
                    add(bytes(link((), 0x86dd)) + first + tail, "tiny-fragment")
            for cut in range(end, len(chain)):
                whole = bytearray(chain)
                struct.pack_into("!H", whole, 4, len(chain) + 20 - 40)
                add(bytes(link((), 0x86dd)) + whole[:cut], "malformed")
    for following in (17, 50, 58, 59, 135):
        network = IPv6(nh=FRAGMENT, **V6) / IPv6ExtHdrFragment(nh=following, m=1, id=5)
        add(Ether(**MAC) / network, "non-tcp")
        network = IPv6(nh=FRAGMENT, **V6) / IPv6ExtHdrFragment(nh=DEST, m=1, id=5) / extension(DEST, following)
        add(Ether(**MAC) / network, "non-tcp")
    eight = (FRAGMENT,) + (DEST,) * 7
    add(Ether(**MAC) / ipv6_chain(eight, DEST), "ipv6-exthdr")
    add(Ether(**MAC) / IPv6(nh=FRAGMENT, plen=0, **V6) / IPv6ExtHdrFragment(nh=DEST, m=1, id=5), "tiny-fragment")


def extension_chains(rng):
    for count in range(1, 13):
        for _ in range(30):
            kinds = [rng.choice(EXTENSIONS) for _ in range(count)]
            sizes = [rng.choice((1, 1, 2, 5, 8)) for _ in kinds]
            flags = rng.randrange(512)
            packet = Ether(**MAC) / ipv6_chain(kinds, TCP_NEXT, sizes) / tcp(flags & 0xff, reserved=flags >> 8)
            add(packet, flags if count <= 8 else "ipv6-exthdr")
            packet = Ether(**MAC) / ipv6_chain(kinds, UDP_NEXT, sizes) / UDP() / Raw(BAD_FLAGS * 3)
            add(packet, "non-tcp" if count <= 8 else "ipv6-exthdr")


def long_chains():
    """Headers that reach far: the kernel's test run, too, puts such frames into several buffers."""
    for count in (1, 2, 3, 8, 9):
        for flags in (SYN | FIN, ACK):
            chain = ipv6_chain((ROUTING,) * count, TCP_NEXT, (127,))
            add(Ether(**MAC) / chain / tcp(flags), flags if count <= 8 else "ipv6-exthdr")
        add(Ether(**MAC) / ipv6_chain((ROUTING,) * count, UDP_NEXT, (127,)) / UDP(), "non-tcp" if count <= 8 else "ipv6-exthdr")


def contradictions():
    for version in range(16):
        if version != 4:
            add(Ether(type=0x0800, **MAC) / ipv4(version=version, proto=6) / tcp(SYN | FIN), "malformed")
        if version != 6:
            add(Ether(type=0x86dd, **MAC) / IPv6(version=version, nh=6, **V6) / tcp(SYN | FIN), "malformed")
    add(Ether(type=0x0800, **MAC) / IPv6(**V6) / tcp(SYN | FIN), "malformed")
    add(Ether(type=0x86dd, **MAC) / ipv4() / tcp(SYN | FIN), "malformed")
    for ihl in range(5):
        add(Ether(**MAC) / ipv4(ihl=ihl) / tcp(SYN | FIN), "malformed")
    for ihl in range(11, 16):  # 44 bytes and more of the 40 that there are
        add(Ether(**MAC) / ipv4(ihl=ihl) / tcp(SYN | FIN), "malformed")
    for length in range(1, 20):
        add(Ether(**MAC) / ipv4(len=length) / tcp(SYN | FIN), "malformed")
        add(Ether(**MAC) / ipv4(len=length) / UDP(), "malformed")


def not_tcp():
    inner = ipv4() / tcp(SYN | FIN)
    inner6 = IPv6(**V6) / tcp(SYN | FIN)
    for tags in TAGGINGS:
        for packet in (
                ipv4() / UDP() / Raw(BAD_FLAGS), ipv4() / ICMP() / Raw(BAD_FLAGS), ipv4() / GRE() / inner,
                ipv4() / UDP(dport=4789) / VXLAN(vni=3) / Ether(**MAC) / inner, ipv4() / inner, ipv4(proto=41) / inner6,
                ipv4(proto=51) / AH(nh=6, spi=3, seq=3, icv=b"\x03" * 12, payloadlen=4) / tcp(SYN | FIN),
                ipv4(proto=50) / ESP(spi=3, seq=3, data=BAD_FLAGS * 8), ipv4(8) / UDP() / Raw(BAD_FLAGS)):
            add(link(tags, 0x0800) / packet, "non-tcp")
        for packet in (
                IPv6(**V6) / UDP() / Raw(BAD_FLAGS), IPv6(**V6) / ICMPv6EchoRequest(data=BAD_FLAGS * 4),
                IPv6(**V6) / ICMPv6ND_NS(tgt="2001:db8::2"), IPv6(**V6) / GRE() / inner,
                IPv6(**V6) / UDP(dport=4789) / VXLAN(vni=3) / Ether(**MAC) / inner6, IPv6(nh=4, **V6) / inner,
                IPv6(nh=41, **V6) / inner6, IPv6(nh=59, **V6) / Raw(BAD_FLAGS * 6),
                IPv6(nh=50, **V6) / ESP(spi=3, seq=3, data=BAD_FLAGS * 8),
                ipv6_chain((HOP, DEST), 58) / ICMPv6EchoRequest(data=BAD_FLAGS * 4)):
            add(link(tags, 0x86dd) / packet, "non-tcp")
    for number in range(256):
        if number != 6:
            add(Ether(**MAC) / ipv4(proto=number) / Raw(bytes(tcp(SYN | FIN))), "non-tcp")
        if number not in EXTENSIONS + (6,):
            add(Ether(**MAC) / IPv6(nh=number, **V6) / Raw(bytes(tcp(SYN | FIN))), "non-tcp")


def not_ip():
    inner = ipv4() / tcp(SYN | FIN)
    for tags in TAGGINGS:
        add(link(tags, 0x0806) / ARP(), "non-ip")
        add(link(tags, 0x88cc) / Raw(b"\x02\x07\x04\x02\x00\x00\x00\x00\x02\x04\x02\x05\x33\x06\x02\x00\x78\x00\x00"),
            "non-ip")
        add(link(tags, 0x8863) / Raw(b"\x11\x09\x00\x00\x00\x00"), "non-ip")
        add(link(tags, 0x8864) / PPPoE(sessionid=3) / PPP(proto=0x21) / inner, "non-ip")
        add(link(tags, 0x8847) / Raw(b"\x00\x01\x01\x40" + bytes(inner)), "non-ip")
        add(link(tags, 0x88f7) / Raw(BAD_FLAGS * 9), "non-ip")
        add(link(tags, 0x9100) / Raw(b"\x00\x03\x08\x00" + bytes(inner)), "non-ip")
        for ethertype in (0, 46, 1500, 0x0600, 0x0801, 0x07ff, 0x86dc, 0x0081, 0xa888, 0xffff):
            add(link(tags, ethertype) / Raw(bytes(inner)), "non-ip")
    add(Dot3(**MAC) / LLC() / STP(), "non-ip")
    add(Dot3(**MAC) / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=0x0800) / inner, "non-ip")


def deep_tags():
    for tags in ((0x8100,) * 5, (0x88a8,) * 5, (0x88a8, 0x8100, 0x8100, 0x8100, 0x8100), (0x8100, 0x88a8) * 3, (0x8100,) * 9):
        for network, ethertype in ((ipv4(), 0x0800), (IPv6(**V6), 0x86dd)):
            frame = bytes(link(tags, ethertype) / network / tcp(SYN | FIN))
            add(frame, "vlan-depth")
            for size in range(30):
                add(frame[:size], "runt")
            for size in range(30, 50):
                add(frame[:size], "vlan-depth")
    for depth in range(5):
        for tags in ((0x8100,) * depth, (0x88a8,) * depth, ((0x8100, 0x88a8) * 2)[:depth]):
            add(link(tags, 0x0800) / ipv4() / tcp(SYN | FIN), SYN | FIN)
            add(link(tags, 0x86dd) / IPv6(**V6) / tcp(SYN | FIN), SYN | FIN)


def big_frames():
    """From the usual to what no kernel's test run takes."""
    for size in (1514, 2048, 3519, 3520, 3521, 4096, 9014, 16460, 16461, 65535, 73152, 73153, 120000, 262144):
        for flags in (SYN | FIN, ACK):
            for network in (ipv4(len=min(size - 14, 65535)), IPv6(plen=min(size - 54, 65535), **V6)):
                head = bytes(Ether(**MAC) / network / tcp(flags))
                add(head + b"\x03" * (size - len(head)), flags)


def mutated(rng, count):
    """Nobody knows what becomes of these."""
    known = [frame for frame, _ in frames if len(frame) < 400]
    for _ in range(count):
        frame = bytearray(rng.choice(known))
        for _ in range(rng.randrange(1, 6)):
            if frame:
                # mostly in the headers
                frame[rng.randrange(min(len(frame), rng.choice((26, 60, 400))))] = rng.choice(
                    (0, 1, 4, 5, 6, 8, 43, 44, 51, 60, 0x20, 0x45, 0x60, 0x81, 0x86, 0xdd, 0xff, rng.randrange(256)))
        if rng.random() < 0.2:
            del frame[rng.randrange(len(frame) + 1):]
        if rng.random() < 0.2:
            frame += bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
        add(frame, "?")


def write_capture(capture, content):
    with capture:
        capture.write_header(None)  # not from the first frame: scapy would take it apart
        for number, frame in enumerate(content):
            capture.write_packet(frame, sec=number // 1000000, usec=number % 1000000)


def write_captures(out):
    everything = [frame for frame, _ in frames]
    known = [frame for frame, kind in frames if kind != "?"]
    write_capture(RawPcapWriter(out + ".pcap", linktype=1, snaplen=262144), everything)
    write_capture(RawPcapNgWriter(out + ".pcapng"), everything)
    write_capture(RawPcapWriter(out + "-known.pcap", linktype=1, snaplen=262144), known)


def write_expected(out):
    with open(out + ".expected", "w", encoding="ascii") as expected:
        for frame, kind in frames:
            fields = [kind if isinstance(kind, str) else f"{kind:#05x}"]
            for preset in PRESETS:
                fields += verdict(kind, preset)
            print(*fields, len(frame), sep="\t", file=expected)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_frames.py OUT")
    rng = random.Random(9293)
    all_flags()
    honest_segments()
    cuts()
    ip_lengths()
    length_0()
    padded()
    fragments()
    tiny_fragments()
    first_fragments_in_chains()
    extension_chains(rng)
    long_chains()
    contradictions()
    not_tcp()
    not_ip()
    deep_tags()
    big_frames()
    for size in range(14):
        add(b"\x03" * size, "runt")
    mutated(rng, 6000)
    write_captures(sys.argv[1])
    write_expected(sys.argv[1])


if __name__ == "__main__":
    main()
