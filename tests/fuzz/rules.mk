# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Hostile input, included by the Makefile:
#
#	make fuzz		coverage-guided, FUZZ_SECONDS=60 for all targets; as root also against the kernel; then
#				random argument lists and runs for RUNS_SECONDS=45
#	make fuzz-runs		30,000 random argument lists, and as root 2,000 random runs on a live filter

FUZZ := $(OUT)/fuzz
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,$(FUZZ)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CFLAGS = $(USER_CFLAGS) $(UNCONFINED) -Itests/fuzz -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -O1 -gline-tables-only
FUZZ_SECONDS ?= 60
RUNS_SECONDS ?= 45
# Always the same lists and runs, so that what is green here is green again; make fuzz-runs makes others each time.
RUNS_SEED ?= 2026

.PHONY: fuzz fuzz-build fuzz-runs
fuzz:
	$(Q)$(DEPS) test
	$(Q)$(MAKE) fuzz-build $(OUT)/asan/flagfilter
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) RUNS_SECONDS=$(RUNS_SECONDS) RUNS_SEED=$(RUNS_SEED) tests/tools/run.sh tests/fuzz/run.sh \
		tests/fuzz/random_runs.py
	$(Q)grep ^ok $(FUZZ)/summary

fuzz-build: $(FUZZ_TARGETS)

fuzz-runs: $(OUT)/asan/flagfilter
	$(Q)tests/fuzz/random_runs.py

$(FUZZ)/obj/%.o: user/%.c
	$(call say,CLANG,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(FUZZ)/obj/kernel/program.o: $(OUT)/flagfilter.skel.h

$(FUZZ)/modules.a: $(MODULES:user/%.c=$(FUZZ)/obj/%.o)
	$(Q)rm -f $@ && ar qcs $@ $^

$(FUZZ)/%: tests/fuzz/fuzz_%.c $(FUZZ)/modules.a
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer $< $(FUZZ)/modules.a $(LIBS) -o $@
