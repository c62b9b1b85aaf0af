#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The benchmark: measures, in network namespaces of its own, and writes BUILD/bench/results.{json,md}.

What is compared runs interleaved, round after round, so that what disturbs the machine disturbs all alike. Everything
that is made here is taken away again, also after a failure or an interrupt. See docs/performance.md for the method.
"""
import argparse
import glob
import ipaddress
import json
import os
import platform
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True  # nothing is left in the source tree
import report  # noqa: E402

LOADS = 32  # how often every program is loaded anew, in another order and with other gaps: where it lands matters
ROUNDS = 3  # with each load
BOTH_ROUNDS = 60  # of one CPU, one frame, alone and in company
REPEAT = 10_000  # packets in one test run, of many in a round
FLOOD_ROUNDS = 9
WINDOW_MS = 200
HONEST_MS = 200
OWN_RULES = (1, 4, 16, 64)
SOURCES = (1, 64, 1024)
INTERFACES = (1, 4, 16)
CPUS = (1, 4, 16, 64, 256)
CALLS = 21  # of a command whose time is taken
CAPTURE_FRAMES = 1_000_000
REPLAY_ROUNDS = 5
QUICK = {"LOADS": 3, "ROUNDS": 1, "BOTH_ROUNDS": 5, "FLOOD_ROUNDS": 2, "CALLS": 5, "CAPTURE_FRAMES": 100_000,
         "REPLAY_ROUNDS": 2}  # instead of the above, for a look
TIMEOUT_S = 120  # for any one process


class Failed(Exception):
    """A step cannot be done; str() says why."""


def call(*command, check=True):
    """Runs a command to its end; its stdout."""
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=TIMEOUT_S,
                              check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{command[0]}: {error}") from error
    if check and done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Failed(f"{Path(str(command[0])).name}: {lines[0] if lines else f'exit status {done.returncode}'}")
    return done.stdout


def cost(*command):
    """Runs a command; its wall time and CPU time, in seconds."""
    begin = time.monotonic()
    with open(os.devnull, "wb") as null:
        process = subprocess.Popen([str(c) for c in command], stdin=null, stdout=null, stderr=null)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"{Path(str(command[0])).name}: exit status {process.returncode}")
    return {"wall_s": time.monotonic() - begin, "cpu_s": usage.ru_utime + usage.ru_stime}


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


class Bench:
    """Where everything is, and what has to be undone."""

    def __init__(self, build):
        self.flagfilter = build / "flagfilter"
        self.out = build / "bench"
        self.reference = self.out / "reference.bpf.o"
        self.attacker, self.victim = f"ffbench{os.getpid()}a", f"ffbench{os.getpid()}v"
        self.tx, self.rx = f"b{os.getpid()}t", f"b{os.getpid()}r"
        self.capture = self.out / "replay.pcap"
        self.missing = []  # what there is nothing to say about, and why
        self.attached = set()
        self.reader = None

    def tool(self, name, *arguments):
        return json.loads(call(self.out / name, *arguments))

    def command(self, *arguments):
        return [self.flagfilter, "--netns", self.victim, *arguments]

    def attach(self, interface, *arguments):
        call(*self.command("attach", interface, *arguments))
        self.attached.add(interface)

    def detach(self, interface):
        call(*self.command("detach", interface))
        self.attached.discard(interface)

    def start_reader(self):
        """Attaches, and takes samples of what is dropped, on the generator's CPU."""
        self.attach(self.rx)
        command = ["taskset", "-c", "0", *self.command("--json", "capture", self.rx)]
        self.reader = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def stop_reader(self):
        if self.reader:
            self.reader.terminate()
            self.reader.wait()
        self.reader = None
        self.detach(self.rx)

    def in_victim(self, *command):
        return call("ip", "netns", "exec", self.victim, *command)

    def set_up(self):
        for netns in self.attacker, self.victim:
            call("ip", "netns", "add", netns)
            call("ip", "netns", "exec", netns, "sh", "-c",
                 "for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done")
            call("ip", "-n", netns, "link", "set", "lo", "up")
        ends = ((self.attacker, self.tx, 1), (self.victim, self.rx, 2))
        call("ip", "link", "add", self.tx, "netns", self.attacker, "address", "02:00:00:00:00:01", "type", "veth",
             "peer", "name", self.rx, "netns", self.victim, "address", "02:00:00:00:00:02")
        for netns, interface, host in ends:
            call("ip", "-n", netns, "address", "add", f"192.0.2.{host}/24", "dev", interface)
            # Segments as they come from a cable, and NAPI also where no XDP program is.
            call("ip", "netns", "exec", netns, "ethtool", "-K", interface, "tso", "off", "gso", "off", "gro", "on")
            call("ip", "-n", netns, "link", "set", interface, "up")
            call("ip", "-n", netns, "neighbour", "add", f"192.0.2.{3 - host}", "lladdr", f"02:00:00:00:00:0{3 - host}",
                 "dev", interface)
        self.in_victim("sh", "-c", f"echo 1 >/sys/class/net/{self.rx}/threaded")

    def clean_up(self):
        if self.reader:
            self.reader.terminate()
        for interface in list(self.attached) + [self.rx]:
            call(*self.command("detach", interface), check=False)
        for netns in self.attacker, self.victim:
            call("ip", "netns", "delete", netns, check=False)
        self.capture.unlink(missing_ok=True)


