#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Mutants keep their places when code is laid out otherwise, moved or renamed, and say which one has lost its place.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || exit
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/tests"
	cp -r bpf user "$tree"
	cp -r tests/tools tests/unit "$tree/tests"
}

# The names of the mutants that have a place, where it is left out.
names() { python3 "$tree/tests/tools/mutants.py" --places | sed 's/^[^:]*:[^:]*: //'; }

# The .c file of the tree that has a line like this.
file_of() { grep -rlE --include='*.c' "$1" "$tree/user"; }

@test "mutants keep their places in another layout" {
	before=$(names)
	[ "$(wc -l <<<"$before")" -gt 60 ]
	find "$tree/bpf" "$tree/user" -name '*.[ch]' -exec \
		clang-format -i -style='{BasedOnStyle: GNU, ColumnLimit: 50, SortIncludes: Never}' {} +
	run -1 diff -q bpf/parse.h "$tree/bpf/parse.h"
	# A comment after each comma.
	find "$tree/bpf" -name '*.h' -exec sed -i '/^#\|"\|\*/!s|, |, /* here */ |g' {} +
	[ "$(names)" = "$before" ]
}

@test "mutants keep their places in other files, folders and under other names" {
	before=$(names)
	source=$(file_of '^static bool clear_host_bits\(')
	# A function moves to a new file in a new folder, the rest gets another name.
	mkdir -p "$tree/user/room/inner"
	sed -n '/^static bool clear_host_bits(/,/^}/p' "$source" >"$tree/user/room/inner/moved.c"
	sed -i '/^static bool clear_host_bits(/,/^}/d' "$source"
	mv "$source" "$tree/user/room/renamed.c"
	mv "$tree/bpf/parse.h" "$tree/bpf/parser.h"
	# Local variables and a function get other names.
	sed -i 's/\bleft\b/remaining/g; s/\bheader\b/head/g; s/\bclass\b/kind/g' "$tree"/bpf/*.h \
		"$(file_of '^void compile_verdicts\(')"
	sed -i 's/\bclear_host_bits\b/clear_the_rest/g' "$tree"/user/room/*.c "$tree"/user/room/inner/*.c
	python3 "$tree/tests/tools/mutants.py" --places | grep -F 'user/room/inner/moved.c:'
	python3 "$tree/tests/tools/mutants.py" --places | grep -F 'user/room/renamed.c:'
	[ "$(names)" = "$before" ]
}

@test "a mutant whose place is gone, or is one of two, is told by its name and with its tokens" {
	sed -i 's/number_parse(text, 1, 65535/number_parse(text, 2, 65535/' "$(file_of '^int [a-z]*_port\(const char')"
	sed -i 's/^\theader = ip->ihl \* 4;/&\n&/' "$tree/bpf/parse.h"
	run python3 "$tree/tests/tools/mutants.py" --places
	[ "$status" -eq 1 ]
	[[ $output == *"port 0 is a port: "*"0 times: number_parse ( \$text , 1 , 65535"* ]]
	[[ $output == *"IPv4 header length loses a bit: "*"in ff_class_ipv4()"*"2 times: \$header = \$ip -> ihl * 4 ;"* ]]
	[ "$(grep -c 'has no place' <<<"$output")" -eq 2 ]
}
