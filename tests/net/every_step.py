#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Kills a command at every single step, or refuses it memory there, and looks what is left.

every_step.py COMMAND FAULT    of attach, replace, rule, apply, detach; and kill or an error that fault.c knows

In the environment: FLAGFILTER, ATTACKER and SERVER (namespaces, joined by a0 and s0), FAULT_SO (fault.c, compiled).

After each fault: the interface is as before or as after the command, in the words of `status`, of the kernel and of the
packets: twenty segments are sent, half of them SYN+FIN, and those that get through are looked at with a packet
socket, which is behind XDP and before the stack. Then the next command must work. In the end every map and program
that any of them made must be gone.
"""

import ctypes
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
import left_behind
import send_frames

FLAGFILTER, ATTACKER, SERVER = (os.environ[name] for name in ("FLAGFILTER", "ATTACKER", "SERVER"))
KILLED = 137
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
LIBC = ctypes.CDLL(None, use_errno=True)

STRICT = "version: 1\npreset: strict\n"
EXEMPT = """version: 1
preset: none
rules: [{name: syn-fin, mode: enforce}, {name: syn-rst, mode: monitor}]
exempt: {sources: [192.0.2.1/32, "2001:db8:5::/48"], ports: [9]}
"""


class Wrong(Exception):
    """What a test found."""


def expect(condition, *what):
    if not condition:
        raise Wrong(" ".join(str(word) for word in what))


def packet_socket(netns, interface):
    with open(f"/run/netns/{netns}", "rb") as namespace:
        expect(LIBC.setns(namespace.fileno(), CLONE_NEWNET) == 0, "setns", netns)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind((interface, 0))
    wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    return wire


class Wire:
    """The attacker's end and the server's, and what was sent and seen so far, by flags."""

    def __init__(self):
        arguments = type("", (), {"payload": 0, "port": 80, "tiny": False, "tags": 0, "options": 0,
                                  "mac": "02:00:00:00:00:05",
                                  "source": send_frames.ipaddress.ip_address("192.0.2.1"),
                                  "dest": send_frames.ipaddress.ip_address("192.0.2.2")})
        self.frames = {name: send_frames.build(arguments, send_frames.flags_of(name), 1) for name in ("SF", "A")}
        self.flags = {send_frames.flags_of(name): name for name in self.frames}
        self.receiver = packet_socket(SERVER, "s0")
        self.sender = packet_socket(ATTACKER, "a0")

    def ask(self):
        """Whether SYN+FIN gets through now. Everything honest must."""
        for _ in range(10):
            for frame in self.frames.values():
                self.sender.send(frame)
        seen = {"SF": 0, "A": 0}
        deadline = time.monotonic() + 5
        while seen["A"] < 10 and time.monotonic() < deadline:
            if not select.select([self.receiver], [], [], 0.1)[0]:
                continue
            frame = self.receiver.recv(200)
            name = self.flags.get(frame[47]) if len(frame) >= 54 and frame[26:30] == b"\xc0\0\2\1" else None
            if name:
                seen[name] += 1
        expect(seen["A"] == 10, "of 10 honest segments", seen["A"], "arrived")
        expect(seen["SF"] in (0, 9, 10), "of 10 illegal segments", seen["SF"], "arrived")
        return seen["SF"] > 0


def flagfilter(*arguments, fault=None, said=None):
    """Exit status (137: killed) and standard output. FAULT: step and what happens there."""
    environment = dict(os.environ)
    if fault:
        environment.update(FAULT_AT=str(fault[0]), FAULT=fault[1], LD_PRELOAD=os.environ["FAULT_SO"])
        if fault[1] != "kill":
            environment["LIBXDP_SKIP_DISPATCHER"] = "1"  # its many probes, repeated with a log each, take minutes
    done = subprocess.run([FLAGFILTER, "--json", "--netns", SERVER, *arguments], env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if said is not None:
        said.append(done.stderr)
    return (KILLED if done.returncode == -9 else done.returncode), done.stdout


def faulty(arguments, step, what, said=None):
    """Exit status, and how many steps it took, the one with the fault included."""
    with tempfile.NamedTemporaryFile("r") as file:
        os.environ["FAULT_STEPS"] = file.name
        status, _ = flagfilter(*arguments, fault=(step, what), said=said)
        del os.environ["FAULT_STEPS"]
        return status, len(file.read())


def works(*arguments):
    status, out = flagfilter(*arguments)
    expect(status == 0, " ".join(arguments), "fails with exit status", status)
    return json.loads(out)


def kernel_id():
    out = subprocess.run(["ip", "-n", SERVER, "-j", "-d", "link", "show", "s0"], stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout)[0].get("xdp", {}).get("prog", {}).get("id")


def pins():
    prefix = f"{os.stat(f'/run/netns/{SERVER}').st_ino}-"
    root = "/sys/fs/bpf/flagfilter"
    return [name for name in os.listdir(root) if name.startswith(prefix)] if os.path.isdir(root) else []


class Test:
    """One command, what must hold after it failed, and how to begin anew."""

    def __init__(self, directory):
        self.wire = Wire()
        self.files = {}
        for name, text in (("strict", STRICT), ("exempt", EXEMPT)):
            self.files[name] = f"{directory}/{name}.yaml"
            with open(self.files[name], "w", encoding="ascii") as file:
                file.write(text)

    def is_attached(self):
        """As all three say."""
        status, out = flagfilter("status", "s0")
        expect(status in (0, 3), "status: exit status", status)
        expect((kernel_id() is not None) == (status == 0), "status and the kernel do not agree")
        if status == 3:
            expect(self.wire.ask(), "not attached, and nothing illegal arrives")
            return None
        return json.loads(out)["filters"][0]

    def drops(self):
        """With a filter that drops SYN+FIN attached, and that can be read."""
        there = self.is_attached()
        expect(there, "not attached")
        expect(not self.wire.ask(), "illegal segments arrive")
        report = works("stats", "s0")
        expect(report["frames"]["packets"] == report["passed"]["packets"] + report["dropped"]["packets"], report)
        return there

    def attach(self, _step):
        there = self.is_attached()
        if there:
            expect(there["policy"] == self.files["strict"], there)
            self.drops()
        works("attach", "s0", "--policy", self.files["strict"])
        expect(len(pins()) == 1, pins())
        self.clean()

    def replace(self, _step):
        there = self.drops()
        expect(there["policy"] == self.files["strict"], there)
        dropped = works("stats", "s0")["rules"][0]["dropped"]["packets"]
        expect(dropped >= self.dropped, "the counter went back from", self.dropped, "to", dropped)
        self.dropped = dropped
        works("rule", "s0", "syn-rst=monitor")
        works("apply", "s0", self.files["strict"])
        expect(len(pins()) == 1, pins())

    def rule(self, _step):
        modes = {rule["mode"] for rule in works("rule", "s0")["rules"] if rule["name"] in ("rst-fin", "syn-rst")}
        expect(len(modes) == 1, "half a change:", modes)
        self.drops()
        works("rule", "s0", "syn-rst=enforce", "rst-fin=enforce")

    def apply(self, _step):
        policy = self.is_attached()["policy"]
        rules = len(works("rule", "s0")["rules"])
        expect((policy, rules) in ((self.files["strict"], 9), (self.files["exempt"], 2)), policy, rules)
        expect(self.wire.ask() == (policy == self.files["exempt"]), "packets are not judged by", policy)
        works("apply", "s0", self.files["strict"])
        self.drops()

    def detach(self, step):
        there = self.is_attached()
        if there and step % 2:
            works("rule", "s0", "syn-rst=monitor")
        if there:
            self.drops()
            works("detach", "s0")
        else:
            flagfilter("detach", "s0") # says "not attached", and sweeps
        self.clean(attached=False)
        works("attach", "s0", "--policy", self.files["strict"])

    def clean(self, attached=True):
        if attached:
            works("detach", "s0")
        expect(not pins() and kernel_id() is None, "left behind:", pins(), kernel_id())

    commands = {
        "attach": ("attach", "s0", "--policy", "strict"),
        "replace": ("attach", "s0"),
        "rule": ("rule", "s0", "syn-rst=off", "rst-fin=off"),
        "apply": ("apply", "s0", "exempt"),
        "detach": ("detach", "s0"),
    }

    def run(self, name, what):
        """Returns how many steps the command has."""
        arguments = [self.files.get(word, word) for word in self.commands[name]]
        self.dropped = 0
        if name != "attach":
            works("attach", "s0", "--policy", self.files["strict"])
        if name == "rule":
            works("rule", "s0", "rst-fin=enforce")
        steps = self.count_steps(name, arguments, what)
        for step in range(1, steps + 1, int(os.environ.get("STRIDE", "1"))):
            said = []
            status, taken = faulty(arguments, step, what, said)
            try:
                # Leftovers are looked for among all programs of the system: with fewer of them there are fewer steps.
                if taken < step:
                    expect(status == 0, "without a fault: exit status", status)
                elif what == "kill":
                    expect(status == KILLED, "exit status", status)
                else:
                    expect(status in (0, 1), "exit status", status)
                    lines = said[0].splitlines()
                    # one line, and what the doctor finds
                    expect(status == 0 or lines[0].startswith("flagfilter: ") and
                           all(line.startswith("  ") for line in lines[1:]), "it says")
                getattr(self, name)(step)
            except Wrong as wrong:
                raise Wrong(f"{name}, {what} at step {step} of {steps}, exit status {status}, {said}: {wrong}") from wrong
        if flagfilter("status", "s0")[0] == 0:
            self.clean()
        return steps

    def count_steps(self, name, arguments, what):
        """A run in which none fails tells how many there are."""
        status, steps = faulty(arguments, 0, what)
        expect(status == 0, name, "fails by itself")
        if name == "attach":
            self.clean()
        if name in ("rule", "apply"):
            works("apply", "s0", self.files["strict"])
        if name == "rule":
            works("rule", "s0", "syn-rst=enforce", "rst-fin=enforce")
        if name == "detach":
            works("attach", "s0", "--policy", self.files["strict"])
        return steps


def main():
    name, what = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        os.environ["FAULT_LOG"] = log = f"{directory}/made"
        open(log, "wb").close()
        try:
            steps = Test(directory).run(name, what)
        except Wrong as wrong:
            sys.exit(f"every_step.py: {wrong}")
        with open(log, encoding="ascii") as lines:
            made = set(lines.read().splitlines())
    left = left_behind.still_there(made)
    if left:
        sys.exit(f"every_step.py: {name}: of {len(made)} maps and programs are left {left}")
    print(f"{name}: {what} at each of {steps} steps; {len(made)} maps and programs made, all gone")


if __name__ == "__main__":
    main()
