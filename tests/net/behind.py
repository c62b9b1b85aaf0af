#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sends TCP segments in shapes that a filter may read otherwise than the stack behind it, and sees which are answered.

    behind.py veth INTERFACE open|filtered [SHAPE...]      frames leave the interface; answers come back to it
    behind.py cut-veth INTERFACE open|filtered [SHAPE...]  the same where the sender's kernel cuts large segments itself
    behind.py tap INTERFACE open|filtered [SHAPE...]       frames come in by a tap, as from a virtual machine
    behind.py FILE.pcap open|filtered [SHAPE...]           writes them; those that need no segmentation offload

Each segment goes to a closed port, where a stack answers whatever reaches its TCP with RST: NULL, FIN and SYN+FIN as
much as SYN. Open: each is to be answered, else the shape proves nothing. Filtered: only the legal ones are, and of shapes
that are dropped for their shape, none. Prints a JSON object: how many segments were "tried", how many answers were
"expected", which of them were "wrong", and how many frames of each class were "made" ("passed": legal flags).

    behind.py shapes                                       the names of those that need no segmentation offload
"""

import collections
import fcntl
import json
import os
import select
import socket
import struct
import sys
import time

from send_frames import checksum

MACS = bytes.fromhex("020000000005" "0200000000ee")  # to, from
SOURCE = {4: socket.inet_aton("192.0.2.77"), 6: socket.inet_pton(socket.AF_INET6, "2001:db8::77")}
DEST = {4: socket.inet_aton("192.0.2.2"), 6: socket.inet_pton(socket.AF_INET6, "2001:db8::2")}
CLOSED_PORT = 81
LAST_PORT = 65000
FIN, SYN, RST, ACK = 1, 2, 4, 0x10
ILLEGAL = {0: "tcp-no-flag", FIN: "fin-no-ack", SYN | FIN: "syn-fin"}
LEGAL = (SYN, ACK)
REPEAT = 3
BURST = 16  # what a veth's ring takes at once
HOP, TCP, UDP, ROUTING, FRAGMENT, AUTH, DESTINATION = 0, 6, 17, 43, 44, 51, 60
ENFORCED = {*ILLEGAL.values(), "tiny-fragment", "vlan-depth", "ipv6-exthdr"}
JUDGED = "judged"  # by its flags
NO_OFFLOAD = bytes(10)
MSS, SEGMENTS = 1400, 3  # of what is offloaded

identity = 1 << 16  # those of evade.py are lower: its fragments may still wait for others


def next_identity():
    global identity
    identity += 1
    return identity


# ---- the parts of a frame

def segment(version, port, flags, data=b"", partial=False):
    """With the right checksum, or with the part of it that a sender leaves when the card does the rest."""
    header = struct.pack("!HHIIBBHHH", port, CLOSED_PORT, 1, 0, 0x50, flags, 1024, 0, 0)
    length = len(header) + len(data)
    pseudo = SOURCE[version] + DEST[version] + struct.pack("!IHBB", length, 0, 0, TCP)
    check = checksum(pseudo) ^ 0xFFFF if partial else checksum(pseudo + header + data)
    return header[:16] + struct.pack("!H", check) + header[18:] + data


def ipv4(content, length=None):
    length = 20 + len(content) if length is None else length
    header = struct.pack("!BBHHHBBH", 0x45, 0, length, 1, 0, 64, TCP, 0) + SOURCE[4] + DEST[4]
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + content


def ipv6(nexthdr, content, length=None):
    length = len(content) if length is None else length
    return struct.pack("!IHBB", 6 << 28, length, nexthdr, 64) + SOURCE[6] + DEST[6] + content


def header(kind, nexthdr, size=8):
    """An extension header of SIZE bytes that asks for nothing: padding, or a route that has come to its end."""
    body = bytes(size - 2)
    if kind != ROUTING:
        body = bytes([0x1E, size - 4]) + bytes(size - 4)  # an option for experiments (RFC 4727), to be skipped
    return bytes([nexthdr, size // 8 - 1]) + body


def chain(kinds, behind):
    """(the first next header, the bytes) of extension headers, each a kind or (kind, size), in front of BEHIND."""
    nexthdr = TCP
    for kind in reversed(kinds):
        kind, size = kind if isinstance(kind, tuple) else (kind, 8)
        behind = header(kind, nexthdr, size) + behind
        nexthdr = kind
    return nexthdr, behind


def fragment(nexthdr, offset, content, more, number):
    return struct.pack("!BBHI", nexthdr, 0, offset | more, number) + content


def ethernet(packet, tags=()):
    types = [*tags, 0x86DD if packet[0] >> 4 == 6 else 0x0800]
    return MACS + struct.pack("!H", types[0]) + b"".join(struct.pack("!HH", 0, each) for each in types[1:]) + packet


def offload(version, headers):
    """What a frame's virtio_net_hdr says of a TCP segment that is to be cut, HEADERS bytes into the frame."""
    return struct.pack("<BBHHHH", 1, 1 if version == 4 else 4, headers + 20, MSS, headers, 16)


