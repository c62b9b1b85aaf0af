# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a run of the benchmark says: tables for a terminal and for Markdown, the targets, the picture."""
import json
import re
import shutil
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path

FRAMES = {"syn_fin": "SYN+FIN", "ack": "ACK", "udp": "UDP", "arp": "ARP", "ipv6": "IPv6", "qinq": "2 tags",
          "exthdrs": "ext hdrs"}
PROGRAMS = {
    "only_return": "harness: only returns",
    "drop_all": "floor: only drops",
    "parse_compare": "floor: IPv4, compare",
    "parse_count": "floor: that + counter",
    "table": "reference: table in a global",
    "table_map": "table in an array map",
    "table_map_two_counts": "that, two counters",
    "default": "flagfilter, default",
    "conntrack": "flagfilter, conntrack",
    "sampled": "flagfilter, samples asked for",
    "exempt": "flagfilter, exemptions",
    "own1": "flagfilter, 1 rule",
    "own4": "flagfilter, 4 rules",
    "own16": "flagfilter, 16 rules",
    "own64": "flagfilter, 64 rules",
    "xdpfilt_alw_tcp": "xdp-filter TCP, allow",
    "xdpfilt_dny_tcp": "xdp-filter TCP, deny",
    "xdpfilt_alw_all": "xdp-filter all, allow",
    "xdpfilt_dny_all": "xdp-filter all, deny",
}
FILTERS = {
    "drop_all": "bare XDP_DROP",
    "parse_compare": "XDP, parse and compare",
    "table": "XDP, table and counter",
    "flagfilter_native": "flagfilter native",
    "flagfilter_read": "flagfilter, while captured",
    "flagfilter_generic": "flagfilter generic",
    "tc": "tc clsact BPF",
    "nft_ingress": "nftables netdev ingress",
    "nft_raw": "nftables raw prerouting",
    "iptables_raw": "iptables raw",
    "none_open": "nothing, open port",
    "none_closed": "nothing, closed port",
}
REFERENCE = "table"
MARKS = ("<!-- results: begin -->", "<!-- results: end -->")


def quantile(values, q):
    ordered = sorted(values)
    at = q * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


median = statistics.median


def spread(values, digits, low=0.1, high=0.9):
    return f"{quantile(values, low):.{digits}f}-{quantile(values, high):.{digits}f}"


class Runs:
    """The measurements of `testrun`: costs over the harness, and ratios of the same round."""

    def __init__(self, results):
        self.data = results["testrun"]
        self.index = {program["name"]: i for i, program in enumerate(self.data["programs"])}
        self.frame = {frame["name"]: i for i, frame in enumerate(self.data["frames"])}

    def costs(self, program, frame):
        return [r[self.index[program]][self.frame[frame]] for r in self.data["rounds"]]

    def measured(self, program, frame):
        return self.costs(program, frame)[0] is not None

    def by_load(self, program, frame):
        """The median of each load: they differ by where the program lies."""
        loads = {}
        for load, cost in zip(self.data["load"], self.costs(program, frame)):
            loads.setdefault(load, []).append(cost)
        return [median(costs) for costs in loads.values()]

    def ratios(self, program, other, frame, other_frame=None):
        pairs = zip(self.costs(program, frame), self.costs(other, other_frame or frame))
        return [one / two for one, two in pairs if two > 0]

    def differences(self, program, other, frame, other_frame=None):
        return [one - two for one, two in zip(self.costs(program, frame), self.costs(other, other_frame or frame))]

    def drops(self, program, frame):
        return self.data["programs"][self.index[program]]["actions"][self.frame[frame]] == 1

    def size(self, program):
        return self.data["programs"][self.index[program]]["size"]


def cpu_ns(results, name):
    return [r["cpu_ns"] / r["packets"] for r in results["flood"]["variants"].get(name, [])]


def flood_ratios(results, name, other):
    return [one / two for one, two in zip(cpu_ns(results, name), cpu_ns(results, other))]


# Tables: title, header, rows, notes. The first column is text.

