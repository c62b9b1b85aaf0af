# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Debian's kernels under qemu, included by the Makefile:
#
#	make test-vm		all of them; VM_KERNELS="5.10 6.12" chooses

.PHONY: test-vm vm-build
test-vm:
	$(Q)$(DEPS) vm || true # what is missing is a reason to skip
	$(Q)$(MAKE) vm-build
	$(Q)tests/tools/run.sh tests/vm/vm.sh

vm-build: $(OUT)/flagfilter $(addprefix $(OUT)/vm/,cross send scan seen.o fault.so) $(OUT)/tests/frames.expected

$(OUT)/vm/cross $(OUT)/vm/send $(OUT)/vm/scan: $(OUT)/vm/%: tests/vm/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(USER_CFLAGS) $(CFLAGS) -static $< -o $@

$(OUT)/vm/fault.so: tests/net/fault.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -shared -fPIC $< -o $@ -ldl

$(OUT)/vm/seen.o: tests/vm/seen.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(filter-out -I%,$(BPF_CFLAGS)) -idirafter /usr/include/$(shell uname -m)-linux-gnu \
		-c $< -o $@

$(OUT)/tests/frames.expected: tests/frames/make_frames.py
	$(call say,FRAMES,$@)
	$(Q)mkdir -p $(@D) && $< $(OUT)/tests/frames
