#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Behind a filter that drops either the odd or the even ones of numbered frames: tells how often that changed.

see_flips.py INTERFACE OUT. Listens to frames of `send_frames.py --numbered` until SIGTERM, then writes to OUT, as JSON,
how many came and how often the dropped half changed. OUT exists, empty, as soon as it listens.
"""

import json
import signal
import socket
import struct
import sys

ETH_P_ALL = 3
SEQUENCE_AT = 14 + 20 + 4
SO_RCVBUFFORCE = 33


def listen(interface, out):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
    wire.bind((interface, ETH_P_ALL))
    wire.settimeout(0.2)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    with open(out, "w", encoding="ascii"):
        pass
    numbers = []
    while True:
        try:
            frame, (_, _, kind, _, _) = wire.recvfrom(128)
        except socket.timeout:
            if stop:
                return numbers
            continue
        if kind != socket.PACKET_OUTGOING and frame[12:14] == b"\x08\0" and frame[23] == 6 and len(frame) == 54:
            numbers.append(struct.unpack_from("!I", frame, SEQUENCE_AT)[0])


def main():
    interface, out = sys.argv[1:]
    numbers = listen(interface, out)
    if numbers != sorted(numbers):
        sys.exit("frames came in another order than they were sent")
    came = set(numbers)
    dropped_half = []  # for each frame up to the last that came: 0 if the even ones were dropped then
    for number in range(numbers[-1] + 1):
        dropped_half.append(number % 2 if number not in came else 1 - number % 2)
    changes = sum(a != b for a, b in zip(dropped_half, dropped_half[1:]))
    with open(out, "w", encoding="ascii") as file:
        json.dump({"came": len(numbers), "changes": changes}, file)


if __name__ == "__main__":
    main()
