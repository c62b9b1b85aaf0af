#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Refuses commands a step with each error, and holds what they say against what is true.

errors.py looks|changes|refused [ERROR...]

In the environment: FLAGFILTER, SERVER (a namespace with a filter on s0), FAULT_SO and FAST_SO (fault.c and fast_clock.c,
compiled), STRIDE: every so many steps (1), and at least five a call; MATRIX: a file to write to what each said.

looks: the filter has an unconfirmed change; what looks at it says the same as without a fault, or fails. refused: so do
changes, which it does not take meanwhile. changes: without one, changes are made or fail, and `detach` that succeeds
has detached.

Whatever happens: no signal, no endless loop, exit status 0 or 1, one line for a failure, nothing that says that the
filter, its interface or its unconfirmed change is not there.
"""

import collections
import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

FLAGFILTER, SERVER = os.environ["FLAGFILTER"], os.environ["SERVER"]
STRIDE = int(os.environ.get("STRIDE", "1"))
ERRORS = ("EMFILE", "ENFILE", "ENOMEM", "EACCES", "EPERM", "EINTR", "EIO")
SECONDS_MAX = 60  # for want of a right libbpf loads a program again with the whole log of the verifier: 12 s

ABSENT = re.compile(r"nowhere|not attached|no interface|nothing on|no BPF filesystem|no network namespace|another tool|"
                    r"No such|is gone|gone;|no XDP program|another owner|no rule is|'filters': \[\]|would have changed nothing")

LOOKS = ("status s0", "--json status s0", "--json status", "status", "--json stats s0", "stats s0 --watch 0.5 --count 2",
         "--json rule s0", "--json matrix s0", "diff s0 FILE", "save s0", "--json exempt s0 list", "doctor s0", "offenders s0 --seconds 1",
         "--json report s0 --seconds 1", "capture s0", "top", "top s0", "status --cost s0")
REFUSED = ("rule s0 syn-rst=off", "apply s0 FILE", "exempt s0 add 198.18.TURN")
CHANGES = ("rule s0 syn-rst=MODE", "apply s0 FILE", "exempt s0 add 198.18.TURN", "reset s0", "attach s0", "detach s0",
           "detach --all", "confirm s0")
FREE = ("doctor s0", "status --cost s0")  # may say less: what is not known is left out, or told as unknown


def mask(text):
    """Without what differs from one run to the next."""
    text = re.sub(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", "TIME", text)
    return re.sub(r"[0-9][0-9.]*", "N", text)


def on_terminal(command, environment):
    master, slave = pty.openpty()
    with subprocess.Popen(command, env=environment, stdin=slave, stdout=slave, stderr=subprocess.PIPE) as process:
        os.close(slave)
        deadline, said = time.monotonic() + SECONDS_MAX, b""
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.05)[0]:
                try:
                    said += os.read(master, 65536)
                except OSError:
                    break
            elif process.poll() is not None:
                break
        if process.poll() is None and time.monotonic() >= deadline:
            process.kill()
        os.close(master)
        stderr = process.stderr.read()
        return process.wait(), said.decode(errors="replace"), stderr.decode(errors="replace")


def run(call, fault=None, every=False, count=False):
    """Exit status (124: never ended), standard output and error, steps."""
    with tempfile.NamedTemporaryFile("r") as steps:
        preload = os.environ["FAULT_SO"]
        environment = dict(os.environ, FAULT_WIDE="1", LIBXDP_SKIP_DISPATCHER="1", TERM="xterm")
        if fault:
            environment.update(FAULT_AT=str(fault[0]), FAULT=fault[1])
        if every:
            environment["FAULT_EVERY"] = "1"
        if count:
            environment["FAULT_STEPS"] = steps.name
        if re.search(r"capture|top|offenders|report|watch", call):
            preload += ":" + os.environ["FAST_SO"]
            environment["FAST_END"] = "3"
        environment["LD_PRELOAD"] = preload
        command = [FLAGFILTER, "--netns", SERVER, *call.split()]
        if call.startswith("top"):
            return *on_terminal(command, environment), len(steps.read())
        try:
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired:
            return 124, "", "", 0
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), len(steps.read())


def plain(*arguments):
    done = subprocess.run([FLAGFILTER, "--netns", SERVER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        sys.exit(f"errors.py: {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def kernel_id():
    out = subprocess.run(["ip", "-n", SERVER, "-j", "-d", "link", "show", "s0"], stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout)[0].get("xdp", {}).get("prog", {}).get("id")


# Exit statuses, where they are not 0: it differs; there is nothing to confirm.
ANSWERS = {"diff": 3, "confirm": 3}


def wrong_with(call, expected, status, out, err):
    """What is wrong about a run of CALL, without a fault EXPECTED; or None."""
    said = out + err
    if status == 124:
        return "does not end"
    answer = ANSWERS.get(call.split()[0], 0)
    if status not in (answer, 1) and not (status == 3 and call.startswith("doctor")):  # it has found something
        return f"exit status {status}"
    if status == 0 and call.startswith("confirm"):
        return "confirms what is not there"
    if (status != 3 or call in FREE) and ABSENT.search(said) and not (call in FREE and "no XDP program" not in said and "another owner" not in said and
                                    "no BPF" not in said):
        return "says that it is not there"
    lines = [line for line in err.splitlines() if not re.search(r"packets seen, [0-9]+ sampled", line)]
    if status == 1:
        if not lines or not lines[0].startswith("flagfilter: ") or [l for l in lines[1:] if not l.startswith("  ")]:
            return "not one line"
        return "JSON for a failure" if call.startswith("--json") and out and not "watch" in call else None
    if expected is not None and call not in FREE and not call.startswith("top") and mask(out) != expected:
        return "says something else"
    return None


class Matrix:
    """What came of the runs, by command and error."""

    def __init__(self):
        self.cells = collections.defaultdict(collections.Counter)
        self.said = collections.defaultdict(collections.Counter)
        self.wrong = []

    def add(self, call, where, result, why):
        status, out, err = result
        error = where[1]
        self.cells[call, error]["wrong" if why else "failed" if status == 1 else "done"] += 1
        line = err.strip().splitlines()[0] if status == 1 and err.strip() else f"exit status {status}"
        self.said[call, error][mask(line)] += 1
        if why:
            self.wrong.append(f"{call}: {error} at step {where[0]}: {why}: {(err or mask(out)[-300:])!r}")

    def write(self, out, calls, errors, said):
        out.write("done / failed in one line / wrong, of so many runs with one step refused, and with all from there on\n")
        out.write(f"{'':32}" + "".join(f"{error:>13}" for error in errors) + "\n")
        for call in calls:
            cells = [self.cells[call, error] for error in errors]
            out.write(f"{call:32}" + "".join(f"{c['done']:>5}/{c['failed']:>3}/{c['wrong']:>3}" for c in cells) + "\n")
        for call in calls if said else ():
            for error in errors:
                out.write(f"\n{call}, {error}:\n")
                for line, count in self.said[call, error].most_common():
                    out.write(f"{count:6} {line}\n")


class Test:
    """One kind of test; see above."""

    def __init__(self, kind, errors, directory):
        self.kind, self.errors, self.matrix = kind, errors, Matrix()
        self.file = f"{directory}/other.yaml"
        with open(self.file, "w", encoding="ascii") as file:
            file.write("version: 1\npreset: default\nrules: [{name: syn-rst, mode: monitor}]\n")
        self.calls = {"looks": LOOKS, "refused": REFUSED, "changes": CHANGES}[kind]
        self.turn = 0

    def prepare(self):
        if kernel_id() is None:
            plain("attach", "s0", "--preset", "strict")
        if self.kind != "changes":
            subprocess.run([FLAGFILTER, "--netns", SERVER, "confirm", "s0"], stdout=subprocess.DEVNULL, check=False)
            plain("rule", "s0", "rst-fin=off", "--confirm", "3600")

    def words(self, call):
        self.turn += 1
        words = {"FILE": self.file, "MODE": ("off", "monitor")[self.turn % 2], "TURN": f"{self.turn // 250}.{self.turn % 250}"}
        return re.sub("FILE|MODE|TURN", lambda word: words[word[0]], call)

    def try_step(self, call, fault, every, expected):
        before = self.id
        status, out, err, _ = run(self.words(call), fault, every)
        why = wrong_with(call, expected, status, out, err)
        if self.kind == "refused" and not why and status == 0:
            why = "changes what is unconfirmed"
        if call.startswith("detach") or call.startswith("attach"):
            self.id = kernel_id()
            if not why and call.startswith("detach") and status == 0 and self.id:
                why = "says that it is done"
            if not why and call.startswith("attach") and not self.id:
                why = "the filter is gone"
            if self.id is None:
                self.prepare()
                self.id = kernel_id()
        elif why and kernel_id() != before:
            why += ", and the filter is another"
        self.matrix.add(call, fault, (status, out, err), why)

    def run(self):
        self.prepare()
        for call in self.calls:
            self.id = kernel_id()
            status, out, err, steps = run(self.words(call), count=True)
            expected = mask(out) if self.kind == "looks" else None
            if status != (1 if self.kind == "refused" else ANSWERS.get(call.split()[0], 0)):
                sys.exit(f"errors.py: {call}: without a fault exit status {status}: {err}")
            self.prepare_again(call)
            stride = min(STRIDE, max(1, steps // 5))
            for offset, error in enumerate(self.errors):
                for step in range(1 + offset * stride // len(self.errors), steps + 1, stride):
                    for every in (False, True):
                        self.try_step(call, (step, error), every, expected)
            if kernel_id() is None:
                self.matrix.wrong.append(f"{call}: the filter is gone")
                self.prepare()
        self.check_end()

    def prepare_again(self, call):
        if call.startswith("detach"):
            self.prepare()

    def check_end(self):
        """What was unconfirmed still is, whatever was tried meanwhile."""
        there = json.loads(plain("--json", "status", "s0"))["filters"][0]["unconfirmed"]
        if self.kind != "changes" and not (there and there["guarded"]):
            self.matrix.wrong.append("the unconfirmed change is forgotten")


def main():
    kind, errors = sys.argv[1], tuple(sys.argv[2:]) or ERRORS
    with tempfile.TemporaryDirectory() as directory:
        test = Test(kind, errors, directory)
        test.run()
    test.matrix.write(sys.stdout, test.calls, errors, said=False)
    if "MATRIX" in os.environ:
        with open(os.environ["MATRIX"], "a", encoding="utf-8") as file:
            test.matrix.write(file, test.calls, errors, said=True)
    for line in test.matrix.wrong[:60]:
        print(line)
    sys.exit(1 if test.matrix.wrong else 0)


if __name__ == "__main__":
    main()
