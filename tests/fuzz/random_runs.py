#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random argument lists, and random runs of every command on a live filter, with a binary under sanitizers.

usage: tests/fuzz/random_runs.py [--seed N] [--lists N] [--runs N] [--seconds N]

The lists are made of what the commands' --help says, and then damaged; they run without root. The runs need root: mutated
policies and captures, live changes on a veth, and descriptors closed at the start, in namespaces of their own. A finding is
what a sanitizer says, a signal, an exit status outside of 0 to 3, a command that does not end, a line too many or too few on
standard error, and what no terminal should get. Speaks TAP; FLAGFILTER names the binary, RUNS_SECONDS says --seconds. The
seed is printed, and makes the same lists and runs again.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGFILTER = os.environ.get("FLAGFILTER", str(ROOT / "build/asan/flagfilter"))
PATIENCE = 30  # seconds until a command that was told to stop, or has nothing to wait for, is said to hang
SANITIZER_STATUS = 99
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "ASAN_OPTIONS": f"exitcode={SANITIZER_STATUS}:detect_leaks=1:allocator_may_return_null=1",
    "LSAN_OPTIONS": f"exitcode={SANITIZER_STATUS}",
    "UBSAN_OPTIONS": f"exitcode={SANITIZER_STATUS}:print_stacktrace=1",
}
INTERFACES = ("v0", "v1")

NUMBERS = ("0", "1", "-1", " -1", "+1", "1e3", "0x10", "007", "255", "256", "65535", "65536", "2147483647", "2147483648",
           "4294967295", "4294967296", "9223372036854775807", "18446744073709551615", "18446744073709551616", "nan", "inf",
           "-0", "0.0000001", "1e308", "1e-400", ".", "", " ", "1 ", "1x", "9" * 400)
WORDS = ("v0", "v1", "nowhere", "lo", "all", "none", "default", "strict", "conntrack", "native", "generic", "auto", "kernel",
         "offload", "add", "del", "list", "source", "port", "syn-fin", "null", "xmas", "malformed", "tiny-fragment", "enforce",
         "monitor", "off", "SF", "SYN,FIN", "SYN,FIN/SYN,FIN", "0x03", "0x1ff", "0x200", "URG/URG", "FSRPAUECN", "192.0.2.0/24",
         "192.0.2.1/33", "2001:db8::/32", "::/0", "0.0.0.0/0", "443", "80,443", "1-65535", "mine", "syn-fin=off",
         "null=monitor", "xmas=enforce", "mine=", "=", "==", "attach", "-", "--", "---", "/dev/null", "/", ".", "..", "/proc/self/mem",
         "policy.yaml", "capture.pcap", "out.pcapng", "%s%n%s", "$(id)", "`id`", ";", "'", '"', "\\", "*")
ODD = (b"\x1b[31m", b"\x07", b"\n", b"\t", b"\x7f", b"\xc2\x9b", b"\xff", b"\xc0\xaf", "\u202e".encode(), "\u2066".encode(),
       "\u200b".encode(), b"\xed\xa0\x80", b"\xf4\x90\x80\x80", "ä".encode(), b"\xe2\x80", b"A" * 300, b"A" * 5000, b"%" * 2000)
HIDDEN = ("--program-name", "--HANG")  # argp's own


class Grammar:
    """Commands and options, as --help tells them."""

    def __init__(self):
        self.options = {None: self.options_of()}
        for name in re.findall(r"^  ([a-z]+) +\S", self.help().split("Commands:")[1], re.MULTILINE):
            self.options[name] = self.options_of(name)
        self.commands = [name for name in self.options if name]
        if len(self.commands) < 20:
            sys.exit("random_runs.py: --help lists few commands")

    @staticmethod
    def help(*arguments):
        return subprocess.run([FLAGFILTER, *arguments, "--help"], capture_output=True, text=True, check=True).stdout

    def options_of(self, *command):
        found = re.findall(r"^ +(?:(-.), )?(?:    )?(--[a-z-]+)(\[?=[A-Z]+)?", self.help(*command), re.MULTILINE)
        return [(name, value) for short, long, value in found for name in (short, long) if name]


def damage(rng, text):
    """TEXT with something else in it, or without something."""
    at = rng.randrange(len(text) + 1)
    way = rng.randrange(6)
    if way == 0:
        return text[:at]
    if way == 1:
        return text[:at] + rng.choice(ODD) + text[at:]
    if way == 2:
        return text[:at] + bytes([rng.randrange(1, 256)]) + text[at + 1:]
    if way == 3:
        return text * rng.choice((2, 3, 50))
    if way == 4:
        return text[:at] + bytes(rng.randrange(1, 256) for _ in range(rng.randrange(1, 20)))
    return text[:at] + rng.choice(NUMBERS).encode() + text[at:]


