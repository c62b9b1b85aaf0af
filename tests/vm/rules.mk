# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Debian's kernels under qemu, included by the Makefile:
#
#	make test-vm		all of them; VM_KERNELS="5.10 6.12" chooses

.PHONY: test-vm vm-build
test-vm:
	$(Q)tests/deps.sh vm || true # what is missing is a reason to skip
	$(Q)$(MAKE) vm-build
	$(Q)tests/run.sh tests/vm/vm.sh

vm-build: $(OUT)/flagfilter $(OUT)/vm/cross $(OUT)/vm/seen.o $(OUT)/tests/frames.expected

$(OUT)/vm/cross: tests/vm/cross.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(USER_CFLAGS) $(CFLAGS) -static $< -o $@

$(OUT)/vm/seen.o: tests/vm/seen.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(filter-out -I%,$(BPF_CFLAGS)) -idirafter /usr/include/$(shell uname -m)-linux-gnu \
		-c $< -o $@

$(OUT)/tests/frames.expected: tests/frames/make_frames.py
	$(call say,FRAMES,$@)
	$(Q)mkdir -p $(@D) && $< $(OUT)/tests/frames
