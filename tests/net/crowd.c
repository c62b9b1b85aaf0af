/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Somebody else on the machine who has many programs: loads so many, says so, and keeps them until its input ends.
 *
 *	crowd PROGRAMS
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int programs = argc > 1 ? atoi(argv[1]) : 0;
	const struct rlimit files = {programs + 64, programs + 64};
	char end;

	setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < programs; i++)
		if (bpf_prog_load(BPF_PROG_TYPE_XDP, "crowd", "GPL", pass, sizeof(pass) / sizeof(*pass), NULL) < 0)
			return perror("crowd: cannot load a program"), 1;
	printf("%d programs\n", programs);
	fflush(stdout);
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
	return 0;
}
