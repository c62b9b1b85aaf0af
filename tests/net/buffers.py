#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""buffers.py PROGRAM-ID FRAMES [EVERY]: runs the program on frames that lie in two buffers, cut between any two bytes.

FRAMES is what make_frames.py has written: of FRAMES.pcap every EVERYth one that is short and of known fate. Prints how
often it ran. Fails for the first whose verdict is not the one that FRAMES.expected has for the preset default.

buffers.py PROGRAM-ID --frame HEX: that frame, and prints how many of the runs dropped it.

Exits with 77 where the kernel does not run programs of this type, or not on frames whose first buffer is short.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

SYS_BPF = {"x86_64": 321, "aarch64": 280, "s390x": 351}[platform.machine()]
BPF_PROG_TEST_RUN, BPF_PROG_GET_FD_BY_ID = 10, 13
XDP_DROP, XDP_PASS = 1, 2
FIRST_MIN = 14  # the kernel runs no program on a first buffer that is shorter

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    result = libc.syscall(SYS_BPF, command, attributes, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def run(program, frame, first):
    """What the program returns for FRAME, of which the first buffer has FIRST bytes."""
    context = struct.pack("6I", 0, first, 0, 0, 0, 0)
    data, context = ctypes.create_string_buffer(frame, len(frame)), ctypes.create_string_buffer(context, 24)
    attributes = ctypes.create_string_buffer(struct.pack(
        "4I2Q4I2Q4I", program, 0, len(frame), 0, ctypes.addressof(data), 0, 1, 0, len(context), 0,
        ctypes.addressof(context), 0, 0, 0, 0, 0))
    bpf(BPF_PROG_TEST_RUN, attributes)
    return struct.unpack_from("I", attributes, 4)[0]


def run_all(program, frame):
    for first in range(FIRST_MIN, len(frame)):
        yield first, run(program, frame, first)


def known_frames(name, every):
    """Of each chosen frame: its number, its bytes, and what the preset default makes of it."""
    with open(name + ".pcap", "rb") as capture, open(name + ".expected", encoding="ascii") as expected:
        order = "<" if capture.read(24)[0] == 0xd4 else ">"
        for number, line in enumerate(expected, 1):
            size = struct.unpack(order + "4I", capture.read(16))[2]
            frame, verdict = capture.read(size), line.split("\t")[1]
            if number % every == 0 and FIRST_MIN < size <= 300 and verdict != "?":
                yield number, frame, {"drop": XDP_DROP, "pass": XDP_PASS}[verdict]


def main():
    program = bpf(BPF_PROG_GET_FD_BY_ID, ctypes.create_string_buffer(struct.pack("3I", int(sys.argv[1]), 0, 0)))
    try:
        run(program, bytes(64), 20)
    except OSError as error:
        if error.errno not in (errno.EINVAL, 524):  # ENOTSUPP
            raise
        sys.exit(77)
    if sys.argv[2] == "--frame":
        print(sum(verdict == XDP_DROP for _, verdict in run_all(program, bytes.fromhex(sys.argv[3]))))
        return
    runs = 0
    for number, frame, expected in known_frames(sys.argv[2], int(sys.argv[3])):
        for first, verdict in run_all(program, frame):
            if verdict != expected:
                sys.exit(f"frame {number} ({len(frame)} bytes), {first} in the first buffer: {verdict}, not {expected}")
            runs += 1
    print(runs)


if __name__ == "__main__":
    main()
