#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2034,SC2154 # try counts; stderr and lines are what run sets
#
# doctor: what it says before is what attach then does; what attach says when the kernel refuses.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() { net_setup; }
teardown() {
	rm -f "/sys/fs/bpf/ff-$$-theirs"
	net_teardown
}

# finding INTERFACE CHECK KEY: of `doctor --json`, whatever its exit status.
finding() {
	ff --json doctor "$1" >"$BATS_TEST_TMPDIR/doctor" || [ $? -eq 3 ]
	jq -r ".findings[] | select(.check == \"$2\").$3" "$BATS_TEST_TMPDIR/doctor"
}

# says_no INTERFACE CHECK: doctor says that native attach fails, for this reason; and it does. In $stderr what attach
# says, which has the same finding behind its one line.
says_no() {
	run -3 ff --json doctor "$1"
	equal "$(jq -r .native <<<"$output")" false
	equal "$(jq -r '[.findings[] | select(.state == "problem").check] | join(" ")' <<<"$output")" "$2" problems
	run -1 --separate-stderr ff attach "$1"
	# shellcheck disable=SC2154
	[[ ${stderr_lines[0]} == "flagfilter: "*"$1"* ]]
	equal "${stderr_lines[1]}" "  $2: $(finding "$1" "$2" text)"
	equal "${stderr_lines[2]}" "    > $(finding "$1" "$2" fix)"
	equal "$output" ""
}

# says_yes INTERFACE: doctor says that native attach works; and it does.
says_yes() {
	run -0 ff --json doctor "$1"
	equal "$(jq -r .native <<<"$output")" true
	ff attach "$1"
	ff detach "$1"
}

@test "where native attach works it says so, in words and as JSON, and names driver and index" {
	says_yes s0
	equal "$(jq -r .driver <<<"$output")" "$(in_s ethtool -i s0 | sed -n 's/^driver: //p')"
	equal "$(jq -r .ifindex <<<"$output")" "$(in_s ip -j link show s0 | jq '.[0].ifindex')"
	run -0 ff doctor s0
	[[ ${lines[0]} == "s0: native attach will work" ]]
	[[ $output != *problem* ]]
}

@test "it changes nothing: interface, programs, maps, links, pins" {
	local made=$BATS_TEST_TMPDIR/made before
	need_tools bpftool
	cc -shared -fPIC -O2 "$BATS_TEST_DIRNAME/fault.c" -o "$BATS_TEST_TMPDIR/fault.so" -ldl
	state() { in_s ip -d link && in_s ethtool -k s0 && in_s ethtool -l s0 && pins_of "$SERVER_ID"; }
	put_foreign xdpgeneric
	before=$(state)
	FAULT_LOG=$made LD_PRELOAD=$BATS_TEST_TMPDIR/fault.so run -3 ff doctor s0
	equal "$(state)" "$before"
	"$PYTHON" -B "$BATS_TEST_DIRNAME/left_behind.py" "$made"
}

@test "a bridge: no native XDP, attach to its port; there it works, and says whose port it is" {
	in_s ip link add b0 type bridge || skip "no bridges here"
	in_s ip link set s0 master b0
	says_no b0 driver
	[[ $stderr == *'kernel: "'* ]] # the kernel's own words
	equal "$(finding b0 driver fix)" "flagfilter --netns $SERVER attach s0"
	says_yes s0
	equal "$(finding s0 stack state)" note
	[[ $(finding s0 stack text) == *"bridge b0"* ]]
}

@test "a program on the bridge is in the way of one on its port, and it says so" {
	local command
	in_s ip link add b0 type bridge || skip "no bridges here"
	in_s ip link set s0 master b0
	ff attach --mode generic b0
	says_no s0 stack
	in_s ip link set dev b0 xdpgeneric off
	says_yes s0
	# The kernel lets none be replaced or go either.
	ff attach s0
	ff attach --mode generic b0
	for command in attach detach; do
		run -1 --separate-stderr ff "$command" s0
		[[ ${stderr_lines[0]} == *"cannot $command "*'kernel: "'*"upper device already has a program"*"see \`ip link\`" ]]
	done
	equal "$(ff --json status s0 | jq -r '.filters[].mode')" native
	ff detach b0
	ff detach s0
}

