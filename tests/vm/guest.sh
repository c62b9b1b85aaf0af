#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The tests inside a booted kernel, as its process 1: tests/vm/vm.sh has put it there, and reads TAP from the console.
#
# Interfaces, each pair joined with nothing else on it, so that every count is exact: v0-v1 veth, made anew for each test;
# w0-w1 virtio_net, m0-m1 vmxnet3 and e0-e1 e1000, which are joined outside. Frames go from the 0 to the 1, where the filter is.
#
# shellcheck disable=SC2317 # the tests are called by name
PATH=/bin
export PATH

SF=0x03 ACK=0x10
STRIDE=${VM_STRIDE:-61}

# shellcheck source=tests/vm/privileges.sh
. /privileges.sh
# shellcheck source=tests/vm/faults.sh
. /faults.sh
# shellcheck source=tests/vm/links.sh
. /links.sh

# ---- how tests are run, and how they speak

tests=0

# it "does something" FUNCTION [ARG...]: one test. A failing command ends it. It may end itself by skip REASON.
it() {
	local name=$1 output status began interface
	shift
	[[ $name =~ ${VM_ONLY:-} ]] || return 0
	tests=$((tests + 1)) began=$SECONDS
	fresh_veth
	output=$(
		set -e
		"$@" 2>&1
	)
	status=$?
	case $status in
	0) echo "ok $tests - $name" ;;
	77) echo "ok $tests - $name # skip ${output##*$'\n'}" ;;
	*)
		echo "not ok $tests - $name"
		echo "# ${output//$'\n'/$'\n'# }"
		;;
	esac
	echo "# $((SECONDS - began)) s"
	for interface in v1 w1 m1 e1; do
		flagfilter detach "$interface" 2>/dev/null
		xdp-loader unload "$interface" --all 2>/dev/null
	done >/dev/null
	rm -rf /sys/fs/bpf/early /sys/fs/bpf/late
	set_mtu 1500 w0 w1 2>/dev/null
}

skip() {
	echo "$*"
	exit 77
}

equal() {
	[ "$1" = "$2" ] || {
		echo "${3:+$3: }expected '$2', saw '$1'"
		return 1
	}
}

# refused WORD... -- COMMAND...: exit status 1, and one line that says so, with what doctor knows behind it. Every WORD
# is somewhere in it.
refused() {
	local words=() word said status=0
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	said=$("$@" 2>&1 >/dev/null) || status=$?
	echo "$said"
	equal "$status" 1 "exit status of $*"
	equal "$(grep -c '^[^ ]' <<<"$said")" 1 "lines but those of doctor"
	for word in "${words[@]}"; do
		[[ $said == *"$word"* ]] || {
			echo "there is no '$word' in it"
			return 1
		}
	done
}

fresh_veth() {
	[ ! -e /sys/class/net/v1 ] || ip link del v1
	ip link add name v1 type veth peer name v0
	ip link set v0 up
	ip link set v1 up
}

no_pins() { equal "$(find /sys/fs/bpf -path '*flagfilter*')" "" pins; }

set_mtu() {
	local mtu=$1 interface
	shift
	for interface; do ip link set "$interface" mtu "$mtu"; done
}

# kernel_is MAJOR.MINOR: or newer
kernel_is() {
	local release
	release=$(uname -r)
	[ "$(printf '%s\n' "$1" "${release%%[-+]*}" | sort -V | head -n 1)" = "$1" ]
}

stats() { flagfilter --json stats "$1" | jq -r "$2"; }
dropped() { stats "$1" "[.rules[] | select(.name == \"syn-fin\").dropped.packets] | add"; }
status() { flagfilter --json status "$1" | jq -r ".filters[0] | $2"; }

expect_counts() { # INTERFACE DROPPED PASSED
	equal "$(dropped "$1")" "$2" "dropped on $1"
	equal "$(stats "$1" .passed.packets)" "$3" "passed on $1"
	equal "$(stats "$1" '.frames.packets == .passed.packets + .dropped.packets')" true
}

