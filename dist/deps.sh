#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# deps.sh [build|check|demo|test|prove|bench|vm|debians]: installs what is missing for it, on Debian 12 and 13. Says so in one
# line, and nothing if nothing is missing. What apt says is shown if it fails.

# shellcheck disable=SC2034 # the lists are used by name
set -u

# Package names of Debian 12 and 13. Each list also needs the first one.
build=(gcc libc6-dev make clang llvm bpftool libbpf-dev libxdp-dev libyaml-dev libjansson-dev
	libncurses-dev libseccomp-dev zlib1g-dev)
check=(libcmocka-dev bats zsh python3-scapy jq mandoc groff-base)
demo=(iproute2 mount nmap hping3 curl python3 tcpdump)
test=("${demo[@]}" "${check[@]}" tshark ethtool iperf3 nftables tmux procps strace systemd util-linux xdp-tools
	clang-format clang-tidy cppcheck shellcheck valgrind)
prove=(python3 python3-z3 python3-scapy)
bench=(python3 ethtool iproute2 util-linux nftables iptables tcpdump xdp-tools)
vm=(qemu-system-x86 busybox-static cpio xz-utils python3-scapy iproute2 jq xdp-tools wireguard-tools ppp)
debians=(mmdebstrap)

fail() {
	printf 'deps.sh: %s\n' "$@" >&2
	exit 1
}

what=${1:-build}
case $what in
build | check | demo | test | prove | bench | vm | debians) ;;
*) echo "usage: $0 [build|check|demo|test|prove|bench|vm|debians]" >&2 && exit 2 ;;
esac
declare -n list=$what
wanted=("${build[@]}" "${list[@]}")

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	fail "there is no apt-get here; install what Debian calls:" "    ${wanted[*]}" \
		"and then: make $what DEPS=true"
fi

# clang's sanitizers and fuzzer are in a package that has clang's version in its name.
sanitizers() {
	{ dpkg-query -W -f '${Depends}' clang || apt-cache depends clang; } 2>/dev/null |
		sed -nE 's/.*\bclang-([0-9]+)\b.*/libclang-rt-\1-dev/p' | head -n 1
}

# Names in missing what is not installed.
look() {
	local package installed

	missing=()
	[[ $what != test && "$what ${CC-}" != check*clang* ]] || wanted+=("$(sanitizers)")
	installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "${wanted[@]}" 2>/dev/null)"
	for package in "${wanted[@]}"; do
		[[ ! $package || $installed == *" installed:$package "* ]] || missing+=("$package")
	done
}

look
((${#missing[@]})) || exit 0
((!EUID)) || fail "missing for $what: ${missing[*]}; to install: sudo $0 $what"

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# Lists that are too old name files that are gone, and only with lists it is known which version clang will have.
install_with_new_lists() {
	apt-get update -q && look && install
}

echo "Missing for $what, installed now by apt: ${missing[*]}"
{ compgen -G '/var/lib/apt/lists/*_Packages*' && install || install_with_new_lists; } >"$log" 2>&1 && exit 0
cat "$log" >&2
fail "apt could not install them all: ${missing[*]}" \
	"the names are those of Debian 12 and 13; elsewhere install what corresponds, and then: make $what DEPS=true"
