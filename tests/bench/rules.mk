# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The benchmark, included by the Makefile:
#
#	make bench		measure on this machine (root, ten minutes); QUICK=1: a look in one
#	make bench-docs		put the last run's figures and picture into docs/

BENCH := $(OUT)/bench
BENCH_TOOLS := $(patsubst %,$(BENCH)/%,testrun flood toggle toggler counters)

.PHONY: bench bench-build bench-docs
bench:
	$(Q)$(DEPS) bench
	$(Q)$(MAKE) bench-build
	$(Q)tests/bench/bench.py run --build $(OUT) $(if $(QUICK),--quick)

bench-build: $(OUT)/flagfilter $(BENCH)/reference.bpf.o $(BENCH)/stopwatch.bpf.o $(BENCH_TOOLS)

bench-docs:
	$(Q)tests/bench/bench.py docs --build $(OUT)

# The reference programs use the kernel's own headers; vmlinux.h has only what the product needs.
$(BENCH)/reference.bpf.o: tests/bench/reference.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(filter-out -I%,$(BPF_CFLAGS)) -idirafter /usr/include/$(shell uname -m)-linux-gnu \
		-c $< -o $@

$(BENCH)/stopwatch.bpf.o: tests/bench/stopwatch.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BENCH)/%.o: tests/bench/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(USER_CFLAGS) $(HARDENING) $(CFLAGS) -c $< -o $@

$(BENCH)/flood: $(BENCH)/honest.o
# "What if the host had 256 CPUs": the kernel's answers to the product's own code are replaced.
$(BENCH)/counters: LDFLAGS += -Wl,--wrap=bpf_map_lookup_elem,--wrap=libbpf_num_possible_cpus

$(BENCH)/modules.a: $(MODULES:user/%.c=$(OUT)/user/%.o)
	$(Q)rm -f $@ && ar qcs $@ $^

$(BENCH_TOOLS): $(BENCH)/%: $(BENCH)/%.o $(BENCH)/bench.o $(BENCH)/modules.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -pie $(LDFLAGS) $^ $(LIBS) -lpthread -o $@
