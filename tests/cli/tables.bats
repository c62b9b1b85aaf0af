#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The tables of the documentation and of what is shipped, against what the command itself says.

# shellcheck disable=SC2016,SC2154 # backquotes are those of Markdown; output is set by run
bats_require_minimum_version 1.5.0

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	FLAGFILTER=${FLAGFILTER:-$ROOT/build/flagfilter}
	# shellcheck source=tests/cli/contract.bash
	source "$ROOT/tests/cli/contract.bash"
	cd "$BATS_TEST_TMPDIR" || return 1
}

same() { # WHERE EXPECTED SEEN
	[[ $2 && $2 == "$3" ]] || { diff <(echo "$2") <(echo "$3") | sed "s|^|$1: |" && false; }
}

PRESETS="none default strict conntrack" # see "the presets are those ..."

# rules PRESET FILTER: what jq makes of each rule that `check` has in that preset.
rules() { printf 'version: 1\npreset: %s\n' "$1" | "$FLAGFILTER" --json check - | jq -r ".rules[] | $2"; }

# Of each built-in rule, in order: its name, its match, and the first preset that has it.
rules_with_presets() {
	local preset
	for preset in default strict conntrack; do rules $preset "[.name, .match, \"$preset\"] | join(\"|\")"; done |
		awk -F'|' '!first[$1 "|" $2] { first[$1 "|" $2] = $3; all[++n] = $1 "|" $2 }
			END { for (i = 1; i <= n; i++) print all[i] "|" first[all[i]] }' >with-presets
	rules conntrack .name | while read -r name; do grep "^$name|" with-presets; done
}

# The named classes, in order: those that a report on no frames at all has.
classes() {
	printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0' | "$FLAGFILTER" --json replay - | jq -r '.not_judged | keys_unsorted[]'
}

# rows HEADER-CELL: the first cells of the README's table whose first column is called so.
readme_rows() { awk -F' *[|] *' -v head="$1" '/^\|/ && $2 == head { on = 1 } !/^\|/ { on = 0 } on && $2 ~ /^`/ && $2 != head' "$ROOT/README.md"; }

@test "the presets are those that the command knows" {
	run -2 "$FLAGFILTER" explain SF --preset x
	same presets "$(sed 's/.*there are //; s/,\| and//g' <<<"$output")" "$PRESETS"
	same contract "$PRESETS" "$(contract_table Presets | cut -d'|' -f1 | xargs)"
	[[ $("$FLAGFILTER" explain --help) == *"--preset=NAME"*"none, default, strict or conntrack"* ]]
}

@test "rules of docs/contract.md: names, order, matches, presets, aliases" {
	local preset name alias
	for preset in $PRESETS; do
		contract_table Rules | awk -F'|' -v preset="$preset" 'index(" " $4 " ", " " preset " ") { print $1, $3 }' >expected
		rules "$preset" '[.name, .match] | join(" ")' | diff expected -
	done
	while IFS='|' read -r name alias _; do
		[ -z "$alias" ] || same "$alias" "$name" "$(printf 'version: 1\npreset: none\nrules: [{name: "%s", mode: monitor}]\n' "$alias" |
			"$FLAGFILTER" --json check - | jq -r .rules[].name)"
	done < <(contract_table Rules)
}

@test "rules of the man page: names, order, matches, first presets, aliases" {
	local section name alias
	section=$(sed -n '/^\.Sh RULES/,/^\.Sh POLICY/p' "$ROOT/docs/flagfilter.8")
	same rules "$(rules_with_presets)" "$(sed -n 's/^\.It \([a-z].*\) Ta \(.*\) Ta \(.*\)/\1|\2|\3/p' <<<"$section")"
	while IFS='|' read -r name alias _; do
		[ -z "$alias" ] || grep -qxE "\.Cm $name [.,]" <(sed -n "/^\.Cm $alias\$/,\$p" <<<"$section") ||
			{ echo "$alias is not said to be $name" && false; }
	done < <(contract_table Rules)
}

@test "rules of README.md: those of the default preset with their matches, and every other one by its name and preset" {
	local text
	same default "$(rules default '"\(.name)|\(.match)"' | sed 's/|class$/|a class of frames, not flags/')" \
		"$(readme_rows rule | awk -F' *[|] *' '{ print $2 "|" $3 }' | tr -d '`')"
	text=$(tr '\n' ' ' <"$ROOT/README.md")
	for preset in strict conntrack; do
		same $preset "$(rules_with_presets | sed -n "s/|[^|]*|$preset\$//p")" \
			"$(grep -o "\`--preset $preset\` adds [^;.]*" <<<"$text" | sed 's/.* adds//' | grep -o '`[a-z-]*`' | tr -d '`')"
	done
}

@test "how many values of the flags byte a preset drops: counted rule by rule, as docs/contract.md and README.md say" {
	local preset count value number rules
	while IFS='|' read -r preset count _; do
		number=0 rules=$(contract_rules "$preset")
		for value in {0..255}; do ! contract_drops "$value" "$rules" || number=$((number + 1)); done
		same "$preset" "$number" "$count"
		same "$preset, check" "$number" "$(printf 'version: 1\npreset: %s\n' "$preset" | "$FLAGFILTER" --json check - | jq .dropped_values)"
		printf 'version: 1\npreset: %s\n' "$preset" | "$FLAGFILTER" check - | grep -qw "$number"
		[ "$preset" = none ] || same "$preset, README.md" "$number" "$(tr '\n' ' ' <"$ROOT/README.md" |
			grep -oE "flags byte can have,[^.]*" | grep -oE "\`$preset\` (drops )?[0-9]+" | grep -oE '[0-9]+')"
	done < <(contract_table Presets)
}

@test "classes of docs/contract.md, the man page and README.md: names and order" {
	local seen
	seen=$(classes)
	same contract "$seen" "$(contract_table Classes | cut -d'|' -f1)"
	same "man page" "$seen" "$(sed -n '/^The classes, /,/^\.El/s/^\.It Cm //p' "$ROOT/docs/flagfilter.8")"
	same README "$seen" "$(readme_rows '`not judged by flags`' | cut -d'`' -f2)"
	for class in $seen; do printf 'version: 1\nrules: [{name: %s, mode: enforce}]\n' "$class" | "$FLAGFILTER" check -; done
}

@test "dist/monitor.yaml drops nothing, with whatever preset: it monitors every rule that the preset has" {
	local preset
	same preset default "$(sed -n 's/^preset: //p' "$ROOT/dist/monitor.yaml")"
	for preset in default strict conntrack; do
		sed "s/^preset: .*/preset: $preset/" "$ROOT/dist/monitor.yaml" | "$FLAGFILTER" --json check - >answer
		same "$preset, names" "$(rules "$preset" .name)" "$(jq -r .rules[].name answer)"
		same "$preset, modes" monitor "$(jq -r .rules[].mode answer | sort -u)"
		same "$preset, dropped" 0 "$(jq .dropped_values answer)"
	done
}

@test "explain: what the widest preset drops means something else than anything that it passes" {
	local value
	for value in {0..63}; do "$FLAGFILTER" --json explain "$value" --preset conntrack; done >explained
	same meanings "[]" "$(jq -sc 'group_by(.meaning) | map(select([.[].verdict] | unique | length > 1) | map(.flags))' explained)"
}

@test "the man page says of every command what privilege it needs" {
	local command privileges
	privileges=$(sed -n '/^\.Sh PRIVILEGES/,/^\.Sh EXIT/p' "$ROOT/docs/flagfilter.8")
	for command in $(commands); do grep -qw -- "$command" <<<"$privileges" || { echo "$command" && false; }; done
}
