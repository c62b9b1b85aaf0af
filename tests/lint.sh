#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Everything that can be said about the code without running it. Each finding fails; all are shown.
#
# usage: tests/lint.sh COMPILER-FLAG...
# shellcheck disable=SC2317 # the steps are called by name
set -u
flags=("$@")
cd "$(dirname "$0")/.." || exit 1

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

# An include may only point down: a module includes none that stands above it here, and the kernel's side nothing of ours
# but the contract. Only program.c includes the skeleton, only xdp.c includes libxdp, screen.c ncurses, only engine.c the
# judge and, with packet.c, the parser.
levels=(
	"main"
	"cmd_"
	"top_samples"
	"sampling_options guarded"
	"command"
	"survey"
	"heading"
	"guardian"
	"change"
	"attach samples"
	"doctor"
	"facts"
	"filter"
	"pins"
	"xdp"
	"dispatcher"
	"program engine capture netns cost pending nic owner"
	"top_view"
	"top screen"
	"matrix"
	"summary"
	"output report difference offenders pcapng"
	"compile policy_file policy_write counts rule_arguments"
	"syntax"
	"policy"
	"flags packet sketch connections"
	"diag"
	"cleanup clock text system"
)

level_of() {
	local i name
	for i in "${!levels[@]}"; do
		for name in ${levels[i]}; do
			[[ $1 == "$name" || ($name == *_ && $1 == "$name"*) ]] && echo "$i" && return
		done
	done
	echo "$1 stands on no level: see tests/lint.sh" >&2
	return 1
}

includes() {
	local file module included from to bad=0
	while IFS=: read -r file included; do
		module=$(basename "$file") module=${module%.*}
		from=$(level_of "$module") to=$(level_of "$included")
		if [ -z "$from" ] || [ -z "$to" ]; then
			bad=1
		elif [ "$to" -lt "$from" ]; then
			echo "$file includes $included.h, which stands above it"
			bad=1
		fi
	done < <(git grep -E '^#include "[a-z_]+\.h"' -- user |
		sed -E 's/^([^:]*):#include "([a-z_]+)\.h"/\1:\2/' | grep -vE ':(flagfilter|vmlinux|judge|parse)$')
	local only
	for only in 'flagfilter\.skel\.h:user/program.c' 'xdp/libxdp\.h:user/xdp.c' 'ncurses\.h:user/screen.c' 'judge\.h:user/engine.c' \
		'parse\.h:user/packet.c'; do
		git grep -lE "^#include .${only%%:*}" -- user | grep -vx "${only#*:}" && bad=1
	done
	git grep -nE '^#include "(diag|policy|report|filter|command)\.h"' -- bpf include && bad=1
	return "$bad"
}

# The man page as mandoc and as groff read it, which also says whether columns are wide enough; and at a terminal of 80
# columns. (On the standard error mandoc tells which pages that this one refers to are not installed.)
manual() {
	local said
	said=$(mandoc -T lint -W style docs/flagfilter.8 2>/dev/null
		groff -man -Tutf8 -ww docs/flagfilter.8 2>&1 >/dev/null
		groff -man -Tascii -P-cbou docs/flagfilter.8 | awk 'length > 80')
	[ -z "$said" ] || {
		echo "$said"
		return 1
	}
}

step clang-format clang-format --dry-run --Werror "${c_files[@]}"
step includes includes
step manual manual
step shellcheck shellcheck -x "${scripts[@]}"
# cppcheck does not know __attribute__((cleanup)), hence no word of leaks from it: the tests run under LeakSanitizer.
step cppcheck cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	--suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak --include=tests/cppcheck.h --std=c11 \
	-I. -Iinclude -Ibpf -Iuser -j "$(nproc)" user
step clang-tidy tidy
exit $failed
