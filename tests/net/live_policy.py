#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Prints the policy in force, as it is in the kernel, byte for byte: what bpftool shows of the pinned maps.

usage: live_policy.py PIN-DIRECTORY

Verdicts, rules (with their counters) and ports are printed in hexadecimal, exempt sources as a sorted list; not what
belongs to the moment: generation, slot, label, times, counts. Offsets are those of struct ff_state in
include/flagfilter.h, written anew.
"""

import json
import struct
import subprocess
import sys

from hostile_maps import HEADER, SLOT

CLASSES, RULES_MAX = 521, 64
RULES = CLASSES * 2
RULE = 1120
PORT = RULE + RULES_MAX * 40


def dump(path):
    text = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", path], check=True, capture_output=True).stdout
    return [[bytes(int(byte, 16) for byte in entry[part]) for part in ("key", "value")] for entry in json.loads(text)]


def main():
    state = dump(sys.argv[1] + "/state")[0][1]
    live = struct.unpack_from("=I", state, 4)[0] & 1
    slot = state[HEADER + live * SLOT:HEADER + (live + 1) * SLOT]
    rules = struct.unpack_from("=H", slot, RULES)[0]
    sources = [key for key, _ in dump(sys.argv[1] + "/sources") if key[4] == live]
    print("verdict", slot[:CLASSES * 2].hex())
    print("rules", rules, slot[RULE:RULE + rules * 40].hex())
    print("port", slot[PORT:PORT + 8192].hex())
    for key in sorted(sources):
        print("source", struct.unpack_from("=I", key)[0] - 32, key[5], key[8:].hex())


if __name__ == "__main__":
    main()
