#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whether the prover is worth anything. Its executor and the contract against the running kernel, on the fuzzer's corpus and
frames made by scapy: class, verdict and counters. Then faults, one at a time, are put into the program: each must make the
proof fail, with a frame; and the faulty program, run by the kernel on this frame, must do something else than the contract
says, or be refused by the kernel's verifier. Needs root. Speaks TAP.

usage: test_prover.py [PART-OF-A-NAME]
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import concrete
import elf
import kernel
import prove
import spec

ROOT = pathlib.Path(__file__).resolve().parents[2]
OBJECT = ROOT / "build/bpf/flagfilter.stripped.o"

SCAPY_FRAMES = 150

# A fault's name, the file, what stands there, what is put in its place, and the function whose proof is to fail.
FAULTS = (
    ("a bound is not looked at", "parse.h", "if (ff_likely(ff_shows(frame, at, size))) {", "if (ff_likely(size)) {", "ff_parse"),
    ("the shortcut asks for too few bytes of IPv6", "parse.h", "if (!ff_shows(frame, at, sizeof(*ip)) || ip->version != 6 ||",
     "if (ip->version != 6 ||", "flagfilter_trace"),
    ("the shortcut's mask of offsets", "parse.h", "ff_unlikely(ip->frag_off & bpf_htons(FF_IP_OFFSET))",
     "ff_unlikely(ip->frag_off & bpf_htons(0x1ffe))", "flagfilter_trace"),
    ("the shortcut does not defer a fragment header", "parse.h", "ip->version != 6 || ff_is_exthdr(ip->nexthdr))",
     "ip->version != 6 || (ip->nexthdr != FF_NEXTHDR_FRAGMENT && ff_is_exthdr(ip->nexthdr)))", "flagfilter_trace"),
    ("an authentication header is a word shorter", "parse.h", "(length + 2) * 4", "(length + 1) * 4", "ff_class_exthdr"),
    ("tiny fragments at offset 1 pass", "parse.h", "== bpf_htons(1) ? FF_TINY_FRAGMENT : FF_FRAGMENT",
     "== bpf_htons(0) ? FF_TINY_FRAGMENT : FF_FRAGMENT", "ff_parse"),
    ("tiny IPv6 fragments at offset 8 pass", "parse.h", "offset == 8 ? FF_TINY_FRAGMENT", "offset == 16 ? FF_TINY_FRAGMENT",
     "ff_class_exthdr"),
    ("a cut chain is malformed", "parse.h", "return first_fragment ? FF_TINY_FRAGMENT : FF_MALFORMED;",
     "return first_fragment ? FF_MALFORMED : FF_MALFORMED;", "ff_class_exthdr"),
    ("a first fragment is forgotten", "parse.h", "first_fragment = true;", "first_fragment = false;", "ff_class_exthdr"),
    ("flags are read two bytes early", "parse.h", "FF_TCP_FLAGS = 12,", "FF_TCP_FLAGS = 10,", "ff_parse"),
    ("the ninth flag is lost", "parse.h", "return ff_bound(flags, FF_FLAGS_ALL);", "return ff_bound(flags, 0xff);", "ff_parse"),
    ("IPv4 options are not stepped over", "parse.h", "ff_class_tcp(frame, at + header, total - header,",
     "ff_class_tcp(frame, at + 20, total - header,", "ff_parse"),
    ("a length of 0 is no length", "parse.h", "return length ? bpf_ntohs(length) : rest;",
     "return length ? bpf_ntohs(length) : 0;", "ff_parse"),
    ("a fifth tag is stepped over", "../include/flagfilter.h", "#define FF_VLAN_MAX 4", "#define FF_VLAN_MAX 5", "ff_parse"),
    ("a drop is not counted", "judge.h", "\tcounters->dropped[class]++;\n", "", "flagfilter_trace"),
    ("what passes is counted twice", "judge.h", "\t\tff_count(&counters->passed[class], bytes);",
     "\t\tff_count(&counters->passed[class], bytes);\n\t\tcounters->passed[class].packets++;", "flagfilter_trace"),
    ("would-drop is counted as exempted", "judge.h", "ff_count(&rule->would_drop, bytes);", "ff_count(&rule->exempted, bytes);",
     "flagfilter_trace"),
    ("monitor drops", "judge.h", "if (FF_ACTION(verdict) >= FF_DROP && !exempt)", "if (FF_ACTION(verdict) >= FF_MONITOR && !exempt)",
     "flagfilter_trace"),
    ("bytes are those without the Ethernet header", "judge.h", "bytes = ff_shown(frame);", "bytes = ff_shown(frame) - 14;",
     "flagfilter_trace"),
    ("the other policy is looked at", "judge.h", "generation & 1;", "generation & 1 ^ 1;", "flagfilter_trace"),
)