def everyday(runs):
    """The programs that were run on all of FRAMES."""
    return [name for name in runs.index if all(runs.measured(name, frame) for frame in FRAMES)]


def costs_table(results):
    runs = Runs(results)
    rows = []
    for name in everyday(runs):
        medians = [f"{median(runs.costs(name, f)):.1f}" + ("d" if runs.drops(name, f) else "") for f in FRAMES]
        rows.append([PROGRAMS.get(name, name), *medians])
    size = runs.size("default")
    return ("Nanoseconds a packet, by BPF_PROG_TEST_RUN", ["program", *FRAMES.values()], rows, [
        f"Median of {len(runs.data['rounds'])} rounds, harness subtracted (its own line: as measured); d: dropped.",
        f"flagfilter is {size['verified_instructions']} instructions to the verifier and {size['jited_bytes']} "
        "bytes of machine code."])


def ratios_table(results):
    runs = Runs(results)
    rows = []
    for name in everyday(runs):
        if name == "only_return":
            continue
        row = [PROGRAMS.get(name, name)]
        for frame in "syn_fin", "ack":
            row += [spread(runs.by_load(name, frame), 1), f"{median(runs.ratios(name, REFERENCE, frame)):.2f}"]
        rows.append(row)
    return ("The same, spread and ratio to the reference",
            ["program", "SYN+FIN, ns", "ratio", "ACK, ns", "ratio"], rows,
            ["Spread: 10th to 90th percentile of the loads, each the median of its rounds: what the place in memory does. "
             "Ratio: median of the ratios within a round."])


# Off the hot path: what, program, frame; then the goal: "x" times or "+" so many nanoseconds more than another program
# on another frame, or "ns" at the most.
DROP, DROP6 = ("default", "syn_fin"), ("default", "ipv6_syn_fin")
RARE = (
    ("dropped", *DROP, "x", 1.15, ("table", "syn_fin")),
    ("dropped, IPv6", *DROP6, "x", 1.15, ("table", "ipv6_syn_fin")),
    *((f"dropped, {count:,} source{'s' if count > 1 else ''} exempt, not this one{', IPv6' if family == 6 else ''}",
       f"sources{family}_{count}", plain[1], "x", 2, plain)
      for family, plain in ((4, DROP), (6, DROP6)) for count in (1, 64, 1024)),
    ("passed, its source is exempt", "exempt_source", "syn_fin", "ns", 60, None),
    ("passed, its source is exempt, IPv6", "exempt_source", "ipv6_syn_fin", "ns", 60, None),
    ("passed, its port is exempt", "exempt_port", "port_syn_fin", "x", 2, DROP),
    ("dropped, another port is exempt", "exempt_port", "syn_fin", "x", 2, DROP),
    ("dropped, samples asked for", "sampled", "syn_fin", "x", 2, DROP),
    ("dropped, samples asked for, IPv6", "sampled", "ipv6_syn_fin", "x", 2, DROP6),
    ("passed, would be dropped", "monitored", "syn_fin", "x", 1.3, DROP),
    ("passed, would be dropped, IPv6", "monitored", "ipv6_syn_fin", "x", 1.3, DROP6),
    ("UDP", "default", "udp", "+", 1, ("parse_count", "udp")),
    ("ARP", "default", "arp", "+", 1, ("parse_count", "arp")),
    ("UDP, shorter than TCP's flags", "default", "udp_short", "+", 1, ("default", "udp")),
    ("ICMP", "default", "icmp", "+", 1, ("parse_count", "icmp")),
    ("ICMP, shorter than TCP's flags", "default", "icmp_short", "+", 1, ("default", "icmp")),
    ("IPv6", "default", "ipv6", "x", 1.1, ("table", "ipv6")),
    ("IPv6, one extension header", "default", "exthdr1", "x", 2, ("default", "ipv6")),
    ("IPv6, two extension headers", "default", "exthdrs", "ns", 40, None),
    ("IPv6, four extension headers", "default", "exthdr4", "ns", 40, None),
    ("IPv4 options", "default", "options", "ns", 20, None),
    ("first fragment", "default", "first", "ns", 20, None),
    ("later fragment", "default", "fragment", "ns", 20, None),
    ("two tags", "default", "qinq", "ns", 20, None),
    ("three tags", "default", "tags3", "ns", 20, None),
    ("four tags", "default", "tags4", "ns", 20, None),
)


