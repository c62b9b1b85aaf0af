#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the shells complete, against what the command itself lists and accepts; and where `make install` puts it.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export PATH=$ROOT/build:$PATH
	cd "$BATS_TEST_TMPDIR" || return 1
	# shellcheck source=/dev/null
	source "$ROOT/build/completion/flagfilter"
}

# bash_completes LINE: what bash would offer, between blanks.
bash_completes() {
	COMP_LINE=$1 COMP_POINT=${#1}
	_flagfilter
	echo "${COMPREPLY[*]}"
}

@test "every command of the command table is offered" {
	local commands
	commands=$(flagfilter --help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' | xargs)
	[ -n "$commands" ]
	[ "$(bash_completes "flagfilter ")" = "$commands" ]
	[ "$(bash_completes "flagfilter --json ")" = "$commands" ]
	[ "$(bash_completes "flagfilter --netns x ")" = "$commands" ]
	[ "$(bash_completes "flagfilter de")" = detach ]
}

@test "every option of every command is offered" {
	local command options option
	for command in '' $(bash_completes "flagfilter "); do
		options=" $(bash_completes "flagfilter $command --") "
		# shellcheck disable=SC2086 # no command: no word
		for option in $(flagfilter $command --help | grep -E '^ +(-., )?--' | grep -oE -- '--[a-z-]+' | sort -u); do
			[[ $options == *" $option "* ]] || { echo "$command $option is not in $options" && false; }
		done
	done
	[[ " $(bash_completes "flagfilter attach --m") " == " --mode " ]]
}

@test "each option whose values are offered is one of some command, in its long form and its short one" {
	local command option named
	named=$(declare -f _flagfilter_values | sed -n 's/^ *\(-[^)]*\))$/\1/p' | tr -d ' ' | tr '|' '\n' | sort -u)
	[ -n "$named" ]
	for command in $(bash_completes "flagfilter "); do
		flagfilter "$command" --help | grep -oE '^ +(-., +)?--[a-z-]+' | tr -d , >>options
	done
	for option in $named; do
		grep -qE -- " $option( |$)" options || { echo "no command has $option" && false; }
	done
	while read -r short long; do
		! grep -qxF -e "$long" <<<"$named" || grep -qxF -e "$short" <<<"$named" || { echo "$long without $short" && false; }
	done < <(grep -E '^ +-. ' options | sort -u)
}

@test "the values of options are those that the command accepts" {
	local presets modes
	presets=$(bash_completes "flagfilter explain SF --preset ")
	[ "$(flagfilter explain SF --preset x 2>&1 | grep -oE '[a-z]+, [a-z]+, [a-z]+ and [a-z]+' | sed 's/,\| and//g')" = "$presets" ]
	modes=$(bash_completes "flagfilter attach -m ")
	[ "$(flagfilter attach x -m x 2>&1 | sed 's/.*one of //; s/;.*//; s/,//g')" = "$modes" ]
	[ "$(bash_completes "flagfilter attach --mode=g")" = generic ]
	for engine in $(bash_completes "flagfilter replay --engine "); do
		[[ $(flagfilter replay nowhere --engine "$engine" 2>&1) != *engine* ]]
	done
	[ "$(bash_completes "flagfilter report eth0 --since ")" = attach ]
	[ "$(bash_completes "flagfilter report -S a")" = attach ]
	[[ " $(bash_completes "flagfilter matrix eth0 --rule ") " == *" rst-urg-no-ack "* ]]
	[ "$(bash_completes "flagfilter rule eth0 syn-fin=")" = "off monitor enforce" ]
	[ "$(bash_completes "flagfilter rule eth0 add x SYN/SYN ")" = "off monitor enforce" ]
	[ "$(bash_completes "flagfilter exempt eth0 ")" = "list add del" ]
}

@test "files where the command takes files, and interfaces where it takes those" {
	touch my-policy.yaml
	for line in "check my" "apply eth0 my" "diff eth0 my" "replay my" "attach eth0 --policy my" "attach --policy=my"; do
		[ "$(bash_completes "flagfilter $line")" = my-policy.yaml ] || { echo "$line" && false; }
	done
	for command in attach rule save confirm "apply" "--json stats" "attach --mode native"; do
		[[ " $(bash_completes "flagfilter $command ") " == *" lo "* ]] || { echo "$command" && false; }
	done
	[ "$(bash_completes "flagfilter save lo ")" = "" ]
	mkdir bin
	printf '%s\n' '#!/bin/sh' 'echo "[{\"ifname\":\"eth9\",\"altnames\":[\"one-name\",\"b2\"]}]"' >bin/ip
	chmod +x bin/ip
	[ "$(PATH=$PWD/bin:$PATH bash_completes "flagfilter attach ")" = "b2 eth9 one-name" ]
}

# at_terminal SHELL FILE TEXT: the line after TAB.
at_terminal() {
	command -v "$1" >/dev/null || skip "$1 is not installed"
	timeout 60 /usr/bin/python3 "$ROOT/tests/cli/complete_at_terminal.py" "$1" "$ROOT/build/completion/$2" "$3"
}

@test "at a terminal, in bash" {
	[ "$(at_terminal bash flagfilter "flagfilter rule eth0 syn-fin=mon")" = "flagfilter rule eth0 syn-fin=monitor" ]
}

@test "at a terminal, in zsh" {
	touch my-policy.yaml
	[ "$(at_terminal zsh _flagfilter "flagfilter rule eth0 syn-fin=mon")" = "flagfilter rule eth0 syn-fin=monitor" ]
	[ "$(at_terminal zsh _flagfilter "flagfilter attach --policy=my")" = "flagfilter attach --policy=my-policy.yaml" ]
	[ "$(at_terminal zsh _flagfilter "flagfilter --json conf")" = "flagfilter --json confirm" ]
}

@test "make install: the binary, the man page, the unit, and what the shells complete" {
	make -C "$ROOT" install DESTDIR="$PWD/root" PREFIX=/usr >install.log
	for file in sbin/flagfilter share/man/man8/flagfilter.8 lib/systemd/system/flagfilter@.service \
		share/bash-completion/completions/flagfilter share/zsh/site-functions/_flagfilter \
		share/doc/flagfilter/monitor.yaml; do
		[ -s "root/usr/$file" ] || { echo "$file" && false; }
	done
	[ "$(find root -type f | wc -l)" -eq 6 ]
	[ "$(head -n 1 root/usr/share/zsh/site-functions/_flagfilter)" = "#compdef flagfilter" ]
	root/usr/sbin/flagfilter --version
}

# unit_commands NAME: the commands of the unit for this interface, as systemd reads them, quoted for a shell; one a line.
unit_commands() {
	local unit
	unit=flagfilter@$(systemd-escape -- "$1").service
	mkdir -p units
	cp "$ROOT/dist/flagfilter@.service" units
	ln -sf flagfilter@.service "units/$unit"
	SYSTEMD_LOG_LEVEL=debug systemd-analyze verify "units/$unit" 2>&1 | sed -n 's/\\t/ /g; s/^[[:space:]]*Command Line: //p'
}

# shellcheck disable=SC2016 # names
@test "the unit: whatever an interface is called, its name is an argument and nothing that a shell or systemd expands" {
	local name line
	local -a argv
	command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
	mkdir stub
	printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >stub/flagfilter
	chmod +x stub/flagfilter
	for name in no-such-if br-lan.7 -a 'x$(id>z)' 'a;id>z' '`id>z`' "it's" '"q"' '$MODE' 'a\b' '%i' 'a b'; do
		mapfile -t lines < <(unit_commands "$name")
		[ "${#lines[@]}" -eq 3 ]
		for line in "${lines[@]}"; do
			eval "argv=($line)"
			PATH=$PWD/stub:$PATH MODE=native "${argv[@]}" >>said
		done
		[ "$(<said)" = "$(printf '%s\n' attach --mode native -- "$name" apply -- "$name" "/etc/flagfilter/$name.yaml")" ] ||
			{ cat said && false; }
		rm said
	done
	[ ! -e z ]
	# What comes after systemd has read it: nothing is put in place of "$".
	run ! grep -E '^Exec[A-Za-z]+=[^:]' "$ROOT/dist/flagfilter@.service"
	mapfile -t lines < <(unit_commands lo)
	eval "argv=(${lines[2]})"
	[ "$(PATH=$PWD/stub:$PATH "${argv[@]}")" = $'detach\n--\nlo' ]
}
