#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes into a pinned state map what no loader writes: hostile_maps.py PIN OFFSET-IN-THE-LIVE-SLOT HEX

Offsets are those of struct ff_policy in include/flagfilter.h. `layout` for an offset is the state's
first word; `generation` prints how often the policy was changed.
"""

import ctypes
import mmap
import struct
import sys

BPF_OBJ_GET = 7
SYS_BPF = {"x86_64": 321, "aarch64": 280}
HEADER, SLOT = 56, 32768
SIZE = HEADER + 2 * SLOT


def open_pin(path):
    name = ctypes.create_string_buffer(path.encode())
    attributes = struct.pack("QII", ctypes.addressof(name), 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_BPF[__import__("platform").machine()], BPF_OBJ_GET, attributes, len(attributes))
    if fd < 0:
        raise OSError(ctypes.get_errno(), path)
    return fd


def main():
    pin, offset, data = sys.argv[1:]
    state = mmap.mmap(open_pin(pin), (SIZE + 4095) // 4096 * 4096)
    generation = struct.unpack_from("I", state, 4)[0]
    if offset == "generation":
        print(generation)
        return
    start = 0 if offset == "layout" else HEADER + (generation & 1) * SLOT + int(offset)
    data = bytes.fromhex(data)
    state[start:start + len(data)] = data


if __name__ == "__main__":
    main()