def random_value(rng):
    pool = rng.choice((NUMBERS, WORDS, WORDS))
    value = rng.choice(pool).encode()
    return damage(rng, value) if rng.random() < 0.2 else value


def random_option(rng, options, values=random_value):
    name, value = rng.choice(options)
    name = name.encode()
    if not value and rng.random() < 0.95 or value.startswith("[") and rng.random() < 0.3:
        return [name]
    joint = b"=" if name.startswith(b"--") else b""
    return [name + joint + values(rng)] if rng.random() < 0.6 else [name, values(rng)]


def random_list(rng, grammar):
    """An argument list that is nearly right, and then not."""
    command = rng.choice(grammar.commands)
    options = grammar.options[command] if rng.random() < 0.9 else grammar.options[rng.choice(list(grammar.options))]
    parts = [random_option(rng, options) for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 6)))]
    parts += [[random_value(rng)] for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8)))]
    if rng.random() < 0.03:
        parts.append([f"{rng.choice(HIDDEN)}={rng.choice(WORDS)}".encode()])
    rng.shuffle(parts)
    arguments = [argument for part in parts for argument in part]
    arguments.insert(0 if rng.random() < 0.9 else rng.randrange(len(arguments) + 1), command.encode())
    if rng.random() < 0.15:
        arguments[:0] = random_option(rng, grammar.options[None])
    while arguments and rng.random() < 0.3:
        at = rng.randrange(len(arguments))
        way = rng.randrange(4)
        if way == 0:
            del arguments[at]
        elif way == 1:
            arguments.insert(at, arguments[rng.randrange(len(arguments))])
        else:
            arguments[at] = damage(rng, arguments[at])
    if rng.random() < 0.002:
        arguments.append(b"x" * 131000)
    return arguments


def bad_text(output):
    """What no terminal should get of OUTPUT, or None. (A capture, of `-w -`, is refused where there is a terminal.)"""
    if output.startswith(b"\n\r\r\n"):
        return None
    try:
        text = output.decode()
    except UnicodeDecodeError as error:
        return f"no UTF-8: {output[max(0, error.start - 10):error.end + 10]!r}"
    for at, character in enumerate(text):
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            return f"{character!r} in {text[max(0, at - 20):at + 20]!r}"
    return None


def wrong_lines(arguments, status, stderr):
    """Whether there are other lines on standard error than a status asks for, or None."""
    # Beside the outcome are told: what the kernel engine leaves to the native one, what a capture saw, who has the lock.
    lines = [line for line in stderr.decode(errors="replace").splitlines()
             if not re.search("judged natively: |^flagfilter: [0-9]+ packets seen, |^flagfilter: waiting for ", line)]
    loose = any(argument.startswith(b"-") and b"v" in argument for argument in arguments)  # perhaps libbpf speaks
    if loose:
        return None
    if status in (0, 3):
        expected = all(line.startswith("flagfilter: ") for line in lines) and len(lines) <= 1
    else:
        # getopt's own messages have a second line; `attach` adds what the doctor finds, and `rule` which rules there are.
        more = len(lines) > 1 and not lines[1].startswith(("Try `flagfilter ", "problem ", "warning ", "unknown "))
        expected = lines and lines[0].startswith("flagfilter") and not more
    return None if expected else f"status {status} and on standard error {stderr[:600]!r}"


def run(arguments, cwd, statuses, user=None, stdin=b"", closed=(), stop_after=None):
    """Runs the command; the finding, or None."""
    def close():
        for descriptor in closed:
            os.close(descriptor)
        if user:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as into:
        into.write(stdin)
        into.seek(0)
        try:
            process = subprocess.Popen([FLAGFILTER.encode(), *arguments], stdin=into, stdout=out, stderr=err, cwd=cwd,
                                       env=ENVIRONMENT, preexec_fn=close)
        except OSError as error:
            return None if error.errno == 7 else str(error)  # E2BIG
        stopped = False
        try:
            try:
                status = process.wait(stop_after or PATIENCE)
            except subprocess.TimeoutExpired:
                if not stop_after:
                    raise
                stopped = True
                process.send_signal(signal.SIGTERM)
                status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return f"does not end within {PATIENCE} s"
        out.seek(0)
        err.seek(0)
        stdout, stderr = out.read(), err.read()
    statuses[status] += 1
    if b"Sanitizer" in stderr or b"runtime error" in stderr or status == SANITIZER_STATUS:
        return stderr.decode(errors="replace")
    if status == -signal.SIGTERM and stopped:
        status = 0
    if status not in (0, 1, 2, 3):
        return f"ends with status {status}: {stderr[:600]!r}"
    bad = bad_text(stderr) or (bad_text(stdout) if b"top" not in arguments else None)
    if bad:
        return f"prints {bad}"
    return None if 2 in closed or stopped else wrong_lines(arguments, status, stderr)