def rare_row(runs, what, program, frame, unit, limit, other):
    """Cells of a row, and whether its goal is reached."""
    cost, against = median(runs.costs(program, frame)), "-"
    if unit == "ns":
        measure, goal = cost, f"{limit} ns"
    else:
        against = f"{median(runs.costs(*other)):.1f}"
        compare = runs.ratios if unit == "x" else runs.differences
        measure = median(compare(program, other[0], frame, other[1]))
        goal = f"{limit} x" if unit == "x" else f"+{limit} ns"
    reached = f"{measure:.2f} x" if unit == "x" else f"{measure:+.1f} ns" if unit == "+" else f"{measure:.1f} ns"
    cells = [what, f"{cost:.1f}", spread(runs.by_load(program, frame), 1), against, reached, f"<= {goal}"]
    return cells, measure <= limit


def rare_table(results):
    runs = Runs(results)
    rows = []
    for entry in RARE:
        cells, met = rare_row(runs, *entry)
        rows.append([*cells, "yes" if met else "NO"])
    return ("Off the hot path: the same, by what the frame is and what is asked for",
            ["frame", "ns", "spread of loads", "beside", "measured", "goal", "reached"], rows,
            ["Beside: the program and frame that the goal speaks of. What is dropped stands beside a drop by the preset "
             "default, that beside the reference; UDP, ARP and ICMP beside \"that + counter\", short ones beside longer ones; "
             "IPv6 beside the reference, with an extension header beside IPv6."])


def both_ratios(results):
    return [r["both_ns"] / r["alone_ns"] for r in results["testrun"]["both"] if r["alone_ns"] > 0]


def both_table(results):
    rows, rounds = [], results["testrun"]["both"]
    for cpu, frame in sorted({(r["cpu"], r["frame"]) for r in rounds}):
        mine = [r for r in rounds if (r["cpu"], r["frame"]) == (cpu, frame)]
        alone, both = ([r[key] for r in mine] for key in ("alone_ns", "both_ns"))
        rows.append([f"CPU {cpu}, {FRAMES[frame]}", f"{median(alone):.1f}", spread(alone, 1), f"{median(both):.1f}",
                     spread(both, 1), f"{median(two / one for one, two in zip(alone, both) if one > 0):.2f}"])
    told = {None: "are not known to be", False: "are not", True: "are"}[results["testrun"]["siblings"]]
    return ("Both CPUs at once, flagfilter", ["where", "ns alone", "spread", "ns both", "spread", "ratio"], rows,
            [f"Alone and in company in turn, one load. The two CPUs {told} threads of one core, by what the kernel says."])


def flood_table(results):
    rows = []
    for name, rounds in results["flood"]["variants"].items():
        ns = cpu_ns(results, name)
        mpps = [r["packets"] / r["wall_ns"] * 1e3 for r in rounds]
        rows.append([FILTERS[name], f"{median(ns):.0f}", spread(ns, 0, 0, 1),
                     f"{median(flood_ratios(results, name, 'parse_compare')):.2f}", f"{median(mpps):.2f}"])
    attached = ", ".join(f"{mode} mode {how}" for mode, how in results["flood"]["attached"].items())
    notes = [f"{len(rounds)} rounds; spread: least to most; ratio within a round. flagfilter's attachment: {attached}."]
    if results["flood"]["iptables"]:
        notes.append(f"iptables is {results['flood']['iptables']}.")
    return ("End to end on veth: the receiving side's CPU time a packet",
            ["filter", "CPU ns", "spread", "to compare", "Mpps handled"], rows, notes)