# ---- the program

verifier_accepts() {
	flagfilter -v attach v1
	flagfilter detach v1
}

# The verdicts of BPF_PROG_TEST_RUN, against what the frames were made to be.
agrees_with_expected() {
	flagfilter replay /frames.pcap --engine kernel --preset conntrack --verdicts | cmp - /expected
}

# Verdicts and report, by a policy with everything.
engines_agree() {
	local engine
	for engine in native kernel; do
		flagfilter replay /frames.pcap --engine $engine --policy /exempt.yaml --verdicts >"/tmp/$engine"
		flagfilter --json replay /frames.pcap --engine $engine --policy /exempt.yaml |
			jq -cS 'del(.engine, .judged_natively)' >>"/tmp/$engine"
	done
	grep -q 'pass.syn-fin' /tmp/kernel
	cmp /tmp/native /tmp/kernel
}

# The kernel engine, while it waits for the first byte: nobody, seccomp, and before Linux 5.19 CAP_BPF.
gives_up_rights() {
	local bpf=8000000000 field value
	kernel_is 5.19 && bpf=0
	rm -f /tmp/fifo && mkfifo /tmp/fifo
	exec 8<>/tmp/fifo
	flagfilter replay /tmp/fifo --engine kernel --preset conntrack --verdicts >/tmp/fifo.out 8<&- &
	for ((i = 0; i < 200; i++)); do
		grep -q '^State:.S' /proc/$!/status && grep -q '^Seccomp:.2' /proc/$!/status && break
		sleep 0.1
	done
	while read -r field value; do
		case $field in
		Uid: | Gid:) equal "$value" $'65534\t65534\t65534\t65534' "$field" ;;
		CapEff: | CapPrm:) equal "$((16#$value))" "$((16#$bpf))" "$field" ;;
		CapBnd: | CapInh: | CapAmb:) equal "$((16#$value))" 0 "$field" ;;
		NoNewPrivs:) equal "$value" 1 "$field" ;;
		Seccomp:) equal "$value" 2 "$field" ;;
		esac
	done <"/proc/$!/status"
	cat /frames.pcap >&8
	exec 8>&-
	wait $!
	cmp /tmp/fifo.out /expected
}

# ---- IPv6 fragments whose first ends inside the extension headers

handed_to_tcp() { awk '/^Tcp:/ && number++ { print $11 }' /proc/net/snmp; }
ipv6_count() { awk -v name="$1" '$1 == name { print $2 }' /proc/net/snmp6; }

# v1 receives what evade.py's frames are sent to.
ipv6_receiver() {
	ip link set v1 address 02:00:00:00:00:05
	echo 0 >/proc/sys/net/ipv6/conf/v1/disable_ipv6
	ip -6 addr add 2001:db8::2/64 dev v1 nodad
	ip -6 neigh replace 2001:db8::77 lladdr 02:00:00:00:00:ee dev v1 nud permanent
}

# Of ten datagrams the stack, without a filter, discards each first fragment for want of the TCP header, and the rest waits
# in vain; with a filter all ten are dropped as tiny fragments.
split_chain_is_discarded() {
	local before fragments
	ipv6_receiver
	before=$(ipv6_count Ip6InHdrErrors) fragments=$(ipv6_count Ip6ReasmReqds)
	send v0 /split-chain.pcap
	sleep 1
	equal $(($(ipv6_count Ip6ReasmReqds) - fragments)) 20 "fragments"
	equal $(($(ipv6_count Ip6InHdrErrors) - before)) 10 "first fragments that the stack discarded"
	equal "$(ipv6_count Ip6ReasmOKs) $(handed_to_tcp)" "0 0" "datagrams put together, and handed to TCP"
	flagfilter attach v1
	send v0 /split-chain.pcap
	sleep 1
	equal "$(stats v1 '[.rules[] | select(.dropped.packets > 0) | {(.name): .dropped.packets}] | add | tojson')" \
		'{"tiny-fragment":10}'
	equal $(($(ipv6_count Ip6InHdrErrors) - before)) 10 "with the filter"
	equal "$(ipv6_count Ip6ReasmOKs) $(handed_to_tcp)" "0 0" "with the filter"
}

