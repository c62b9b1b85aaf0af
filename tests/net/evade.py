#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sends frames of one kind that try to walk past a filter, and prints a JSON object: how many of each class they are.

    evade.py INTERFACE KIND
    evade.py FILE.pcap KIND     writes them, and sends nothing

scapy makes them; the class is known from how. SYN+FIN is what they hide. They come from an address and a MAC nobody
has, so that no answer comes back.
"""

import collections
import json
import socket
import struct
import sys
import time

from scapy.all import (
    IP, TCP, Dot1Q, Ether, HBHOptUnknown, IPOption_NOP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, Raw, wrpcap)

ETHER = dict(src="02:00:00:00:00:ee", dst="02:00:00:00:00:05")
V4 = dict(src="192.0.2.77", dst="192.0.2.2")
V6 = dict(src="2001:db8::77", dst="2001:db8::2")
SYN_FIN, BAD, FLAGS_END = 0x003, "syn-fin", 14
DEST, FRAGMENT = 60, 44
OPTION = 0x1e  # for experiments, to be skipped by who does not know it (RFC 4727); Linux takes no padding of over 7 bytes
BURST = 16  # what a veth's ring takes at once

frames = []  # (bytes, class; a rule's name where flags are judged)
identity = 0


def add(frame, kind):
    frames.append((bytes(frame), kind))


def segment(network, flags=SYN_FIN, data=b"", port=80):
    """A TCP segment with the right checksum, without the header in front of it."""
    whole = type(network)(bytes(network / TCP(sport=40000, dport=port, seq=1, flags=flags) / Raw(data)))
    return bytes(whole[TCP])


def next_identity():
    global identity
    identity += 1
    return identity


def pieces(content, cuts):
    """CONTENT cut at these offsets: (offset, bytes, more)."""
    ends = list(cuts) + [len(content)]
    begin = 0
    for end in ends:
        yield begin, content[begin:end], end != len(content)
        begin = end


def kind_of(offset, size):
    if offset == 0:
        return BAD if size >= FLAGS_END else "tiny-fragment"
    return "tiny-fragment" if offset == 8 else "fragment"


def fragment4(offset, content, more, number, kind, options=0):
    header = IP(id=number, flags="MF" if more else 0, frag=offset // 8, proto=6, options=[IPOption_NOP()] * options, **V4)
    add(Ether(**ETHER) / header / Raw(content), kind)


def fragment6(offset, content, more, number, kind, nexthdr=6):
    header = IPv6(nh=FRAGMENT, **V6) / IPv6ExtHdrFragment(nh=nexthdr, offset=offset // 8, m=more, id=number)
    add(Ether(**ETHER) / header / Raw(content), kind)


def fragments():
    """A segment of 20 + 36 bytes, cut at every boundary that there is, in two and in eight-byte pieces; both orders."""
    for send, network in ((fragment4, IP(**V4)), (fragment6, IPv6(**V6))):
        whole = segment(network, data=b"x" * 36)
        for cuts in [[at] for at in range(8, len(whole), 8)] + [range(8, len(whole), 8)]:
            for turn in (1, -1):
                number = next_identity()
                for offset, content, more in list(pieces(whole, cuts))[::turn]:
                    send(offset, content, more, number, kind_of(offset, len(content)))


def tiny_fragments():
    """First fragments that hold N bytes of the TCP header, N from 0 to 20: more may follow at any byte, it seems."""
    for send, network in ((fragment4, IP(**V4)), (fragment6, IPv6(**V6))):
        whole = segment(network)
        for size in range(len(whole) + 1):
            send(0, whole[:size], True, next_identity(), kind_of(0, size))


def overlaps():
    """An innocent first fragment, and a second one that writes SYN+FIN over its flags; and the other way round."""
    for send, network in ((fragment4, IP(**V4)), (fragment6, IPv6(**V6))):
        good, bad = segment(network, 0x010, b"x" * 28), segment(network, SYN_FIN, b"x" * 28)
        for first, second in ((good, bad), (bad, good)):
            kind = BAD if first is bad else "passed"
            for length in (16, 24, 32):
                for offset in (8, 16):
                    number = next_identity()
                    send(0, first[:length], True, number, kind)
                    send(offset, second[offset:], False, number, kind_of(offset, len(second) - offset))
            number = next_identity()
            send(0, first[:16], True, number, kind)
            send(0, second[:24], True, number, BAD if second is bad else "passed")  # the same beginning, longer
            send(24, first[24:], False, number, "fragment")


def split_chain():
    """IPv6: the first fragment ends inside an extension header, and TCP begins in the second (RFC 7112 forbids it)."""
    options = bytes([6, 1, OPTION, 12]) + bytes(12)  # destination options of 16 bytes, then TCP
    whole = options + segment(IPv6(**V6), data=b"x" * 8)
    for _ in range(8):
        number = next_identity()
        fragment6(0, whole[:8], True, number, "tiny-fragment", DEST)
        fragment6(8, whole[8:], False, number, "fragment", DEST)
    for cut in (16, 24):  # whole options, but none or 8 bytes of TCP
        number = next_identity()
        fragment6(0, whole[:cut], True, number, "tiny-fragment", DEST)
        fragment6(cut, whole[cut:], False, number, "fragment", DEST)


def split_boundary():
    """IPv6: the first fragment ends with a header that announces destination options, which TCP follows in the second."""
    padding = bytes([1, 4, 0, 0, 0, 0])
    content = bytes([DEST]) + b"\0" + padding + bytes([6, 0]) + padding + segment(IPv6(**V6))
    routing = bytes([DEST, 0, 0, 0, 0, 0, 0, 0])
    for whole, first in ((content, DEST), (routing + content[8:], 43), (content, DEST)):
        number = next_identity()
        fragment6(0, whole[:8], True, number, "tiny-fragment", first)
        fragment6(8, whole[8:], False, number, "fragment", first)
    number = next_identity()
    fragment6(0, content[:8], True, number, "tiny-fragment", DEST)
    fragment6(8, content[8:], False, number, "non-tcp", 17)  # what the second fragment says is not looked at
    number = next_identity()
    fragment6(8, content[8:], False, number, "fragment", DEST)
    fragment6(0, content[:8], True, number, "tiny-fragment", DEST)


def chain(count, size=1):
    layers = IPv6(nh=DEST if count else 6, **V6)
    option = HBHOptUnknown(otype=OPTION, optdata=bytes(8 * size - 4))
    for number in range(count):
        following = DEST if number < count - 1 else 6
        layers = layers / IPv6ExtHdrDestOpt(nh=following, options=[option])
    return layers


def chains():
    for count in range(13):
        for size in (1, 3):
            add(Ether(**ETHER) / chain(count, size) / Raw(segment(IPv6(**V6))), BAD if count <= 8 else "ipv6-exthdr")


def vlans():
    """Priority tags: VLAN id 0, which a Linux receiver takes off without having any VLAN."""
    for depth in range(7):
        for network in (IP(**V4), IPv6(**V6)):
            for outer in (0x8100, 0x88a8):
                ethertype = 0x0800 if isinstance(network, IP) else 0x86dd
                types = [outer] + [0x8100] * (depth - 1) + [ethertype] if depth else [ethertype]
                layers = Ether(type=types[0], **ETHER)
                for following in types[1:]:
                    layers = layers / Dot1Q(vlan=0, type=following)
                network.nh = network.proto = 6
                add(layers / network / Raw(segment(network)), BAD if depth <= 4 else "vlan-depth")


def options():
    for length in range(0, 44, 4):
        network = IP(options=[IPOption_NOP()] * length, proto=6, **V4)
        add(Ether(**ETHER) / network / Raw(segment(IP(**V4))), BAD)


def lengths():
    """IP lengths that say less or more than there is; behind a short one, SYN+FIN is only padding."""
    for network, header, at in ((IP(proto=6, **V4), 20, 16), (IPv6(nh=6, **V6), 0, 18)):
        whole = bytes(Ether(**ETHER) / network / Raw(segment(network, data=b"x" * 40)))
        for length in list(range(0, 90)) + [1500, 40000, 65535]:
            frame = bytearray(whole)
            struct.pack_into("!H", frame, at, length)
            behind = length - header if length else FLAGS_END  # 0 reaches to the frame's end
            add(frame, "malformed" if behind < 0 else "truncated" if behind < FLAGS_END else BAD)
    for ihl in range(16):  # of a datagram with 20 bytes of header and 20 of TCP
        kind = BAD if ihl == 5 else "malformed" if ihl < 5 or ihl > 10 else "truncated"
        if ihl != 6:  # with 6, TCP begins four bytes later: the checksum's second byte is where flags are
            add(Ether(**ETHER) / IP(ihl=ihl, len=40, proto=6, **V4) / Raw(segment(IP(**V4))), kind)
    for version in range(16):
        if version != 4:
            add(Ether(type=0x0800, **ETHER) / IP(version=version, proto=6, **V4) / Raw(segment(IP(**V4))), "malformed")
        if version != 6:
            add(Ether(type=0x86dd, **ETHER) / IPv6(version=version, nh=6, **V6) / Raw(segment(IPv6(**V6))), "malformed")


KINDS = (fragments, tiny_fragments, overlaps, split_chain, split_boundary, chains, vlans, options, lengths)


def send(interface):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    for number, (frame, _) in enumerate(frames):
        wire.send(frame)
        if number % BURST == BURST - 1:
            time.sleep(0.002)
    time.sleep(0.05)


def main():
    next(make for make in KINDS if make.__name__ == sys.argv[2].replace("-", "_"))()
    if sys.argv[1].endswith(".pcap"):
        wrpcap(sys.argv[1], [Ether(frame) for frame, _ in frames])
    else:
        send(sys.argv[1])
    json.dump(collections.Counter(kind for _, kind in frames), sys.stdout)


if __name__ == "__main__":
    main()
