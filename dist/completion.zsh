
_flagfilter() {
	local part=''
	local -a candidates
	set -- "$words[1]" "$words[CURRENT]" "${(@)words[2,CURRENT-1]}"
	candidates=(${(f)"$(emulate -L sh; _flagfilter_candidates "$@")"})
	if [[ $words[CURRENT] == --*=* ]]; then
		part=${words[CURRENT]%%=*}=
	fi
	if (( ${candidates[(I)$part/]} )); then
		compset -P "$part"
		_files
		return
	fi
	compadd -S '' -- ${(M)candidates:#*=}
	compadd -- ${candidates:#*=}
}
_flagfilter "$@"
