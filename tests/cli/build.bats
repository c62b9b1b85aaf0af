#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What make does besides testing: compilers, what is missing, install and uninstall, the version.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cd "$BATS_TEST_TMPDIR" || exit
}

@test "clang has nothing to say of what gcc compiles without a word" {
	env -u MAKEFLAGS -u MAKELEVEL make -j2 -C "$ROOT" CC=clang OUT="$PWD/build" CFLAGS=-O1 all >log 2>&1
	run ! grep -A 3 warning: log
	build/flagfilter --version
}

# on CLANG LACKING COMMAND...: as nobody, on a machine that lacks these packages, and has clang CLANG.
on() {
	local clang=$1 lacking=$2 user=()
	shift 2
	((EUID)) || user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	"${user[@]}" env "PATH=$machine:$PATH" CLANG="$clang" LACKING="$lacking" "$@"
}

setup_machine() {
	machine=$(mktemp -d)
	cat >"$machine/dpkg-query" <<-'END'
		#!/bin/sh
		case $3 in *Depends*) echo "clang-$CLANG (>= $CLANG~)" && exit ;; esac
		shift 3
		for package; do case " $LACKING " in *" $package "*) ;; *) printf 'installed:%s ' "$package" ;; esac; done
	END
	touch "$machine/apt-get"
	chmod -R a+rx "$machine"
}

teardown() { [ ! "${machine-}" ] || rm -r "$machine"; }

@test "what is missing is said in one line with the command that installs it, before any compiler is asked" {
	setup_machine
	for target in check test; do
		run ! on 14 "libcmocka-dev jq" env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -C "$ROOT" OUT="$machine/build" "$target"
		echo "$output"
		[ "${lines[0]}" = "deps.sh: missing for $target: libcmocka-dev jq; to install: sudo dist/deps.sh $target" ]
		[[ ${lines[1]} = "make: *** "* && ${#lines[@]} -eq 2 ]]
	done
	[ -z "$(on 14 "" "$ROOT/dist/deps.sh" check)" ]
}

@test "the sanitizers' package is that of the clang that is there" {
	setup_machine
	for clang in 14 19; do
		run -1 on $clang "libclang-rt-14-dev libclang-rt-19-dev" "$ROOT/dist/deps.sh" test
		[[ $output = *" missing for test: libclang-rt-$clang-dev;"* ]]
		run -0 on $clang "libclang-rt-14-dev libclang-rt-19-dev" "$ROOT/dist/deps.sh" check
		run -1 on $clang "libclang-rt-14-dev libclang-rt-19-dev" env CC=clang "$ROOT/dist/deps.sh" check
	done
}

@test "the version is the same in the Makefile, the command, the changelog and the man page; so is the layout of the maps" {
	version=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")
	[ "$("$ROOT/build/flagfilter" --version)" = "flagfilter $version" ]
	[[ $(grep -m 1 '^## ' "$ROOT/CHANGELOG.md") = "## [$version]"* ]]
	[ "$(sed -n 's/^\.Os //p' "$ROOT/docs/flagfilter.8")" = "flagfilter $version" ]
	layout=$(sed -n 's/^#define FF_LAYOUT 0xff\([0-9a-f]*\)u.*/\1/p' "$ROOT/include/flagfilter.h")
	grep -qF "layout of the maps is $((16#$layout))" <(sed -n "/^## \[$version\]/,/^## \[0\.1\.0\]/p" "$ROOT/CHANGELOG.md")
}

@test "make install: what it installs works from there; make uninstall leaves the policies, and nothing else" {
	make -C "$ROOT" install DESTDIR="$PWD/root" PREFIX=/opt/ff >install.log
	root/opt/ff/bin/flagfilter --version
	[ "$(readlink root/opt/ff/bin/flagfilter)" = ../sbin/flagfilter ]
	[ -d root/etc/flagfilter ]
	[ "$(grep -o 'exec [^ ]*flagfilter ' root/opt/ff/lib/systemd/system/flagfilter@.service | sort -u)" = 'exec /opt/ff/sbin/flagfilter ' ]
	cmp root/opt/ff/share/doc/flagfilter/monitor.yaml "$ROOT/dist/monitor.yaml"
	root/opt/ff/sbin/flagfilter check root/opt/ff/share/doc/flagfilter/monitor.yaml

	touch root/etc/flagfilter/eth0.yaml
	make -C "$ROOT" uninstall DESTDIR="$PWD/root" PREFIX=/opt/ff >>install.log
	[ "$(find root -not -type d)" = root/etc/flagfilter/eth0.yaml ]
	rm root/etc/flagfilter/eth0.yaml
	make -C "$ROOT" uninstall DESTDIR="$PWD/root" PREFIX=/opt/ff >>install.log
	[ ! -e root/etc/flagfilter ]

	# where sbin and bin are one folder there is nothing to link
	mkdir -p merged/usr/bin
	ln -s bin merged/usr/sbin
	make -C "$ROOT" install DESTDIR="$PWD/merged" PREFIX=/usr >>install.log
	merged/usr/bin/flagfilter --version
	make -C "$ROOT" uninstall DESTDIR="$PWD/merged" PREFIX=/usr >>install.log
	[ -z "$(find merged/usr -name flagfilter -type f)" ]
}

@test "README and man page name what make install makes" {
	make -C "$ROOT" install DESTDIR="$PWD/root" >install.log
	for file in "$ROOT/README.md" "$ROOT/docs/flagfilter.8"; do
		# shellcheck disable=SC2013 # no path has a blank
		for path in $(grep -oE '/(usr/local|etc/flagfilter)[a-z0-9./@-]*' "$file" | sed 's/[.]$//' | sort -u); do
			case $path in /etc/flagfilter/*) path=/etc/flagfilter ;; esac
			[ -e "root$path" ] || { echo "$file: $path" && false; }
		done
		run ! grep -n 'policy dist/' "$file"
	done
}