# Nanoseconds a packet, by BPF_PROG_TEST_RUN.

BASIC = ",".join(report.FRAMES)


def write_policy(bench, name, *lines):
    """A policy file; its subject for `testrun`, which wants a path with a slash."""
    path = bench.out / f"{name}.yaml"
    path.write_text("\n".join(("version: 1", *lines)) + "\n", encoding="utf-8")
    return f"file:{path}"


def own_rules(bench, rules):
    """Ever more rules of one's own: only the last one drops SYN+FIN, and none of them drops an ACK."""
    flags = [f"0x{value:03x}/0x1ff" for value in range(512) if value & 3 != 3 and not value & 0x10]
    return write_policy(bench, f"own{rules}", "preset: none", "rules:", *(
        f"  - {{name: own-{index}, flags: \"{match}\", mode: enforce}}"
        for index, match in enumerate(flags[:rules - 1] + ["SYN,FIN/SYN,FIN"])))


def exempt(bench, name, sources=(), ports=()):
    quoted = ", ".join(f'"{source}"' for source in sources)
    return write_policy(bench, name, "preset: default", "exempt:", f"  sources: [{quoted}]", f"  ports: {list(ports)}")


def sources_of(family, count):
    """Exempt sources of many lengths, as a large site has them; frames come from none of them."""
    if family == 4:
        addresses = (f"10.{i // 4}.{i % 4 * 64}.{i % 256}/{(20, 24, 28, 32)[i % 4]}" for i in range(count))
    else:
        addresses = (f"2001:db8:{i + 1:x}:{i:x}::1/{(48, 56, 64, 128)[i % 4]}" for i in range(count))
    return [str(ipaddress.ip_network(address, strict=False)) for address in addresses]


def subjects(bench):
    """Programs to measure, and the frames of each, as `testrun` takes them."""
    references = ["table=reference:table", "parse_count=reference:parse_count"]
    references += [f"{name}/{BASIC}=reference:{name}" for name in
                   ("drop_all", "parse_compare", "table_map", "table_map_two_counts")]
    ours = ["default=preset:default", f"conntrack/{BASIC}=preset:conntrack"]
    ours += [f"own{rules}/{BASIC}={own_rules(bench, rules)}" for rules in OWN_RULES]
    dropped = {4: "syn_fin", 6: "ipv6_syn_fin"}
    monitored = write_policy(bench, "monitored", "preset: none", "rules: [{name: syn-fin, mode: monitor}]")
    rare = ["sampled/ack,syn_fin,ipv6_syn_fin=sampled:default", f"monitored/ack,syn_fin,ipv6_syn_fin={monitored}"]
    for family, frame in dropped.items():
        rare += [f"sources{family}_{count}/ack,{frame}={exempt(bench, f's{family}_{count}', sources_of(family, count))}"
                 for count in SOURCES]
    rare += [f"exempt_source/syn_fin,ipv6_syn_fin={exempt(bench, 'source', ('192.0.2.1/32', '2001:db8::1/128'))}",
             f"exempt_port/syn_fin,port_syn_fin={exempt(bench, 'port', ports=(8443,))}"]
    return [*references, *ours, *rare, *xdp_filter_subjects(bench)]


