#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sends frames that scapy made, from sources and to ports that are made up, evenly mixed. Prints what was sent of each
kind, as JSON.

usage: send_spoofed.py INTERFACE PPS SECONDS KIND...
KIND is FLAGS,SOURCES,PORTS,SHARE: so many different sources and ports, and its share of the frames; SOURCES may also be
one address. IPv6 sources, in as many /64s, with a leading 6: SF,6-500,1,3
"""

import json
import random
import socket
import sys
import time

from scapy.all import IP, TCP, Ether, IPv6

DISTINCT = 2000  # frames are made beforehand: so many of a kind at the most


def frames_of(flags, sources, ports):
    if sources.startswith("6-"):
        layers = [IPv6(src=f"2001:db8:{i:x}::{random.randrange(1, 9999):x}", dst="2001:db8::2")
                  for i in range(1, int(sources[2:]) + 1)]
    elif sources.isdigit():
        layers = [IP(src=f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", dst="192.0.2.2") for i in range(1, int(sources) + 1)]
    else:
        layers = [IP(src=sources, dst="192.0.2.2")]
    ether = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:05")
    count = min(DISTINCT, max(len(layers), int(ports)))
    return [bytes(ether / layers[i % len(layers)] / TCP(sport=40000, dport=1 + i % int(ports), flags=flags))
            for i in range(count)]


def main():
    interface, pps, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    kinds, shares = [], []
    for text in sys.argv[4:]:
        flags, sources, ports, share = text.split(",")
        kinds.append((text, frames_of(flags, sources, ports)))
        shares.append(float(share))
    random.seed(1)
    sent = [0] * len(kinds)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    print("ready", file=sys.stderr, flush=True)
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        for kind in random.choices(range(len(kinds)), shares, k=16):
            frames = kinds[kind][1]
            wire.send(frames[sent[kind] % len(frames)])
            sent[kind] += 1
        ahead = begin + sum(sent) / pps - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    print(json.dumps({kind[0]: count for kind, count in zip(kinds, sent)}))


main()
