
# bash: the line is read as bash reads it, because what it hands over is cut at "=", ":", "@", and still has its quotes.
_flagfilter() {
	local line=${COMP_LINE:0:COMP_POINT} word='' part='' quote='' begun='' next candidate i
	local -a words=()
	# WORD is what was typed of the current word, without quotes; PART what of it stays, since bash replaces the rest.
	for ((i = 0; i < ${#line}; i++)); do
		next=${line:i:1}
		if [[ $next == "$quote" && -n $quote ]]; then
			quote=''
		elif [[ $quote == "'" ]]; then
			word+=$next
		elif [[ $next == \\ ]]; then
			((++i))
			word+=${line:i:1} begun=1
		elif [[ -n $quote ]]; then
			word+=$next
		elif [[ $next == [\'\"] ]]; then
			quote=$next begun=1 part=$word
		elif [[ $next == [[:space:]] ]]; then
			[[ -z $begun ]] || words+=("$word")
			word='' part='' begun=''
		else
			[[ $next != @ || $COMP_WORDBREAKS != *@* ]] || part=$word # "@" itself is replaced, too
			word+=$next begun=1
			[[ $next == @ || $COMP_WORDBREAKS != *"$next"* ]] || part=$word
		fi
	done
	COMPREPLY=()
	while IFS= read -r candidate; do
		if [[ $candidate == *'/' && ${candidate%/} == "${word%%=*}=" || $candidate == / ]]; then
			compopt -o filenames 2>/dev/null # which bash quotes itself
			part=${part#"${candidate%/}"}
			mapfile -t COMPREPLY < <(compgen -f -- "${word#"${candidate%/}"}")
			COMPREPLY=("${COMPREPLY[@]#"$part"}")
		elif [[ $candidate == "$word"* ]]; then
			_flagfilter_quote "$quote" "${candidate#"$part"}"
			[[ $candidate != *= ]] || compopt -o nospace 2>/dev/null
		fi
	done < <(_flagfilter_candidates "${words[0]}" "$word" "${words[@]:1}")
}

# Adds TEXT to COMPREPLY, so that bash reads what it was behind QUOTE, which may be none.
_flagfilter_quote() { # QUOTE TEXT
	local text=$2 quoted='' i
	case $1 in
	\') quoted=${text//\'/"'\\''"} ;;
	\")
		for ((i = 0; i < ${#text}; i++)); do
			[[ ${text:i:1} != [\$\`\"\\!] ]] || quoted+=\\
			quoted+=${text:i:1}
		done
		;;
	*)
		for ((i = 0; i < ${#text}; i++)); do
			[[ ${text:i:1} == [[:alnum:]_@%+:,./=-] ]] || quoted+=\\
			quoted+=${text:i:1}
		done
		;;
	esac
	COMPREPLY+=("$quoted")
}
complete -F _flagfilter flagfilter
