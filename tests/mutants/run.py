#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Breaks the program in many small ways, one at a time, and demands that some test fails for each.

It works on copies of the tree in build/mutants, never on the tree. Of the tests that belong to a file, the fast ones come
first; a mutant is done with when one fails. Speaks TAP; a mutant that no test notices is a failure, and so is one that
no longer applies to the source (its text must be there exactly once) or does not build.
"""

import concurrent.futures
import os
import pathlib
import queue
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRATCH = ROOT / "build" / "mutants"
LANES = 2
TIMEOUT_S = 120  # a mutant may loop

# How to run a test, and what to build before it. Those of the kernel need root.
TESTS = {name: (f"build/tests/{name}", [f"build/tests/{name}"])
         for name in ("test_parse", "test_engine", "test_judge", "test_compile", "test_policy", "test_flags")}
TESTS |= {
    "replay": ("build/flagfilter", ["bats", "tests/replay.bats"]),
    "kernel": ("build/flagfilter", ["bats", "-f", "agree on every frame: (monitors|exempt)", "tests/replay_kernel.bats"]),
    "modes": ("build/flagfilter", ["bats", "-f", "^monitor counts as would drop", "tests/net/policy.bats"]),
}
KERNEL_TESTS = ("kernel", "modes")

PARSE, JUDGE, PROGRAM = "bpf/parse.h", "bpf/judge.h", "bpf/flagfilter.bpf.c"
COMPILE, POLICY, SYNTAX, FLAGS = "user/compile.c", "user/policy.c", "user/syntax.c", "user/flags.c"
TESTS_OF = {
    PARSE: ("test_parse", "test_engine", "replay"),
    JUDGE: ("test_engine", "test_judge", "replay", "kernel", "modes"),
    PROGRAM: ("kernel",),
    COMPILE: ("test_compile", "test_engine", "replay"),
    POLICY: ("test_compile", "test_policy", "replay"),
    SYNTAX: ("test_policy",),
    FLAGS: ("test_flags", "test_policy"),
}

# Name, file, what stands there, and what is put in its place.
MUTANTS = (
    ("frame end, one byte early", PARSE, "at + size <= ff_data_end", "at + size < ff_data_end"),
    ("frame end, one byte late", PARSE, "at + size <= ff_data_end", "at + size - 1 <= ff_data_end"),
    ("flags one byte further on", PARSE, "FF_TCP_FLAGS = 12,", "FF_TCP_FLAGS = 13,"),
    ("flags end one byte earlier", PARSE, "FF_TCP_FLAGS_END = 14,", "FF_TCP_FLAGS_END = 13,"),
    ("the ninth flag is masked out", PARSE, "ff_bound(flags, FF_FLAGS_ALL)", "ff_bound(flags, FF_FLAGS_ALL >> 1)"),
    ("datagram end is not looked at", PARSE, "if (ff_unlikely(left < FF_TCP_FLAGS_END) || ", "if ("),
    ("ports need a fifth byte", PARSE, "left < FF_TCP_PORTS_END ?", "left <= FF_TCP_PORTS_END ?"),
    ("any version is IPv4", PARSE, "!ff_has(frame, ip, sizeof(*ip)) || ip->version != 4", "!ff_has(frame, ip, sizeof(*ip))"),
    ("IPv4 header length loses a bit", PARSE, "header = ip->ihl * 4;", "header = (ip->ihl & 7) * 4;"),
    ("IPv4 header of 20 bytes is bad", PARSE, "header < sizeof(*ip) ||", "header <= sizeof(*ip) ||"),
    ("IPv4 datagram without content is bad", PARSE, "|| total < header ||", "|| total <= header ||"),
    ("IPv4 options may be cut off", PARSE, "|| !ff_has(frame, ip, header))", ")"),
    ("IPv4 content counted from the header on", PARSE, "total - header,", "total,"),
    ("IPv4 offset loses its highest bit", PARSE, "FF_IP_OFFSET = 0x1fff,", "FF_IP_OFFSET = 0x0fff,"),
    ("IPv4 more-fragments is another bit", PARSE, "FF_IP_MF = 0x2000,", "FF_IP_MF = 0x4000,"),
    ("IPv4 offset 2 is tiny, 1 is not", PARSE, "== bpf_htons(1) ?", "== bpf_htons(2) ?"),
    ("IPv6 offset loses its lowest bit", PARSE, "FF_IP6_OFFSET = 0xfff8,", "FF_IP6_OFFSET = 0xfff0,"),
    ("IPv6 more-fragments is not seen", PARSE, "if (frag_off & FF_IP6_MF)", "if (frag_off & FF_IP6_MF << 1)"),
    ("IPv6 offset 16 is tiny, too", PARSE, "return offset == 8 ?", "return offset <= 16 ?"),
    ("destination options are another number", PARSE, "FF_NEXTHDR_DEST = 60,", "FF_NEXTHDR_DEST = 59,"),
    ("a ninth extension header is followed", PARSE, "i < FF_EXTHDR_MAX; i++", "i <= FF_EXTHDR_MAX; i++"),
    ("AH is four bytes shorter", PARSE, "(length + 2) * 4", "(length + 1) * 4"),
    ("extension headers are 16 bytes and more", PARSE, "(length + 1) * 8", "(length + 2) * 8"),
    ("extension header at the datagram's end is bad", PARSE, "if (left < size ||", "if (left <= size ||"),
    ("extension headers take 8 bytes of the datagram", PARSE, "left -= size;", "left -= 8;"),
    ("IPv6 header of 36 bytes", PARSE, "at += sizeof(*ip);", "at += sizeof(*ip) - 4;"),
    ("service tags are no tags", PARSE, "FF_ETH_P_8021AD = 0x88a8,", "FF_ETH_P_8021AD = 0x9100,"),
    ("a third tag is stepped over", PARSE, "if (tags == FF_VLAN_MAX)", "if (tags > FF_VLAN_MAX)"),
    ("tags do not move the IP header", PARSE, "at = sizeof(*eth) + tags * sizeof(*vlan);", "at = sizeof(*eth);"),
    ("shortcut: options are not seen", PARSE, "ip->ihl * 4 != sizeof(*ip) ||", "ip->ihl * 4 < sizeof(*ip) ||"),
    ("shortcut: IPv4 length without flags", PARSE, "total < sizeof(*ip) + FF_TCP_FLAGS_END)", "total < sizeof(*ip))"),
    ("shortcut: later fragments are judged", PARSE, "if (ff_unlikely(ip->frag_off & bpf_htons(FF_IP_OFFSET)))",
     "if (ff_unlikely(ip->frag_off & bpf_htons(FF_IP_MF)))"),
    ("shortcut: IPv6 length is not looked at", PARSE, "return ff_tcp_flags(frame, ip + 1, bpf_ntohs(ip->payload_len));",
     "return ff_tcp_flags(frame, ip + 1, FF_TCP_FLAGS_END);"),
    ("shortcut: a third tag is stepped over", PARSE, "tags <= FF_VLAN_MAX; tags++", "tags <= FF_VLAN_MAX + 1; tags++"),

    ("the source port exempts", JUDGE, "bpf_ntohs(port[1])", "bpf_ntohs(port[0])"),
    ("a port is exempt with another one", JUDGE, "1u << dest % 32", "1u << dest % 16"),
    ("the destination address exempts", JUDGE, "&ip->saddr, sizeof", "&ip->daddr, sizeof"),
    ("IPv6 destination address exempts", JUDGE, "ip6->saddr, sizeof", "ip6->daddr, sizeof"),
    ("only 24 bits of a source are looked up", JUDGE, "FF_SOURCE_PREFIX + 32;", "FF_SOURCE_PREFIX + 24;"),
    ("malformed frames may be exempt", JUDGE, "(parsed & FF_CLASS_MASK) != FF_MALFORMED", "(parsed & FF_CLASS_MASK) != FF_RUNT"),
    ("exempt whether asked for or not", JUDGE, ">= FF_DROP && !exempt", ">= FF_DROP || exempt"),
    ("what is only monitored may be exempt", JUDGE, "if (FF_ACTION(verdict) == FF_DROP_UNLESS_EXEMPT)",
     "if (FF_ACTION(verdict) >= FF_MONITOR)"),
    ("what passes silently is counted", JUDGE, "verdict & FF_SILENT << 8", "verdict & FF_SILENT"),
    ("drops are counted for the next rule", JUDGE, "rule[counter].dropped", "rule[counter + 1].dropped"),
    ("frames count as one byte", JUDGE, "count->bytes += bytes;", "count->bytes++;"),
    ("slot of the generation before", JUDGE, "->generation & 1;", "->generation >> 1 & 1;"),
    ("bytes without the Ethernet header", PROGRAM, "= ff_data_end(frame) - ff_data(frame);",
     "= ff_data_end(frame) - ff_data(frame) - 14;"),

    ("monitored rules drop", COMPILE, "rule[i].mode == mode &&", "rule[i].mode <= mode &&"),
    ("exempt policies drop at once", COMPILE, "exempt ? FF_DROP_UNLESS_EXEMPT : FF_DROP", "exempt ? FF_DROP : FF_DROP"),
    ("the last class has no verdict", COMPILE, "class < FF_CLASSES; class", "class < FF_CLASSES - 1; class"),
    ("the highest ports are not exempt", POLICY, "i < COUNT(policy->port); i++", "i < COUNT(policy->port) - 1; i++"),
    ("what is dropped is called exempted", COMPILE, ".exempted = !dropped &&", ".exempted = dropped &&"),
    ("fin-no-ack looks at another flag", POLICY, '{"fin-no-ack", FIN, FIN | ACK,', '{"fin-no-ack", FIN, FIN | URG,'),
    ("presets lack their own rules", POLICY, "builtins[i].preset <= preset", "builtins[i].preset < preset"),
    ("new rules go before their equals", POLICY, "<= rule_rank(rule))", "< rule_rank(rule))"),
    ("one rule fewer fits", POLICY, "policy->rules == FF_RULES_MAX", "policy->rules == FF_RULES_MAX - 1"),
    ("flags that must be clear may be set", POLICY, "(class & rule->mask) == rule->value", "(class & rule->value) == rule->value"),
    ("a prefix may be one bit too long", SYNTAX, "length + 1, 0, bits, &prefix)", "length + 1, 0, bits + 1, &prefix)"),
    ("the last bit behind a prefix may be set", SYNTAX, "bit < 8 * sizeof(source->address)", "bit < 8 * sizeof(source->address) - 1"),
    ("port 0 is a port", SYNTAX, "parse_decimal(text, 1, 65535", "parse_decimal(text, 0, 65535"),
    ("0x200 is a flag", FLAGS, "number > FF_FLAGS_ALL", "number > FF_FLAGS_ALL + 1"),
    ("a value may leave its mask", FLAGS, "|| v & ~m)", "|| v & ~m & 0xff)"),
)


class Tree:
    """A copy of the tree, of which one file at a time is broken."""

    def __init__(self, number):
        self.path = SCRATCH / str(number)
        for part in ("bpf", "docs", "include", "tests", "user"):
            shutil.copytree(ROOT / part, self.path / part)
        for part in ("Makefile", "vmlinux.h"):
            shutil.copy2(ROOT / part, self.path / part)
        for part in ("asan", "bpf", "tests", "user", "flagfilter", "flagfilter.skel.h"):
            self.copy_built(pathlib.Path("build") / part)

    def copy_built(self, part):
        """What is built already need not be built again."""
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, self.path / part)
        elif (ROOT / part).exists():
            (self.path / part).parent.mkdir(exist_ok=True)
            shutil.copy2(ROOT / part, self.path / part)

    def run(self, *command):
        with open(self.path / "log", "w", encoding="utf-8") as log:
            try:
                return subprocess.run(command, cwd=self.path, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      timeout=TIMEOUT_S, check=False).returncode
            except subprocess.TimeoutExpired:
                return -1

    def log(self):
        return (self.path / "log").read_text(encoding="utf-8", errors="replace")

    def test(self, name):
        """Whether the test passes."""
        target, command = TESTS[name]
        if self.run("make", "-s", target):
            raise RuntimeError("does not build:\n" + self.log())
        # On a busy machine a network test may fail by itself: what a mutant breaks is broken twice.
        return self.run(*command) == 0 or (name in KERNEL_TESTS and self.run(*command) == 0)

    def try_mutant(self, file, old, new):
        """The name of the test that notices, or None."""
        path = self.path / file
        source = path.read_text(encoding="utf-8")
        if source.count(old) != 1:
            raise RuntimeError(f"no longer applies: {file} has it {source.count(old)} times: {old}")
        path.write_text(source.replace(old, new), encoding="utf-8")
        try:
            return next((name for name in tests_of(file) if not self.test(name)), None)
        finally:
            path.write_text(source, encoding="utf-8")


def tests_of(file):
    return [name for name in TESTS_OF[file] if os.geteuid() == 0 or name not in KERNEL_TESTS]


def judge(trees, mutant):
    """A line of TAP without its number, and whether it is well."""
    name, file, old, new = mutant
    what = f"{name}: {file}: {old} -> {new}"
    if not tests_of(file):
        return f"- {what} # skip needs root", True
    tree = trees.get()
    try:
        test = tree.try_mutant(file, old, new)
        if test is None and os.geteuid() != 0 and set(TESTS_OF[file]) & set(KERNEL_TESTS):
            return f"- {what} # skip needs root", True
        return (f"- {what} ({test})", True) if test else (f"- {what}: no test notices", False)
    except RuntimeError as error:
        return f"- {what}: {error}".replace("\n", "\n# "), False
    finally:
        trees.put(tree)


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    chosen = [mutant for mutant in MUTANTS if len(sys.argv) < 2 or sys.argv[1] in mutant[0]]
    trees = queue.Queue()
    for number in range(LANES):
        trees.put(Tree(number))
    print(f"1..{len(chosen) + 1}", flush=True)

    # What fails without a mutant says nothing about one.
    tree = trees.get()
    broken = [name for name in TESTS if (os.geteuid() == 0 or name not in KERNEL_TESTS) and not tree.test(name)]
    trees.put(tree)
    print("not ok 1 - fails without a mutant: " + " ".join(broken) if broken else "ok 1 - all tests pass without a mutant")
    failed = bool(broken)
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        for number, (line, well) in enumerate(pool.map(lambda mutant: judge(trees, mutant), chosen), 2):
            print("ok" if well else "not ok", number, line, flush=True)
            failed |= not well
    sys.exit(failed)


if __name__ == "__main__":
    main()
