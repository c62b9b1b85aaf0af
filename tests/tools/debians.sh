#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The README's way, on fresh Debian 12 and 13, by gcc and by clang: what it says to install, make (no warning), make check,
# make demo, make install, each command that README.md shows with what it prints, make uninstall. Speaks TAP; what a step said is in build/debians/.
#
#	DEBIANS="bookworm trixie"	the releases
#	COMPILERS="gcc clang"
#	STEPS="build check demo readme"	or "test", all of `make test`, 15 minutes each
#
# A root is a folder made by mmdebstrap, and entered in a mount and a PID namespace of its own; the kernel and the network
# are those of this machine. Packages come from where this machine's apt gets them.
# shellcheck disable=SC2317 # the steps are called by name
set -u
cd "$(dirname "$0")/../.." || exit 1

out=build/debians
work=$(mktemp -d -p "${DEBIANS_DIR:-/var/tmp}") || exit 1
child=
# unshare by itself heeds no signal but this.
trap '[ ! "$child" ] || kill -KILL "$child" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
number=0

# make_root RELEASE: with the sources of this machine's apt, of another release.
make_root() {
	local release=$1 root=$work/$1 here list=/etc/apt/sources.list
	here=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	[ ! -s "$list.d/debian.sources" ] || list=$list.d/debian.sources
	sed "s/\b$here\b/$release/g" "$list" >"$work/$release.${list##*.}"
	# The README says to install make, if there is none.
	mmdebstrap --variant=apt --include=make "$release" "$root" "$work/$release.${list##*.}" &&
		apt-config dump | grep '^Acquire::' >"$root/etc/apt/apt.conf.d/host" &&
		cp /etc/resolv.conf "$root/etc/resolv.conf" &&
		chroot "$root" apt-get -q update
}

# enter RELEASE COMMAND: in its root, with bpffs, /run and /tmp of its own; all processes end with it.
enter() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private --pid --fork --kill-child bash -c '
		cd "$1" && mount --bind . . && cd "$1" && mount -t proc proc proc && mount --rbind /dev dev &&
		mount -t sysfs sysfs sys && mount -t bpf bpf sys/fs/bpf && mount -t tmpfs tmpfs run &&
		mount -t tmpfs tmpfs tmp && mkdir -p run/netns run/lock && exec chroot . sh -c "cd /src && $2"' \
		enter "$work/$1" "$2" &
	child=$!
	wait "$child"
}

# What a user does. In CFLAGS -Werror: a warning is a failure.
step() {
	local cc=$2
	case $1 in
	build) echo "dist/deps.sh build && make CC=$cc CFLAGS='-O2 -g -Werror' && build/flagfilter --version" ;;
	check) echo "make CC=$cc check" ;;
	demo) echo "make CC=$cc demo" ;;
	test) echo "make CC=$cc test" ;;
	readme)
		echo "make CC=$cc install && cd /tmp && unshare --net /src/tests/tools/readme.py /src/README.md &&" \
			"make -C /src uninstall && ! command -v flagfilter"
		;;
	esac
}

try() {
	local name=$1 log=$out/${1// /-}.log
	shift
	number=$((number + 1))
	if "$@" >"$log" 2>&1; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		tail -n 20 "$log" | sed 's/^/# /'
		return 1
	fi
}

((!EUID)) || { echo "ok 1 Debian roots # skip needs root" && exit 0; }
mkdir -p "$out"
status=0
git ls-files -z | xargs -0 tar -cf "$work/src.tar" || exit 1
for release in ${DEBIANS:-bookworm trixie}; do
	try "$release: a root of it" make_root "$release" || { status=1 && continue; }
	for compiler in ${COMPILERS:-gcc clang}; do
		rm -rf "$work/$release/src"
		mkdir "$work/$release/src"
		tar -xf "$work/src.tar" -C "$work/$release/src"
		for step in ${STEPS:-build check demo readme}; do
			try "$release $compiler $step" enter "$release" "$(step "$step" "$compiler")" || status=1
		done
	done
	rm -rf "${work:?}/$release"
done
echo "1..$number"
exit $status
