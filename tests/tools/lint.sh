#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Everything that can be said about the code without running it. Each finding fails; all are shown.
#
# usage: tests/tools/lint.sh COMPILER-FLAG...
# shellcheck disable=SC2317 # the steps are called by name
set -u
flags=("$@")
cd "$(dirname "$0")/../.." || exit 1

failed=0
mapfile -t c_files < <(git ls-files '*.c' '*.h' | grep -vx vmlinux.h) # which has the shape of a dump
mapfile -t user_files < <(git ls-files 'user/*.c')
mapfile -t scripts < <(git ls-files '*.sh' '*.bash' '*.bats' .ci/run)

step() {
	printf '  %-14s' "$1"
	shift
	if output=$("$@" 2>&1); then
		echo ok
	else
		printf 'FAILED\n%s\n' "$output"
		failed=1
	fi
}

tidy() {
	# Checks are chosen in .clang-tidy.
	printf '%s\0' "${user_files[@]}" |
		xargs -0 -P "$(nproc)" -I '{}' clang-tidy --quiet --warnings-as-errors='*' '{}' -- "${flags[@]}"
}

# The man page as mandoc and as groff read it, which also says whether columns are wide enough; and at a terminal of 80
# columns. (On the standard error mandoc tells which pages that this one refers to are not installed.)
manual() {
	local said
	said=$(mandoc -T lint -W style docs/flagfilter.8 2>/dev/null
		groff -mandoc -Tutf8 -ww docs/flagfilter.8 2>&1 >/dev/null
		groff -mandoc -Tascii -P-cbou docs/flagfilter.8 | awk 'length > 80')
	[ -z "$said" ] || {
		echo "$said"
		return 1
	}
}

step clang-format clang-format --dry-run --Werror "${c_files[@]}"
step doors tests/tools/doors.py build/user
step manual manual
step shellcheck shellcheck -x "${scripts[@]}"
# cppcheck does not know __attribute__((cleanup)), hence no word of leaks from it: the tests run under LeakSanitizer.
step cppcheck cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	--suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak --include=tests/tools/cppcheck.h --std=c11 \
	-I. -Iinclude -Ibpf -Iuser -j "$(nproc)" user
step clang-tidy tidy
exit $failed
