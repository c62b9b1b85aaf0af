#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Breaks the program in many small ways, one at a time, and demands that some test fails for each.

It works on copies of the tree in build/mutants, never on the tree. A mutant's place is found by its tokens, within a
function where they alone do not tell; its tests are those into which the file with the place is compiled, and it is
done with when one fails. Speaks TAP; a mutant that no test notices is a failure, and so is one whose place is gone or that does not build.

usage: run.py [PART-OF-A-NAME | --places]    --places says where each mutant would be put, and builds nothing
"""

import concurrent.futures
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRATCH = ROOT / "build" / "mutants"
ROOMS = ("bpf", "user")
LANES = 2
TIMEOUT_S = 120  # a mutant may loop

# How to run a test, and what to build before it. Those of the kernel need root.
TESTS = {path.stem: (f"build/tests/{path.stem}", [f"build/tests/{path.stem}"])
         for path in sorted((ROOT / "tests" / "unit").glob("test_*.c"))}
TESTS["replay"] = ("build/flagfilter", ["bats", "tests/cli/replay.bats"])
KERNEL_TESTS = {
    "kernel": ("build/flagfilter", ["bats", "-f", "agree on every frame: (monitors|exempt)", "tests/cli/replay_kernel.bats"]),
    "modes": ("build/flagfilter", ["bats", "-f", "^monitor counts as would drop", "tests/net/policy.bats"]),
}
AS_ROOT = os.geteuid() == 0

# Name, function, what stands there, and what is put in its place: tokens, so that layout and comments do not matter.
# $name is any one identifier (of a local variable: it may be renamed), the same one wherever $name stands. The file is
# not named: code may move. Without a function (None), the tokens are looked for everywhere.
MUTANTS = (
    ("first buffer's end, one byte early", None, "return $at + $size <= ff_data_end", "return $at + $size < ff_data_end"),
    ("first buffer's end, one byte late", None, "return $at + $size <= ff_data_end", "return $at + $size - 1 <= ff_data_end"),
    ("frame end, one byte early", None, "$at + $size > $frame->bytes", "$at + $size >= $frame->bytes"),
    ("frame end, one byte late", None, "$at + $size > $frame->bytes", "$at + $size > $frame->bytes + 1"),
    ("further buffers are not fetched", "ff_at", "return ff_fetch($frame, $at, $copy, $size) ? $copy : NULL;", "return NULL;"),
    ("flags one byte further on", None, "FF_TCP_FLAGS = 12,", "FF_TCP_FLAGS = 13,"),
    ("flags end one byte earlier", None, "FF_TCP_FLAGS_END = 14,", "FF_TCP_FLAGS_END = 13,"),
    ("the ninth flag is masked out", "ff_tcp_flags", "ff_bound($flags, FF_FLAGS_ALL)",
     "ff_bound($flags, FF_FLAGS_ALL >> 1)"),
    ("datagram end is not looked at", "ff_class_tcp", "if ($left >= FF_TCP_FLAGS_END)", "if (1)"),
    ("ports need a fifth byte", "ff_class_tcp", "$left < FF_TCP_PORTS_END ?", "$left <= FF_TCP_PORTS_END ?"),
    ("IP length 0 is no length", "ff_length", "return $length ? bpf_ntohs($length) :", "return 1 ? bpf_ntohs($length) :"),
    ("IPv4 length 0 reaches beyond the frame", "ff_class_ipv4", "ff_length($ip->tot_len, $end - $at)",
     "ff_length($ip->tot_len, $end)"),
    ("IPv6 length 0 reaches beyond the frame", "ff_class_ipv6", "ff_length($ip->payload_len, $end - $at)",
     "ff_length($ip->payload_len, $end)"),
    ("any version is IPv4", "ff_class_ipv4", "!$ip || $ip->version != 4", "!$ip"),
    ("IPv4 header length loses a bit", "ff_class_ipv4", "$header = $ip->ihl * 4;", "$header = ($ip->ihl & 7) * 4;"),
    ("IPv4 header of 20 bytes is bad", "ff_class_ipv4", "$header < sizeof(*$ip) ||", "$header <= sizeof(*$ip) ||"),
    ("IPv4 datagram without content is bad", "ff_class_ipv4", "|| $total < $header ||", "|| $total <= $header ||"),
    ("IPv4 options may be cut off", "ff_class_ipv4", "|| $at + $header > $end)", ")"),
    ("IPv4 content counted from the header on", "ff_class_ipv4", "$total - $header,", "$total,"),
    ("IPv4 offset loses its highest bit", None, "FF_IP_OFFSET = 0x1fff,", "FF_IP_OFFSET = 0x0fff,"),
    ("IPv4 more-fragments is another bit", None, "FF_IP_MF = 0x2000,", "FF_IP_MF = 0x4000,"),
    ("IPv4 offset 2 is tiny, 1 is not", "ff_class_ipv4", "== bpf_htons(1) ?", "== bpf_htons(2) ?"),
    ("IPv6 offset loses its lowest bit", None, "FF_IP6_OFFSET = 0xfff8,", "FF_IP6_OFFSET = 0xfff0,"),
    ("IPv6 more-fragments is not seen", "ff_class_exthdr", "if ($frag_off & FF_IP6_MF)",
     "if ($frag_off & FF_IP6_MF << 1)"),
    ("IPv6 offset 16 is tiny, too", "ff_class_ipv6_fragment", "return $offset == 8 ?", "return $offset <= 16 ?"),
    ("destination options are another number", None, "FF_NEXTHDR_DEST = 60,", "FF_NEXTHDR_DEST = 59,"),
    ("a ninth extension header is followed", "ff_class_exthdr", "$i < FF_EXTHDR_MAX; $i++",
     "$i <= FF_EXTHDR_MAX; $i++"),
    ("AH is four bytes shorter", "ff_class_exthdr", "($length + 2) * 4", "($length + 1) * 4"),
    ("extension headers are 16 bytes and more", "ff_class_exthdr", "($length + 1) * 8", "($length + 2) * 8"),
    ("extension header at the datagram's end is bad", "ff_class_exthdr", "if ($left < $size)", "if ($left <= $size)"),
    ("a chain may be cut at a boundary", "ff_class_exthdr",
     "if ($left < sizeof($copy)) return ff_class_cut_chain($first);", "if ($left < sizeof($copy)) return FF_MALFORMED;"),
    ("a chain may be cut inside a header", "ff_class_exthdr",
     "if ($left < $size) return ff_class_cut_chain($first);", "if ($left < $size) return FF_MALFORMED;"),
    ("every cut chain is a tiny fragment", "ff_class_cut_chain", "return $first ?", "return 1 ?"),
    ("extension headers take 8 bytes of the datagram", "ff_class_exthdr", "$left -= $size;", "$left -= 8;"),
    ("extension headers may be cut off", "ff_class_exthdr", "if ($at > $end)", "if ($at > $end + 1)"),
    ("IPv6 header of 36 bytes", "ff_class_ipv6", "$at += sizeof(*$ip);", "$at += sizeof(*$ip) - 4;"),
    ("service tags are no tags", None, "FF_ETH_P_8021AD = 0x88a8,", "FF_ETH_P_8021AD = 0x9100,"),
    ("a fifth tag is stepped over", "ff_parse", "if ($tags == FF_VLAN_MAX)", "if ($tags > FF_VLAN_MAX)"),
    ("the IP header is said to lie two bytes further on", "ff_parse", "ff_class_ipv6($frame, $at, $end) | $at << FF_IP_SHIFT",
     "ff_class_ipv6($frame, $at, $end) | ($at + 2) << FF_IP_SHIFT"),
    ("shortcut: options are not seen", "ff_class_plain_ipv4", "$ip->ihl * 4 != sizeof(*$ip) ||",
     "$ip->ihl * 4 < sizeof(*$ip) ||"),
    ("shortcut: IPv4 length without flags", "ff_class_plain_ipv4", "$total < sizeof(*$ip) + FF_TCP_FLAGS_END ||",
     "$total < sizeof(*$ip) ||"),
    ("shortcut: IPv4 length below the header", "ff_class_plain_ipv4", "return $total < sizeof(*$ip) ? FF_UNCLEAR :",
     "return 0 ? FF_UNCLEAR :"),
    ("shortcut: IPv4 datagrams may go on", "ff_class_plain_ipv4", "ff_unlikely($total > $rest)", "0"),
    ("shortcut: IPv6 datagrams may go on", "ff_class_plain_ipv6", "ff_unlikely($left > $rest)", "0"),
    ("shortcut: later fragments are judged", "ff_class_plain_ipv4",
     "if (ff_unlikely($ip->frag_off & bpf_htons(FF_IP_OFFSET)))",
     "if (ff_unlikely($ip->frag_off & bpf_htons(FF_IP_MF)))"),
    ("shortcut: IPv6 length is not looked at", "ff_class_plain_ipv6",
     "$left < FF_TCP_FLAGS_END || !ff_shows", "!ff_shows"),
    ("shortcut: a fifth tag is stepped over", "ff_class_plain", "$tags <= FF_VLAN_MAX; $tags++",
     "$tags <= FF_VLAN_MAX + 1; $tags++"),

    ("the source port exempts", "ff_port_exempt", "bpf_ntohs($port[1])", "bpf_ntohs($port[0])"),
    ("a port is exempt with another one", "ff_port_exempt", "1u << $dest % 32", "1u << $dest % 16"),
    ("the destination address exempts", "ff_source_exempt", "&$ip->saddr, sizeof", "&$ip->daddr, sizeof"),
    ("IPv6 destination address exempts", "ff_source_exempt", ", $ip->saddr, sizeof", ", $ip->daddr, sizeof"),
    ("only 24 bits of a source are looked up", "ff_source_exempt", "FF_SOURCE_PREFIX + 32;", "FF_SOURCE_PREFIX + 24;"),
    ("malformed frames may be exempt", "ff_exempt", "($parsed & FF_CLASS_MASK) != FF_MALFORMED",
     "($parsed & FF_CLASS_MASK) != FF_RUNT"),
    ("exempt whether asked for or not", "ff_judge_rare", ">= FF_DROP && !$exempt", ">= FF_DROP || $exempt"),
    ("what is only monitored may be exempt", "ff_judge_rare", "if (FF_ACTION($verdict) == FF_DROP_UNLESS_EXEMPT)",
     "if (FF_ACTION($verdict) >= FF_MONITOR)"),
    ("what passes silently is counted", "ff_judge_rare", "$verdict & FF_SILENT << 8", "$verdict & FF_SILENT"),
    ("drops are counted for the next rule", "ff_judge", "rule[$counter].dropped", "rule[$counter + 1].dropped"),
    ("frames count as one byte", "ff_count", "$count->bytes += $bytes;", "$count->bytes++;"),
    ("slot of the generation before", "ff_judge", "->generation & 1;", "->generation >> 1 & 1;"),
    ("bytes of the first buffer alone", "ff_judge", "$bytes = ff_size($frame); $class = ff_parse($frame, $bytes);",
     "$bytes = ff_shown($frame); $class = ff_parse($frame, ff_size($frame));"),
    ("bytes without the Ethernet header", "ff_judge", "$bytes = ff_shown($frame);", "$bytes = ff_shown($frame) - 14;"),

    ("monitored rules drop", "first_match", "$rule[$i].mode == $mode &&", "$rule[$i].mode <= $mode &&"),
    ("exempt policies drop at once", "compile_verdicts", "$exempt ? FF_DROP_UNLESS_EXEMPT : FF_DROP",
     "$exempt ? FF_DROP : FF_DROP"),
    ("the last class has no verdict", "compile_verdicts", "$class < FF_CLASSES;",
     "$class < FF_CLASSES - 1;"),
    ("the highest ports are not exempt", "policy_has_exempt", "$i < COUNT($policy->port); $i++",
     "$i < COUNT($policy->port) - 1; $i++"),
    ("what is dropped is called exempted", "outcome_of", ".exempted = !$dropped &&", ".exempted = $dropped &&"),
    ("fin-no-ack looks at another flag", None, '{"fin-no-ack", FIN, FIN | ACK,', '{"fin-no-ack", FIN, FIN | URG,'),
    ("presets lack their own rules", "policy_from_preset", "builtins[$i].preset <= $preset",
     "builtins[$i].preset < $preset"),
    ("new rules go before their equals", "policy_add", "<= rule_rank($rule))", "< rule_rank($rule))"),
    ("one rule fewer fits", "policy_add", "$policy->rules == FF_RULES_MAX", "$policy->rules == FF_RULES_MAX - 1"),
    ("flags that must be clear may be set", "rule_matches", "($class & $rule->mask) == $rule->value",
     "($class & $rule->value) == $rule->value"),
    ("a prefix may be one bit too long", "parse_source", "$length + 1, 0, $bits, &$prefix)",
     "$length + 1, 0, $bits + 1, &$prefix)"),
    ("the last bit behind a prefix may be set", "clear_host_bits", "$bit < 8 * sizeof($source->address)",
     "$bit < 8 * sizeof($source->address) - 1"),
    ("port 0 is a port", "syntax_port", "number_parse($text, 1, 65535", "number_parse($text, 0, 65535"),
    ("0x200 is a flag", "parse_number", "$number > FF_FLAGS_ALL", "$number > FF_FLAGS_ALL + 1"),
    ("a value may leave its mask", "flags_parse_match", "|| $v & ~$m)", "|| $v & ~$m & 0xff)"),
)

TOKEN = re.compile(r"""
    (?P<skip> \s+ | \\\n | //[^\n]* | /\*.*?\*/ )
    | (?P<token> "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | \$?\w+ | -> | \+\+ | -- | <<=? | >>=? | && | \|\|
                 | [-+*/%&|^<>=!]= | \.\.\. | . )""", re.VERBOSE | re.DOTALL)


def tokens_of(text):
    """(token, where it begins, where it ends) of C, without blanks and comments."""
    return [(match["token"], match.start(), match.end()) for match in TOKEN.finditer(text) if match["token"]]


def functions_of(tokens):
    """{name: (index of its first token, index behind its last)} of the functions defined in a file."""
    functions, depth, parens, before, candidate = {}, 0, 0, None, None
    for index, (token, _, _) in enumerate(tokens):
        if token == "(":
            if not depth and not parens:
                candidate = before, index
            parens += 1
        elif token == ")":
            parens -= 1
        elif token == "{":
            if not depth and before == ")":
                name, begin = candidate
            elif not depth:
                name = None
            depth += 1
        elif token == "}":
            depth -= 1
            if not depth and name:
                functions[name] = (begin, index + 1)
        before = token
    return functions


class Source:
    """A file of the tree, as tokens."""

    def __init__(self, path):
        self.path = path
        self.text = (ROOT / path).read_text(encoding="utf-8")
        self.tokens = tokens_of(self.text)
        self.functions = functions_of(self.tokens)

    def line(self, at):
        return self.text.count("\n", 0, at) + 1

    def places(self, wanted, begin, end):
        """Where in the text the tokens stand (from, to), and what the $names among them are there."""
        for at in range(begin, end - len(wanted) + 1):
            names = {}
            if all(re.fullmatch(r"[A-Za-z_]\w*", self.tokens[at + i][0]) and
                   names.setdefault(token, self.tokens[at + i][0]) == self.tokens[at + i][0]
                   if token[0] == "$" else token == self.tokens[at + i][0] for i, token in enumerate(wanted)):
                yield self, self.tokens[at][1], self.tokens[at + len(wanted) - 1][2], names


def sources():
    return [Source(path.relative_to(ROOT)) for room in ROOMS for path in sorted((ROOT / room).rglob("*.[ch]"))]


def find(mutant, files):
    """The one place of a mutant: its source, where it begins, and the text with the mutant in it. Or RuntimeError."""
    _, function, old, new = mutant
    wanted = [token for token, _, _ in tokens_of(old)]
    ranges = [(file, *file.functions[function]) for file in files if function in file.functions]
    where = f"in {function}()"
    if not ranges:  # it may have got another name: then the place must be the only one of all
        ranges = [(file, 0, len(file.tokens)) for file in files]
        where = f"anywhere, and there is no {function}()" if function else "anywhere"
    found = [place for file, begin, end in ranges for place in file.places(wanted, begin, end)]
    if len(found) != 1:
        raise RuntimeError(f"has no place: looked for these tokens {where}, and they are there {len(found)} times: "
                           + " ".join(wanted))
    source, begin, end, names = found[0]
    put = re.sub(r"\$\w+", lambda match: names[match[0]], new)
    return source, begin, source.text[:begin] + put + source.text[end:]


def compiled_into(binary):
    """The files of which a binary has code: its line tables name them."""
    dump = subprocess.run(["readelf", "--debug-dump=rawline", ROOT / binary], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=True).stdout
    files, table, folders = set(), None, []
    for line in dump.splitlines():
        if " Directory Table" in line:
            table, folders = "folders", []
        elif " File Name Table" in line:
            table = "files"
        elif match := re.match(r"  \d+\s+(?:(\d+)\s+)?\(.*\): (.*)", line):
            if table == "folders":
                folders.append(match[2])
            else:
                files.add(os.path.normpath(f"{folders[int(match[1])]}/{match[2]}"))
    return files


def tests_of(path, compiled):
    """The tests of a file: the one of its name, then those with the least else in them; the kernel's come last."""
    tests = [name for name in TESTS if str(path) in compiled[name]]
    tests.sort(key=lambda name: (name != f"test_{path.stem}", len(compiled[name])))
    return tests + list(KERNEL_TESTS if path.parts[0] == "bpf" else ())


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
        target, command = (TESTS | KERNEL_TESTS)[name]
        if self.run("make", "-s", target):
            raise RuntimeError("does not build:\n" + self.log())
        # On a busy machine a network test may fail by itself: what a mutant breaks is broken twice.
        return self.run(*command) == 0 or (name in KERNEL_TESTS and self.run(*command) == 0)

    def try_mutant(self, source, text, tests):
        """The name of the test that notices, or None."""
        path = self.path / source.path
        path.write_text(text, encoding="utf-8")
        try:
            return next((name for name in tests if not self.test(name)), None)
        finally:
            path.write_text(source.text, encoding="utf-8")


def judge(trees, mutant, files, compiled):
    """A line of TAP without its number, and whether it is well."""
    name, function, old, new = mutant
    what = f"{name}: {old} -> {new}"
    try:
        source, begin, text = find(mutant, files)
        what = f"{name}: {source.path}:{source.line(begin)}: {old} -> {new}"
        tests = tests_of(source.path, compiled)
        if not tests:
            raise RuntimeError(f"no test has {source.path} compiled into it")
    except RuntimeError as error:
        return f"- {what}: {error}", False
    allowed = [test for test in tests if AS_ROOT or test not in KERNEL_TESTS]
    tree = trees.get()
    try:
        test = tree.try_mutant(source, text, allowed)
        if test is None and allowed != tests:
            return f"- {what} # skip needs root", True
        return (f"- {what} ({test})", True) if test else (f"- {what}: no test notices", False)
    except RuntimeError as error:
        return f"- {what}: {error}".replace("\n", "\n# "), False
    finally:
        trees.put(tree)


def list_places(files):
    """Where each mutant has its place; builds and runs nothing. Whether all have one."""
    well = True
    for mutant in MUTANTS:
        try:
            source, begin, _ = find(mutant, files)
            print(f"{source.path}:{source.line(begin)}: {mutant[0]}")
        except RuntimeError as error:
            print(f"{mutant[0]}: {error}", file=sys.stderr)
            well = False
    return well


def main():
    files = sources()
    if sys.argv[1:] == ["--places"]:
        sys.exit(not list_places(files))
    shutil.rmtree(SCRATCH, ignore_errors=True)
    chosen = [mutant for mutant in MUTANTS if len(sys.argv) < 2 or sys.argv[1] in mutant[0]]
    compiled = {name: compiled_into(target) for name, (target, _) in TESTS.items()}
    trees = queue.Queue()
    for number in range(LANES):
        trees.put(Tree(number))
    print(f"1..{len(chosen) + 1}", flush=True)

    # What fails without a mutant says nothing about one.
    tree = trees.get()
    broken = [name for name in (TESTS | KERNEL_TESTS if AS_ROOT else TESTS) if not tree.test(name)]
    trees.put(tree)
    print("not ok 1 - fails without a mutant: " + " ".join(broken) if broken else "ok 1 - all tests pass without a mutant")
    failed = bool(broken)
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        lines = pool.map(lambda mutant: judge(trees, mutant, files, compiled), chosen)
        for number, (line, well) in enumerate(lines, 2):
            print("ok" if well else "not ok", number, line, flush=True)
            failed |= not well
    sys.exit(failed)


if __name__ == "__main__":
    main()