def honest_table(results):
    rows = []
    for name, rounds in results["flood"]["variants"].items():
        if not rounds[0]["flooded"]:
            continue
        flooded = [r["flooded"] for r in rounds]
        answers = [r["answers_per_s"] for r in flooded]
        mb = [r["bytes_per_s"] / 1e6 for r in flooded]
        rows.append([FILTERS[name], f"{median(r['alone']['answers_per_s'] for r in rounds):.0f}",
                     f"{median(answers):.0f}", spread(answers, 0, 0, 1),
                     f"{median(r['answer_p99_us'] for r in flooded) / 1e3:.1f}",
                     f"{median(r['alone']['bytes_per_s'] for r in rounds) / 1e6:.0f}", f"{median(mb):.0f}",
                     spread(mb, 0, 0, 1)])
    return ("Honest TCP beside a flood of 1 Mpps",
            ["filter", "req/s alone", "flooded", "spread", "p99 ms", "MB/s alone", "flooded", "spread"], rows,
            ["One-byte requests one after another, and one transfer. Spread: least to most of the rounds."])


def times(runs, key="wall_s"):
    return [r[key] * 1e3 for r in runs]


def toggle_table(results):
    toggle = results["toggle"]
    rows = []
    for key, what in (("by_product", "product's change of policy, flooded"), ("by_store", "bare store, flooded"),
                      ("by_test_run", "bare store, program run over and over")):
        run = toggle[key]
        rows.append([what, f"{run['flips_per_s']:,.0f}", f"{run['packets_per_s'] / 1e6:.1f}", f"{run['arrived']:,}",
                     str(run["misjudged"])])
    new, old = toggle["latency"]["first_new_us"], toggle["latency"]["last_old_us"]
    change = toggle["change_ms"]
    return ("Flips", ["how", "flips/s", "Mpps", "packets", "misjudged"], rows, [
        f"From the store to the first packet judged by the new policy: median {new['median']:.2f} us, "
        f"99 % {new['p99']:.2f} us ({new['count']} flips); to the last by the old one: median {old['median']:.2f} us.",
        f"A change by the product, with its wait for packets on their way: median {change['median']:.1f} ms.",
        f"The `rule` command, start to end: median {median(times(toggle['rule_command'])):.1f} ms."])


def counters_table(results):
    counters = results["counters"]
    rows = [[f"report, {host['cpus']} CPUs{', simulated' if host['simulated'] else ', this host'}",
             f"{host['cpu_us'] / 1e3:.2f}", f"{host['cpu_us_p10'] / 1e3:.2f}-{host['cpu_us_p90'] / 1e3:.2f}",
             f"{host['wall_us'] / 1e3:.2f}"] for host in counters["hosts"]]
    commands = [("`true` command, to compare", counters["true_command"])]
    for entry in counters["interfaces"]:
        for command in "stats", "status":
            commands.append((f"`{command}` command, {entry['interfaces']} attached", entry[command]))
    for name, runs in commands:
        cpu = times(runs, "cpu_s")
        rows.append([name, f"{median(cpu):.2f}", spread(cpu, 2), f"{median(times(runs)):.2f}"])
    return ("Reading the counters", ["what", "CPU ms", "spread", "wall ms"], rows,
            ["A report is made inside a process; a command is a whole process, start to end. Spread: 10th to 90th "
             f"percentile. One CPU's counters are {counters['value_bytes']:,} bytes."])


def replay_table(results):
    replay = results["replay"]
    rows = []
    names = {"native": "flagfilter replay", "kernel": "flagfilter replay --engine kernel", "tcpdump": "tcpdump"}
    for name, runs in replay["runs"].items():
        mpps = [replay["frames"] / run["wall_s"] / 1e6 for run in runs]
        cpu = [run["cpu_s"] / replay["frames"] * 1e9 for run in runs]
        rows.append([names[name], f"{median(mpps):.2f}", spread(mpps, 2, 0, 1), f"{median(cpu):.0f}"])
    notes = [f"{replay['frames']:,} frames, {replay['bytes'] / 1e6:.0f} MB; {replay['dropped']:,} of them illegal"
             + (f", {replay['matched']:,} by tcpdump's filter." if "matched" in replay else ".")]
    return ("Replay", ["command", "Mpps", "spread", "CPU ns a frame"], rows, notes)