# ---- shapes: (frame, its class or JUDGED, virtio_net_hdr) for each frame of one segment

def plain(version, port, flags):
    whole = segment(version, port, flags)
    yield ethernet(ipv4(whole) if version == 4 else ipv6(TCP, whole)), JUDGED, NO_OFFLOAD


def tagged(version, tags, port, flags):
    for frame, _, vnet in plain(version, port, flags):
        yield ethernet(frame[14:], tags), JUDGED if len(tags) <= 4 else "vlan-depth", vnet


def ipv4_without_length(port, flags):
    """As segmentation offload makes it of what is longer than 65535 bytes."""
    content = segment(4, port, flags, b"x" * SEGMENTS * MSS, partial=True)
    yield ethernet(ipv4(content, 0)), JUDGED, offload(4, 14 + 20)


def ipv6_without_length(kinds, port, flags):
    yield ethernet(ipv6(*chain(kinds, segment(6, port, flags)), length=0)), JUDGED, NO_OFFLOAD


def ipv6_offload(length, kinds, port, flags):
    nexthdr, content = chain(kinds, segment(6, port, flags, b"x" * SEGMENTS * MSS, partial=True))
    yield ethernet(ipv6(nexthdr, content, length)), JUDGED, offload(6, 14 + 40 + 8 * len(kinds))


def headers(count, port, flags):
    packet = ipv6(*chain([DESTINATION] * count, segment(6, port, flags)))
    yield ethernet(packet), JUDGED if count <= 8 else "ipv6-exthdr", NO_OFFLOAD


def cut(kinds, at, port, flags, *, before=(), second=None, reverse=False, fate="tiny-fragment", then="fragment"):
    """
    Two fragments, the first ends AT bytes into the headers KINDS, of which the last is in the second fragment. BEFORE
    are headers in front of the fragment header; SECOND, what the second fragment says the first header is; FATE and
    THEN, the classes of the two.
    """
    nexthdr, whole = chain(kinds, segment(6, port, flags))
    number = next_identity()
    frames = []
    for offset, content in ((0, whole[:at]), (at, whole[at:])):
        kind = fate if offset == 0 else then
        piece = fragment(nexthdr if offset == 0 or second is None else second, offset, content, offset == 0, number)
        first, piece = FRAGMENT, piece
        for each in reversed(before):
            first, piece = each, header(each, first) + piece
        frames.append((ethernet(ipv6(first, piece)), kind, NO_OFFLOAD))
    return reversed(frames) if reverse else frames


def bind(make, *args, **options):
    return lambda port, flags: make(*args, port, flags, **options)


D, TAG, SERVICE_TAG = DESTINATION, 0x8100, 0x88A8
SHAPES = {
    "IPv4": bind(plain, 4),
    "IPv6": bind(plain, 6),
    "IPv4-length-0-offload": ipv4_without_length,
    "IPv6-length-0-hop": bind(ipv6_without_length, [HOP]),
    "IPv6-length-0-hop-destination": bind(ipv6_without_length, [HOP, DESTINATION]),
    "IPv6-length-0-hop-offload": bind(ipv6_offload, 0, [HOP]),
    "IPv6-offload": bind(ipv6_offload, None, []),
    **{f"IPv{version}-{count}-tags-{tag:04x}": bind(tagged, version, [tag] + [TAG] * (count - 1))
       for version in (4, 6) for count in (1, 2, 3, 4, 5, 6, 9) for tag in (TAG, SERVICE_TAG)},
    **{f"IPv6-{count}-headers": bind(headers, count) for count in (1, 7, 8, 9, 10, 12)},
    "cut-between-headers": bind(cut, [D, D], 8),
    "cut-second-says-UDP": bind(cut, [D, D], 8, second=UDP, then="non-tcp"),
    "cut-second-says-TCP": bind(cut, [D, D], 8, second=TCP, then="tiny-fragment"),
    "cut-reverse": bind(cut, [D, D], 8, reverse=True),
    "cut-before-routing": bind(cut, [D, ROUTING], 8),
    "cut-behind-routing": bind(cut, [ROUTING, D], 8),
    "cut-behind-hop": bind(cut, [D, D], 8, before=[HOP]),
    "cut-behind-route": bind(cut, [D, D], 8, before=[ROUTING]),
    "cut-inside-at-8": bind(cut, [(D, 24), D], 8),
    "cut-inside-at-16": bind(cut, [(D, 24), D], 16),
    "cut-inside-second": bind(cut, [D, (D, 24), D], 16),
    "cut-behind-7": bind(cut, [D] * 7, 48),
    "cut-behind-8": bind(cut, [D] * 8, 56, fate="ipv6-exthdr"),
    "cut-behind-9": bind(cut, [D] * 9, 64, fate="ipv6-exthdr"),
}


# ---- wires

