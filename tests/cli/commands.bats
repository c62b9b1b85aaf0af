#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Commands that need neither root nor an interface, and what all commands have in common.

# shellcheck disable=SC2154 # stderr is set by run --separate-stderr
bats_require_minimum_version 1.5.0

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	FLAGFILTER=${FLAGFILTER:-$ROOT/build/flagfilter}
	# shellcheck source=tests/cli/contract.bash
	source "$ROOT/tests/cli/contract.bash"
	cd "$BATS_TEST_TMPDIR" || return 1
}

# One line on standard error, which names the program and says what is wrong.
one_line() {
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[[ $stderr == flagfilter*": "* ]]
	[ -z "$output" ]
}

policy() {
	printf '%s\n' "$@" >policy.yaml
}

@test "check lists rules in evaluation order: built-in ones, then the file's own" {
	policy 'version: 1' 'rules:' '  - {name: zebra, flags: URG/URG, mode: monitor}' '  - {name: rst-fin, mode: monitor}' \
		'  - {name: aardvark, flags: PSH/PSH, mode: enforce}' '  - {name: malformed, mode: enforce}'
	run -0 --separate-stderr "$FLAGFILTER" --json check policy.yaml
	[ "$(jq -r '[.rules[].name]|join(" ")' <<<"$output")" = \
		"$(contract_rules default | cut -d' ' -f1 | xargs) rst-fin malformed zebra aardvark" ]
}

@test "check of a mistake: file, line, the offending text, exit 2" {
	policy 'version: 1' 'rules:' '  - name: mine' '    flags: SIN/SIN,ACK' '    mode: enforce'
	run -2 --separate-stderr "$FLAGFILTER" check policy.yaml
	one_line
	[[ $stderr == *"policy.yaml:4: "*"'SIN'"* ]]
}

@test "check of a file that cannot be read: exit 1" {
	run -1 --separate-stderr "$FLAGFILTER" check nowhere.yaml
	one_line
	[[ $stderr == *nowhere.yaml*"No such file"* ]]
}

@test "check reads standard input" {
	run -0 --separate-stderr "$FLAGFILTER" --json check - <<<'version: 1'
	[ "$(jq -r .policy <<<"$output")" = "<stdin>" ]
}

@test "explain agrees with docs/contract.md's table of rules for all 64 classic combinations" {
	local rules
	rules=$(contract_rules default)
	mapfile -t verdicts < <(for value in {0..63}; do "$FLAGFILTER" --json explain "$value"; done | jq -r .verdict)
	for value in {0..63}; do
		expected=pass
		! contract_drops "$value" "$rules" || expected=drop
		[ "${verdicts[value]}" = $expected ]
	done
}

@test "explain knows what conntrack calls invalid" {
	for flags in S:valid SA:valid SU:valid R:valid RA:valid FA:valid A:valid SF:invalid RAU:invalid F:invalid PA:valid; do
		run -0 --separate-stderr "$FLAGFILTER" --json explain "${flags%:*}"
		[ "$(jq -r .conntrack <<<"$output")" = "${flags#*:}" ]
	done
}

@test "explain takes words, letters and numbers for the same flags" {
	for flags in SYN,FIN fin,syn SF FS 0x03 3; do
		run -0 --separate-stderr "$FLAGFILTER" --json explain "$flags"
		[ "$(jq -r '.value, .rule' <<<"$output" | xargs)" = "3 syn-fin" ]
	done
}

@test "explain of what are no flags: exit 2" {
	for flags in SIN 0x200 '' 'SYN,' -- 'SYN FIN'; do
		run -2 --separate-stderr "$FLAGFILTER" explain "$flags"
		[ -z "$output" ]
	done
}

@test "numbers are digits: no blanks, signs, leading zeros, other bases, exponents and what is no number" {
	local call number
	for number in ' 1' '1 ' +5 -1 ' -1' $'\t2' 010 00 0x5 1e1 nan inf -inf 0x1p3 1,5 1_000 '' 18446744073709551617 ١; do
		for call in "capture x --count=" "capture x --rate=" "stats x --watch=" "stats x --count=" "status --cost=" \
			"offenders x --seconds=" "offenders x --top=" "report x --seconds=" \
			"attach x --confirm=" "apply x policy.yaml --confirm=" "rule x syn-fin=off --confirm="; do
			# shellcheck disable=SC2086 # words, but for the last
			run -2 --separate-stderr "$FLAGFILTER" ${call% *} "${call##* }$number"
			one_line
			[[ $stderr == *"'"*"' is no "* ]] || { echo "$call$number: $stderr" && false; }
		done
		policy 'version: 1' 'exempt:' "  ports: ['$number']"
		run -2 --separate-stderr "$FLAGFILTER" check policy.yaml
		policy 'version: 1' 'exempt:' "  sources: ['10.0.0.0/$number']"
		run -2 --separate-stderr "$FLAGFILTER" check policy.yaml
		[[ $number != [0n][xa]* ]] || continue # flags in hexadecimal, and N and A
		run -2 --separate-stderr "$FLAGFILTER" explain -- "$number"
		policy "version: '$number'"
		run -2 --separate-stderr "$FLAGFILTER" check policy.yaml
		policy 'version: 1' 'rules:' "  - {name: x, mode: off, flags: '$number/0x1ff'}"
		run -2 --separate-stderr "$FLAGFILTER" check policy.yaml
	done
	for number in 0.5 .5 2 2. 10.25; do
		run -1 --separate-stderr "$FLAGFILTER" stats no-such-if --watch="$number"
	done
}

