#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Compares vmlinux.h with the running kernel's BTF: every struct must have the same size, and every member that both have
# the same offset; enumerators the same value.
set -eu
cd "$(dirname "$0")/../.."

btf=${1:-/sys/kernel/btf/vmlinux}
bpftool=$(command -v bpftool || echo /usr/sbin/bpftool)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$bpftool" btf dump file "$btf" format c >"$out/dump.h"
mapfile -t structs < <(sed -nE 's/^struct ([a-z0-9_]+) \{$/\1/p' vmlinux.h)
mapfile -t values < <(sed -nE 's/^\t([A-Z0-9_]+) = ([0-9]+),$/\1/p' vmlinux.h)

# The same program, once with our header, once with the kernel's own.
probe() {
	echo "#include \"$1\""
	echo '#define SHOW(name, value) char name[(value) + 1]'
	local s member
	for s in "${structs[@]}"; do
		echo "SHOW(size_of_$s, sizeof(struct $s));"
		while read -r member; do
			echo "SHOW(offset_${s}_$member, __builtin_offsetof(struct $s, $member));"
		done < <(sed -nE "/^struct $s \{/,/^};/s/.*[ *]([a-z][a-z0-9_]*)(\[[0-9]+\])?;$/\1/p" vmlinux.h)
	done
	for s in "${values[@]}"; do echo "SHOW(value_$s, $s);"; done
}

for side in ours kernel; do
	header=$PWD/vmlinux.h
	[ $side = kernel ] && header=$out/dump.h
	probe "$header" >"$out/$side.c"
	clang -target bpf -D__bpf__ -Wno-everything -c "$out/$side.c" -o "$out/$side.o"
	llvm-nm --print-size "$out/$side.o" 2>/dev/null | awk '{print $4, $2}' | sort >"$out/$side.txt"
done
[ -s "$out/ours.txt" ]
diff "$out/ours.txt" "$out/kernel.txt"
echo "vmlinux.h agrees with $btf: ${#structs[@]} structs, ${#values[@]} values"
