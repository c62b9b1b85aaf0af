#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""left_behind.py LOG: which of the maps and programs in LOG, that fault.c has written as FAULT_LOG, are still there.

Fails if any is, or if there is none in LOG. Others' programs may come and go meanwhile: only those in LOG are asked for.
"""

import subprocess
import sys
import time


def is_there(thing):
    kind, number = thing.split()
    return not subprocess.run(["bpftool", "-j", kind, "show", "id", number], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode


def still_there(made):
    """The kernel frees what nobody uses after a while."""
    left = made
    for _ in range(50):
        left = {thing for thing in left if is_there(thing)}
        if not left:
            break
        time.sleep(0.1)
    return left


def main():
    with open(sys.argv[1], encoding="ascii") as lines:
        made = set(lines.read().splitlines())
    if not made:
        sys.exit("left_behind.py: nothing was made")
    left = still_there(made)
    if left:
        sys.exit(f"left_behind.py: of {len(made)} maps and programs are left {left}")


if __name__ == "__main__":
    main()