def xdp_filter_subjects(bench):
    """xdp-filter's cheapest program for TCP and its full one, with either default; as the distribution has them."""
    found = []
    for name in [f"xdpfilt_{default}_{what}" for what in ("tcp", "all") for default in ("alw", "dny")]:
        places = [p for d in ("/usr/lib/*/bpf", "/usr/lib/bpf", "/usr/lib64/bpf") for p in glob.glob(f"{d}/{name}.o")]
        if places:
            found.append(f"{name}/{BASIC}=object:{places[0]}")
        else:
            bench.missing.append(f"xdp-filter ({name}.o): not installed")
    return found


def run_testrun(bench):
    """Every program on its frames; and the program on each of two CPUs, alone and both at once."""
    programs = subjects(bench)
    result = {"rounds": [], "load": []}  # of each round, with which load it was made
    for load in range(LOADS):
        say(f"nanoseconds a packet, {load + 1} of {LOADS}")
        part = json.loads(call("taskset", "-c", os.cpu_count() - 1, bench.out / "testrun", bench.reference, load + 1,
                               ROUNDS, REPEAT, *programs))
        result = {**part, "rounds": result["rounds"] + part["rounds"], "load": result["load"] + [load] * ROUNDS}
    say("nanoseconds a packet, both CPUs")
    result["both"] = bench.tool("testrun", "--both", bench.reference, BOTH_ROUNDS, REPEAT, "default=preset:default")
    result["siblings"] = siblings()
    return result


