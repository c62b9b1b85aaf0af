# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What docs/contract.md says, for tests that expect it; and what the command itself lists. ROOT and FLAGFILTER are the
# caller's.

# contract_table HEADING: the rows of the table under that heading, cells parted by "|", without blanks and backquotes
# around them.
contract_table() {
	awk -v heading="## $1" '
		/^## / { here = $0 == heading }
		here && /^\| `/ { gsub(/`/, ""); gsub(/ *\| */, "|"); print substr($0, 2) }' "$ROOT/docs/contract.md"
}

# contract_rules PRESET: of each of its rules, in order: NAME VALUE MASK, the latter two 0 in a rule for a class.
contract_rules() {
	contract_table Rules | awk -F'|' -v preset="$1" '
		BEGIN { split("FIN SYN RST PSH ACK URG ECE CWR AE", word, " "); for (i in word) bit[word[i]] = 2 ^ (i - 1) }
		function number(text, flag, i, sum) { split(text, flag, ","); for (i in flag) sum += bit[flag[i]]; return sum + 0 }
		index(" " $4 " ", " " preset " ") { split($3, match_of, "/"); print $1, number(match_of[1]), number(match_of[2]) }'
}

# contract_drops VALUE RULES: whether one of these (as contract_rules prints them) is for segments with these flags.
contract_drops() {
	local value mask
	while read -r _ value mask; do
		[ "${mask:-0}" -eq 0 ] || [ $(($1 & mask)) -ne "$value" ] || return 0
	done <<<"$2"
	return 1
}

# The names of the commands, in the order of --help.
commands() { "$FLAGFILTER" --help | sed -n '/^Commands/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p'; }

# calls NAME=VALUE...: of each command the shortest call, one a line, as its synopsis in --help begins: what is not
# optional, and an interface even if it is, with these VALUEs for IF, FILE, CAPTURE and FLAGS. Of commands that want a
# word for which there is no VALUE: none.
calls() {
	"$FLAGFILTER" --help | sed -n '/^Commands/,/^$/s/^  \([a-z][a-z]* .*\)/\1/p' | awk -v given="$*" '
		BEGIN { split(given, pair, " "); for (i in pair) { split(pair[i], half, "="); value[half[1]] = half[2] } }
		{
			call = $1
			for (i = 2; i <= NF; i++) {
				word = $i == "[IF]" ? "IF" : $i
				if (word !~ /^[A-Z]+$/)
					break
				if (!(word in value))
					next
				call = call " " value[word]
			}
			print call
		}'
}
