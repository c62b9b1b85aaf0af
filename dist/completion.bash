
# bash: the line is taken apart anew, because bash parts words also at "=" and ":".
_flagfilter() {
	local line=${COMP_LINE:0:COMP_POINT} current='' part candidate words
	read -ra words <<<"$line"
	if [[ $line != *[[:space:]] ]]; then
		current=${words[-1]}
		unset 'words[-1]'
	fi
	part=${current%"${current##*[=:]}"} # what bash takes for words before this one
	COMPREPLY=()
	while read -r candidate; do
		if [[ $candidate == *'/' && ${candidate%/} == "$part" ]]; then
			compopt -o filenames 2>/dev/null
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "${current#"$part"}")
		elif [[ $candidate == "$current"* ]]; then
			COMPREPLY+=("${candidate#"$part"}")
			[[ $candidate != *= ]] || compopt -o nospace 2>/dev/null
		fi
	done < <(_flagfilter_candidates "${words[0]}" "$current" "${words[@]:1}")
}
complete -F _flagfilter flagfilter