# ---- shapes that a filter may read otherwise than the stack behind it (tests/net/behind.py)

segments_answered() { awk '/^Tcp:/ && number++ { print $15 }' /proc/net/snmp; }

behind_receiver() {
	ipv6_receiver
	ip addr add 192.0.2.2/24 dev v1
	ip neigh replace 192.0.2.77 lladdr 02:00:00:00:00:ee dev v1 nud permanent
}

# answers_since BEFORE NUMBER: segments that were answered; waits up to a second until they are so many.
answers_since() {
	local i
	for ((i = 0; i < 10; i++)); do
		[ $(($(segments_answered) - $1)) -lt "$2" ] || break
		sleep 0.1
	done
	echo $(($(segments_answered) - $1))
}

# Without a filter, the stack answers each segment of each shape.
all_shapes_are_answered() {
	local shape tried before failed=0
	behind_receiver
	while read -r shape tried; do
		before=$(segments_answered)
		send v0 "/behind/$shape.pcap"
		equal "$(answers_since "$before" "$tried")" "$tried" "$shape" || failed=1
	done </behind/tried
	[ "$failed" = 0 ]
}

# Behind a filter, only the legal ones, and of shapes that are dropped themselves none.
only_legal_flags_are_answered() { # MODE
	local before expected
	behind_receiver
	flagfilter attach --mode "$1" v1
	before=$(segments_answered) expected=$(jq .expected /behind/all.json)
	send v0 /behind/all.pcap
	equal "$(answers_since "$before" $((expected + 1)))" "$expected" "answered"
	equal "$(stats v1 '[.rules[] | select(.dropped.packets > 0) | {(.name): .dropped.packets}] | add' | jq -cS .)" \
		"$(jq -cS '.made | del(.passed, .fragment, .["non-tcp"])' /behind/all.json)" "dropped"
}

# Random shapes with illegal flags: 2000 without a filter, and other ones behind it, for fragments wait for others a while.
strays_are_answered_without_filter_alone() {
	local mode before
	behind_receiver
	before=$(segments_answered)
	send v0 /behind/stray-open.pcap
	[ "$(answers_since "$before" 300)" -ge 300 ]
	for mode in native generic; do
		flagfilter attach --mode "$mode" v1
		before=$(segments_answered)
		send v0 "/behind/stray-$mode.pcap"
		equal "$(answers_since "$before" 1)" 0 "answered, $mode"
		[ "$(stats v1 .dropped.packets)" -ge 300 ]
		flagfilter detach v1
	done
}

# ---- one filter on an interface

# attach, drop, toggle, detach between FROM and TO, in MODE
comes_and_goes() {
	local from=$1 to=$2 mode=$3
	equal "$(cross "$from" "$to" $SF 100)" 100 "SYN,FIN without the filter"
	flagfilter attach --mode "$mode" "$to"
	equal "$(status "$to" .mode)" "$mode"
	equal "$(cross "$from" "$to" $SF 200)" 0 "SYN,FIN behind the filter"
	equal "$(cross "$from" "$to" $ACK 300)" 300 "ACK behind the filter"
	expect_counts "$to" 200 300
	flagfilter rule "$to" syn-fin=off fin-no-ack=off
	equal "$(cross "$from" "$to" $SF 100)" 100 "SYN,FIN with the rule off"
	flagfilter rule "$to" syn-fin=enforce
	equal "$(cross "$from" "$to" $SF 100)" 0 "SYN,FIN with the rule on"
	expect_counts "$to" 300 400
	flagfilter detach "$to"
	equal "$(cross "$from" "$to" $SF 100)" 100 "SYN,FIN after detach"
	no_pins
}

