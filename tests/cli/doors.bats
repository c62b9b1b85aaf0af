#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The check of the doors between the rooms of user/: green as it is, and red for each door that must not be.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || exit
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/tests/tools" "$tree/build"
	cp -r bpf include user vmlinux.h "$tree"
	cp tests/tools/doors.py "$tree/tests/tools"
	cp -r build/user "$tree/build/user"
}

doors() { run "$tree/tests/tools/doors.py" "$tree/build/user"; }

# add FILE LINE: LINE behind everything of user/FILE.
add() { printf '%s\n' "$2" >>"$tree/user/$1"; }

# compile FILE: its object anew, as far as names matter.
compile() {
	cc -std=gnu11 -D_GNU_SOURCE -DFLAGFILTER_VERSION='""' -I"$tree" -I"$tree/include" -I"$tree/bpf" -I"$tree/user" \
		-Ibuild -c "$tree/user/$1.c" -o "$tree/build/user/$1.o"
}

@test "no door leads up, and none in a circle" {
	doors
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "an include of a room above is found" {
	add base/text.c '#include "policy/flags.h"'
	doors
	[ "$status" -eq 1 ]
	[ "$output" = "user/base/text includes user/policy/flags, which is in a room above it" ]
}

@test "a call of a room above is found, though nothing is included" {
	add base/text.c 'extern unsigned short flags_word(const char *, unsigned long); int up(void) { return flags_word("", 0); }'
	compile base/text
	doors
	[ "$status" -eq 1 ]
	[ "$output" = "user/base/text uses flags_word() of user/policy/flags, which is in a room above it" ]
}

@test "a circle within a room is found, by include and by call" {
	add policy/flags.h '#include "policy/compile.h"'
	doors
	[ "$status" -eq 1 ]
	[[ "$output" = "a circle: policy/compile -> "*"policy/flags -> policy/compile" ]]

	cp user/policy/flags.h "$tree/user/policy/flags.h"
	add policy/flags.c 'int compile_policy(void); int up(void) { return compile_policy(); }'
	compile policy/flags
	doors
	[ "$status" -eq 1 ]
	[[ "$output" = "a circle: policy/compile -> "*"policy/flags -> policy/compile" ]]
}

@test "what one file alone may include is found elsewhere, and what the kernel's side must not know" {
	add show/report.c '#include <bpf/bpf.h>'
	add kernel/pins.c '#include <jansson.h>'
	sed -i '1i #include "policy/policy.h"' "$tree/bpf/parse.h"
	doors
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 3 ]
	[[ "$output" = *"user/show/report.c includes bpf/bpf.h, which is the business of kernel"* ]]
	[[ "$output" = *"user/kernel/pins.c includes jansson.h, which is the business of cmd and show"* ]]
	[[ "$output" = *"bpf/parse.h includes policy/policy.h"* ]]
}

@test "a file in a room that nobody knows is found" {
	mkdir "$tree/user/attic"
	touch "$tree/user/attic/old.c"
	doors
	[ "$status" -eq 1 ]
	[[ "$output" = "user/attic/old.c is in no room"* ]]
}

@test "the map names every file of user/, and no file that is not there" {
	missing=
	# shellcheck disable=SC2016 # backquotes of Markdown
	named=$(grep -oE '`(user|bpf|include|tests|dist)/[a-z_./]*`' docs/map.md | tr -d '`' | sort -u)
	for file in $named; do
		[ -e "$file" ] || missing+="$file is on the map, and not there"$'\n'
	done
	# The commands are there as one line.
	while read -r file; do
		grep -qxF "$file" <<<"$named" || grep -qE "\"$(basename "$file" .c)\", " user/main.c ||
			missing+="$file is not on the map"$'\n'
	done < <(find user -name '*.c')
	echo "$missing"
	[ -z "$missing" ]
}
