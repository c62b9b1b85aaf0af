# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Whether the tests are worth anything, and what tools see that tests do not; included by the Makefile:
#
#	make mutants		break the program in many small ways: some test must notice each
#	make coverage		how much of the code the tests run; fails below the limits (root: with the network tests)
#	make check-asan		the rootless command tests with a binary under AddressSanitizer and UBSan
#	make check-valgrind	the rootless commands under valgrind

COVERAGE := $(OUT)/coverage
COVERAGE_CFLAGS = $(USER_CFLAGS) $(UNCONFINED) -O0 -g -fprofile-instr-generate -fcoverage-mapping
COVERAGE_TESTS := $(patsubst tests/unit/%.c,$(COVERAGE)/%,$(wildcard tests/unit/test_*.c))

.PHONY: mutants coverage check-asan check-valgrind
mutants: all $(UNIT_TESTS)
	$(Q)tests/tools/run.sh tests/tools/mutants.py

coverage: all $(COVERAGE)/flagfilter $(COVERAGE_TESTS)
	$(Q)tests/tools/run.sh tests/tools/coverage.sh
	$(Q)cat $(COVERAGE)/summary

check-asan: all $(OUT)/asan/flagfilter
	$(Q)FLAGFILTER=$(CURDIR)/$(OUT)/asan/flagfilter tests/tools/run.sh $(ROOTLESS)

check-valgrind: all $(OUT)/unconfined/flagfilter
	$(Q)tests/tools/run.sh tests/cli/valgrind.bats

$(OUT)/unconfined/sandbox.o: user/base/sandbox.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(USER_CFLAGS) $(UNCONFINED) $(HARDENING) $(CFLAGS) -c $< -o $@

$(OUT)/unconfined/flagfilter: $(OUT)/unconfined/sandbox.o $(filter-out %/sandbox.o,$(OBJECTS))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -pie $^ $(LIBS) -o $@

$(OUT)/asan/flagfilter: $(OUT)/asan/main.o $(OUT)/asan/modules.a
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) $^ $(LIBS) -o $@

$(COVERAGE)/obj/%.o: user/%.c
	$(call say,CLANG,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(COVERAGE_CFLAGS) -c $< -o $@

$(COVERAGE)/obj/kernel/program.o: $(OUT)/flagfilter.skel.h

$(COVERAGE)/modules.a: $(MODULES:user/%.c=$(COVERAGE)/obj/%.o)
	$(Q)rm -f $@ && ar qcs $@ $^

$(COVERAGE)/flagfilter: $(COVERAGE)/obj/main.o $(COVERAGE)/modules.a
	$(call say,LD,$@)
	$(Q)$(CLANG) $(COVERAGE_CFLAGS) $^ $(LIBS) -o $@

$(COVERAGE)/test_%: tests/unit/test_%.c $(COVERAGE)/modules.a
	$(call say,TEST,$@)
	$(Q)$(CLANG) $(COVERAGE_CFLAGS) $< $(COVERAGE)/modules.a $(LIBS) -lcmocka -o $@