class Veth:
    cuts = False

    def __init__(self, interface):
        self.out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.out.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR
        self.out.bind((interface, 0))
        self.back = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.back.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
        self.back.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.back.bind((interface, 3))  # ETH_P_ALL

    def send(self, vnet, frame):
        self.out.send(vnet + frame)

    def receive(self):
        return self.back.recv(65536)


class CutVeth(Veth):
    """Native XDP at the other end takes offload from this one: the filter sees segments, of which the last has FIN."""
    cuts = True


class Tap:
    cuts = False

    def __init__(self, interface):
        self.back = os.open("/dev/net/tun", os.O_RDWR)
        # TUNSETIFF; IFF_TAP, IFF_NO_PI, IFF_VNET_HDR
        fcntl.ioctl(self.back, 0x400454CA, struct.pack("16sH", interface.encode(), 0x5002))
        time.sleep(0.2)  # until it is running

    def send(self, vnet, frame):
        os.write(self.back, vnet + frame)

    def receive(self):
        return os.read(self.back, 65536)[10:]


class Capture:
    """Takes what can be told by bytes alone, and is never answered."""
    cuts = False

    def __init__(self, name):
        self.file = open(name, "wb")
        self.file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))

    def send(self, vnet, frame):
        if vnet == NO_OFFLOAD and len(frame) <= 1514:  # what an interface takes
            self.file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


WIRES = {"veth": Veth, "cut-veth": CutVeth, "tap": Tap}


def open_wire(args):
    """The one that the first of ARGS name, which are taken off."""
    return WIRES[args.pop(0)](args.pop(0)) if args[0] in WIRES else Capture(args.pop(0))


def answered_port(frame):
    """The port that FRAME goes to if it comes from the closed one and says RST; else None."""
    tcp = frame[34:] if frame[12:14] == b"\x08\0" and frame[23] == TCP else \
        frame[54:] if frame[12:14] == b"\x86\xdd" and frame[20] == TCP else b""
    if len(tcp) < 20 or not tcp[13] & RST:
        return None
    source, dest = struct.unpack_from("!HH", tcp)
    return dest if source == CLOSED_PORT else None


def answered_so_far(wire):
    ports = set()
    while select.select([wire.back], [], [], 0)[0]:
        ports.add(answered_port(wire.receive()))
    return ports - {None}


def answers(wire, patience):
    """The ports that were answered, after one more segment, a plain SYN, that has to be."""
    ports = set()
    for frame, _, vnet in plain(4, LAST_PORT, SYN):
        wire.send(vnet, frame)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and select.select([wire.back], [], [], deadline - time.monotonic())[0]:
        ports.add(answered_port(wire.receive()))
        if LAST_PORT in ports:
            deadline = min(deadline, time.monotonic() + 0.1)  # those that another CPU has
    if LAST_PORT not in ports:
        sys.exit("no answer to a plain SYN")
    return ports - {LAST_PORT, None}


# ---- what comes of it

def attempts(names):
    port = 1024
    for name in names:
        for flags in (*ILLEGAL, *LEGAL):
            for _ in range(REPEAT):
                port += 1
                yield port, name, flags, list(SHAPES[name](port, flags))


def kinds_of(wire, flags, frames):
    """The classes of the frames that the filter sees of one segment, and whether the stack behind it is to answer."""
    kinds = [ILLEGAL.get(flags, "passed") if kind == JUDGED else kind for _, kind, _ in frames]
    if wire.cuts and frames[0][2] != NO_OFFLOAD:
        kinds = [ILLEGAL.get(each, "passed") for each in [flags & ~FIN] * (SEGMENTS - 1) + [flags]]
        return kinds, "passed" in kinds
    return kinds, ENFORCED.isdisjoint(kinds)


def main():
    args = sys.argv[1:]
    if args == ["shapes"]:
        print(*(name for name, make in SHAPES.items() if next(iter(make(1, SYN)))[2] == NO_OFFLOAD), sep="\n")
        return
    wire = open_wire(args)
    filtered = args.pop(0) == "filtered"
    tried, made, sent = [], collections.Counter(), 0
    for port, name, flags, frames in attempts(args or SHAPES):
        if isinstance(wire, Capture) and frames[0][2] != NO_OFFLOAD:
            continue
        kinds, answer = kinds_of(wire, flags, frames)
        made.update(kinds)
        tried.append((port, name, flags, answer or not filtered))
        for frame, _, vnet in frames:
            wire.send(vnet, frame)
            sent += 1
            if sent % BURST == 0:
                time.sleep(0.002)
    wrong = collections.Counter()
    if not isinstance(wire, Capture):
        seen = answers(wire, 10)
        made["passed"] += 1
        for port, name, flags, answer in tried:
            if (port in seen) != answer:
                wrong[f"{name}, flags {flags:#04x}, {'not ' if answer else ''}answered"] += 1
    expected = sum(answer for *_, answer in tried)
    json.dump({"made": made, "wrong": wrong, "tried": len(tried), "expected": expected}, sys.stdout)


if __name__ == "__main__":
    main()
