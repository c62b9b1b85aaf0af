# shellcheck shell=bash
# shellcheck disable=SC2154 # output, stderr, stderr_lines: bats sets them
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Fixtures of the network tests: an attacker and a server, each in a network namespace of its own, joined by a veth.
# No other interface is touched. Whatever a test starts or makes is gone after teardown, also if the test failed.
#
#	a0 192.0.2.1 2001:db8::1  ── veth ──  s0 192.0.2.2 2001:db8::2
#	in $ATTACKER                          in $SERVER, where the filter is
#
# FLAGFILTER=PATH tries another build.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
FLAGFILTER=${FLAGFILTER:-$ROOT/build/flagfilter}
PINS=/sys/fs/bpf/flagfilter
PYTHON=/usr/bin/python3
A4=192.0.2.1 S4=192.0.2.2 A6=2001:db8::1 S6=2001:db8::2
export ROOT FLAGFILTER PINS PYTHON A4 S4 A6 S6
export PYTHONDONTWRITEBYTECODE=1
# shellcheck source=tests/cli/contract.bash
source "$ROOT/tests/cli/contract.bash"

# calls_but EXCEPTIONS NAME=VALUE...: calls of all commands that take an interface (see contract.bash) but of these. "top" is
# never among them: it wants a terminal.
calls_but() { calls "${@:2}" | grep -F "${2#IF=}" | grep -vE "^(top${1:+|${1// /|}}) "; }

# ---- what must be there, or the reason to skip

# need_tools TOOL...: skips the test if one is missing.
need_tools() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

# A program that passes everything, for whoever plays "another owner": $BATS_FILE_TMPDIR/pass.o
make_foreign_program() {
	cat >"$BATS_FILE_TMPDIR/pass.c" <<-'C'
		__attribute__((section("xdp"), used)) int pass_all(void *frame) { return 2; }
		char _license[] __attribute__((section("license"), used)) = "GPL";
	C
	clang -O2 -g -target bpf -c "$BATS_FILE_TMPDIR/pass.c" -o "$BATS_FILE_TMPDIR/pass.o"
}

# Why no test of this file can run, if so, in $BATS_FILE_TMPDIR/skip; each test's net_setup reads it.
net_setup_file() {
	local ns=ff-$$-probe why='' tool
	if [ "$(id -u)" -ne 0 ]; then
		why="needs root"
	elif [ ! -x "$FLAGFILTER" ]; then
		why="no $FLAGFILTER: run make"
	else
		for tool in ip nft jq clang; do
			command -v "$tool" >/dev/null || why="$tool is not installed"
		done
	fi
	if [ -n "$why" ]; then
		:
	elif ! mountpoint -q /sys/fs/bpf && ! mount -t bpf -o mode=700 bpf /sys/fs/bpf; then
		why="no BPF filesystem, and none can be mounted"
	elif ! ip netns add "$ns"; then
		why="cannot make network namespaces"
	else
		ip -n "$ns" link add p0 type veth peer name p1
		make_foreign_program && nsenter --net="/run/netns/$ns" ip link set dev p0 xdpdrv obj "$BATS_FILE_TMPDIR/pass.o" sec xdp ||
			why="no native XDP on veth here"
		ip netns del "$ns"
	fi
	printf '%s' "$why" >"$BATS_FILE_TMPDIR/skip"
}

# ---- the two namespaces

# make_wire A S: two namespaces joined by a veth, a0 and s0.
make_wire() {
	local a=$1 s=$2 ns interface mac address
	ip netns add "$a"
	ip netns add "$s"
	ip link add a0 netns "$a" address 02:00:00:00:00:0a type veth \
		peer name s0 netns "$s" address 02:00:00:00:00:05
	for ns in "$a" "$s"; do
		nsenter --net="/run/netns/$ns" sysctl -q -w net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.all.accept_dad=0
		ip -n "$ns" link set lo up
	done
	ip -n "$a" address add "$A4/24" dev a0
	ip -n "$a" address add "$A6/64" dev a0 nodad
	ip -n "$s" address add "$S4/24" dev s0
	ip -n "$s" address add "$S6/64" dev s0 nodad
	ip -n "$a" link set a0 up
	ip -n "$s" link set s0 up
	while read -r ns interface mac address; do
		ip -n "$ns" neigh replace "$address" lladdr "$mac" dev "$interface" nud permanent
	done <<-NEIGHBOURS
		$a a0 02:00:00:00:00:05 $S4
		$a a0 02:00:00:00:00:05 $S6
		$s s0 02:00:00:00:00:0a $A4
		$s s0 02:00:00:00:00:0a $A6
	NEIGHBOURS
}

net_setup() {
	[ ! -s "$BATS_FILE_TMPDIR/skip" ] || skip "$(cat "$BATS_FILE_TMPDIR/skip")"
	export TMUX_TMPDIR=$BATS_TEST_TMPDIR # its sockets stay when its servers end
	ATTACKER=ff-$$-a SERVER=ff-$$-s
	NAMESPACES=("$SERVER" "$ATTACKER") PROCESSES=()
	make_wire "$ATTACKER" "$SERVER"
	SERVER_ID=$(netns_id "$SERVER")
}