@test "drivers with and without native XDP, as the kernel has them" {
	in_s ip tuntap add tap0 mode tap || skip "no taps here"
	says_yes tap0
	add_without_native_xdp d0
	says_no d0 driver
}

@test "an interface of which it is not known what frames begin with is refused in every mode, in the doctor's words, before anything is made" {
	local interface mode text tried=0
	in_s ip link add gre1 type gre local "$S4" || true
	in_s ip link add xfrm1 type xfrm dev s0 if_id 7 || true
	in_s ip link add vti1 type vti local "$S4" remote "$A4" key 7 || true
	in_s ip link add vcan1 type vcan || true
	in_s ip link add nlmon1 type nlmon || true
	for interface in gre1 xfrm1 vti1 vcan1 nlmon1; do
		in_s ip link show "$interface" >/dev/null 2>&1 || continue
		tried=$((tried + 1))
		run -3 ff --json doctor "$interface"
		text=$(finding "$interface" driver text)
		[[ $text == *"no Ethernet header"* ]]
		for mode in "" native generic offload auto; do
			run -1 --separate-stderr ff attach "$interface" ${mode:+--mode "$mode"}
			one_line "cannot attach to $(in_s ip -j link show "$interface" | jq -r '.[0].ifname'): $text"
			run -1 --separate-stderr ff attach "$interface" ${mode:+--mode "$mode"} --confirm 5
			one_line "$text"
		done
		[[ -z $(xdp_id "$interface") && -z $(pins_of "$SERVER_ID") ]]
	done
	[ $tried -gt 0 ] || skip "this kernel has no such interface"
}

@test "attach says what keeps frames away, as doctor does: a bridge's port, an interface that is down" {
	in_s ip link add b0 type bridge || skip "no bridges here"
	in_s ip link set s0 master b0
	in_s ip link set s0 down
	run -0 --separate-stderr ff --json attach s0
	equal "$(jq -c '[.notes[].text]' <<<"$output")" "$(ff --json doctor s0 | jq -c '[.findings[] | select(.check == "stack" or .check == "link").text]')"
	equal "$(jq -r '[.notes[] | .check, .state] | join(" ")' <<<"$output")" "stack note link note"
	ff detach s0
	run -0 --separate-stderr ff attach s0
	[[ $output == *$'\nnote:      it belongs to bridge b0'*$'\nnote:      the interface is down: '*$'\n    > ip -n '"$SERVER link set dev s0 up" ]]
	in_s ip link set s0 nomaster up
	ff detach s0
	equal "$(ff --json attach s0 | jq -c .notes)" "[]"
}

