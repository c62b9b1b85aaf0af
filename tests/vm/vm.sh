#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Boots Debian's kernels under qemu, and runs tests/vm/guest.sh in each. Its output is TAP, for tests/tools/run.sh.
#
#	VM_KERNELS="5.10 6.1 6.12 sid"	which
#	VM_ONLY=virtio			the tests whose names match that (spaces: .)
#	VM_STRIDE=1			kills the loader at each step, and not at every 61st
#	VM_LIMIT=480			seconds for one kernel
#	VM_CACHE=DIR			where what apt downloads is kept; remove it to ask for newer ones
#
# No KVM is asked for: software emulation boots one in about ten seconds, and is the same everywhere.
set -u
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

KERNELS=${VM_KERNELS:-5.10 6.1 6.12 sid}
CACHE=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flagfilter-vm}
OUT=$PWD/build/vm
FRAMES=build/tests/frames
LIMIT=${VM_LIMIT:-480}                                           # seconds for one kernel
TOOLS=(bash busybox ip bpftool xdp-loader xdp-filter jq setpriv wg pppd) # in the guest
MODULES='veth|virtio_net|net_failover|failover|virtio_pci|virtio_pci_modern_dev|virtio_pci_legacy_dev|virtio_ring|virtio|e1000|vmxnet3|bonding|tls|8021q|garp|mrp|stp|llc|bridge'
# Of links without Ethernet header: wireguard and the ciphers that it may be linked with, ppp, tunnels.
MODULES+='|wireguard|udp_tunnel|ip6_udp_tunnel|(lib)?(blake2s|chacha|poly1305|curve25519|chacha20poly1305)([_-][a-z0-9_-]*)?'
MODULES+='|ppp_generic|ppp_async|slhc|crc-ccitt|ip_tunnel|tunnel[46]|ipip|sit|gre|ip_gre|ip6_tunnel|ip_vti|xfrm6_tunnel|xfrm_interface'

declare -A SUITE=([5.10]=bullseye [6.1]=bookworm [6.12]=trixie [sid]=sid)

# ---- what there must be

missing_tools() {
	local tool
	for tool in qemu-system-x86_64 cpio xz python3 apt-get dpkg-deb "${TOOLS[@]}"; do
		command -v "$tool" >/dev/null || printf '%s ' "$tool"
	done
}

# A mirror of Debian that this machine already uses: it has every suite.
mirror() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
		grep -oE '^(URIs: *|deb( \[[^]]*\])? +)https?://[^ ]+/debian/?( |$)' | grep -oE 'https?://[^ ]+' | head -n 1
}

# apt_for SUITE TOOL ARG...: apt with nothing but that suite, and nothing of this machine's own lists.
apt_for() {
	local suite=$1 dir=$OUT/apt-$1
	shift
	timeout 300 "$@" -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$dir/lists" \
		-o Dir::Cache="$dir" -o Acquire::Languages=none -o Acquire::Retries=2 -o APT::Sandbox::User=""
}

# What PACKAGE depends on, of those whose names match REGEX.
dependencies() { # SUITE PACKAGE REGEX
	apt_for "$1" apt-cache depends "$2" | sed -nE "s/^ *(Pre)?Depends: ($3)\$/\\2/p"
}

