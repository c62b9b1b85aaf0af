#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""crowd.py [--build DIR] [--runs N] FILTERS,INTERFACES,PROGRAMS...: what commands cost among many.

For each crowd, in a network namespace of its own: so many interfaces (veth pairs), so many of them with a filter, beside so
many BPF programs of somebody else. Prints one line for each command, parted by tabs: the command, filters, interfaces,
programs; milliseconds from start to end, median and the least; milliseconds of CPU time, user and system, likewise; and
system calls (0: not counted). What a command about all takes is of all, not of each. Root; needs iproute2 and strace.
"""

import argparse
import os
import pathlib
import pty
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
NAMESPACE = f"ff-crowd-{os.getpid()}"
COLUMNS = ("command", "filters", "interfaces", "programs", "wall_ms", "wall_ms_least", "cpu_ms", "cpu_ms_least", "calls")


def run(*command, **options):
    return subprocess.run(command, check=True, **options)


class Crowd:
    """Filters on v1, v2, ...; w1 has none."""

    def __init__(self, build, filters, interfaces, programs, directory):
        self.size = (filters, interfaces, programs)
        self.command = [str(build / "flagfilter"), "--netns", NAMESPACE]
        self.policy = directory / "policy.yaml"
        self.others = None
        run("ip", "netns", "add", NAMESPACE)
        try:
            self.make(filters, interfaces, programs, directory)
        except BaseException:
            self.close()
            raise

    def make(self, filters, interfaces, programs, directory):
        pairs = "".join(f"link add v{i} type veth peer name w{i}\n" for i in range(1, (interfaces + 1) // 2 + 1))
        run("ip", "-n", NAMESPACE, "-batch", "-", input=pairs, text=True)
        for i in range(1, filters + 1):  # behind the v's come the w's, but for the first
            half = (interfaces + 1) // 2
            self.do("attach", f"v{i}" if i <= half else f"w{i - half + 1}")
        self.policy.write_bytes(subprocess.check_output([*self.command, "save", "v1"]))
        crowd = directory / "crowd"
        run("cc", "-O2", HERE.parent / "net/crowd.c", "-o", crowd, "-lbpf")
        self.others = subprocess.Popen([crowd, str(programs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not self.others.stdout.readline():
            sys.exit("crowd.py: cannot load so many programs")

    def close(self):
        if self.others:
            self.others.stdin.close()
            self.others.wait()
        subprocess.run([*self.command, "detach", "--all"], stdout=subprocess.DEVNULL)
        run("ip", "netns", "del", NAMESPACE)

    def do(self, *words):
        run(*self.command, *words, stdout=subprocess.DEVNULL)

    def calls(self, words, directory):
        trace = directory / "trace"
        if subprocess.run(["strace", "-f", "-qq", "-o", trace, *self.command, *words], stdout=subprocess.DEVNULL).returncode:
            sys.exit(f"crowd.py: {words} failed")
        with open(trace, encoding="utf-8", errors="replace") as lines:
            return sum(1 for _ in lines)


def timed(function):
    """Milliseconds from start to end, and of CPU time of the child."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    function()
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * wall, 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def top(crowd):
    """One look at all: from its start until it ends, asked to by a key that is there before the first look is over."""
    pid, terminal = pty.fork()
    if not pid:
        os.environ["TERM"] = "xterm"
        os.execv(crowd.command[0], [*crowd.command, "top"])
    os.write(terminal, b"q")
    while select.select([terminal], [], [], 60)[0]:
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:
            break
    os.close(terminal)
    if os.waitpid(pid, 0)[1]:
        sys.exit("crowd.py: top failed")


def report(crowd, name, measured, calls):
    wall, cpu = zip(*measured)
    figures = (statistics.median(wall), min(wall), statistics.median(cpu), min(cpu))
    print(name, *crowd.size, *(f"{figure:.2f}" for figure in figures), calls, sep="\t", flush=True)


def measure(crowd, runs, directory):
    about_one = {
        "rule": ("rule", "v1", "syn-fin=off"),
        "apply": ("apply", "v1", str(crowd.policy)),
        "stats": ("stats", "v1"),
        "status IF": ("status", "v1"),
        "matrix": ("matrix", "v1"),
        "reset": ("reset", "v1"),
        "status": ("status",),
    }
    for name, words in about_one.items():
        crowd.do(*words)
        report(crowd, name, [timed(lambda words=words: crowd.do(*words)) for _ in range(runs)], crowd.calls(words, directory))
    report(crowd, "top", [timed(lambda: top(crowd)) for _ in range(runs)], 0)
    attach, detach = [], []
    for _ in range(runs):
        attach.append(timed(lambda: crowd.do("attach", "w1")))
        detach.append(timed(lambda: crowd.do("detach", "w1")))
    report(crowd, "attach", attach, crowd.calls(("attach", "w1"), directory))
    report(crowd, "detach IF", detach, crowd.calls(("detach", "w1"), directory))
    report(crowd, "rule --all", [timed(lambda: crowd.do("rule", "--all", "syn-fin=monitor"))], 0)
    report(crowd, "detach --all", [timed(lambda: crowd.do("detach", "--all"))], 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("crowd", nargs="*", default=["1,2,0", "10,20,50", "100,200,500"])
    arguments = parser.parse_args()
    print(*COLUMNS, sep="\t", flush=True)
    for size in arguments.crowd:
        filters, interfaces, programs = map(int, size.split(","))
        if not 1 <= filters < interfaces:
            parser.error(f"{size}: at least one filter, and one interface more")
        with tempfile.TemporaryDirectory() as directory:
            crowd = Crowd(arguments.build.resolve(), filters, interfaces, programs, pathlib.Path(directory))
            try:
                measure(crowd, arguments.runs, pathlib.Path(directory))
            finally:
                crowd.close()


if __name__ == "__main__":
    main()
