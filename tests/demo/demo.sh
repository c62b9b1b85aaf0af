#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# demo.sh: flagfilter at work, between two network namespaces of its own. Needs root, and a built build/flagfilter.
# It touches no interface of this machine and leaves nothing behind, however it ends. Exit status 0: what was to be
# seen was seen.

set -u
cd "$(dirname "$0")/../.." || exit 1

server_ns=ff-server-$$
client_ns=ff-client-$$
client=(ip netns exec "$client_ns")
interface=veth0
server4=192.0.2.1 server6=2001:db8::1
client4=192.0.2.2 client6=2001:db8::2
ports=51-100 # 80 is open, all others are closed
flagfilter=build/flagfilter
scratch=
mounted=
children=()
answered=0 # segments that were let through while a rule was off
checks=0
failures=()

#
# Clean up, once, whatever happens.
#

cleanup() {
	local pid ns

	trap '' INT TERM HUP PIPE
	for pid in "${children[@]}"; do
		kill "$pid" 2>/dev/null
	done
	for pid in "${children[@]}"; do
		wait "$pid" 2>/dev/null
	done
	[[ -e /run/netns/$server_ns ]] && "$flagfilter" --netns "$server_ns" detach --all >/dev/null 2>&1
	for ns in "$client_ns" "$server_ns"; do
		[[ -e /run/netns/$ns ]] && ip netns delete "$ns"
	done
	[[ $mounted ]] && umount /sys/fs/bpf
	[[ $scratch ]] && rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
trap 'exit 141' PIPE

fail() {
	echo "demo.sh: $*" >&2
	exit 1
}

#
# Processes: whoever may take longer than a moment runs in the background, so that an interrupt is heeded at once.
#

start() {
	"$@" &
	children+=($!)
}

# Runs a command to its end.
run() {
	local status

	start "$@"
	wait "${children[-1]}"
	status=$?
	unset 'children[-1]'
	return $status
}

stop() {
	local pid=$1 i

	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	for i in "${!children[@]}"; do
		[[ ${children[i]} == "$pid" ]] && unset "children[$i]"
	done
}

pause() {
	[[ ! -t 1 ]] || run sleep "$1"
}

#
# What is shown, and whether it was seen.
#

step() {
	pause 0.7
	printf '\n--- %s\n' "$*"
}

# A filter command, shown and run.
filter() {
	printf '# %s --netns %s %s\n' "$flagfilter" "$server_ns" "$*"
	"$flagfilter" --netns "$server_ns" "$@"
}

# A command on the client, shown and run.
client() {
	printf 'client# %s\n' "$*"
	run "${client[@]}" "$@"
}

see() {
	local what=$1

	shift
	checks=$((checks + 1))
	"$@" && return
	failures+=("$what")
	echo "    NOT SEEN: $what"
	return 1
}

# The number at a path of `stats --json`: "passed", or what a rule has dropped.
counted() {
	"$flagfilter" --netns "$server_ns" --json stats "$interface" | python3 -c '
import json, sys
report, what = json.load(sys.stdin), sys.argv[1]
rules = {rule["name"]: rule["dropped"] for rule in report["rules"]}
print((rules[what] if what in rules else report[what])["packets"])' "$1" 2>/dev/null
}

#
# The steps.
#

prepare() {
	local tool

	((EUID == 0)) || fail "needs root, for network namespaces: sudo make demo"
	[[ -x $flagfilter ]] || fail "no $flagfilter: run make first"
	for tool in ip nmap hping3 curl python3 tcpdump; do
		command -v "$tool" >/dev/null || fail "no $tool here: run dist/deps.sh demo first"
	done
	if [[ $(stat -f -c %T /sys/fs/bpf 2>/dev/null) != bpf_fs ]]; then
		mount -t bpf -o mode=700 bpf /sys/fs/bpf || fail "cannot mount a BPF filesystem on /sys/fs/bpf"
		mounted=yes
	fi
	scratch=$(mktemp -d /tmp/ff.XXXX) || fail "cannot make a directory in /tmp"
}

configure() {
	ip -n "$1" address add "$2" dev "$interface" &&
		ip -n "$1" address add "$3" dev "$interface" nodad &&
		ip -n "$1" link set "$interface" up
}

connect() {
	ip netns add "$server_ns" && ip netns add "$client_ns" &&
		ip link add "$interface" netns "$server_ns" type veth peer name "$interface" netns "$client_ns" &&
		configure "$server_ns" "$server4/24" "$server6/64" && configure "$client_ns" "$client4/24" "$client6/64"
}

make_network() {
	step "Two network namespaces, a server and a client, joined by a veth pair"
	connect || fail "cannot make the network namespaces"
	echo "server  $server_ns  $server4  $server6"
	echo "client  $client_ns  $client4  $client6"
	echo "Below, 'client#' stands for: ${client[*]}"
}

serve() {
	mkdir "$scratch/www"
	echo "hello from the server" >"$scratch/www/index.html"
	start ip netns exec "$server_ns" python3 -m http.server --bind :: --directory "$scratch/www" 80 >/dev/null 2>&1
	for _ in {1..50}; do
		"${client[@]}" curl -s -o /dev/null "http://$server4/" && return
		run sleep 0.1
	done
	fail "the demo's HTTP server does not answer"
}

# What nmap says of the ports, in its own words.
nmap_says() {
	client nmap -n -Pn -T4 --max-retries 0 -p"$ports" "$@" >"$scratch/nmap"
	head -1 "$scratch/nmap"
	grep -E '^Not shown|^80/tcp' "$scratch/nmap"
}

look_before() {
	step "Without the filter: a NULL scan tells open ports (80) from closed ones"
	nmap_says -sN "$server4"
	see "the open port, by a NULL scan" grep -q '^80/tcp *open' "$scratch/nmap"
}

attach() {
	step "Attach the filter to the server's interface"
	filter attach "$interface" || fail "cannot attach"
	see "native mode" grep -q '"mode":"native"' \
		<("$flagfilter" --netns "$server_ns" --json status "$interface")
}

# A capture of what the client sends and gets from here on.
record() {
	start "${client[@]}" tcpdump -q -U -Z root -i "$interface" -w "$scratch/demo.pcap" tcp 2>"$scratch/tcpdump"
	tcpdump_pid=${children[-1]}
	for _ in {1..50}; do
		grep -q '^tcpdump: listening' "$scratch/tcpdump" && return
		run sleep 0.1
	done
	fail "tcpdump does not start: $(cat "$scratch/tcpdump")"
}

honest_traffic() {
	local url

	step "Honest traffic passes: HTTP, over IPv4 and over IPv6"
	for url in "http://$server4/" "http://[$server6]/"; do
		see "a page from $url" client curl -s -f -m 5 "$url"
	done
	see "no honest packet dropped" [ "$(counted dropped)" = 0 ]
}

# scan RULE NMAP-ARGUMENT...: what the rule has dropped of the scan.
scan() {
	local rule=$1 before dropped

	shift
	before=$(counted "$rule")
	nmap_says "$@"
	dropped=$(($(counted "$rule") - before))
	printf '%*s\n' 79 "rule $rule dropped $dropped"
	see "the scan dropped by $rule" [ "$dropped" -ge 50 ]
}

scans() {
	step "Scans of every kind: dropped, and nmap cannot tell port 80 from the others"
	scan tcp-no-flag -sN "$server4"
	scan fin-no-ack -sF "$server4"
	scan fin-no-ack -sX "$server4"
	scan syn-fin --scanflags SYNFIN "$server4"
	scan syn-rst --scanflags SYNRST "$server4"
	scan tiny-fragment -sF -f "$server4"
	scan tcp-no-flag -6 -sN "$server6"
	scan fin-no-ack -6 -sX "$server6"
}

# All of it again and again, until it is stopped; for start.
traffic() {
	local child='' command

	trap '[[ ! $child ]] || kill "$child" 2>/dev/null; exit' TERM
	trap - EXIT INT HUP PIPE
	while :; do
		for command in "curl -m 1 http://$server4/ http://[$server6]/" \
			"nmap -sN" "nmap -sF" "nmap -sX" "nmap -sF -f" \
			"nmap --scanflags SYNFIN" "nmap --scanflags SYNRST"; do
			[[ $command != nmap* ]] || command+=" -n -Pn -T4 --max-retries 0 -p $ports $server4"
			# shellcheck disable=SC2086 # words
			"${client[@]}" $command >/dev/null 2>&1 &
			child=$!
			wait "$child"
		done
	done
}

# Statistics on a terminal are a screen that is redrawn, which would hide the steps before; in a pipe they are lines, too
# long for 80 columns.
shorten="s/.*T//; s/ [a-z-]*=.*//"

start_lines() {
	echo "# $flagfilter --netns $server_ns stats $interface --watch --count 7 |"
	echo "      sed -u '$shorten'$1"
	start "$flagfilter" --netns "$server_ns" stats "$interface" --watch --count 7 > >(sed -u "$shorten")
}

watch() {
	local traffic stats

	step "Live statistics, for 6 seconds of honest traffic and all these scans"
	start traffic
	traffic=${children[-1]}
	start_lines ""
	stats=${children[-1]}
	wait "$stats"
	see "live statistics" [ $? = 0 ]
	unset 'children[-1]'
	stop "$traffic"
	run sleep 0.1
}

# One line a second, while the rule is turned off and on again.
flip() {
	local hping before during after sent dropped stats

	step "Turn a rule off and on, while NULL segments to a closed port keep coming"
	before=$(counted tcp-no-flag)
	echo "client# hping3 -q -c 700 -i u10000 -p 81 $server4 &"
	start "${client[@]}" hping3 -q -c 700 -i u10000 -p 81 "$server4" >"$scratch/hping" 2>&1
	hping=${children[-1]}
	start_lines " &"
	stats=${children[-1]}
	run sleep 2.5
	filter rule "$interface" tcp-no-flag=off | grep tcp-no-flag
	during=$(counted tcp-no-flag)
	run sleep 1.5
	see "nothing dropped while the rule was off" [ "$(counted tcp-no-flag)" = "$during" ]
	run sleep 0.5
	filter rule "$interface" tcp-no-flag=enforce | grep tcp-no-flag
	wait "$stats" "$hping"
	children=("${children[@]:0:${#children[@]}-2}")
	after=$(counted tcp-no-flag)
	sent=$(sed -n 's/^\([0-9]*\) packets transmitted.*/\1/p' "$scratch/hping")
	answered=$(sed -n 's/.*transmitted, \([0-9]*\) packets received.*/\1/p' "$scratch/hping")
	: "${answered:=0}"
	dropped=$((after - before))
	echo "hping3: $sent sent, $answered let through and answered by RST while the rule was off"
	echo "flagfilter: $dropped dropped, while it was on"
	see "some answers, while the rule was off" [ "$answered" -gt 0 ]
	see "drops before and after" [ "$during" -gt "$before" -a "$after" -gt "$during" ]
	see "every segment either dropped or answered" [ "${sent:-0}" = $((dropped + answered)) ]
}

explain() {
	step "What is wrong with SYN+FIN?"
	echo "# $flagfilter explain SYN,FIN"
	see "the verdict on SYN,FIN" "$flagfilter" explain SYN,FIN
}

replay() {
	local engine replayed dropped

	stop "$tcpdump_pid"
	step "All of that was recorded: judge it again, here and in the kernel"
	echo "# $flagfilter replay $scratch/demo.pcap"
	see "a replay" run "$flagfilter" replay "$scratch/demo.pcap"
	for engine in native kernel; do
		echo "# $flagfilter replay $scratch/demo.pcap --engine $engine --verdicts \\"
		echo "      >$scratch/$engine"
		see "a replay by the $engine engine" run "$flagfilter" replay "$scratch/demo.pcap" \
			--engine "$engine" --verdicts >"$scratch/$engine"
	done
	echo "# diff $scratch/native $scratch/kernel && echo \"no difference\""
	see "the same verdicts by both engines" diff "$scratch/native" "$scratch/kernel" && echo "no difference"
	replayed=$(grep -c "$(printf '\tdrop\t')" "$scratch/native")
	dropped=$(counted dropped)
	echo "$replayed dropped here, by rules that are on all the time; $dropped were dropped live:"
	echo "the $answered that passed while tcp-no-flag was off make the difference"
	see "what was dropped live, and what passed while the rule was off, in the replay" \
		[ "$replayed" = $((dropped + answered)) ]
}

finish() {
	step "What is attached, and what it counted"
	filter status "$interface"
	filter stats "$interface"
	step "Undo it: one command, and nothing is left"
	filter detach "$interface"
	filter status "$interface"
	see "nothing attached" [ $? = 3 ]
	echo "# ip -n $server_ns link show $interface | grep -c xdp"
	ip -n "$server_ns" link show "$interface" >"$scratch/link"
	grep -c xdp "$scratch/link"
	see "no XDP program left" [ "$(grep -c xdp "$scratch/link")" = 0 ]
}

prepare
make_network
serve
look_before
attach
record
honest_traffic
scans
watch
flip
replay
explain
finish

echo
if ((${#failures[@]})); then
	printf 'demo.sh: not seen: %s\n' "${failures[@]}" >&2
	exit 1
fi
echo "All $checks things that were to be seen were seen; cleaning up."
