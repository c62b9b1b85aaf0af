# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What bash and zsh complete, in what both understand. Commands and options are those that --help lists; names of rules and
# interfaces are asked of the filter, which needs root.

# Names are bytes, one a line. What a terminal might obey is not offered.

# What stands behind "KEY": in JSON, a string or an array of strings.
_flagfilter_strings() { # KEY
	LC_ALL=C grep -oE "\"$1\":(\\[(,?\"([^\"\\]|\\\\.)*\")*|\"([^\"\\]|\\\\.)*\")" | LC_ALL=C sed 's/^"[a-z]*"://' |
		LC_ALL=C grep -oE '"([^"\]|\\.)*"' | LC_ALL=C sed 's/^"//; s/"$//; s/\\\(.\)/\1/g; /[[:cntrl:]]/d' | LC_ALL=C sort -u
}

_flagfilter_ask() { # PROGRAM NETNS KEY COMMAND...
	local program=$1 netns=$2 key=$3
	shift 3
	"$program" ${netns:+--netns "$netns"} --json "$@" 2>/dev/null | _flagfilter_strings "$key"
}

# Those that have a filter; or if there are none, or for `attach`, all, by each of their names.
_flagfilter_interfaces() { # PROGRAM NETNS COMMAND
	local all attached=''
	all=$(ip ${2:+-n "$2"} -j link show 2>/dev/null | _flagfilter_strings '(ifname|altnames)')
	[ "$3" = attach ] ||
		attached=$(_flagfilter_ask "$1" "$2" interface status | LC_ALL=C grep -Fx -e "$all")
	printf '%s\n' "${attached:-$all}"
}

_flagfilter_prefixed() { # PREFIX
	local line
	while IFS= read -r line; do
		printf '%s%s\n' "$1" "$line"
	done
}

# What `matrix --rule` knows by name: built-in rules, of which the widest preset has all, and classes.
_flagfilter_known() { # PROGRAM NETNS INTERFACE
	printf 'version: 1\npreset: conntrack\n' | _flagfilter_ask "$1" '' name check -
	"$1" ${2:+--netns "$2"} --json stats -- "$3" 2>/dev/null | grep -o '"not_judged":{[^}]*' | grep -o '[a-z0-9-]*":[0-9]' |
		cut -d '"' -f 1
}

# The values of an option; "/" is a file.
_flagfilter_values() { # OPTION PROGRAM NETNS COMMAND INTERFACE
	case $1 in
	--netns) find /run/netns -mindepth 1 -printf '%f\n' 2>/dev/null | LC_ALL=C grep -v '[[:cntrl:]]' ;;
	--mode | -m) printf '%s\n' native generic offload auto ;;
	--preset) printf '%s\n' none default strict conntrack ;;
	--engine) printf '%s\n' native kernel ;;
	--policy | --write | -w) echo / ;;
	--rule | -r)
		if [ "$4" = matrix ]; then
			_flagfilter_known "$2" "$3" "$5" | sort -u
		else
			_flagfilter_ask "$2" "$3" name rule -- "$5"
		fi
		;;
	--since | -S) echo attach ;;
	esac
}

_flagfilter_rules() { # PROGRAM NETNS CURRENT INTERFACE WORD...
	local program=$1 netns=$2 current=$3 interface=$4
	shift 4
	case ${1-}/$current in
	add/*) [ $# -ne 3 ] || printf '%s\n' off monitor enforce ;;
	del/*) _flagfilter_ask "$program" "$netns" name rule -- "$interface" ;;
	*=*) printf '%s\n' off monitor enforce | _flagfilter_prefixed "${current%%=*}=" ;;
	*)
		[ $# -gt 0 ] || printf '%s\n' add del
		_flagfilter_ask "$program" "$netns" name rule -- "$interface" | sed 's/$/=/'
		;;
	esac
}

_flagfilter_exempt() { # PROGRAM NETNS INTERFACE WORD...
	case ${4-} in
	'') printf '%s\n' list add del ;;
	del) "$1" ${2:+--netns "$2"} exempt -- "$3" 2>/dev/null | sed -n 's/^\(source\|port\) *//p' ;;
	esac
}

# What may stand in place of CURRENT behind these words, one a line; "/" is a file. Not all of it begins with CURRENT.
_flagfilter_candidates() { # PROGRAM CURRENT WORD...
	local program=$1 current=$2 netns='' name='' before='' first='' second='' help synopsis word count=0
	local operands='' # behind "--"
	local all=''      # --all stands for the interface
	shift 2
	help=$("$program" --help 2>/dev/null)
	# Words that are values of options go with them; the others take their places.
	for word; do
		shift
		if [ -n "$before" ]; then
			[ "$before" != --netns ] || netns=$word
			before=''
			continue
		fi
		case ${operands:+=}$word in
		--) operands=only ;;
		--netns=*) netns=${word#*=} ;;
		--all | -a) all=1 ;;
		--*=*) ;;
		-*[!a-zA-Z-]*) ;;
		-*) ! echo "$help" | grep -qE -- " $word(, --[a-z-]+)?=[A-Za-z]" || before=$word ;;
		*)
			if [ -z "$name" ]; then
				case $word in
				*[!a-z]*) return ;;
				esac
				name=$word operands=''
				synopsis=$(echo "$help" | sed -n "s/^  $name  *//p")
				help=$("$program" "$name" --help 2>/dev/null)
			else
				set -- "$@" "$word"
			fi
			;;
		esac
	done
	# Of several interfaces one answers for all.
	if [ -n "$all" ]; then
		set -- "$(_flagfilter_interfaces "$program" "$netns" "$name" | head -n 1)" "$@"
	elif [ $# -gt 0 ] && [ -z "$(ip ${netns:+-n "$netns"} link show dev "$1" 2>/dev/null)" ]; then
		word=${1%%,*}
		shift
		set -- "$word" "$@"
	fi
	count=$#
	if [ -n "$before" ]; then
		_flagfilter_values "$before" "$program" "$netns" "$name" "${1-}"
		return
	fi
	case ${operands:+=}$current in
	--*=*)
		_flagfilter_values "${current%%=*}" "$program" "$netns" "$name" "${1-}" |
			_flagfilter_prefixed "${current%%=*}="
		return
		;;
	-*)
		echo "$help" | grep -oE -- '^ .{0,7}--[a-z-]+' | grep -oE -- '--[a-z-]+'
		return
		;;
	esac
	if [ -z "$name" ]; then
		echo "$help" | sed -n '/^Commands:/,$s/^  \([a-z][a-z]*\) .*/\1/p'
		return
	fi
	first=${synopsis%% *} second=${synopsis#* }
	case $count,$first,${second%% *} in
	0,IF,* | 0,\[IF\],*)
		# A name that is no option only behind "--" is offered there.
		_flagfilter_interfaces "$program" "$netns" "$name" | if [ -n "$operands" ]; then cat; else grep -v ^-; fi
		case $name,$current in
		detach,*,* | rule,*,* | exempt,*,* | apply,*,* | reset,*,*)
			_flagfilter_interfaces "$program" "$netns" "$name" | _flagfilter_prefixed "${current%,*},"
			;;
		esac
		;;
	0,FILE,* | 0,CAPTURE,* | 1,IF,FILE) echo / ;;
	*)
		case $count,$name in
		0,*) ;;
		*,rule) _flagfilter_rules "$program" "$netns" "$current" "$@" ;;
		*,exempt) _flagfilter_exempt "$program" "$netns" "$@" ;;
		esac
		;;
	esac
}
