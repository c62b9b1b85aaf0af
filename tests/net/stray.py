#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sends random frames that hide a TCP segment with illegal flags, and prints those that the stack answers.

    stray.py veth|tap INTERFACE SEED COUNT
    stray.py FILE.pcap SEED COUNT           writes those without offload, and sends nothing

Tags, extension headers, options, fragments in any order that overlap or repeat, lengths that are wrong, what segmentation
offload says, and then some bytes changed, cut off or added. TCP's checksum is right: what is answered is the segment as it
was made. Prints a JSON object: how many were sent and answered, and the first of these, as virtio_net_hdr and frame.
"""

import json
import random
import struct
import sys
import time

import behind
from behind import AUTH, DESTINATION, FIN, FRAGMENT, HOP, NO_OFFLOAD, ROUTING, SYN, TCP, UDP, checksum

SHOWN = 5


def some(rng, chance):
    return rng.random() < chance


def changed(rng, value, limit=0xFFFF):
    """A number near VALUE, or far from it."""
    near = (value - 8, value - 1, value + 1, value + 8, value // 2)
    return rng.choice((0, 0, 1, 8, 40, limit, rng.randint(0, limit), *near)) & limit


def option_bytes(rng, size):
    """SIZE bytes of options of IPv6."""
    if size >= 6 and some(rng, 0.2):  # jumbo payload, of a length right or wrong
        return bytes([0xC2, 4]) + struct.pack("!I", rng.choice((0, 20, 100, 65536, 70000))) + option_bytes(rng, size - 6)
    if size >= 4 and some(rng, 0.2):  # router alert
        return bytes([5, 2, 0, 0]) + option_bytes(rng, size - 4)
    if size == 1:
        return bytes(1)
    if size <= 9 and some(rng, 0.5):
        return bytes([1, size - 2]) + bytes(size - 2) if size else b""
    return bytes([0x1E, size - 2]) + bytes(size - 2) if size else b""


def extension(rng, kind, nexthdr):
    size = 8 * rng.choice((1, 1, 1, 2, 3, 5, 32))
    if kind == ROUTING:
        left = 0 if some(rng, 0.9) else 1
        return bytes([nexthdr, size // 8 - 1, rng.choice((0, 0, 2, 3, 4, 253)), left]) + bytes(size - 4)
    if kind == FRAGMENT:
        return struct.pack("!BBHI", nexthdr, rng.choice((0, 255)), rng.choice((0, 0, 0, 6, 1, 8, 9)), rng.randint(0, 3))
    if kind == AUTH:
        return bytes([nexthdr, size // 4 - 2]) + bytes(size - 2)
    return bytes([nexthdr, size // 8 - 1]) + option_bytes(rng, size - 2)


def extensions(rng, content, nexthdr, most):
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3, most))):
        kind = rng.choice((DESTINATION, DESTINATION, DESTINATION, ROUTING, FRAGMENT, HOP, AUTH))
        if kind in (HOP, AUTH) and some(rng, 0.8):
            kind = DESTINATION
        content = extension(rng, kind, nexthdr) + content
        nexthdr = kind
    if some(rng, 0.2):
        content, nexthdr = extension(rng, HOP, nexthdr) + content, HOP
    return content, nexthdr


def pieces(rng, content):
    """(offset, bytes, more) of some cuts of CONTENT at multiples of 8."""
    cuts = sorted(set(rng.randrange(8, max(9, len(content)), 8) for _ in range(rng.choice((1, 1, 2, 3)))))
    ends = [each for each in cuts if each < len(content)] + [len(content)]
    begin, found = 0, []
    for end in ends:
        found.append((begin, content[begin:end], end != len(content)))
        begin = end
    if some(rng, 0.3):
        found.append(rng.choice(found))
    if some(rng, 0.2):  # one that overlaps
        begin = 8 * rng.randint(0, len(content) // 8)
        found.append((begin, content[begin:begin + 8 * rng.randint(0, 4)], some(rng, 0.7)))
    if some(rng, 0.4):
        rng.shuffle(found)
    return found


def ipv4(rng, offset, content, more, number):
    options = b"\x01" * (4 * rng.choice((0, 0, 0, 1, 3, 10)))
    ihl = 5 + len(options) // 4
    length = 4 * ihl + len(content)
    if some(rng, 0.25):
        length = changed(rng, length)
    if some(rng, 0.05):
        ihl = rng.randint(0, 15)
    bits = offset // 8 | (0x2000 if more else 0) | (rng.choice((0x4000, 0x8000, 0xC000)) if some(rng, 0.2) else 0)
    packet = struct.pack("!BBHHHBBH", 0x40 | ihl, 0, length & 0xFFFF, number, bits, 64, TCP, 0)
    packet += behind.SOURCE[4] + behind.DEST[4] + options
    whole = 4 * ihl
    if 20 <= whole <= len(packet):
        packet = packet[:10] + struct.pack("!H", checksum(packet[:whole])) + packet[12:]
    return packet + content


def ipv6(rng, nexthdr, content):
    length = len(content)
    if some(rng, 0.25):
        length = changed(rng, length)
    elif some(rng, 0.2) and nexthdr == HOP:
        length = 0
    return behind.ipv6(nexthdr, content, length & 0xFFFF)


def packets(rng, version, whole):
    """IP packets that carry the segment WHOLE."""
    fragmented = some(rng, 0.5)
    number = rng.randint(0, 0xFFFF)
    if version == 4:
        if not fragmented:
            return [ipv4(rng, 0, whole, False, number)]
        return [ipv4(rng, *each, number) for each in pieces(rng, whole)]
    content, nexthdr = extensions(rng, whole, TCP, 9)
    if not fragmented:
        return [ipv6(rng, nexthdr, content)]
    sent = []
    for offset, part, more in pieces(rng, content):
        first = nexthdr if some(rng, 0.8) else rng.choice((TCP, UDP, DESTINATION, FRAGMENT, 59, 41))
        if offset == 0 and some(rng, 0.9):
            first = nexthdr
        part = struct.pack("!BBHI", first, 0, offset | more | rng.choice((0, 0, 6)), number) + part
        before = FRAGMENT
        if some(rng, 0.2):
            part, before = extensions(rng, part, FRAGMENT, 3)
        sent.append(ipv6(rng, before, part))
    return sent


def tags(rng):
    types = []
    for _ in range(rng.choice((0, 0, 0, 0, 1, 2, 3, 4, 5, 6))):
        types.append(0x9100 if some(rng, 0.02) else rng.choice((0x8100, 0x8100, 0x88A8)))
    return types


def offload(rng, version, start):
    """A virtio_net_hdr of a segment START bytes into the frame, right or not."""
    fields = [1, 1 if version == 4 else 4, start + 20, rng.choice((1400, 1, 100, 0xFFFF)), start, 16]
    for index, values in enumerate(((0, 1, 2, 3, 4), (0, 1, 3, 4, 5, 0x81, 0x84), (0, 14, 34, 54, 66, 200), (0, 8),
                                    (0, 14, start - 4, start + 4), (6, 16, 0, 18))):
        if some(rng, 0.12):
            fields[index] = rng.choice(values)
    return struct.pack("<BBHHHH", *fields)


def mutated(rng, frame, spared):
    """Some bytes changed, but for the SPARED last ones; cut off, or added."""
    frame = bytearray(frame)
    if some(rng, 0.15):
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(12, max(13, len(frame) - spared))
            frame[at] = rng.choice((0, 1, 6, 17, 43, 44, 60, 255, rng.randint(0, 255)))
    if some(rng, 0.1):
        frame += bytes(rng.choice((1, 4, 18, 60)))
    elif some(rng, 0.05):
        del frame[rng.randrange(14, len(frame)):]
    return bytes(frame)


def frames_of(rng, port):
    version = rng.choice((4, 6))
    offloaded = some(rng, 0.25)
    flags = rng.choice((0, 0, FIN) if offloaded else (0, FIN, SYN | FIN))  # a cut SYN+FIN begins with an honest SYN
    data = bytes(rng.choice((0, 0, 8, 40, 100))) if not offloaded or some(rng, 0.3) else bytes(3000)
    whole = behind.segment(version, port, flags, data, partial=offloaded)
    for packet in packets(rng, version, whole):
        frame = behind.ethernet(packet, tags(rng))
        vnet = offload(rng, version, max(14 + 20, len(frame) - len(whole))) if offloaded else NO_OFFLOAD
        yield vnet, mutated(rng, frame, len(whole))


def main():
    args = sys.argv[1:]
    wire = behind.open_wire(args)
    seed, count = map(int, args)
    rng, seen, sent, frames = random.Random(seed), set(), {}, 0
    for port in range(1024, 1024 + count):
        sent[port] = list(frames_of(rng, port))
        for vnet, frame in sent[port]:
            try:
                wire.send(vnet, frame)
            except OSError:  # this kernel takes no such frame
                continue
            frames += 1
            if frames % behind.BURST == 0 and not isinstance(wire, behind.Capture):
                time.sleep(0.002)
                seen |= behind.answered_so_far(wire)
    if not isinstance(wire, behind.Capture):
        seen |= behind.answers(wire, 10)
    shown = [[f"{vnet.hex()} {frame.hex()}" for vnet, frame in sent[port]] for port in sorted(seen)]
    json.dump({"sent": len(sent), "answered": len(seen), "shown": shown[:SHOWN]}, sys.stdout)


if __name__ == "__main__":
    main()
