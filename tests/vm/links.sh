# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Links without Ethernet header, each with real traffic and scans through it: t0, in the namespace "far", and t1, where the
# filter is, over the veth v0-v1. Who answers a scan is this kernel, so what is not answered was dropped.

OUTER_FAR=10.9.0.1 OUTER=10.9.0.2 OUTER6_FAR=fd09::1 OUTER6=fd09::2
FAR4=10.8.0.1 HERE4=10.8.0.2 FAR6=fd08::1 HERE6=fd08::2

far() { ip netns exec far "$@"; }

remove_ends() {
	local job
	set +e
	for job in $(jobs -p); do kill "$job"; done
	flagfilter detach t1
	ip link del t1
	ip netns del far
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
} 2>/dev/null >&2

make_ends() {
	trap remove_ends EXIT
	ip netns add far
	ip link set v0 netns far
	far ip link set lo up
	far sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6; echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
	echo 0 >/proc/sys/net/ipv6/conf/v1/disable_ipv6
	far ip link set v0 up
	far ip address add "$OUTER_FAR/24" dev v0
	far ip address add "$OUTER6_FAR/64" dev v0 nodad
	ip address add "$OUTER/24" dev v1
	ip address add "$OUTER6/64" dev v1 nodad
}

make_tunnel() { # KIND LOCAL REMOTE
	ip link add t1 type "$1" local "$2" remote "$3" "${@:4}" || skip "no $1 here"
	far ip link add t0 type "$1" local "$3" remote "$2" "${@:4}"
}
make_ipip() { make_tunnel ipip "$OUTER" "$OUTER_FAR"; }
make_sit() { make_tunnel sit "$OUTER" "$OUTER_FAR"; }
make_gre() { make_tunnel gre "$OUTER" "$OUTER_FAR"; }
make_ip6tnl() { make_tunnel ip6tnl "$OUTER6" "$OUTER6_FAR" mode any; }

make_wireguard() {
	ip link add t1 type wireguard || skip "no wireguard here"
	far ip link add t0 type wireguard
	umask 077
	wg genkey >/tmp/key1
	wg genkey >/tmp/key0
	wg set t1 listen-port 5555 private-key /tmp/key1 peer "$(wg pubkey </tmp/key0)" allowed-ips 0.0.0.0/0,::/0
	far wg set t0 listen-port 5555 private-key /tmp/key0 peer "$(wg pubkey </tmp/key1)" allowed-ips 0.0.0.0/0,::/0 \
		endpoint "$OUTER:5555"
}

make_ppp() {
	local wait options='nodetach noauth local nodefaultroute noccp +ipv6'
	[ -e /dev/ppp ] || skip "no ppp here"
	echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6 # pppd asks for the link-local address itself
	# shellcheck disable=SC2086
	pppd $options ifname t1 "$HERE4:$FAR4" \
		pty "/bin/ip netns exec far /bin/pppd notty $options ifname t0 $FAR4:$HERE4" >/tmp/ppp 2>&1 &
	for ((wait = 0; wait < 100; wait++)); do
		grep -q "local  LL" /tmp/ppp && [[ $(far ip -4 address show t0) == *"$FAR4"* ]] && return
		sleep 0.2
	done
	cat /tmp/ppp
	return 1
}

# make_link KIND FAMILIES
make_link() {
	local kind=$1 families=$2
	make_ends
	"make_$kind"
	[ ! -e /proc/sys/net/ipv6/conf/t1 ] || echo 0 >/proc/sys/net/ipv6/conf/t1/disable_ipv6
	ip link set t1 up
	far ip link set t0 up
	if [[ $families == *4* && $kind != ppp ]]; then
		ip address add "$HERE4/24" dev t1
		far ip address add "$FAR4/24" dev t0
	fi
	if [[ $families == *6* ]]; then
		ip address add "$HERE6/64" dev t1 nodad
		far ip address add "$FAR6/64" dev t0 nodad
	fi
}

# answered FAMILY COUNT FLAGS...: of that many segments with each of FLAGS.
answered() {
	if [ "$1" = 4 ]; then far scan "$FAR4" "$HERE4" "${@:2}"; else far scan "$FAR6" "$HERE6" "${@:2}"; fi
}

# The link type in the first interface of a pcapng file.
link_type_of() {
	local section
	section=$(od -An -tu4 -j4 -N4 "$1")
	od -An -tu2 -j$((section + 8)) -N2 "$1" | tr -d ' '
}

honest_connections() { # FAMILIES
	local families=$1 family host
	mkdir -p /tmp/www
	head -c 65536 /bin/flagfilter >/tmp/www/page
	httpd -f -p 80 -h /tmp/www &
	for family in $families; do
		if [ "$family" = 4 ]; then host=$HERE4; else host="[$HERE6]"; fi
		far wget -q -O - "http://$host/page" | cmp - /tmp/www/page
	done
	kill $!
}