def frames():
    """The fuzzer's corpus, and a share of those made by scapy."""
    for path in sorted((ROOT / "tests/fuzz/corpus/frame").iterdir()):
        yield path.read_bytes()
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["/usr/bin/python3", "-B", ROOT / "tests/frames/make_frames.py", out + "/frames"], check=True)
        data = pathlib.Path(out + "/frames.pcap").read_bytes()
    made, at = [], 24
    while at < len(data):
        size = int.from_bytes(data[at + 8:at + 12], "little")
        made.append(data[at + 16:at + 16 + size])
        at += 16 + size
    yield from made[::max(1, len(made) // SCAPY_FRAMES)]


def delta(loaded, before):
    after = loaded.counters()
    return {i: b - a for i, (a, b) in enumerate(zip(before, after)) if a != b}


def agrees_with_kernel():
    obj = elf.Object(str(OBJECT))
    obj.variable_named("ff_state")
    layout = prove.Layout(obj.types)
    count = 0
    state = concrete.random_state(obj, layout, 14)
    loaded = kernel.Loaded(str(OBJECT), obj, {}, "flagfilter_trace")
    loaded.write_state(state)
    for frame in frames():
        if not 14 <= len(frame) <= 3000:
            continue
        before = loaded.counters()
        seen = loaded.run(frame), loaded.last(), delta(loaded, before)
        executed = concrete.Run(obj, frame, state).judged()
        kind = concrete.reading(frame)
        count += 1
        if executed != seen or kind != seen[1][0]:
            return f"{frame.hex()}: the kernel {seen}, the executor {executed}, the contract's class {kind}"
    loaded.close()
    print(f"# {count} frames")
    return None


def build(fault, folder):
    """The stripped object of the program with FAULT."""
    _, file, old, new, _ = fault
    for name in ("bpf", "include"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "vmlinux.h", folder)
    path = folder / "bpf" / file
    text = path.read_text(encoding="utf-8")
    if old not in text:
        return None
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    flags = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-I", folder, "-I", folder / "include", "-I", folder / "bpf"]
    subprocess.run(["clang", *flags, "-c", folder / "bpf/flagfilter.bpf.c", "-o", folder / "fault.o"], check=True)
    subprocess.run(["llvm-strip", "-g", folder / "fault.o"], check=True)
    return folder / "fault.o"


def shown_by_kernel(path, failure, obj):
    """What the kernel does with the failure's frame that the contract does not say, or None."""
    frame, verdict = prove.frame_of(failure)
    if frame is None:
        return None
    try:
        loaded = kernel.Loaded(str(path), obj, {}, "flagfilter_trace")
    except kernel.Refused as refusal:
        return str(refusal)
    try:
        kind = concrete.reading(frame)
        layout = prove.Layout(obj.types)
        state = bytearray(obj.variables[".data.state", "ff_state"].size)
        at = layout.slot + layout.verdict + 2 * kind
        state[at:at + 2] = verdict.to_bytes(2, "little")
        loaded.write_state(state)
        before = loaded.counters()
        fate = loaded.run(frame)
        expected = prove.expected(layout, verdict, kind, len(frame))
        seen = fate, delta(loaded, before)
        if loaded.last()[0] != kind:
            return f"class {loaded.last()[0]}, by the contract {kind}"
        return f"{seen}, by the contract {expected}" if seen != expected else None
    finally:
        loaded.close()


def is_found(fault):
    """Why a fault is not found as it should be, or None."""
    with tempfile.TemporaryDirectory() as folder:
        path = build(fault, pathlib.Path(folder))
        if not path:
            return "its place is gone"
        obj = elf.Object(str(path))
        obj.variable_named("ff_state")
        proof = prove.Proof(obj, fault[4])
        for knob in ("ff_frags", "ff_no_ethernet"):  # as the program is that runs the frame: Ethernet, in one buffer
            proof.machine.assume(proof.machine.knob(obj.variable_named(knob)) == 0)
        if fault[4] != prove.CHAIN:  # which goes on to the failures that have a frame
            proof.machine.failures_wanted = 3
        if proof.prove():
            return "the proof does not fail"
        for failure in proof.machine.failures:
            shown = shown_by_kernel(path, failure, obj)
            if shown:
                print(f"# {fault[0]}: {failure[0]}: {failure[1]}\n#     {prove.frame_of(failure)[0].hex()}\n#     kernel: {shown}")
                return None
        return "no frame shows it: " + "; ".join(prove.show(failure) for failure in proof.machine.failures)


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tests = [("executor and contract agree with the kernel", agrees_with_kernel)]
    tests += [(f"fault: {fault[0]}", lambda fault=fault: is_found(fault)) for fault in FAULTS]
    status = 0
    for number, (name, test) in enumerate(tests, 1):
        if wanted not in name:
            continue
        problem = test()
        print(f"{'not ok' if problem else 'ok'} {number} {name}", flush=True)
        if problem:
            print("\n".join(f"# {line}" for line in problem.splitlines()), flush=True)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
