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

    def ratios(self, program, other, frame):
        pairs = zip(self.costs(program, frame), self.costs(other, frame))
        return [one / two for one, two in pairs if two > 0]

    def drops(self, program, frame):
        return self.data["programs"][self.index[program]]["actions"][self.frame[frame]] == 1

    def size(self, program):
        return self.data["programs"][self.index[program]]["size"]


def cpu_ns(results, name):
    return [r["cpu_ns"] / r["packets"] for r in results["flood"]["variants"].get(name, [])]


def flood_ratios(results, name, other):
    return [one / two for one, two in zip(cpu_ns(results, name), cpu_ns(results, other))]


# Tables: title, header, rows, notes. The first column is text.

def costs_table(results):
    runs = Runs(results)
    rows = []
    for name in runs.index:
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
    for name in runs.index:
        if name == "only_return":
            continue
        row = [PROGRAMS.get(name, name)]
        for frame in "syn_fin", "ack":
            row += [spread(runs.costs(name, frame), 1), f"{median(runs.ratios(name, REFERENCE, frame)):.2f}"]
        rows.append(row)
    return ("The same, spread and ratio to the reference",
            ["program", "SYN+FIN, ns", "ratio", "ACK, ns", "ratio"], rows,
            ["10th to 90th percentile of the rounds; ratio: median of the ratios within a round."])


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
    for frame, what in ("syn_fin", "dropping SYN+FIN"), ("ack", "passing ACK"):
        ratio = median(runs.ratios("default", REFERENCE, frame))
        yield f"{what}, to the reference", "<= 1.10 x", f"{ratio:.2f} x", ratio <= 1.10
    for frame in "udp", "arp":
        cost = median(runs.costs("default", frame))
        yield f"{FRAMES[frame]}, over only returning", "<= 3 ns", f"{cost:.1f} ns", cost <= 3
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


TABLES = {"testrun": (costs_table, ratios_table), "flood": (flood_table, honest_table), "toggle": (toggle_table,),
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
    shown = [name for name in runs.index if name not in ("only_return", "drop_all") and not name.endswith("_all")]
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