class Findings:
    def __init__(self):
        self.told = {}
        self.statuses = collections.Counter()

    def add(self, name, what):
        # One of a kind is enough: the numbers in it are those of one run.
        kind = re.sub(r"0x[0-9a-f]+|\d+|'[^']*'|b\".*|b'.*", "#", what)[:60]
        self.told.setdefault(kind, []).append((name, what))

    def tell(self, number, title):
        count = sum(len(found) for found in self.told.values())
        title += "".join(f", {number} x {status}" for status, number in sorted(self.statuses.items()))
        print(f"{'not ' if count else ''}ok {number} - {title}" + (f": {count} findings of {len(self.told)} kinds" if count else ""))
        for found in self.told.values():
            print(f"# {len(found)} times, first: {found[0][0]}")
            for line in found[0][1].splitlines()[:25]:
                print(f"#     {line}")
        sys.stdout.flush()
        return bool(count)


def shown(arguments, **more):
    text = " ".join(shlex.quote(a.decode(errors="backslashreplace"))[:200] for a in arguments)
    return text + "".join(f"; {name}={value}" for name, value in more.items() if value)


def argument_lists(seed, count, until, grammar, findings):
    """Returns how many lists were tried."""
    user = 65534 if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        os.chmod(folder, 0o777)
        shutil.copy(ROOT / "dist/monitor.yaml", f"{folder}/policy.yaml")

        def one(number):
            if time.monotonic() > until:
                return 0
            arguments = random_list(random.Random(f"list {seed} {number}"), grammar)
            found = run(arguments, folder, findings.statuses, user)
            if found:
                findings.add(f"list {number}: {shown(arguments)}", found)
            return 1

        return sum(pool.map(one, range(count)))