@test "a veth whose other end has more queues is refused, in the driver's own words with what to try" {
	in_s ip link add q0 numtxqueues 4 numrxqueues 4 type veth peer name q1 numtxqueues 4 numrxqueues 4
	in_s ethtool -L q0 rx 1 || skip "this kernel's veth has one number of queues"
	run -1 --separate-stderr ff attach q0
	[[ ${stderr_lines[0]} == *"rx queues not less than peer tx queues"*"ethtool -L"* ]]
	if [ "$(finding q0 channels state)" = problem ]; then # before Linux 6.3 nobody can know
		says_no q0 channels
		in_s bash -c "$(finding q0 channels fix | sed 's/^ip netns exec [^ ]* //')"
		says_yes q0
		# where this end has no more of them, what is named works too
		in_s ip link add t0 numtxqueues 1 numrxqueues 1 type veth peer name t1 numtxqueues 4 numrxqueues 4
		says_no t0 channels
		PATH=${FLAGFILTER%/*}:$PATH bash -c "$(finding t0 channels fix)"
		equal "$(ff --json status t0 | jq -r '.filters[0].mode')" generic
	fi
}

@test "another owner's program: id, name, mode and who pinned it; its fix helps" {
	put_foreign xdpgeneric
	says_no s0 program
	[[ $stderr == *"pass_all"*"$(xdp_id)"*generic* ]]
	in_s ip link set dev s0 xdpgeneric off
	bpftool prog load "$BATS_FILE_TMPDIR/pass.o" "/sys/fs/bpf/ff-$$-theirs" type xdp
	in_s bpftool net attach xdpdrv pinned "/sys/fs/bpf/ff-$$-theirs" dev s0
	says_no s0 program
	[[ $stderr == *"pinned by user 0 at /sys/fs/bpf/ff-$$-theirs"* ]]
	bash -c "$(finding s0 program fix)"
	equal "$(xdp_id)" ""
	says_yes s0
}

@test "a program that a process holds by a BPF link is told with that process" {
	bpftool prog load "$BATS_FILE_TMPDIR/pass.o" "/sys/fs/bpf/ff-$$-theirs" type xdp
	# BPF_OBJ_GET, then BPF_LINK_CREATE of an XDP program (attach type 37)
	start_in "$SERVER" "$PYTHON" -c '
import ctypes, socket, struct, sys, time
bpf = lambda command, attr: ctypes.CDLL(None, use_errno=True).syscall(321, command, ctypes.create_string_buffer(attr.ljust(64, b"\0")), 64)
path = ctypes.create_string_buffer(sys.argv[1].encode())
program = bpf(7, struct.pack("Q", ctypes.addressof(path)))
link = bpf(28, struct.pack("IIII", program, socket.if_nametoindex("s0"), 37, 4))
print(link, flush=True)
time.sleep(100)' "/sys/fs/bpf/ff-$$-theirs"
	wait_until 10 test -s "$BATS_TEST_TMPDIR/out"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" -ge 0 ] || skip "no BPF links for XDP here: $(uname -r)"
	rm "/sys/fs/bpf/ff-$$-theirs"
	says_no s0 program
	[[ $stderr == *"by a BPF link"*"open in process $STARTED (python"* ]]
	equal "$(finding s0 program fix)" "kill $STARTED"
	kill "$STARTED"
	wait_until 10 test -z "$(xdp_id)" || wait_until 10 says_yes s0
}

@test "our own filter is no problem" {
	ff attach s0
	run -0 ff --json doctor s0
	[[ $(finding s0 program text) == "flagfilter is attached already: id $(ff --json status s0 | jq '.filters[0].program_id')"* ]]
}

# make_kernel NAME CONDITION ERROR: $BATS_TEST_TMPDIR/NAME.so, under which the kernel refuses programs of which that holds.
make_kernel() {
	cat >"$BATS_TEST_TMPDIR/$1.c" <<-C
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <linux/bpf.h>
		#include <stdarg.h>
		#include <sys/syscall.h>
		long syscall(long number, ...)
		{
			long (*next)(long, ...) = dlsym(RTLD_NEXT, "syscall"), a[6];
			va_list args;
			va_start(args, number);
			for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
			va_end(args);
			if (number == SYS_bpf && a[0] == BPF_PROG_LOAD && ((union bpf_attr *)a[1])->$2) {
				errno = $3;
				return -1;
			}
			return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
		}
	C
	gcc -shared -fPIC -o "$BATS_TEST_TMPDIR/$1.so" "$BATS_TEST_TMPDIR/$1.c" -ldl
}

@test "a kernel without BTF that refuses the program: doctor and attach say that it is this" {
	local command
	make_kernel nobtf "insn_cnt > 500" EACCES
	# shellcheck disable=SC2016 # for sh
	ff() {
		unshare --mount --propagation private sh -c 'mount -t tmpfs none /sys/kernel/btf &&
			LD_PRELOAD=$1 && export LD_PRELOAD && shift && exec "$@"' - "$BATS_TEST_TMPDIR/nobtf.so" "$FLAGFILTER" --netns "$SERVER" "$@"
	}
	[ -d /sys/kernel/btf ] || skip "this kernel has none"
	run -3 ff --json doctor s0
	equal "$(jq -r '[.findings[] | select(.state == "problem").check] | join(" ")' <<<"$output")" load
	[[ $(finding s0 load text) == *BTF*/sys/kernel/btf/vmlinux* ]]
	for command in "attach s0" "attach s0 --mode generic" "attach s0 --mode auto"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr ff $command
		one_line "does not load: Permission denied; this kernel has no type information (BTF)" /sys/kernel/btf/vmlinux
		[[ $stderr != *CAP_* && $stderr != *"whose files"* ]]
	done
	nothing_left
}

