#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sends TCP segments with any flags, an exact number of them, by a raw socket. Prints how many crossed the wire.

A veth whose other end runs XDP natively drops what its ring of 256 frames cannot take. So frames go out in small
bursts, and what the sending interface says it dropped all the same is not counted.

SIGTERM and SIGINT end it early; the number printed is right also then.
"""

import argparse
import errno
import ipaddress
import signal
import socket
import struct
import time

SOURCE_PORT = 40000
BURST = 16
LETTERS = "FSRPAUECN"  # bit 0 is F; N is AE, the ninth


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def flags_of(text):
    return sum(1 << LETTERS.index(letter) for letter in text.replace("0", ""))


def tcp_segment(source, dest, port, flags, sequence, payload):
    def header(check):
        return struct.pack("!HHIIHHHH", SOURCE_PORT, port, sequence, 0, 5 << 12 | flags, 1024, check, 0)

    length = len(header(0)) + len(payload)
    pseudo = source.packed + dest.packed
    pseudo += struct.pack("!BBH", 0, 6, length) if source.version == 4 else struct.pack("!IHBB", length, 0, 0, 6)
    return header(checksum(pseudo + header(0) + payload)) + payload


def ip_datagram(source, dest, payload, more_fragments, options):
    if source.version == 4:
        def header(check):
            return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0x2000 if more_fragments else 0, 64, 6,
                               check) + source.packed + dest.packed

        return header(checksum(header(0))) + payload
    next_header = 6
    if more_fragments:
        payload = struct.pack("!BBHI", 6, 0, 1, 7) + payload
        next_header = 44
    for _ in range(options):
        payload = struct.pack("!BB", next_header, 0) + b"\1\4\0\0\0\0" + payload  # PadN (RFC 8200, section 4.2)
        next_header = 60
    return struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) + source.packed + dest.packed + payload


def build(arguments, flags, sequence):
    payload = b"x" * arguments.payload
    segment = tcp_segment(arguments.source, arguments.dest, arguments.port, flags, sequence, payload)
    if arguments.tiny:
        segment = segment[:8]  # ends before the flags, and more fragments follow, it says
    ether = bytes.fromhex(arguments.mac.replace(":", "")) + b"\x02\0\0\0\0\x0a"
    ether += struct.pack("!HH", 0x8100, 0) * arguments.tags
    ether += struct.pack("!H", 0x0800 if arguments.source.version == 4 else 0x86DD)
    return ether + ip_datagram(arguments.source, arguments.dest, segment, arguments.tiny, arguments.options)


def tx_dropped(interface):
    with open("/proc/self/net/dev", encoding="ascii") as lines:
        for line in lines:
            name, _, numbers = line.partition(":")
            if name.strip() == interface:
                return int(numbers.split()[11])
    raise SystemExit(f"no interface {interface}")


def send(arguments, frames):
    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((arguments.interface, 0))
    begin = time.monotonic()
    sent = 0
    while sent < arguments.count and not stop and time.monotonic() - begin < arguments.seconds:
        for _ in range(min(BURST, arguments.count - sent)):
            try:
                wire.send(frames[sent % len(frames)])
            except OSError as error:  # the veth's ring is full: one more that its interface has dropped
                if error.errno != errno.ENOBUFS:
                    raise
            sent += 1
        ahead = begin + sent / arguments.pps - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    return sent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interface")
    parser.add_argument("source", type=ipaddress.ip_address)
    parser.add_argument("dest", type=ipaddress.ip_address)
    parser.add_argument("flags", help="letters, 0 for none: SF; several with commas are sent in turn: SF,0,FPU")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60, help="and no longer than this")
    parser.add_argument("--pps", type=float, default=20000)
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--payload", type=int, default=0, metavar="BYTES")
    parser.add_argument("--mac", default="02:00:00:00:00:05")
    parser.add_argument("--tiny", action="store_true", help="a first fragment that ends before the flags")
    parser.add_argument("--tags", type=int, default=0, metavar="N", help="VLAN tags")
    parser.add_argument("--options", type=int, default=0, metavar="N", help="destination options headers, IPv6")
    parser.add_argument("--numbered", action="store_true", help="the frame's number is its TCP sequence number")
    arguments = parser.parse_args()

    flags = [flags_of(text) for text in arguments.flags.split(",")]
    if arguments.numbered:
        frames = [build(arguments, flags[i % len(flags)], i) for i in range(arguments.count)]
    else:
        frames = [build(arguments, f, 1) for f in flags]
    dropped = tx_dropped(arguments.interface)
    sent = send(arguments, frames)
    time.sleep(0.05)
    print(sent - (tx_dropped(arguments.interface) - dropped))


if __name__ == "__main__":
    main()
