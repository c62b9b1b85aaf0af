#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Follows README.md to the letter: runs each command that it shows with a prompt, with the installed flagfilter, in a
network namespace of its own whose eth0 is one end of a veth pair, and holds what is printed against what is shown.
"..." stands for any lines; times, durations and numbers that depend on the moment are not compared. Needs root.

usage: unshare --net --mount tests/tools/readme.py [README.md]
"""
import re
import subprocess
import sys

CLIENT = "ff-readme"
# What cannot be had here, and why.
ELSEWHERE = {
    "flagfilter doctor eth0": "is shown for virtio_net with an MTU of 9000 on Linux 5.10",
    "flagfilter replay --summary capture.pcap": "the capture is not shown; see tests/cli/summary.bats",
    "build/flagfilter --netns": "the demo; see tests/net/demo.bats",
    "nmap": "the demo, too",
    "systemctl": "needs systemd",
    "flagfilter attach eth0": "is shown with another owner's program; see tests/net/attach.bats",
}


def run(command):
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def must(command):
    status, output = run(command)
    if status:
        sys.exit(f"{command}: {output}")


def client(command):
    must(f"ip netns exec {CLIENT} {command}")


def scans():
    client("nmap -n -Pn -T4 --max-retries 0 -p51-100 -sX 192.0.2.1")
    client("nmap -n -Pn -T4 --max-retries 0 -p51-100 -sN -f 192.0.2.1")


def disputed():
    run(f"ip netns exec {CLIENT} hping3 -q -c 12 -i u1000 -R -A -U -p 81 192.0.2.1")  # nobody answers: status 1


def again():
    must("flagfilter attach eth0 && flagfilter rule eth0 syn-fin=off")
    disputed()


# What has happened before a command is shown.
BEFORE = {
    "flagfilter stats eth0": scans,
    "cat new.yaml": lambda: open("new.yaml", "w", encoding="utf-8").write("version: 1\npreset: conntrack\n"),
    "flagfilter diff eth0 new.yaml": disputed,
    "flagfilter matrix eth0 --rule rst-ack-urg": again,
}

VARIABLE = [
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"), (r"attached for [\d:d ]+", "attached for DURATION"),
    (r"^(passed|  cost) .*", r"\1 ..."), (r"of \d+ frames", "of N frames"), (r"\bshared\b", "exclusive"), (r"\s+", " "),
]


def plain(text):
    for pattern, instead in VARIABLE:
        text = re.sub(pattern, instead, text, flags=re.M)
    return text.strip()


def sessions(text):
    """(command, shown lines) of each command with a prompt, in order."""
    found = []
    for block in re.findall(r"^```\n(.*?)^```", text, re.S | re.M):
        for line in block.splitlines():
            prompt = re.match(r"(?:client)?[#$] (.*)", line)
            if prompt:
                found.append((prompt[1], []))
            elif found and block.lstrip().startswith(("#", "$", "client#")):
                found[-1][1].append(line)
    return found


def main():
    with open(sys.argv[1] if len(sys.argv) > 1 else "README.md", encoding="utf-8") as file:
        shown = sessions(file.read())
    must(f"ip netns add {CLIENT} && ip link set lo up && ip link add eth0 type veth peer name eth0 netns {CLIENT} && "
         "ip address add 192.0.2.1/24 dev eth0 && ip link set eth0 up && "
         f"ip -n {CLIENT} address add 192.0.2.2/24 dev eth0 && ip -n {CLIENT} link set eth0 up")
    status = followed = 0
    try:
        for command, lines in shown:
            why = next((ELSEWHERE[word] for word in ELSEWHERE
                        if command == word or command.startswith(word) and word != "flagfilter attach eth0"), None)
            if why:
                print(f"# {command}: {why}")
                continue
            BEFORE.get(command, lambda: None)()
            _, output = run(command)
            wanted = ".*".join(re.escape(plain(part)) for part in re.split(r"^\.\.\.$", "\n".join(lines), flags=re.M))
            followed += 1
            if re.fullmatch(wanted, plain(output)):
                print(f"ok {followed} {command}")
            else:
                status = 1
                print(f"not ok {followed} {command}\n# shown:\n" + "\n".join(lines) + f"\n# printed:\n{output}")
    finally:
        run("flagfilter detach eth0")
        run(f"ip netns delete {CLIENT}")
    print(f"1..{followed}")
    return status


if __name__ == "__main__":
    sys.exit(main())
