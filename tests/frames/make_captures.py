#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""make_captures.py FRAMES OUT: the frames that make_frames.py wrote, as captures of other link types have them.

Writes OUT/TYPE.pcap for each link type, and OUT/TYPE.expected: a line per frame with its class, the verdict of the preset
default, the name that goes with it, and its size. What is behind the link layer's header is as it was, so the fate of each
frame is that which make_frames.py knows; frames of which a link type cannot say what they are (VLAN tags without an
EtherType) are left out. A few are added whose header is cut, or says that no IP is behind it.
"""

import struct
import sys

from scapy.all import RawPcapReader, RawPcapWriter

MAC = b"\x02\0\0\0\0\x02\0\0"
NETLINK = 824
FAMILIES = {4: [2], 6: [24, 28, 30, 10]}


def sll(protocol, hardware=1):
    return struct.pack("!HHH8sH", 4, hardware, 6, MAC, protocol)


def sll2(protocol, hardware=1):
    return struct.pack("!HHIHBB8s", protocol, 0, 3, hardware, 4, 6, MAC)


def cooked(header):
    def convert(frame, _):
        return header(int.from_bytes(frame[12:14], "big")) + frame[14:]
    return convert


def bare(*versions):
    """A frame whose EtherType and version agree, for the latter is all that is left."""
    def convert(frame, _):
        version = {b"\x08\0": 4, b"\x86\xdd": 6}.get(frame[12:14])
        return frame[14:] if version in versions and frame[14:] and frame[14] >> 4 == version else None
    return convert


def family(*orders):
    """By turns, in each byte order, and as each system numbers IPv6."""
    def convert(frame, number):
        version = {b"\x08\0": 4, b"\x86\xdd": 6}.get(frame[12:14])
        if not version:
            return None
        families = FAMILIES[version]
        return struct.pack(orders[number % len(orders)] + "I", families[number // 2 % len(families)]) + frame[14:]
    return convert


def cut(header):
    return [(header[:size], "runt") for size in range(len(header))]


IP = bytes.fromhex("450000280001000040063ccdc0000201c6336401" "9c4001bb0000000100000000" "5003200000000000")
ADDED = {
    "LINUX_SLL": cut(sll(0x800)) + [(sll(0x800), "malformed"), (sll(0x800, NETLINK) + IP, "non-ip"), (sll(4) + IP, "non-ip")],
    "LINUX_SLL2": cut(sll2(0x800)) + [(sll2(0x800), "malformed"), (sll2(0x800, NETLINK) + IP, "non-ip"), (sll2(4) + IP, "non-ip")],
    "RAW": [(b"", "runt"), (b"\x50" + IP[1:], "non-ip"), (b"\x00", "non-ip"), (b"\x45", "malformed"), (b"\x60", "malformed")],
    "IPV4": [(b"", "runt"), (b"\x60" + IP[1:], "malformed")],
    "IPV6": [(b"", "runt"), (IP, "malformed")],
    "NULL": cut(b"\2\0\0\0") + [(b"\2\0\0\0", "malformed"), (b"\7\0\0\0" + IP, "non-ip"), (b"\xff\3\0\x21" + IP, "non-ip")],
    "LOOP": cut(b"\0\0\0\2") + [(b"\0\0\0\2", "malformed"), (b"\0\0\0\7" + IP, "non-ip"), (b"\2\0\0\0" + IP, "non-ip")],
}
TYPES = {
    "LINUX_SLL": (113, cooked(sll)),
    "LINUX_SLL2": (276, cooked(sll2)),
    "RAW": (101, bare(4, 6)),
    "RAW_BSD": (12, bare(4, 6)),
    "RAW_OPENBSD": (14, bare(4, 6)),
    "IPV4": (228, bare(4)),
    "IPV6": (229, bare(6)),
    "NULL": (0, family("<", ">")),
    "LOOP": (108, family(">")),
}


def convert_all(frames, name):
    convert = TYPES[name][1]
    for number, (frame, expected) in enumerate(frames):
        converted = convert(frame, number) if len(frame) >= 14 else None
        if converted is not None:
            yield converted, expected
    for frame, kind in ADDED.get(name, ()):
        yield frame, (kind, "pass", kind)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make_captures.py FRAMES OUT")
    with open(sys.argv[1] + ".expected", encoding="utf-8") as lines:
        expected = [tuple(line.split("\t")[:3]) for line in lines]
    frames = list(zip((frame for frame, _ in RawPcapReader(sys.argv[1] + ".pcap")), expected))
    for name, (link_type, _) in TYPES.items():
        path = f"{sys.argv[2]}/{name}"
        writer = RawPcapWriter(path + ".pcap", linktype=link_type)
        writer.write_header(None)
        with open(path + ".expected", "w", encoding="utf-8") as out:
            for frame, fate in convert_all(frames, name):
                writer.write_packet(frame, sec=1700000000, usec=0)
                print(*fate, len(frame), sep="\t", file=out)
        writer.close()


if __name__ == "__main__":
    main()