@test "MTU 9000 works where frames may lie in several buffers" {
	ip -n "$ATTACKER" link set a0 mtu 9000
	in_s ip link set s0 mtu 9000
	[ "$(finding s0 mtu state)" = ok ] || skip "Linux 5.18 has that"
	says_yes s0
}

@test "MTU 9000 without that: refused in the driver's own words, and the MTU that doctor names is the largest" {
	local limit
	make_kernel nofrags "prog_flags & 32" EINVAL # older than 5.18: no frames in several buffers
	ff() { LD_PRELOAD=$BATS_TEST_TMPDIR/nofrags.so "$FLAGFILTER" --netns "$SERVER" "$@"; }
	in_s ip link set s0 mtu 9000
	ip -n "$ATTACKER" link set a0 mtu 9000
	says_no s0 mtu
	[[ ${stderr_lines[0]} == *'kernel: "veth: Peer MTU is too large'* ]]
	limit=$(finding s0 mtu fix | sed -n 's/.* mtu //p')
	ip -n "$ATTACKER" link set a0 mtu $((limit + 1))
	in_s ip link set s0 mtu $((limit + 1))
	says_no s0 mtu
	equal "$(finding s0 mtu fix)" "on its other end: ip link set dev NAME mtu $limit"
	ip -n "$ATTACKER" link set a0 mtu "$limit"
	in_s ip link set s0 mtu "$limit" # from here the other end cannot be seen: doctor takes it to be the same
	says_yes s0
}

@test "an interface that is down is only a note: it attaches" {
	in_s ip link set s0 down
	equal "$(finding s0 link state)" note
	says_yes s0
	bash -c "$(finding s0 link fix)"
	equal "$(finding s0 link state)" ""
}

@test "missing capabilities are named, each one, and nothing else is blamed for it" {
	local doctor=(setpriv --inh-caps=-all --ambient-caps=-all)
	run -3 nsenter --net="/run/netns/$SERVER" "${doctor[@]}" --bounding-set=-all "$FLAGFILTER" --json doctor s0
	equal "$(jq -r '[.findings[] | select(.state == "problem").text] | join("|")' <<<"$output")" \
		"missing: CAP_NET_ADMIN, CAP_SYS_ADMIN"
	run -3 nsenter --net="/run/netns/$SERVER" "${doctor[@]}" --bounding-set=-net_admin "$FLAGFILTER" --json doctor s0
	equal "$(jq -r '[.findings[] | select(.state == "problem").text] | join("|")' <<<"$output")" \
		"missing: CAP_NET_ADMIN"
}

@test "no BPF filesystem is a problem, and its fix helps" {
	run -3 unshare -m sh -c "umount -l /sys/fs/bpf; exec $FLAGFILTER --netns $SERVER --json doctor s0"
	equal "$(jq -r '[.findings[] | select(.state == "problem").fix] | join("|")' <<<"$output")" \
		"mount -t bpf -o mode=700 bpf /sys/fs/bpf"
	run -0 unshare -m sh -c "umount -l /sys/fs/bpf; mount -t bpf -o mode=700 bpf /sys/fs/bpf;
		exec $FLAGFILTER --netns $SERVER --json doctor s0"
}

@test "what it says of the dispatcher is what attach then gets" {
	ff attach s0
	case $(ff --json status s0 | jq -r '.filters[0].attached') in
	shared) equal "$(finding s0 dispatcher state)" ok ;;
	exclusive) equal "$(finding s0 dispatcher state)" note ;;
	esac
}

@test "no interface, no argument, two arguments" {
	run -1 --separate-stderr ff doctor nowhere
	one_line "no interface 'nowhere'"
	run -2 --separate-stderr ff doctor
	one_line "name an interface"
	run -2 --separate-stderr ff doctor s0 s0
	one_line "'s0'"
}