# while_frames_come COMMAND...: again and again, at least twice, while 10000 SYN,FIN go to v1. ARRIVED: behind it.
while_frames_come() {
	local times=0
	cross v0 v1 $SF 10000 >/tmp/arrived &
	while kill -0 $! 2>/dev/null; do
		"$@"
		times=$((times + 1))
	done
	wait
	ARRIVED=$(cat /tmp/arrived)
	echo "$times times"
	[ "$times" -ge 2 ]
}

replaced_under_traffic() {
	flagfilter attach v1
	while_frames_come flagfilter attach v1
	equal "$ARRIVED" 0 "SYN,FIN behind the filter"
	equal "$(dropped v1)" 10000 dropped
}

toggle() {
	flagfilter rule v1 syn-fin=off fin-no-ack=off
	flagfilter rule v1 syn-fin=enforce
}

toggled_under_traffic() {
	flagfilter attach v1
	while_frames_come toggle
	[ "$ARRIVED" -gt 0 ]
	expect_counts v1 $((10000 - ARRIVED)) "$ARRIVED"
}

# ---- beside other programs

other() { # NAME PRIORITY
	xdp-loader load -m native -P "$2" -p "/sys/fs/bpf/$1" v1 /seen.o
}
seen() { bpftool -j map dump pinned "/sys/fs/bpf/$1/seen" | jq '.[0].formatted.value'; }
other_id() { xdp-loader status v1 | awk -v prio="$1" '$2 == prio && $3 == "see" { print $4 }'; }

exclusive_and_says_so() {
	flagfilter attach v1
	equal "$(status v1 .attached)" exclusive
	if other late 50; then return 1; fi
	equal "$(cross v0 v1 $SF 50)" 0
	equal "$(dropped v1)" 50
}

refuses_where_others_are() {
	other late 50
	refused v1 -- flagfilter attach v1
	equal "$(cross v0 v1 $SF 50)" 50
	equal "$(seen late)" 50
}

# One before us, one behind us, in whatever order they came.
ordered_by_priority() {
	other late 50
	flagfilter attach v1
	other early 5
	equal "$(status v1 .attached)" shared
	equal "$(status v1 '.beside | length')" 2
	equal "$(xdp-loader status v1 | awk '$2 ~ /^[0-9]+$/ { print $2 }' | xargs)" "5 10 50"
	equal "$(cross v0 v1 $SF 70)" 0
	equal "$(cross v0 v1 $ACK 30)" 30
	expect_counts v1 70 30
	equal "$(seen early)" 100 "seen before us"
	equal "$(seen late)" 30 "seen behind us"
}

ours_goes_others_stay() {
	other late 50
	flagfilter attach v1
	other early 5
	cross v0 v1 $SF 70
	flagfilter detach v1
	equal "$(cross v0 v1 $SF 40)" 40
	equal "$(seen early)" 110 "seen before us"
	equal "$(seen late)" 40 "seen behind us"
	no_pins
}

others_go_ours_stays() {
	local priority
	other late 50
	flagfilter attach v1
	other early 5
	cross v0 v1 $SF 70
	for priority in 5 50; do xdp-loader unload v1 --id "$(other_id $priority)"; done
	equal "$(status v1 '.beside | length')" 0
	equal "$(cross v0 v1 $SF 40)" 0
	equal "$(cross v0 v1 $ACK 20)" 20
	expect_counts v1 110 20
}

# xdp-filter drops what goes to port 7777, we drop SYN,FIN, each knows of the other nothing; either may go first.
beside_xdp_filter() {
	local first=$1
	if [ "$first" = xdp-filter ]; then xdp-filter load -m native v1; fi
	flagfilter attach v1
	if [ "$first" != xdp-filter ]; then xdp-filter load -m native v1; fi
	xdp-filter port -p tcp 7777
	equal "$(cross v0 v1 $SF 60)" 0
	equal "$(cross v0 v1 $ACK:7777 50)" 0
	equal "$(cross v0 v1 $ACK 40)" 40
	equal "$(dropped v1)" 60
	if [ "$first" = xdp-filter ]; then
		xdp-filter unload v1
		equal "$(cross v0 v1 $SF 60)" 0
		equal "$(dropped v1)" 120
		equal "$(cross v0 v1 $ACK:7777 50)" 50
		flagfilter detach v1
	else
		flagfilter detach v1
		equal "$(cross v0 v1 $SF 60)" 60
		equal "$(cross v0 v1 $ACK:7777 50)" 0
		xdp-filter unload v1
	fi
	equal "$(cross v0 v1 $SF 10)" 10
}