# The same, and the attacker's end says nothing of itself, of multicast groups or routers: what comes back is an answer.
net_setup_silent() {
	net_setup
	in_a sysctl -q -w net.ipv6.conf.a0.disable_ipv6=1
	know_nobody
}

# extra_namespace NAME: one more, removed with the others.
extra_namespace() {
	ip netns add "$1"
	NAMESPACES+=("$1")
}

net_teardown() {
	local ns pid left=
	for pid in "${PROCESSES[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for ns in "${NAMESPACES[@]}"; do
		[ -e "/run/netns/$ns" ] || continue
		ip netns pids "$ns" | xargs -r kill -KILL
		"$FLAGFILTER" --netns "$ns" detach --all >/dev/null || true
		left+=$(pins_of "$(netns_id "$ns")")
		remove_pins "$(netns_id "$ns")"
	done
	for ns in "${NAMESPACES[@]}"; do # last: with one end of a veth its other end goes, too
		[ ! -e "/run/netns/$ns" ] || ip netns del "$ns"
	done
	if [ -n "$left" ]; then
		echo "detach --all has left behind: $left"
		return 1
	fi
}

in_a() { nsenter --net="/run/netns/$ATTACKER" "$@"; }
in_s() { nsenter --net="/run/netns/$SERVER" "$@"; }

# ff ARG...: our command, on the server's interfaces.
ff() { "$FLAGFILTER" --netns "$SERVER" "$@"; }

netns_id() { stat -L -c %i "/run/netns/$1"; }

# pins_of NETNS-ID: the pin directories of filters in that namespace. (Other namespaces' filters are not our business.)
pins_of() { find "$PINS" -mindepth 1 -maxdepth 1 -name "$1-*" 2>/dev/null || true; }

