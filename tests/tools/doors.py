#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Doors between the rooms of user/ lead down only, and no two files lead to each other in a circle.

usage: tests/tools/doors.py OBJECTS

Checks what each file of user/ includes, and what it refers to: which functions and data of other files the linker is asked
for, by the object files below OBJECTS (build/user), so that a declaration by hand is found as well. Says each finding in a
line, and exits with 1 if there is one.
"""

import pathlib
import re
import subprocess
import sys

# The order of the rooms: who stands to the left may use what stands to the right. It is written nowhere else.
ROOMS = ("main", "cmd", "show", "kernel", "packet", "policy", "base")

# What is the business of these files, or of these rooms, alone.
ONLY = (
    ("flagfilter.skel.h", ("kernel/program",)),
    ("xdp/libxdp.h", ("kernel/xdp",)),
    ("ncurses.h", ("show/screen",)),
    ("judge.h", ("packet/engine_native",)),
    ("parse.h", ("packet/packet",)),
    ("bpf/bpf.h", ("kernel",)),
    ("bpf/libbpf.h", ("kernel",)),
    ("seccomp.h", ("base/sandbox",)),
    ("jansson.h", ("cmd", "show")),
    ("argp.h", ("main", "cmd")),
)
BORDER = {"flagfilter.h", "vmlinux.h", "judge.h", "parse.h", "sample.h"}  # all of ours that bpf/ and include/ may include


def module_of(path):
    """user/cmd/rule.c -> cmd/rule"""
    return re.sub(r"\.[cho]$", "", str(path)).rsplit("user/", 1)[1]


def room_of(module):
    return module.split("/")[0]


def read_includes(path):
    return re.findall(r'^#include [<"]([^>"]+)[>"]', path.read_text(encoding="utf-8"), re.MULTILINE)


def included(user):
    """(from, to) for each include of one module by another."""
    files = sorted(user.rglob("*.[ch]"))
    modules = {module_of(path) for path in files}
    for path in files:
        for name in read_includes(path):
            to = re.sub(r"\.h$", "", name)
            if to in modules and to != module_of(path):
                yield module_of(path), to


def referred(user, objects):
    """(from, to, symbol) for each symbol that one module wants of another."""
    wanted, owner = [], {}
    paths = sorted(path for path in objects.rglob("*.o") if (user / f"{module_of(path)}.c").exists())
    if not paths:
        sys.exit(f"doors.py: no object files below {objects}: run make first")
    listed = subprocess.run(["nm", "--print-file-name", "--format=posix", *paths], check=True, capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        path, rest = line.rsplit(": ", 1)
        symbol, kind, *_ = rest.split()
        if kind == "U":
            wanted.append((module_of(path), symbol))
        elif kind.isupper():
            owner[symbol] = module_of(path)
    for module, symbol in wanted:
        if symbol in owner:
            yield module, owner[symbol], symbol


def circles(doors):
    """Each circle once, as a list of modules: those that can be reached from themselves, by one shortest way."""
    leads = {}
    for here, there in doors:
        leads.setdefault(here, set()).add(there)
    told = set()
    for start in sorted(leads):
        ways, seen = [[start]], set()
        while ways and start not in told:
            way = ways.pop(0)
            for there in sorted(leads.get(way[-1], ())):
                if there == start:
                    told.update(way)
                    yield way + [start]
                    ways = []
                    break
                if there not in seen:
                    seen.add(there)
                    ways.append(way + [there])


def findings(root, objects):
    user = root / "user"
    doors = {(here, there): "includes" for here, there in included(user)}
    for here, there, symbol in referred(user, objects):
        doors.setdefault((here, there), f"uses {symbol}() of")
    for path in sorted(user.rglob("*.[ch]")):
        if room_of(module_of(path)) not in ROOMS:
            yield f"{path.relative_to(root)} is in no room that tests/tools/doors.py knows"
            return
    for (here, there), how in sorted(doors.items()):
        if ROOMS.index(room_of(there)) < ROOMS.index(room_of(here)):
            yield f"user/{here} {how} user/{there}, which is in a room above it"
    for circle in circles(doors):
        yield "a circle: " + " -> ".join(circle)
    for path in sorted(user.rglob("*.[ch]")):
        module = module_of(path)
        for name in read_includes(path):
            for header, allowed in ONLY:
                if name == header and not {module, room_of(module)} & set(allowed):
                    yield f"{path.relative_to(root)} includes {name}, which is the business of {' and '.join(allowed)}"
    for path in sorted([*(root / "bpf").glob("*.[ch]"), *(root / "include").glob("*.h")]):
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE):
            if name not in BORDER:
                yield f"{path.relative_to(root)} includes {name}: the kernel's side knows nothing of the user's"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.split("\n\n")[1])
    root = pathlib.Path(__file__).resolve().parents[2]
    found = list(findings(root, pathlib.Path(sys.argv[1])))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
