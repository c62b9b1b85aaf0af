
_flagfilter() {
	local part=''
	local -a candidates
	set -- "${(Q)words[1]}" "${(Q)words[CURRENT]}" "${(@Q)words[2,CURRENT-1]}"
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
