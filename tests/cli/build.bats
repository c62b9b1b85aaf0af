#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What make does besides testing: compilers, what is missing, install and uninstall, the version.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cd "$BATS_TEST_TMPDIR" || exit
}

@test "clang has nothing to say of what gcc compiles without a word" {
	make -j2 -C "$ROOT" CC=clang OUT="$PWD/build" CFLAGS=-O1 all >log 2>&1
	run ! grep -A 3 warning: log
	build/flagfilter --version
}