class Field:
    """A veth pair in namespaces of its own, where frames come in, and folders of policies and captures."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for command in (f"ip link add {INTERFACES[0]} type veth peer name {INTERFACES[1]}", "ip link set lo up",
                        *(f"ip link set {name} up" for name in INTERFACES)):
            subprocess.run(command.split(), check=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((INTERFACES[1], 0))
        corpus = ROOT / "tests/fuzz/corpus"
        self.policies = [path.read_bytes() for path in (ROOT / "dist/monitor.yaml", *sorted((corpus / "policy").iterdir()))]
        self.captures = [path.read_bytes() for path in sorted((corpus / "capture").iterdir())]

    def send(self, rng):
        for _ in range(rng.randrange(20)):
            tcp = rng.randbytes(12) + bytes([0x50 | rng.randrange(2), rng.randrange(256)]) + rng.randbytes(6)
            ip = bytes.fromhex("4500002800000000400600000a000001") + rng.randbytes(4)
            self.socket.send(b"\xff" * 6 + rng.randbytes(6) + b"\x08\x00" + ip + tcp + rng.randbytes(rng.randrange(30)))

    def mutate(self, rng, content):
        content = bytearray(content)
        for _ in range(rng.choice((0, 1, 2, 8))):
            at = rng.randrange(len(content) + 1)
            way = rng.randrange(4)
            if way == 0:
                content[at:at + 1] = bytes([rng.randrange(256)])
            elif way == 1:
                del content[at:at + rng.choice((1, 4, 100))]
            elif way == 2:
                content[at:at] = rng.choice((rng.choice(ODD), rng.choice(WORDS).encode(), rng.randbytes(4)))
            else:
                start = rng.randrange(len(content) + 1)
                content[at:at] = content[start:start + rng.randrange(200)]
        return bytes(content)


def live_value(rng):
    return rng.choice(("1", "2", "0.05", "v0", "syn-fin", "null=off", "policy.yaml", "-", "native", "strict", "out.pcapng")).encode()


def random_run(rng, grammar, field):
    """Arguments, standard input, and which descriptors are closed."""
    policy, capture = field.mutate(rng, rng.choice(field.policies)), field.mutate(rng, rng.choice(field.captures))
    (field.folder / "policy.yaml").write_bytes(policy)
    (field.folder / "capture.pcap").write_bytes(capture)
    stdin = rng.choice((policy, capture, b""))
    closed = [descriptor for descriptor in (0, 1, 2) if rng.random() < 0.1]
    way = rng.random()
    if way < 0.15:
        arguments = ["replay", "capture.pcap"] + rng.choice(([], ["--policy", "policy.yaml"], ["--engine", "kernel"],
                                                             ["--verdicts"], ["--summary"], ["-j", "--summary", "--preset=strict"]))
    elif way < 0.35:
        arguments = rng.choice((["check", "policy.yaml"], ["apply", "v0", "policy.yaml"], ["diff", "v0", "policy.yaml"],
                                ["attach", "v0", "--policy", "policy.yaml"], ["explain", "SF", "--policy=policy.yaml"],
                                ["apply", "v0", "-", "--confirm=1"], ["matrix", "v0", "--policy", "policy.yaml"]))
    elif way < 0.6:
        rule = rng.choice(("syn-fin", "null", "mine", "xmas", "malformed", "nonsense"))
        mode = rng.choice(("off", "monitor", "enforce", "odd"))
        arguments = rng.choice((["attach", "v0"], ["attach", "v0", "--confirm", "1"], ["attach", "v1", "-m", "generic"], ["detach", "v0"],
                                ["detach", "--all"], ["rule", "v0", f"{rule}={mode}"], ["rule", "v0", "add", rule, "URG/URG", mode],
                                ["rule", "v0", "del", rule], ["exempt", "v0", "add", rng.choice(WORDS)], ["exempt", "v0", "del", "443"],
                                ["confirm", "v0"], ["reset", "v0"], ["save", "v0"], ["status", "--cost=0.05"]))
    else:
        command = rng.choice([name for name in grammar.commands if name not in ("attach", "detach")])
        arguments = [command.encode()] + [b"v0"] * (rng.random() < 0.9)
        for _ in range(rng.choice((0, 0, 1, 2))):
            arguments += random_option(rng, grammar.options[command], live_value)
        arguments += [live_value(rng) for _ in range(rng.choice((0, 0, 0, 1, 2)))]
    arguments = [argument if isinstance(argument, bytes) else argument.encode() for argument in arguments]
    if rng.random() < 0.1:
        at = rng.randrange(len(arguments))
        arguments[at] = damage(rng, arguments[at])
    return arguments, stdin, closed


def random_runs(seed, count, until, grammar, findings):
    """Returns how many runs were made. What the runs before have attached has a part in each."""
    with tempfile.TemporaryDirectory() as folder:
        field = Field(folder)
        for number in range(count):
            if time.monotonic() > until:
                return number
            rng = random.Random(f"run {seed} {number}")
            if number % 10 == 0:
                run([b"attach", b"v0"], folder, collections.Counter())
            arguments, stdin, closed = random_run(rng, grammar, field)
            field.send(rng)
            stop_after = None if arguments[0] in (b"check", b"replay") else 1.5
            found = run(arguments, folder, findings.statuses, stdin=stdin, closed=closed, stop_after=stop_after)
            if found:
                findings.add(f"run {number}: {shown(arguments, closed=closed)}", found)
        return count


def in_namespaces():
    """Starts anew where nothing is anybody else's: interfaces, /run, the BPF filesystem, and processes, which end with us."""
    if os.environ.get("RANDOM_RUNS_INSIDE"):
        return
    script = ('mount -t bpf -o mode=700 bpf /sys/fs/bpf && mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/netns && '
              'mount -t proc proc /proc && exec "$@"')
    os.environ["RANDOM_RUNS_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh", "-c",
                          script, "sh", sys.executable, *sys.argv])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(os.environ.get("RUNS_SEED", 0)) or random.randrange(1 << 32))
    parser.add_argument("--lists", type=int, default=30000)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("RUNS_SECONDS", 1e9)), help="of which the lists may take the half")
    options = parser.parse_args()
    root = os.geteuid() == 0
    if root:
        in_namespaces()
    grammar, start, findings, failed = Grammar(), time.monotonic(), Findings(), False
    print(f"1..2\n# seed {options.seed}", flush=True)
    done = argument_lists(options.seed, options.lists, start + options.seconds / 2, grammar, findings)
    failed |= findings.tell(1, f"{done} random argument lists: status")
    if not root:
        print("ok 2 - random runs on a live filter # skip needs root")
        sys.exit(failed)
    findings = Findings()
    done = random_runs(options.seed, options.runs, start + options.seconds, grammar, findings)
    failed |= findings.tell(2, f"{done} random runs on a live filter: status")
    sys.exit(failed)


if __name__ == "__main__":
    main()