# Puts the newest kernel of a Debian suite, and the modules we need, into the cache: DIR/{vmlinuz,release,*.ko}.
download() { # SUITE DIR
	local suite=$1 new=$2.new apt=$OUT/apt-$1 image deb
	rm -rf "$new" "$apt"
	mkdir -p "$new" "$apt/lists/partial" "$apt/archives/partial"
	echo "deb $(mirror) $suite main" >"$apt/sources.list"
	apt_for "$suite" apt-get update -q || return
	image=$(dependencies "$suite" linux-image-amd64 'linux-image-[0-9].*')
	[ -n "$image" ] || return
	# sid has the modules in a package of their own.
	# shellcheck disable=SC2046 # words on purpose
	(cd "$apt" && apt_for "$suite" apt-get download -q "$image" \
		$(dependencies "$suite" "$image" 'linux-(binary|modules)-[0-9].*')) || return
	for deb in "$apt"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$apt" --wildcards './boot/vmlinuz*' './usr/lib/modules/*/vmlinuz' \
			'*.ko' '*.ko.xz' '*.ko.zst' 2>/dev/null
	done
	echo "${image#linux-image-}" >"$new/release"
	find "$apt" -name 'vmlinuz*' -type f -exec mv {} "$new/vmlinuz" \;
	find "$apt" -type f -regextype posix-extended -regex ".*/($MODULES)\.ko(\.xz)?" -exec mv {} "$new" \;
	if compgen -G "$new/*.xz" >/dev/null; then unxz "$new"/*.xz; fi
	rm -rf "$apt"
	echo "$MODULES" >"$new/wanted"
	[ -s "$new/vmlinuz" ] && [ -s "$new/veth.ko" ] && rm -rf "$2" && mv "$new" "$2"
}

# Whether DIR has the kernel with the modules that are wanted now.
is_cached() { [ -e "$1/vmlinuz" ] && [ "$(cat "$1/wanted" 2>/dev/null)" = "$MODULES" ]; }

# ---- the initramfs

libraries_of() { ldd "$@" 2>/dev/null | grep -oE '/[^ :]+\.so[^ :]*' | sort -u; }

# Every fifth frame of the tests' capture, and the verdict to expect of each: from how it was made, or where nobody knows
# from the native engine. (All of them take 5.10 a minute: each run waits for a grace period.)
make_frames() { # ROOT
	python3 - "$FRAMES" "$1" <(build/flagfilter replay "$FRAMES.pcap" --preset conntrack --verdicts) <<-'PYTHON'
		import struct, sys

		frames, root, native = sys.argv[1:]
		with open(frames + ".pcap", "rb") as capture, open(frames + ".expected") as made, open(native) as judged, \
			open(root + "/frames.pcap", "wb") as some, open(root + "/expected", "w") as expected:
		    some.write(capture.read(24))
		    for number, (fate, verdict) in enumerate(zip(made, judged)):
		        record = capture.read(16)
		        frame = capture.read(struct.unpack("<4I", record)[2])
		        if number % 5:
		            continue
		        some.write(record + frame)
		        *_, action, name, _ = fate.split("\t")
		        if action == "?":
		            _, action, name = verdict.split()
		        print(number // 5 + 1, action, name, sep="\t", file=expected)
	PYTHON
}

# A capture of each shape of tests/net/behind.py, how many segments are in it, and one of all; and three of random ones.
make_shapes() { # DIR
	local shape
	mkdir "$1"
	for shape in $(tests/net/behind.py shapes); do
		echo "$shape $(tests/net/behind.py "$1/$shape.pcap" open "$shape" | jq .tried)"
	done >"$1/tried"
	tests/net/behind.py "$1/all.pcap" filtered >"$1/all.json"
	tests/net/stray.py "$1/stray-open.pcap" 1 2000 >/dev/null
	tests/net/stray.py "$1/stray-native.pcap" 2 2000 >/dev/null
	tests/net/stray.py "$1/stray-generic.pcap" 3 2000 >/dev/null
}

archive() { (cd "$1" && find . | cpio -o -H newc --quiet -R 0:0); }

# Everything but the modules, which are each kernel's own.
make_root() {
	local root=$OUT/root file tools=(build/flagfilter)
	rm -rf "$root"
	mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,modules}
	for file in "${TOOLS[@]}"; do tools+=("$(command -v "$file")"); done
	install -t "$root/bin" "${tools[@]}" "$OUT/cross" "$OUT/send" "$OUT/scan"
	for file in $(libraries_of "${tools[@]}"); do install -D "$file" "$root$file"; done
	for file in $(busybox --list); do [ -e "$root/bin/$file" ] || ln -s busybox "$root/bin/$file"; done
	cp -r --parents /usr/lib/x86_64-linux-gnu/bpf "$root"
	cp "$OUT/seen.o" "$OUT/fault.so" tests/vm/{exempt.yaml,privileges.sh,faults.sh,links.sh} "$root"
	tests/net/evade.py "$root/split-chain.pcap" split-chain >/dev/null
	make_shapes "$root/behind"
	install tests/vm/guest.sh "$root/init"
	make_frames "$root"
	archive "$root" >"$OUT/root.cpio"
}

# ---- one kernel

# Runs qemu in a network namespace of its own, where two taps with several queues are joined by a bridge. Where that
# cannot be, qemu joins the two network cards itself, with one queue. (Called by itself, in that namespace.)
boot_wired() { # KERNEL-DIR INITRAMFS
	local i nic=()
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 # nothing shall cross but what the guest sends
	if ip link add br0 type bridge && for i in 0 1; do
		ip tuntap add t$i mode tap multi_queue && ip link set t$i mtu 9000 master br0 up || break
	done && ip link set br0 mtu 9000 up; then
		for i in 0 1; do
			nic+=(-netdev "tap,id=w$i,ifname=t$i,script=no,downscript=no,vhost=off,queues=4"
				-device "virtio-net-pci,netdev=w$i,mac=02:00:00:00:00:1$i,mq=on,vectors=10,romfile=")
		done
	else
		for i in 0 1; do
			nic+=(-netdev "hubport,id=w$i,hubid=0" -device "virtio-net-pci,netdev=w$i,mac=02:00:00:00:00:1$i,romfile=")
		done
	fi 2>/dev/null
	for i in 0 1; do
		nic+=(-netdev "hubport,id=e$i,hubid=1" -device "e1000,netdev=e$i,mac=02:00:00:00:00:2$i,romfile="
			-netdev "hubport,id=m$i,hubid=2" -device "vmxnet3,netdev=m$i,mac=02:00:00:00:00:3$i,romfile=")
	done
	# One thread for both CPUs: with two, kernels that patch their own code have been seen to trip over it.
	exec timeout "$LIMIT" qemu-system-x86_64 -accel tcg,thread=single -cpu max -smp 2 -m 1024 -nographic -no-reboot \
		-nodefaults -serial stdio -kernel "$1/vmlinuz" -initrd "$2" -append "console=ttyS0 quiet panic=-1 oops=panic VM_ONLY=${VM_ONLY:-} VM_STRIDE=${VM_STRIDE:-}" "${nic[@]}"
}

# Prints TAP, each test's name with the kernel's before it.
test_kernel() { # NAME
	local name=$1 dir=$CACHE/$1 log=$OUT/$1.log console=$OUT/$1.console
	if ! is_cached "$dir" && ! { mkdir -p "$CACHE" && download "${SUITE[$name]:-$name}" "$dir"; } >"$log" 2>&1 &&
		[ ! -e "$dir/vmlinuz" ]; then # older modules are better than none: what wants others is skipped
		echo "ok $name: boots # skip apt cannot get Debian ${SUITE[$name]:-$name}'s kernel: $(grep -E '^(E|W|Err)' "$log" | tail -n 1)"
		return
	fi
	mkdir -p "$OUT/$name/modules"
	cp "$dir"/*.ko "$OUT/$name/modules"
	{ cat "$OUT/root.cpio" && archive "$OUT/$name"; } >"$OUT/$name.cpio"
	boot "$dir" "$OUT/$name.cpio" >"$console"
	if ! ended "$console" && grep -a 'Kernel panic' "$console"; then # once: emulation is not hardware
		echo "# $name: the kernel broke down, see $console.1; booted once more"
		mv "$console" "$console.1"
		boot "$dir" "$OUT/$name.cpio" >"$console"
	fi
	tr -d '\r' <"$console" | sed -nE "s/^((not )?ok [0-9]+) - /\1 - $name: /p; /^# /p"
	ended "$console" || {
		echo "not ok $name: comes to the end"
		tail -n 40 "$console" | tr -d '\r' | sed 's/^/# /'
	}
}

boot() {
	unshare -rn bash -c "$(declare -f boot_wired); LIMIT=$LIMIT; boot_wired \"\$@\"" "$0" "$@" </dev/null 2>&1
}

ended() { grep -aq '^1\.\.' "$1"; }

skip_all() {
	echo "ok Debian's kernels # skip $*"
	exit 0
}

main() {
	local name missing
	[ "$(uname -m)" = x86_64 ] || skip_all "the kernels are x86_64's"
	missing=$(missing_tools)
	[ -z "$missing" ] || skip_all "not installed: $missing"
	mkdir -p "$OUT"
	rm -f "$OUT"/*.tap
	make_root
	# As many at once as there are CPUs.
	for name in $KERNELS; do
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
		test_kernel "$name" >"$OUT/$name.tap" &
	done
	wait
	for name in $KERNELS; do cat "$OUT/$name.tap"; done
	! grep -q '^not ok' "$OUT"/*.tap
}

main