def targets_table(results):
    rows = [[what, goal, reached, "yes" if met else "NO"] for what, goal, reached, met in targets(results)]
    return ("Targets", ["what", "target", "measured", "reached"], rows, [])


def targets(results):
    """(what, target, measured, whether reached) for all that was measured."""
    if "testrun" in results:
        yield from testrun_targets(Runs(results))
        ratio = median(both_ratios(results))
        yield "both CPUs to one alone", "<= 1.05 x", f"{ratio:.2f} x", ratio <= 1.05
    if "flood" in results:
        yield from flood_targets(results)
    if "toggle" in results:
        yield from toggle_targets(results["toggle"])
    if "counters" in results:
        host, stats_ms = stats_on_largest_host(results["counters"])
        yield f"`stats`, {host['cpus']} CPUs simulated", "< 5 ms CPU", f"{stats_ms:.2f} ms", stats_ms < 5
    if "tcpdump" in results.get("replay", {}).get("runs", {}):
        runs = results["replay"]["runs"]
        ratio = median(t["cpu_s"] / n["cpu_s"] for t, n in zip(runs["tcpdump"], runs["native"]))
        yield "replay, native, to tcpdump", "> 1 x as fast", f"{ratio:.2f} x", ratio > 1


def stats_on_largest_host(counters):
    """The largest host, and the CPU time of the whole command there: that of this host, and what its report is more."""
    host = max(counters["hosts"], key=lambda h: h["cpus"])
    here = next(h for h in counters["hosts"] if not h["simulated"])
    return host, median(times(counters["stats_command"], "cpu_s")) + (host["cpu_us"] - here["cpu_us"]) / 1e3


def testrun_targets(runs):
    for frame, what, limit in ("syn_fin", "dropping SYN+FIN", 1.15), ("ack", "passing ACK", 1.10):
        ratio = median(runs.ratios("default", REFERENCE, frame))
        yield f"{what}, to the reference", f"<= {limit:.2f} x", f"{ratio:.2f} x", ratio <= limit
    reached = sum(rare_row(runs, *entry)[1] for entry in RARE)
    yield "off the hot path", f"{len(RARE)} rows", f"{reached} rows", reached == len(RARE)
    for frame in "syn_fin", "ack":
        ratio = median(runs.ratios("own64", "own1", frame))
        yield f"64 rules to 1, {FRAMES[frame]}", "within 3 %", f"{(ratio - 1) * 100:+.1f} %", abs(ratio - 1) <= 0.03


def flood_targets(results):
    native = "flagfilter_native"
    if cpu_ns(results, native):
        ratio = median(flood_ratios(results, native, "parse_compare"))
        yield "native to parse and compare, CPU", "<= 1.20 x", f"{ratio:.2f} x", ratio <= 1.20
    for other, goal in ("nft_ingress", 3.5), ("iptables_raw", 4.5), ("tc", 3):
        if cpu_ns(results, native) and cpu_ns(results, other):
            ratio = median(flood_ratios(results, other, native))
            yield f"{FILTERS[other]} to native, CPU", f">= {goal} x", f"{ratio:.2f} x", ratio >= goal


def toggle_targets(toggle):
    new = toggle["latency"]["first_new_us"]["median"]
    yield "a flip is seen by the next packet", "< 2 us", f"{new:.2f} us", new < 2 and not toggle["latency"]["unseen"]
    flips = toggle["by_store"]["flips_per_s"]
    yield "flips a second, flooded", "> 10,000", f"{flips:,.0f}", flips > 10000
    misjudged = sum(toggle[run]["misjudged"] for run in ("by_product", "by_store", "by_test_run"))
    yield "packets misjudged", "0", str(misjudged), not misjudged


TABLES = {"testrun": (costs_table, ratios_table, rare_table, both_table), "flood": (flood_table, honest_table), "toggle": (toggle_table,),
          "counters": (counters_table,), "replay": (replay_table,)}