remove_pins() {
	local dir
	for dir in $(pins_of "$1"); do
		rm -f "$dir"/*
		rmdir "$dir"
	done
}

# xdp_id [INTERFACE]: the id of the XDP program on the server's interface as the kernel tells ip; nothing if none.
# shellcheck disable=SC2120 # most callers mean s0
xdp_id() { in_s ip -j -d link show dev "${1:-s0}" | jq -r '.[0].xdp.prog.id // empty'; }

# add_without_native_xdp INTERFACE: one whose driver has no native XDP; which kinds there are depends on the kernel.
add_without_native_xdp() {
	in_s ip link add "$1" type dummy 2>/dev/null || in_s ip link add "$1" type bridge 2>/dev/null ||
		in_s ip link add link s0 name "$1" type vlan id 5 2>/dev/null || in_s ip link add "$1" type ifb 2>/dev/null ||
		skip "this kernel has no kind of interface without native XDP"
}

# A program of another owner on the server's interface: put_foreign [xdpdrv|xdpgeneric]
put_foreign() { in_s ip link set dev s0 "${1:-xdpdrv}" obj "$BATS_FILE_TMPDIR/pass.o" sec xdp; }

# ---- frames

# send4, send6 FLAGS [OPTION...]: from the attacker to the server; see send_frames.py. Prints how many crossed.
send4() { in_a "$PYTHON" "$BATS_TEST_DIRNAME/send_frames.py" a0 "$A4" "$S4" "$@"; }
send6() { in_a "$PYTHON" "$BATS_TEST_DIRNAME/send_frames.py" a0 "$A6" "$S6" "$@"; }

# start_in NAMESPACE COMMAND...: in the background, until teardown at the latest; STARTED is its process id. Its output is
# in $BATS_TEST_TMPDIR/out.
start_in() {
	nsenter --net="/run/netns/$1" "${@:2}" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	STARTED=$!
	PROCESSES+=("$STARTED")
}

# start_flood FLAGS [OPTION...]: sends until stop_flood, which sets CROSSED to how many frames crossed the wire.
start_flood() {
	nsenter --net="/run/netns/$ATTACKER" "$PYTHON" "$BATS_TEST_DIRNAME/send_frames.py" a0 "$A4" "$S4" \
		--count 10000000 "$@" >"$BATS_TEST_TMPDIR/flood" 3>&- &
	FLOOD=$!
	PROCESSES+=("$FLOOD")
}

stop_flood() {
	kill -TERM "$FLOOD" 2>/dev/null || true # it may have ended already
	wait "$FLOOD"
	# shellcheck disable=SC2034 # for the tests
	CROSSED=$(cat "$BATS_TEST_TMPDIR/flood")
}

# ---- counters that are not ours

# count_at_server NAME MATCH [accept]: counts, behind the filter and before the stack, and takes out what matches unless
# told to accept it. (NAME: no hyphens.)
count_at_server() {
	in_s nft -f - <<-NFT
		table inet behind {
			counter $1 { }
			chain pre {
				type filter hook prerouting priority -400
				$2 counter name $1 ${3:-drop}
			}
		}
	NFT
}
arrived() { in_s nft -j list counter inet behind "$1" | jq '.nftables[] | .counter // empty | .packets'; }

# count_at_attacker NAME MATCH: counts what leaves a0. Skips the test where nft cannot look there.
count_at_attacker() {
	in_a nft -f - <<-NFT || skip "no netdev egress hook: Linux 5.16 has it"
		table netdev before {
			counter $1 { }
			chain out {
				type filter hook egress device a0 priority 0
				$2 counter name $1
			}
		}
	NFT
}
left() { in_a nft -j list counter netdev before "$1" | jq '.nftables[] | .counter // empty | .packets'; }

SYN_FIN='tcp flags & (fin|syn) == fin|syn'
SYN_RST='tcp flags & (syn|rst) == syn|rst'
FIN_NO_ACK='tcp flags & (fin|ack) == fin'
NO_FLAG='tcp flags & (fin|syn|rst|psh|ack|urg) == 0'
export SYN_FIN SYN_RST FIN_NO_ACK NO_FLAG

# ---- what flagfilter says

# stats FILTER: of `stats --json`, by jq.
stats() { ff --json stats s0 | jq -r "$1"; }

# count RULE dropped|would_drop|exempted: packets; "-" if there is no such rule.
count() { stats "[.rules[] | select(.name == \"$1\").$2.packets] | if . == [] then \"-\" else .[0] end"; }

# counted_more_than NUMBER RULE: dropped by it.
counted_more_than() { [ "$(count "$2" dropped)" -gt "$1" ]; }

# mode RULE
mode() { ff --json rule s0 | jq -r ".rules[] | select(.name == \"$1\").mode"; }

# wait_until SECONDS COMMAND...: until it succeeds.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

# ---- assertions that say what they saw

equal() {
	[ "$1" = "$2" ] || {
		echo "${3:+$3: }expected '$2', saw '$1'"
		return 1
	}
}

# After `run --separate-stderr`: nothing on stdout, and one line on stderr, ours, that contains every TEXT.
one_line() {
	local text
	equal "${#stderr_lines[@]}" 1 "lines on stderr (${stderr_lines[*]})" || return
	[[ ${stderr_lines[0]} == flagfilter* ]] || {
		echo "not ours: ${stderr_lines[0]}"
		return 1
	}
	equal "$output" "" "stdout" || return
	for text; do
		[[ ${stderr_lines[0]} == *"$text"* ]] || {
			echo "no '$text' in: ${stderr_lines[0]}"
			return 1
		}
	done
}

# The same of an attach that failed: behind the one line there may be what the doctor has found, indented.
explained_line() {
	local line kept=()
	for line in "${stderr_lines[@]}"; do
		[[ $line == "  "* ]] || kept+=("$line")
	done
	stderr_lines=("${kept[@]}")
	one_line "$@"
}

# At rest: every frame has passed or was dropped, and every drop is some rule's.
sums_agree() {
	local report
	report=$(ff --json stats s0)
	jq -e '.frames.packets == .passed.packets + .dropped.packets
		and .frames.bytes == .passed.bytes + .dropped.bytes
		and .dropped.packets == ([.rules[].dropped.packets] | add // 0)
		and .dropped.bytes == ([.rules[].dropped.bytes] | add // 0)' <<<"$report" >/dev/null || {
		echo "sums do not agree: $report"
		return 1
	}
}

# The server knows 192.0.2.77 and 2001:db8::77, which are nobody's: answers cross the wire, and nobody reacts.
know_nobody() {
	in_s ip neigh replace 192.0.2.77 lladdr 02:00:00:00:00:ee dev s0 nud permanent
	in_s ip neigh replace 2001:db8::77 lladdr 02:00:00:00:00:ee dev s0 nud permanent
}

# counted_as_made JSON: how many frames of each class were sent, or of each rule where flags are judged ("passed": no
# rule's). Each is counted as often, and dropped where its rule is enforced. DROPPED: how many those are.
counted_as_made() {
	local class n
	DROPPED=0
	while read -r class n; do
		if [ "$(mode "$class")" = enforce ]; then
			equal "$(count "$class" dropped)" "$n" "$class dropped" || return
			DROPPED=$((DROPPED + n))
		elif [ "$class" != passed ]; then
			equal "$(stats ".not_judged[\"$class\"]")" "$n" "$class" || return
		fi
	done < <(jq -r 'to_entries[] | "\(.key) \(.value)"' <<<"$1")
	equal "$(stats .dropped.packets)" "$DROPPED" "dropped" && sums_agree
}

# After detach: no program on s0, no pin of this namespace.
nothing_left() {
	equal "$(xdp_id s0)" "" "program on s0" && equal "$(pins_of "$SERVER_ID")" "" "pins"
}
