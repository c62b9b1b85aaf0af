# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Hostile input, included by the Makefile:
#
#	make fuzz		coverage-guided, FUZZ_SECONDS=60 for all targets; as root also against the kernel

FUZZ := $(OUT)/fuzz
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,$(FUZZ)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CFLAGS = $(USER_CFLAGS) $(UNCONFINED) -Itests/fuzz -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -O1 -gline-tables-only
FUZZ_SECONDS ?= 60

.PHONY: fuzz fuzz-build
fuzz:
	$(Q)$(DEPS) test
	$(Q)$(MAKE) fuzz-build
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/tools/run.sh tests/fuzz/run.sh
	$(Q)grep ^ok $(FUZZ)/summary

fuzz-build: $(FUZZ_TARGETS)

$(FUZZ)/obj/%.o: user/%.c
	$(call say,CLANG,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(FUZZ)/obj/kernel/program.o: $(OUT)/flagfilter.skel.h

$(FUZZ)/modules.a: $(MODULES:user/%.c=$(FUZZ)/obj/%.o)
	$(Q)rm -f $@ && ar qcs $@ $^

$(FUZZ)/%: tests/fuzz/fuzz_%.c $(FUZZ)/modules.a
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer $< $(FUZZ)/modules.a $(LIBS) -o $@