# ---- real drivers

# How many of its queues have brought something: those that have interrupted.
used_queues() {
	awk -v queue="$(basename "$(readlink -f "/sys/class/net/$1/device")")-input" \
		'index($NF, queue) && $2 + $3 > 0 { used++ } END { print used }' /proc/interrupts
}

# How many CPUs have counted something.
counting_cpus() {
	bpftool -j map dump pinned /sys/fs/bpf/flagfilter/*/counters |
		jq '[.[0].formatted.values[] | select([.value | .. | numbers] | add > 0)] | length'
}

virtio_several_queues() {
	[ -e /sys/class/net/w1/queues/rx-1 ] || skip "one queue: the host has no taps"
	flagfilter attach w1
	equal "$(cross w0 w1 $SF 1000)" 0
	equal "$(cross w0 w1 $ACK 1000)" 1000
	expect_counts w1 1000 1000
	echo "queues: $(used_queues w1), CPUs: $(counting_cpus)"
	[ "$(used_queues w1)" -gt 1 ]
	[ "$(counting_cpus)" -gt 1 ]
}

no_native_xdp() {
	refused "$1" native "--mode generic" -- flagfilter attach "$1"
	no_pins
	equal "$(flagfilter --json attach --mode auto "$1" | jq -r .mode)" generic
}

# ---- large frames

# Where frames of 9000 bytes are not for native mode: what is said helps, word by word, and generic mode takes them.
jumbo() { # FROM TO SINCE
	local from=$1 to=$2 said advice
	set_mtu 9000 "$from" "$to"
	if kernel_is "$3"; then
		flagfilter attach "$to"
	else
		said=$(refused "$to" MTU -- flagfilter attach "$to")
		echo "$said"
		advice=$(sed -nE 's/^ +> //p' <<<"$said")
		advice=${advice##*: } # of a veth: "on its other end: ..."
		${advice/NAME/$from}
		flagfilter attach "$to"
		flagfilter detach "$to"
		set_mtu 9000 "$from" "$to"
		flagfilter attach --mode generic "$to"
	fi
	equal "$(cross "$from" "$to" $SF 20 9014)" 0
	equal "$(QUIET_MS=10000 cross "$from" "$to" $ACK 20 9014)" 20
	equal "$(stats "$to" .dropped.bytes)" $((20 * 9014)) "bytes dropped"
	equal "$(stats "$to" .passed.bytes)" $((20 * 9014)) "bytes passed"
}

# ---- interfaces above others

# doctor_is_right yes|maybe|no INTERFACE: whether native attach will work, as it says, and as it then is; of what it
# cannot know beforehand it works here.
doctor_is_right() {
	local attached=yes
	local -A native=([yes]=true [maybe]=null [no]=false)
	flagfilter doctor "$2" || true
	equal "$(flagfilter --json doctor "$2" | jq .native)" "${native[$1]}" "what doctor says of $2"
	flagfilter attach "$2" || attached=no
	equal "$attached" "${1/maybe/yes}" "attached to $2"
	[ "$attached" = no ] || flagfilter detach "$2"
}

fix_of() { flagfilter --json doctor "$1" | jq -r ".findings[] | select(.check == \"$2\").fix"; }

# make_bond SLAVE...: b0, of these
make_bond() {
	local slave
	ip link add b0 type bond mode active-backup miimon 100
	for slave; do ip link set "$slave" down && ip link set "$slave" master b0; done
	ip link set b0 up
	for slave; do ip link set "$slave" up; done
}

remove_upper() { for upper in b0 br0 v1.5; do [ ! -e "/sys/class/net/$upper" ] || ip link del "$upper"; done; }

bond_of_veths() {
	ip link add x0 type veth peer name x1
	ip link set x0 up
	make_bond v1 x1
	if kernel_is 5.15; then
		doctor_is_right maybe b0 # its LRO flag says nothing of theirs
		doctor_is_right yes v1
		equal "$(fix_of v1 stack)" "flagfilter attach b0"
		flagfilter attach b0
		equal "$(cross v0 b0 $SF 20)" 0
		equal "$(dropped b0)" 20
		doctor_is_right no v1
		flagfilter detach b0
	else
		doctor_is_right no b0
		doctor_is_right yes v1
	fi
	ip link del x1
}

bond_of_e1000() {
	make_bond e0 e1
	if kernel_is 6.3 || ! kernel_is 5.15; then
		doctor_is_right no b0
	else
		equal "$(flagfilter --json doctor b0 | jq .native)" null # these kernels do not say
		refused b0 "Slave device does not support XDP" -- flagfilter attach b0
	fi
	doctor_is_right no e1
}

vlan_device() {
	ip link add link v1 name v1.5 type vlan id 5
	ip link set v1.5 up
	doctor_is_right no v1.5
	equal "$(fix_of v1.5 driver)" "flagfilter attach v1"
	doctor_is_right yes v1
}

bridge_port() {
	ip link add br0 type bridge
	ip link set v1 master br0
	ip link set br0 up
	doctor_is_right no br0
	equal "$(fix_of br0 driver)" "flagfilter attach v1"
	doctor_is_right yes v1
}

cards() {
	doctor_is_right no e1
	doctor_is_right yes w1
	if kernel_is 6.6; then
		flagfilter doctor m1 | grep 'LRO is on'
		doctor_is_right yes m1
	else
		doctor_is_right no m1
	fi
}

interfaces_above_others() {
	local kind module
	for kind in bond_of_veths:bonding bond_of_e1000:bonding vlan_device:8021q bridge_port:bridge; do
		module=${kind#*:} kind=${kind%:*}
		it "doctor is right of a ${kind//_/ }, and of what is below it" need_module "$module" "$kind"
		remove_upper
		ip link set e0 up && ip link set e1 up
	done
}

need_module() {
	[ -e "/modules/$1.ko" ] || skip "the cache has no $1: remove it (VM_CACHE)"
	shift
	"$@"
}

# ---- boot

insert_modules() {
	local left=(/modules/*.ko) before module still
	for ((before = 0; ${#left[@]} != before;)); do
		before=${#left[@]} still=()
		for module in "${left[@]}"; do insmod "$module" 2>/dev/null || still+=("$module"); done
		left=("${still[@]}")
		[ ${#left[@]} -gt 0 ] || break
	done
}

# name MAC NAME: an interface that vm.sh has given that address.
name() {
	local interface
	for interface in /sys/class/net/*; do
		[ "$(cat "$interface/address")" = "$1" ] || continue
		ip link set "${interface##*/}" name "$2"
		ip link set "$2" up
	done
}