def tables(results):
    for part, makers in TABLES.items():
        if part in results:
            yield from (make(results) for make in makers)
    yield targets_table(results)


def lines_of(header, rows, markdown):
    """A table, aligned: names to the left, numbers to the right."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]

    def line(row):
        cells = [str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        return "| " + " | ".join(cells) + " |" if markdown else "  ".join(cells)

    rule = ["-" * w if i == 0 or not markdown else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return [line(header), line(rule), *(line(row) for row in rows)]


def about(results):
    machine = results["machine"]
    text = (f"{machine['processor']}, {machine['cpus']} CPUs, Linux {machine['kernel']}, {machine['date']}; "
            f"{results['seconds']} s; load {machine['load']:.1f} before.")
    text += " A quick look: figures are rough." if results.get("quick") else ""
    return [text] + [f"Missing: {what}." for what in results["missing"]]


def as_text(results):
    lines = ["", *about(results)]
    for title, header, rows, notes in tables(results):
        lines += ["", title, "", *lines_of(header, rows, False)]
        lines += textwrap.wrap(" ".join(notes), 96)
    return "\n".join(lines)


def as_markdown(results):
    lines = about(results)
    for title, header, rows, notes in tables(results):
        lines += ["", f"### {title}", "", *lines_of(header, rows, True)]
        lines += ["", " ".join(notes)] if notes else []
    return "\n".join(lines) + "\n"


def write_picture(results, out, picture):
    """By gnuplot: one bar for each filter and for each program."""
    if not shutil.which("gnuplot"):
        sys.exit("bench.py: the picture needs gnuplot (Debian: gnuplot-nox)")
    runs = Runs(results)
    shown = [name for name in everyday(runs) if name not in ("only_return", "drop_all") and not name.endswith("_all")]
    parts = {
        "flood.dat": [(FILTERS[name], median(cpu_ns(results, name)), quantile(cpu_ns(results, name), 0),
                       quantile(cpu_ns(results, name), 1), FILTERS[name].startswith("flagfilter"))
                      for name in results["flood"]["variants"]],
        "testrun.dat": [(PROGRAMS[name], median(runs.costs(name, "syn_fin")), *(quantile(runs.costs(name, "syn_fin"), q)
                                                                               for q in (0.1, 0.9)),
                         PROGRAMS[name].startswith("flagfilter")) for name in shown]}
    for file, rows in parts.items():
        text = "".join(f'{i}\t"{name}"\t{mid:.2f}\t{low:.2f}\t{high:.2f}\t{int(ours)}\n'
                       for i, (name, mid, low, high, ours) in enumerate(rows))
        (out / file).write_text(text, encoding="utf-8")
    subprocess.run(["gnuplot", "-c", Path(__file__).with_name("plot.gp"), picture, out / "flood.dat",
                    out / "testrun.dat"], check=True)


def write_docs(out, docs):
    """The last run's figures into docs/performance.md, between the marks, with its picture and its JSON."""
    path = out / "results.json"
    if not path.exists():
        sys.exit(f"bench.py: no {path}: run `make bench` first")
    results = json.loads(path.read_text(encoding="utf-8"))
    missing = results["missing"] + [part for part in TABLES if part not in results]
    missing += ["all but a quick look"] if results.get("quick") else []
    if missing:
        sys.exit(f"bench.py: a page with holes is not published; missing: {'; '.join(missing)}")
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8")
    between = re.compile(f"(?<={re.escape(MARKS[0])}\n).*(?={re.escape(MARKS[1])})", re.DOTALL)
    if not between.search(text):
        sys.exit(f"bench.py: {page} has lost its marks {' '.join(MARKS)}")
    generated = "\n" + as_markdown(results) + "\n"
    page.write_text(between.sub(lambda _: generated, text), encoding="utf-8")
    (docs / "performance.json").write_text(json.dumps(results, separators=(",", ":")) + "\n", encoding="utf-8")
    write_picture(results, out, docs / "performance.svg")
