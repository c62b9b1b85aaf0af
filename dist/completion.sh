# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What bash and zsh complete, in what both understand. Commands and options are those that --help lists; names of rules and
# interfaces are asked of the filter, which needs root.

# One a line: what the filters on interfaces say, "KEY":"VALUE" by "KEY":"VALUE".
_flagfilter_ask() { # PROGRAM NETNS KEY COMMAND...
	local program=$1 netns=$2 key=$3
	shift 3
	"$program" ${netns:+--netns "$netns"} --json "$@" 2>/dev/null | grep -o "\"$key\":\"[^\"]*\"" | cut -d '"' -f 4 | sort -u
}

_flagfilter_interfaces() { # PROGRAM NETNS COMMAND
	local attached=''
	[ "$3" = attach ] || attached=$(_flagfilter_ask "$1" "$2" interface status)
	if [ -n "$attached" ]; then
		echo "$attached"
	else
		ip ${2:+-n "$2"} -o link show 2>/dev/null | tr '\134' '\n' |
			sed -n 's/^[0-9]*: \([^:@]*\).*/\1/p; s/^ *altname \([^ ]*\).*/\1/p'
	fi
}

# What `matrix --rule` knows by name: built-in rules, of which the widest preset has all, and classes.
_flagfilter_known() { # PROGRAM NETNS INTERFACE
	printf 'version: 1\npreset: conntrack\n' | _flagfilter_ask "$1" '' name check -
	"$1" ${2:+--netns "$2"} --json stats "$3" 2>/dev/null | grep -o '"not_judged":{[^}]*' | grep -o '[a-z0-9-]*":[0-9]' |
		cut -d '"' -f 1
}

# The values of an option; "/" is a file.
_flagfilter_values() { # OPTION PROGRAM NETNS COMMAND INTERFACE
	case $1 in
	--netns) ip netns list 2>/dev/null | cut -d ' ' -f 1 ;;
	--mode | -m) printf '%s\n' native generic offload auto ;;
	--preset) printf '%s\n' none default strict conntrack ;;
	--engine) printf '%s\n' native kernel ;;
	--policy | --write | -w) echo / ;;
	--rule | -r)
		if [ "$4" = matrix ]; then
			_flagfilter_known "$2" "$3" "$5" | sort -u
		else
			_flagfilter_ask "$2" "$3" name rule "$5"
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
	del/*) _flagfilter_ask "$program" "$netns" name rule "$interface" ;;
	*=*) printf "${current%%=*}=%s\n" off monitor enforce ;;
	*)
		[ $# -gt 0 ] || printf '%s\n' add del
		_flagfilter_ask "$program" "$netns" name rule "$interface" | sed 's/$/=/'
		;;
	esac
}

_flagfilter_exempt() { # PROGRAM NETNS INTERFACE WORD...
	case ${4-} in
	'') printf '%s\n' list add del ;;
	del) "$1" ${2:+--netns "$2"} exempt "$3" 2>/dev/null | sed -n 's/^\(source\|port\) *//p' ;;
	esac
}

# What may stand in place of CURRENT behind these words, one a line; "/" is a file. Not all of it begins with CURRENT.
_flagfilter_candidates() { # PROGRAM CURRENT WORD...
	local program=$1 current=$2 netns='' name='' before='' first='' second='' help synopsis word count=0
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
		case $word in
		--netns=*) netns=${word#*=} ;;
		--*=*) ;;
		-*) ! echo "$help" | grep -qE -- " $word(, --[a-z-]+)?=[A-Za-z]" || before=$word ;;
		*)
			if [ -z "$name" ]; then
				name=$word
				synopsis=$(echo "$help" | sed -n "s/^  $name  *//p")
				help=$("$program" "$name" --help 2>/dev/null)
			else
				set -- "$@" "$word"
			fi
			;;
		esac
	done
	count=$#
	if [ -n "$before" ]; then
		_flagfilter_values "$before" "$program" "$netns" "$name" "${1-}"
		return
	fi
	case $current in
	--*=*)
		_flagfilter_values "${current%%=*}" "$program" "$netns" "$name" "${1-}" | sed "s|^|${current%%=*}=|"
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
	0,IF,* | 0,\[IF\],*) _flagfilter_interfaces "$program" "$netns" "$name" ;;
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
