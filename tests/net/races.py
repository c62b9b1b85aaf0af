#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fifty loaders at once on one interface, and what every report said.

races.py FLAGFILTER NETNS INTERFACE POLICY-A POLICY-B SECONDS

Loaders apply one policy or the other, set modes, attach again; readers ask for stats, rules and status all the while.
The rules of policy A are called a-..., those of B b-..., and the modes of either are set all together; each exempts
sources of a network of its own. So a report that mixes two policies shows. Prints what was done; the exit status is 1 if anything was wrong.
"""

import collections
import json
import random
import subprocess
import sys
import threading
import time

BINARY, NETNS, INTERFACE, A, B = sys.argv[1:6]
SECONDS = float(sys.argv[6])
MODES = ("off", "monitor", "enforce")
RULES = 8
SOURCES = 300
NETWORK = {"a": "10.1.", "b": "10.2."}
done = collections.Counter()
wrong = []


def flagfilter(*arguments):
    result = subprocess.run([BINARY, "--json", "--netns", NETNS, *arguments], text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done[arguments[0]] += 1
    if result.returncode:
        lines = result.stderr.splitlines(keepends=True)
        return result.returncode, "".join(line for line in lines if not line.startswith("flagfilter: waiting for "))
    return 0, json.loads(result.stdout)


def check_rules(what, rules):
    """All of one policy, and all in one mode; the row of rules that are gone aside."""
    rules = [rule for rule in rules if rule["name"] != "(removed)"]
    kinds = {(rule["name"][0], rule["mode"]) for rule in rules}
    if len(kinds) != 1 or len(rules) != RULES:
        wrong.append(f"{what} mixes policies: {sorted(kinds)}, {len(rules)} rules")


def check_exempt(report):
    """As many as the policy has, each once, and of its network."""
    network, sources = NETWORK[report["rules"][0]["name"][0]], report["exempt"]["sources"]
    if len(sources) != SOURCES or len(set(sources)) != SOURCES or not all(s.startswith(network) for s in sources):
        wrong.append(f"save: {len(sources)} sources, {len(set(sources))} different, expected {network}")


def load(end, seed):
    choice = random.Random(seed)
    while time.monotonic() < end:
        kind = choice.choice(("apply", "apply", "rule", "rule", "attach"))
        if kind == "apply":
            arguments = ("apply", INTERFACE, choice.choice((A, B)))
        elif kind == "attach":
            arguments = ("attach", INTERFACE)
        else:
            mode, letter = choice.choice(MODES), choice.choice("ab")
            arguments = ("rule", INTERFACE, *(f"{letter}-{i}={mode}" for i in range(RULES)))
        status, said = flagfilter(*arguments)
        # the other policy is in force: it has no such rule
        if status and not (status == 2 and kind == "rule" and said.count("\n") == 1):
            wrong.append(f"{arguments}: {status} {said}")


def check_sums(report, at_rest):
    dropped = sum(rule["dropped"]["packets"] for rule in report["rules"])
    if report["dropped"]["packets"] != dropped:
        wrong.append(f"dropped {report['dropped']['packets']}, sum of rules {dropped}")
    if report["frames"]["packets"] != report["passed"]["packets"] + report["dropped"]["packets"]:
        wrong.append(f"frames are not passed and dropped: {report}")
    if at_rest:
        print(json.dumps(report["frames"]))


def read(end):
    before = collections.Counter()
    while time.monotonic() < end:
        for command in ("stats", "rule", "save", "status"):
            status, report = flagfilter(command, INTERFACE)
            if status:
                wrong.append(f"{command}: {status} {report}")
                return
            if command == "status":
                if len(report["filters"]) != 1:
                    wrong.append(f"status: {report}")
                continue
            check_rules(command, report["rules"])
            if command == "save":
                check_exempt(report)
            if command != "stats":
                continue
            check_sums(report, False)
            now = {f"{key} {unit}": report[key][unit] for key in ("frames", "passed", "dropped")
                   for unit in ("packets", "bytes")}
            now.update({f"class {name}": count for name, count in report["not_judged"].items()})
            wrong.extend(f"{key} went back from {before[key]} to {value}" for key, value in now.items()
                         if value < before[key])
            before.update({key: value - before[key] for key, value in now.items()})


def main():
    end = time.monotonic() + SECONDS
    threads = [threading.Thread(target=load, args=(end, seed)) for seed in range(44)]
    threads += [threading.Thread(target=read, args=(end,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check_sums(flagfilter("stats", INTERFACE)[1], True)
    print(" ".join(f"{command} {count}" for command, count in sorted(done.items())))
    for text in wrong[:10]:
        print(text)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
