#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# deps.sh [build|demo|test|bench|vm]: installs what is missing for it, on Debian 12. Silent if nothing is.

set -u

# Package names of Debian 12; each list also needs the one before it.
build=(gcc libc6-dev make clang llvm bpftool libbpf-dev libxdp-dev libyaml-dev libjansson-dev libpcap-dev
	libncurses-dev)
demo=(iproute2 nmap hping3 curl python3 tcpdump)
test=(libcmocka-dev bats zsh python3-scapy tshark jq ethtool iperf3 nftables tmux procps strace systemd xdp-tools
	clang-format clang-tidy cppcheck shellcheck mandoc groff-base libclang-rt-14-dev valgrind)

bench=(python3 ethtool iproute2 util-linux nftables iptables tcpdump xdp-tools)
vm=(qemu-system-x86 busybox-static cpio xz-utils python3-scapy iproute2 jq xdp-tools)

fail() {
	printf 'deps.sh: %s\n' "$@" >&2
	exit 1
}

what=${1:-build}
case $what in
build) wanted=("${build[@]}") ;;
demo) wanted=("${build[@]}" "${demo[@]}") ;;
test) wanted=("${build[@]}" "${demo[@]}" "${test[@]}") ;;
bench) wanted=("${build[@]}" "${bench[@]}") ;;
vm) wanted=("${build[@]}" "${vm[@]}") ;;
*) echo "usage: $0 [build|demo|test|bench|vm]" >&2 && exit 2 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	fail "there is no apt-get here; install what Debian 12 calls:" "    ${wanted[*]}" \
		"and then run \`make\` by itself (for the demo also tests/demo/demo.sh)"
fi

installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "${wanted[@]}" 2>/dev/null)"
missing=()
for package in "${wanted[@]}"; do
	[[ $installed == *" installed:$package "* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ((EUID)); then
	fail "missing: ${missing[*]}" "installing them needs root: sudo $0 $what"
fi

export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -y -qq --no-install-recommends "${missing[@]}")

printf 'Missing for %s: %s\nAsking apt: %s\n' "$what" "${missing[*]}" "${install[*]}"
# Lists that are too old name files that are gone: then a second try, with new ones.
if compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
	"${install[@]}" && exit 0
fi
apt-get update -q && "${install[@]}" && exit 0
fail "apt could not install them all: ${missing[*]}" \
	"the names are those of Debian 12; elsewhere install what corresponds, and run \`make\` again"