boot() {
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs dev /dev
	mkdir -p /dev/pts /var
	ln -s /run /var/run
	mount -t devpts devpts /dev/pts
	mount -t tmpfs tmpfs /run
	mount -t tmpfs tmpfs /tmp
	mount -t bpf -o mode=700 bpf /sys/fs/bpf
	insert_modules
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	name 02:00:00:00:00:10 w0
	name 02:00:00:00:00:11 w1
	name 02:00:00:00:00:30 m0
	name 02:00:00:00:00:31 m1
	name 02:00:00:00:00:20 e0
	name 02:00:00:00:00:21 e1
	ip link set lo up
	sleep 1
}

run_tests() {
	it "the verifier accepts the program" verifier_accepts
	it "BPF_PROG_TEST_RUN gives every frame the verdict it was made for" agrees_with_expected
	it "BPF_PROG_TEST_RUN and the native engine agree, with exempt sources and ports" engines_agree
	it "the kernel engine gives up its rights before it reads" gives_up_rights
	it "veth, native: attach, drop, toggle, detach" comes_and_goes v0 v1 native
	it "veth, generic: attach, drop, toggle, detach" comes_and_goes v0 v1 generic
	it "replaced under traffic, nothing slips through" replaced_under_traffic
	it "toggled under traffic, every frame is counted" toggled_under_traffic
	if kernel_is 5.15; then
		it "dispatcher: one before us, one behind us, by priority" ordered_by_priority
		it "dispatcher: ours goes, the others stay" ours_goes_others_stay
		it "dispatcher: the others go, ours stays" others_go_ours_stays
		it "dispatcher: xdp-filter came first, and goes first" beside_xdp_filter xdp-filter
		it "dispatcher: we came before xdp-filter, and go before it" beside_xdp_filter flagfilter
		it "dispatcher: attach killed at one of ${STRIDE} steps" killed_everywhere attach v1 --preset strict
		it "dispatcher: attach again killed at one of ${STRIDE} steps" killed_everywhere replace v1
		it "dispatcher: rule killed at one of ${STRIDE} steps" killed_everywhere rule v1 syn-rst=off rst-fin=off
		it "dispatcher: detach killed at one of ${STRIDE} steps" killed_everywhere detach v1
		it "capabilities behind the dispatcher" shared_needs
	else
		it "the dispatcher does not take the program: exclusive, and status says so" exclusive_and_says_so
		it "the dispatcher does not take the program: refuses where others are" refuses_where_others_are
	fi
	it "capabilities that attach needs" attach_needs
	it "capabilities of all else where the filter is exclusive" exclusive_needs
	if ! kernel_is 5.11; then it "locked memory, and what to do about it" locked_memory_counts; fi
	it "IPv6 first fragments that end inside extension headers come to nothing" split_chain_is_discarded
	it "without a filter, segments are answered whatever their shape" all_shapes_are_answered
	it "behind the filter, native, no illegal flags are answered, whatever their shape" only_legal_flags_are_answered native
	it "behind the filter, generic, no illegal flags are answered, whatever their shape" only_legal_flags_are_answered generic
	it "random shapes of illegal flags are answered without a filter alone" strays_are_answered_without_filter_alone
	# before vmxnet3 has had a program, for which it switches LRO off
	it "doctor is right of e1000, vmxnet3 and virtio_net" cards
	it "virtio_net, native: attach, drop, toggle, detach" comes_and_goes w0 w1 native
	it "virtio_net, native: several queues and CPUs, one sum" virtio_several_queues
	if kernel_is 6.6; then
		it "vmxnet3, native: attach, drop, toggle, detach" comes_and_goes m0 m1 native
	else
		it "vmxnet3: native is refused with what to try, auto is generic" no_native_xdp m1
	fi
	it "e1000: native is refused with what to try, auto is generic" no_native_xdp e1
	it "e1000, generic: attach, drop, toggle, detach" comes_and_goes e0 e1 generic
	it "veth, MTU 9000: $(jumbo_fate 5.18)" jumbo v0 v1 5.18
	it "virtio_net, MTU 9000: $(jumbo_fate 6.3)" jumbo w0 w1 6.3
	interfaces_above_others
	links_without_ethernet
	it "the kernel has complained of nothing" no_complaints
}

jumbo_fate() { if kernel_is "$1"; then echo attaches; else echo says what to change; fi; }

# But for `ip` in a soft lockup, seen once (docs/reliability.md): any other task's is a complaint.
no_complaints() { ! dmesg | grep -v 'soft lockup.*\[ip:' | grep -E 'WARNING:|BUG:|Oops|int3|UBSAN|KASAN'; }

boot
echo "# $(uname -r), $(nproc) CPUs, up after $(cut -d. -f1 /proc/uptime) s"
run_tests
echo "1..$tests"
poweroff -f