samples_are_right() { # FAMILY SOURCE
	local family=$1 source=$2
	flagfilter --json capture t1 -c 3 >/tmp/captured &
	while kill -0 $! 2>/dev/null; do answered "$family" 5 0x00 >/dev/null; done
	equal "$(jq -r .source /tmp/captured | sort -u)" "$source" "source of samples"
	rm -f /tmp/captured.pcapng
	flagfilter capture t1 -c 3 -w /tmp/captured.pcapng &
	while kill -0 $! 2>/dev/null; do answered "$family" 5 0x00 >/dev/null; done
	equal "$(link_type_of /tmp/captured.pcapng)" 101 "link type"
}

# filtered KIND FAMILIES SINCE: that kernel shows the inner packets.
filtered() {
	local kind=$1 families=$2 since=$3 family source mode size count=0 bytes=0
	make_link "$kind" "$families"
	for family in $families; do equal "$(answered "$family" 5 "$SF" 0x00 0x01 "$ACK")" 20 "answered without the filter"; done
	if ! kernel_is "$since"; then
		for mode in native generic auto; do refused "$kind" "outer headers" -- flagfilter attach --mode $mode t1; done
		no_pins
		return
	fi
	equal "$(flagfilter --json doctor t1 | jq -c '[.native, (.findings[] | select(.check == "gro").state)]')" '[false,"note"]'
	refused native "--mode generic" -- flagfilter attach t1
	equal "$(fix_of t1 driver)" "flagfilter attach t1 --mode generic"
	flagfilter attach t1 --mode generic --preset strict
	for family in $families; do
		if [ "$family" = 4 ]; then source=$FAR4 size=40; else source=$FAR6 size=60; fi
		equal "$(answered "$family" 5 "$SF" 0x00 0x01)" 0 "answered behind the filter, IPv$family"
		equal "$(answered "$family" 5 "$ACK")" 5 "ACK behind the filter, IPv$family"
		count=$((count + 15)) bytes=$((bytes + 15 * size))
		equal "$(stats t1 '[.dropped[]] | tojson')" "[$count,$bytes]" "dropped: packets, bytes"
	done
	equal "$(stats t1 '[.rules[] | select(.dropped.packets > 0) | "\(.name) \(.dropped.packets)"] | join(" ")')" \
		"syn-fin $((count / 3)) fin-no-ack $((count / 3)) tcp-no-flag $((count / 3))"
	honest_connections "$families"
	equal "$(stats t1 .dropped.packets)" $count "dropped after honest connections"
	samples_are_right "$family" "$source"
	flagfilter attach t1 --mode generic
	flagfilter exempt t1 add 9
	equal "$(PORT=9 answered "$family" 5 "$SF")" 5 "exempt port"
	equal "$(answered "$family" 5 "$SF")" 0 "another port"
	flagfilter exempt t1 add "$source"
	equal "$(answered "$family" 5 "$SF")" 5 "exempt source"
	flagfilter exempt t1 del "$source"
	flagfilter detach t1
	no_pins
	equal "$(answered "$family" 5 "$SF" 0x00 0x01)" 15 "answered after detach"
}

tagged() { GRE_TAG=$1 GRE_FROM=$OUTER_FAR GRE_TO=$OUTER answered 4 5 "$SF"; }

# Anybody who can spoof the remote end can send a VLAN tag in GRE, which the kernel takes off.
tags_in_gre() {
	make_link gre 4
	equal "$(tagged 0000) $(tagged 4000) $(tagged 6000)" "5 5 5" "answered without the filter"
	flagfilter attach t1 --mode generic
	equal "$(tagged 0000) $(tagged 4000) $(tagged 6000)" "0 0 0" "answered behind the filter"
	equal "$(stats t1 '.not_judged["vlan-depth"]')" 15
}

# not_tried WORD ARG...: a link of these ARGs is refused with WORD in every mode.
not_tried() {
	local word=$1 mode
	shift
	trap remove_ends EXIT
	ip link add t1 type "$@" || skip "no $1 here"
	for mode in native generic auto; do refused "$1" "$word" -- flagfilter attach --mode $mode t1; done
	no_pins
	[[ $(flagfilter doctor t1) == *"$1"* ]]
}

links_without_ethernet() {
	it "wireguard: scans are blind, connections whole" filtered wireguard "4 6" 5.10
	it "ppp: scans are blind, connections whole" filtered ppp "4 6" 5.10
	it "ipip: $(tunnel_fate)" filtered ipip 4 5.14
	it "sit: $(tunnel_fate)" filtered sit 6 5.14
	it "gre: $(tunnel_fate)" filtered gre "4 6" 5.14
	it "ip6tnl: $(tunnel_fate)" filtered ip6tnl "4 6" 5.14
	if kernel_is 5.14; then
		it "gre: a VLAN tag in it is no way around" tags_in_gre
		it "gre without a remote end is refused by name" not_tried "without a remote end" gre local "$OUTER"
	fi
	it "vti is refused by name" not_tried "has not been tried" vti local "$OUTER" remote "$OUTER_FAR" key 7
	it "xfrm is refused by name" not_tried "has not been tried" xfrm dev v1 if_id 7
}

tunnel_fate() { if kernel_is 5.14; then echo scans are blind, connections whole; else echo refused: outer headers are shown; fi; }
