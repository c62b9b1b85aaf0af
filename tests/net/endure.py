#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Lets a command look LOOKS times, and says what it holds after the first of them and after the last.

endure.py LOOKS SECONDS TERMINAL COMMAND...    SECONDS: between two looks; TERMINAL: 1 if it wants one

In the environment: FLAGFILTER, SERVER (namespace), FAST_SO (fast_clock.c, compiled). Exit status 1 if it holds more in
the end, or ends by itself. Descriptors, mappings and BPF programs must be the same; of memory some pages more are let pass, for
the first looks are not yet all that it does.
"""

import os
import pty
import select
import subprocess
import sys
import tempfile
import time

SLACK_KB = 256


def drain(master, process):
    """Reads what is drawn, until the process is gone."""
    last = b""
    while True:
        if select.select([master], [], [], 0.2)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            last = (last + data)[-2000:]
        elif process.poll() is not None:
            break
    return last.decode(errors="replace")


def run(command, terminal, environment):
    """Exit status, and the end of what it said."""
    if not terminal:
        with tempfile.TemporaryFile("w+b") as out:
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT, check=False)
            out.seek(max(0, out.tell() - 1000))
            return done.returncode, out.read().decode(errors="replace")
    master, slave = pty.openpty()
    process = subprocess.Popen(command, env=environment | {"TERM": "xterm"}, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    said = drain(master, process)
    return process.wait(), said


def main():
    looks, interval, terminal = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "1"
    first, last = int(interval), int(looks * interval) - 2
    with tempfile.NamedTemporaryFile("r") as report:
        environment = os.environ | {"LD_PRELOAD": os.environ["FAST_SO"], "FAST_REPORT": report.name,
                                    "FAST_AT": f"{first},{last}", "FAST_END": str(last)}
        begun = time.monotonic()
        status, said = run([os.environ["FLAGFILTER"], "--netns", os.environ["SERVER"], *sys.argv[4:]], terminal,
                           environment)
        took = time.monotonic() - begun
        lines = [[int(word) for word in line.split()] for line in report.read().splitlines()]
    print(f"{' '.join(sys.argv[4:])}: {looks} looks in {took:.0f} s, exit status {status}")
    print("   passed (s) descriptors mappings RSS (kB) data (kB) programs")
    for line in lines:
        print("   %10d %11d %8d %8d %9d %8d" % tuple(line))
    if len(lines) != 2 or status:
        sys.exit(f"endure.py: it ended before its time: {said[-600:]}")
    _, files, mappings, rss, data, programs = lines[0]
    grown = [now > before + slack for now, before, slack in
             zip(lines[1][1:], (files, mappings, rss, data, programs), (0, 0, SLACK_KB, SLACK_KB, 0))]
    if any(grown):
        sys.exit("endure.py: it holds more than in the beginning")


if __name__ == "__main__":
    main()