def siblings():
    """Whether CPU 0 and 1 are threads of one core. None: the kernel does not tell."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return text not in ("0", "")


# End to end on veth.

class Variant:
    """One way to filter. Reference programs are attached by the flood itself; others are set up before."""

    def __init__(self, name, program=(), up=None, down=None, port="open", honest=True):
        self.name, self.program, self.port, self.honest = name, program, port, honest
        self.up, self.down = up or (lambda: None), down or (lambda: None)


def iptables():
    """The iptables that there is: the old one by preference, which nft does not translate."""
    return next((tool for tool in ("iptables-legacy", "iptables") if shutil.which(tool)), None)


def netfilter_variants(bench):
    variants = []
    match = "tcp flags & (syn|fin) == (syn|fin) drop"
    if shutil.which("nft"):
        hooks = {"nft_ingress": ("netdev", f"hook ingress device {bench.rx} priority 0"),
                 "nft_raw": ("ip", "hook prerouting priority -300")}
        for name, (family, hook) in hooks.items():
            rules = (f"add table {family} bench; add chain {family} bench c {{ type filter {hook}; }}; "
                     f"add rule {family} bench c {match}")
            variants.append(Variant(name, up=lambda rules=rules: bench.in_victim("nft", rules),
                                    down=lambda family=family: bench.in_victim("nft", f"delete table {family} bench")))
    else:
        bench.missing.append("nftables: not installed")
    tool = iptables()
    if not tool:
        bench.missing.append("iptables: not installed")
    else:
        rule = ("PREROUTING", "-p", "tcp", "--tcp-flags", "SYN,FIN", "SYN,FIN", "-j", "DROP")
        variants.append(Variant("iptables_raw", up=lambda: bench.in_victim(tool, "-t", "raw", "-A", *rule),
                                down=lambda: bench.in_victim(tool, "-t", "raw", "-D", *rule)))
    return variants


def flood_variants(bench):
    modes = {f"flagfilter_{mode}": mode for mode in ("native", "generic")}
    return [
        Variant("drop_all", ("xdp", "drop_all"), honest=False),
        Variant("parse_compare", ("xdp", "parse_compare")),
        Variant("table", ("xdp", "table")),
        *(Variant(name, up=lambda mode=mode: bench.attach(bench.rx, "--mode", mode),
                  down=lambda: bench.detach(bench.rx)) for name, mode in modes.items()),
        Variant("flagfilter_read", up=bench.start_reader, down=bench.stop_reader, honest=False),
        Variant("tc", ("tc", "tc_parse_compare")),
        *netfilter_variants(bench),
        Variant("none_open"),
        Variant("none_closed", port="closed"),
    ]


def flood_once(bench, variant):
    variant.up()
    try:
        return bench.tool("flood", bench.reference, bench.attacker, bench.tx, bench.victim, bench.rx, variant.port,
                          WINDOW_MS, HONEST_MS if variant.honest else 0, *variant.program)
    finally:
        variant.down()


def run_flood(bench):
    variants = flood_variants(bench)
    result = {variant.name: [] for variant in variants}  # in this order, too
    for number in range(FLOOD_ROUNDS):
        say(f"end to end, {number + 1} of {FLOOD_ROUNDS}")
        first = number * 3 % len(variants)  # another one in every round
        for variant in variants[first:] + variants[:first]:
            try:
                result[variant.name].append(flood_once(bench, variant))
            except Failed as error:
                bench.missing.append(f"{variant.name}, round {number + 1}: {error}")
                if not result[variant.name]:
                    variants.remove(variant)
                    del result[variant.name]
    attached, tool = {}, iptables()
    for mode in "native", "generic":
        bench.attach(bench.rx, "--mode", mode)
        attached[mode] = json.loads(call(*bench.command("--json", "stats", bench.rx)))["attached"]
        bench.detach(bench.rx)
    version = " ".join(call(tool, "--version").split()[1:]) if tool else None
    return {"variants": result, "iptables": tool and f"{tool} {version}", "attached": attached}


# Flips, reports, replay.

def run_toggle(bench):
    say("flips")
    result = bench.tool("toggle", bench.reference, bench.out / "stopwatch.bpf.o", bench.attacker, bench.tx,
                        bench.victim, bench.rx)
    bench.attach(bench.rx)
    modes = ("monitor", "enforce")
    result["rule_command"] = [cost(*bench.command("rule", bench.rx, f"syn-fin={modes[i % 2]}")) for i in range(CALLS)]
    bench.detach(bench.rx)
    return result


def run_counters(bench):
    say("reading the counters")
    bench.attach(bench.rx)
    result = bench.tool("counters", bench.victim, bench.rx, *CPUS)
    result["true_command"] = [cost("true") for _ in range(CALLS)]
    result["stats_command"] = [cost(*bench.command("--json", "stats", bench.rx)) for _ in range(CALLS)]
    bench.detach(bench.rx)
    ends = [f"b{os.getpid()}x{i}" for i in range(max(INTERFACES))]
    for one, other in zip(ends[::2], ends[1::2]):
        call("ip", "-n", bench.victim, "link", "add", one, "type", "veth", "peer", "name", other)
    result["interfaces"] = []
    for count in INTERFACES:
        for interface in ends[len(bench.attached):count]:
            bench.attach(interface)
        result["interfaces"].append({
            "interfaces": count,
            "status": [cost(*bench.command("--json", "status")) for _ in range(CALLS)],
            "stats": [cost(*bench.command("--json", "stats", ends[0])) for _ in range(CALLS)]})
    for interface in ends:
        bench.detach(interface)
    return result


def tcp_frame(flags, size, ipv6):
    tcp = struct.pack(">HHIIBBHHH", 40000, 443, 1, 1, 0x50, flags, 8192, 0, 0) + bytes(size)
    if ipv6:
        header = struct.pack(">IHBB", 0x60000000, len(tcp), 6, 64) + bytes(32)
    else:
        header = struct.pack(">BBHHHBBH8s", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0, bytes(8))
    return bytes(12) + (b"\x86\xdd" if ipv6 else b"\x08\x00") + header + tcp


def write_capture(path):
    """A million frames such as a server sees, one in twenty of them illegal."""
    syn, ack, psh_ack, fin_ack = 0x02, 0x10, 0x18, 0x11
    illegal = (0x03, 0x06, 0x01, 0x00, 0x29)
    block = []
    for i in range(100):
        ipv6 = i % 5 == 0
        if i < 60:
            block.append(tcp_frame(ack, 0, ipv6) if i % 2 else tcp_frame(psh_ack, 100 + i, ipv6))
        elif i < 85:
            block.append(tcp_frame((syn, fin_ack)[i % 2], 0, ipv6))
        elif i < 95:
            block.append(bytes(12) + b"\x08\x00" + struct.pack(">BBHHHBBH8s", 0x45, 0, 60, 1, 0, 64, 17, 0, bytes(8)) +
                         bytes(40))
        else:
            block.append(tcp_frame(illegal[i - 95], 0, ipv6))
    records = b"".join(struct.pack("<IIII", 0, 0, len(f), len(f)) + f for f in (f.ljust(60, b"\0") for f in block))
    with open(path, "wb") as capture:
        capture.write(struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for _ in range(CAPTURE_FRAMES // 100_000):
            capture.write(records * 1000)


def run_replay(bench):
    say("replay")
    write_capture(bench.capture)
    flags = "({0} & 3 = 3 or {0} & 6 = 6 or {0} & 0x11 = 1 or {0} & 0x3f = 0)"
    expression = (f"{flags.format('tcp[13]')} or (ip proto 6 and ip[6:2] & 0x1fff = 1) or "
                  f"(ip6[6] = 6 and {flags.format('ip6[53]')})")
    read = ["tcpdump", "-Z", "root", "-r", bench.capture]
    commands = {"native": [bench.flagfilter, "--json", "replay", bench.capture],
                "kernel": [bench.flagfilter, "--json", "replay", bench.capture, "--engine", "kernel"],
                "tcpdump": [*read, "-w", os.devnull, expression]}
    result = {"frames": CAPTURE_FRAMES, "bytes": bench.capture.stat().st_size, "expression": expression,
              "dropped": json.loads(call(*commands["native"]))["dropped"]["packets"]}
    if shutil.which("tcpdump"):
        result["matched"] = len(call(*read, "-t", "-n", "-q", expression).splitlines())
    else:
        bench.missing.append("tcpdump: not installed")
        del commands["tcpdump"]
    result["runs"] = {name: [] for name in commands}
    for number in range(REPLAY_ROUNDS):
        for name, command in commands.items():
            if name != "kernel" or number < 2:
                result["runs"][name].append(cost(*command))
    return result


def machine():
    model = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
             if line.startswith("model name")]
    return {"processor": model[0] if model else platform.machine(), "cpus": os.cpu_count(),
            "kernel": platform.release(), "load": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d")}


PARTS = {"testrun": run_testrun, "flood": run_flood, "toggle": run_toggle, "counters": run_counters,
         "replay": run_replay}


def interrupt(*_):
    raise KeyboardInterrupt


def run(build, parts, quick):
    if os.geteuid():
        sys.exit("bench.py: needs root: it makes network namespaces and loads programs")
    if os.cpu_count() < 2:
        sys.exit("bench.py: needs two CPUs: one floods, the other receives")
    signal.signal(signal.SIGTERM, interrupt)
    bench = Bench(build)
    results = {"schema": 1, "quick": quick, "machine": machine()}
    globals().update(QUICK if quick else {})
    begin = time.monotonic()
    try:
        bench.set_up()
        for name in parts:
            try:
                results[name] = PARTS[name](bench)
            except Failed as error:
                bench.missing.append(f"{name}: {error}")
    except Failed as error:
        sys.exit(f"bench.py: {error}")
    except KeyboardInterrupt:
        sys.exit("bench.py: interrupted")
    finally:
        bench.clean_up()
    results["missing"] = bench.missing
    results["seconds"] = round(time.monotonic() - begin)
    results["machine"]["load_after"] = os.getloadavg()[0]
    (bench.out / "results.json").write_text(json.dumps(results) + "\n", encoding="utf-8")
    (bench.out / "results.md").write_text(report.as_markdown(results), encoding="utf-8")
    print(report.as_text(results))
    if bench.missing:
        sys.exit("bench.py: not everything could be measured; see \"Missing\" above")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("run", "docs"))
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS),
                        help=f"measure only some of: {','.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a look in half a minute; its figures are rough")
    arguments = parser.parse_args()
    if arguments.what == "run":
        run(arguments.build, arguments.parts, arguments.quick)
    else:
        report.write_docs(arguments.build / "bench", Path("docs"))


if __name__ == "__main__":
    main()