@test "explain by another policy" {
	policy 'version: 1' 'preset: none' 'rules:' '  - {name: no-urgent, flags: URG/URG, mode: monitor}'
	run -0 --separate-stderr "$FLAGFILTER" --json explain UA --policy policy.yaml
	[ "$(jq -r '.verdict, .rule' <<<"$output" | xargs)" = "would-drop no-urgent" ]
	run -2 --separate-stderr "$FLAGFILTER" explain UA --preset nonsense
	one_line
	run -2 --separate-stderr "$FLAGFILTER" explain UA --preset none --policy policy.yaml
	one_line
}

@test "help lists every command, and each has a help of its own" {
	[ "$(commands | wc -l)" -ge 20 ]
	for command in $(commands); do
		"$FLAGFILTER" "$command" --help >help
		grep -q "^Usage: flagfilter $command" help
		[ "$(wc -L <help)" -le 80 ]
	done
}

# options: those that the text on stdin names, long and short; "global" ones left out.
options() { grep -oE '(^|[][ |])--?[[:alpha:]?][[:alpha:]-]*' | tr -d '][ |' | sort -u; }
GLOBAL=$'-?\n--help\n--usage\n-V\n--version\n-j\n--json\n-v\n--verbose\n--netns'
own() { options | grep -vxF -- "$GLOBAL" || true; }
help_options() { "$FLAGFILTER" "$@" --help | grep -oE '^ +(-., +)?--[a-z-]+' | tr -d ,; }
# part BEGIN END: of the man page, without the line that ends it.
part() { awk -v begin="$1" -v end="$2" '$0 ~ begin { on = 1; print; next } on && $0 ~ end { exit } on' page; }

same() { # WHERE EXPECTED SEEN
	[ "$2" = "$3" ] || { printf '%s\nof --help: %s\nin the man page: %s\n' "$1" "${2//$'\n'/ }" "${3//$'\n'/ }" && false; }
}

@test "the man page has the commands, and of each the options, that --help has, and no others" {
	local all
	all=$(commands | xargs)
	mandoc -T ascii "$ROOT/docs/flagfilter.8" | sed 's/.\x08//g' >page
	# man-db reads it by groff, which has other ideas of where a line of the synopsis ends
	groff -mandoc -Tascii -P-cbou "$ROOT/docs/flagfilter.8" >by-groff
	same "synopsis by groff" "$all" "$(sed -nE '/^SYN/,/^DESC/s/^ +flagfilter +([a-z]+) .*/\1/p' by-groff | xargs)"
	same commands "$all" "$(part '^   Commands' '^[^ ]' | sed -n 's/^     \([a-z]*\) .*/\1/p' | xargs)"
	same global "$(options <<<"$GLOBAL")" "$(part '^   Global' '^   Commands' | options)"
	same global "$(options <<<"$GLOBAL")" "$(help_options | options)"
	for word in $all; do
		same "$word" "$(help_options "$word" | own)" "$(part "^     $word " '^(     )?[^ ]' | own)"
		same "$word, synopsis" "$(help_options "$word" | own | grep -- --)" \
			"$(part "^     flagfilter $word " '^(     )?[^ ]' | own)"
	done
}

@test "no command, an unknown one, an unknown option: exit 2" {
	run -2 --separate-stderr "$FLAGFILTER"
	one_line
	run -2 --separate-stderr "$FLAGFILTER" frobnicate
	one_line
	run -2 --separate-stderr "$FLAGFILTER" check --frobnicate
	[ -z "$output" ]
}

@test "output that cannot be written is a failure" {
	policy 'version: 1'
	run -1 --separate-stderr bash -c "'$FLAGFILTER' check policy.yaml >/dev/full"
	one_line
	run -1 --separate-stderr bash -c "'$FLAGFILTER' explain SF >/dev/full"
	one_line
}

@test "help and version that cannot be written are a failure, of each command too" {
	local arguments
	while read -ra arguments; do
		"$FLAGFILTER" "${arguments[@]}" >help
		[ -s help ]
		run -1 --separate-stderr bash -c "'$FLAGFILTER' ${arguments[*]} >/dev/full"
		one_line
		[[ $stderr == *"cannot write the output: No space left on device" ]]
	done < <(printf '%s\n' --help '-?' --usage --version -V && commands | sed 's/$/ --help/; p; s/--help/-?/; p; s/-?/--usage/')
}

@test "what argp would take by itself is no option" {
	local option
	for option in --HANG --HANG=3600 --HAN --program-name=$'\e[31m' --prog=x; do
		run -2 --separate-stderr timeout 5 "$FLAGFILTER" "$option" explain SF
		one_line
		run -2 --separate-stderr timeout 5 "$FLAGFILTER" explain SF "$option"
		one_line
	done
	run -0 "$FLAGFILTER" explain --help
	[[ $output != *HANG* && $output != *program-name* ]]
	run -0 "$FLAGFILTER" explain --usage
	[[ $output != *HANG* && $output != *program-name* ]]
}
