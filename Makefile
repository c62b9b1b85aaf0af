# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#	make			build/flagfilter
#	make demo		see it work, in network namespaces of its own (root)
#	make test		every test; installs what it needs on Debian (root)
#	make check		the tests that need no root; make unit: those of single modules, in seconds
#	make test-vm		boot Debian's 5.10, 6.1, 6.12 and newest kernels under qemu, and test in each
#	make test-debians	the README's way on fresh Debian 12 and 13, with gcc and with clang (root)
#	make test-all		what takes longer than make test: test-vm, test-debians, soak, endure, errors (root)
#	make soak		flood, sessions and changes together, for SOAK_SECONDS=300 (root)
#	make endure		a day of looks of each command that stays, in minutes (root)
#	make errors		each error at each step of each command, told in build/errors.txt (root)
#	make prove		prove the program, as it was compiled, against docs/contract.md (root: and try the prover)
#	make fuzz		hostile input, guided by coverage (FUZZ_SECONDS=60)
#	make mutants coverage	whether the tests are worth anything; more of that in tests/tools/hygiene.mk
#	make bench		measure it against what one would use instead (root)
#	make lint		clang-format, clang-tidy, cppcheck, shellcheck, the one-way doors between rooms
#	make check-vmlinux	compare vmlinux.h with the running kernel's BTF
#	make install uninstall	PREFIX=/usr/local, SYSCONFDIR=/etc, DESTDIR=
#	make clean
#
# V=1 shows the commands.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all demo prove soak endure errors test test-all test-debians unit check lint check-vmlinux install uninstall clean

OUT := build
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(or $(wildcard /usr/sbin/bpftool),bpftool)
LLVM_STRIP ?= llvm-strip
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
# Installs what a target needs, or says what is missing. DEPS=true leaves that to you.
DEPS ?= dist/deps.sh

Q := $(if $(filter 1,$(V)),,@)
SILENT := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
say = $(if $(SILENT)$(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

INCLUDES := -I. -Iinclude -Ibpf -Iuser -I$(OUT)
# -Wno-format-truncation is one of gcc's that clang 14 does not know; gcc in turn says nothing of a -Wno- that it does not know.
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-missing-field-initializers \
	-Wno-unknown-warning-option -Wno-format-truncation
CFLAGS ?= -O2 -g
HARDENING := -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -fPIE
VERSION := 0.2.0
USER_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DFLAGFILTER_VERSION='"$(VERSION)"' $(WARNINGS) $(INCLUDES) -MMD -MP
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -Wall -Wextra $(INCLUDES) -MMD -MP
# What sanitizers, profiles and valgrind do when a process ends needs more than the sandbox allows.
UNCONFINED := -DFLAGFILTER_NO_SANDBOX
SANITIZE := $(UNCONFINED) -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g
# Where there are static ncurses and libseccomp they are taken: ncurses' two shared libraries make every start 15 to 20 %
# longer, the static ones 2 %; libseccomp's 5 %, and 2 %.
static = $(findstring /,$(shell $(CC) -print-file-name=$(1)))
NCURSES := $(if $(call static,libtinfo.a),-l:libncursesw.a -l:libtinfo.a,-lncursesw -ltinfo)
SECCOMP := $(if $(call static,libseccomp.a),-l:libseccomp.a,-lseccomp)
LIBS := -lxdp -lbpf -lyaml -ljansson -lz $(SECCOMP) $(NCURSES) -lm

SOURCES := $(wildcard user/*.c user/*/*.c)
OBJECTS := $(SOURCES:user/%.c=$(OUT)/user/%.o)
MODULES := $(filter-out user/main.c,$(SOURCES))
ASAN_OBJECTS := $(MODULES:user/%.c=$(OUT)/asan/%.o)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(OUT)/tests/%,$(wildcard tests/unit/test_*.c))

all: $(OUT)/flagfilter $(OUT)/completion/flagfilter $(OUT)/completion/_flagfilter

include tests/bench/rules.mk
include tests/vm/rules.mk
include tests/fuzz/rules.mk
include tests/tools/hygiene.mk

# The program: compiled, stripped of what only debuggers need, and as C in a skeleton.
$(OUT)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(OUT)/bpf/%.stripped.o: $(OUT)/bpf/%.bpf.o
	$(call say,STRIP,$@)
	$(Q)$(LLVM_STRIP) -g $< -o $@

$(OUT)/%.skel.h: $(OUT)/bpf/%.stripped.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $* > $@

$(OUT)/user/%.o: user/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(USER_CFLAGS) $(HARDENING) $(CFLAGS) -c $< -o $@

# These know VERSION.
$(foreach dir,user asan,$(OUT)/$(dir)/main.o $(OUT)/$(dir)/packet/pcapng.o): Makefile

$(OUT)/user/kernel/program.o $(OUT)/asan/kernel/program.o: $(OUT)/flagfilter.skel.h

$(OUT)/flagfilter: $(OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS) $^ $(LIBS) -o $@

# Unit tests run under AddressSanitizer and UndefinedBehaviorSanitizer.
$(OUT)/asan/%.o: user/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(USER_CFLAGS) $(SANITIZE) -c $< -o $@

$(OUT)/asan/modules.a: $(ASAN_OBJECTS)
	$(Q)rm -f $@ && ar qcs $@ $^

$(OUT)/tests/%: tests/unit/%.c $(OUT)/asan/modules.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(USER_CFLAGS) $(SANITIZE) $< $(OUT)/asan/modules.a $(LIBS) -lcmocka -o $@

# What `make check` runs needs neither root nor a kernel's consent.
ROOTLESS := $(filter-out %/replay_kernel.bats %/mutants.bats %/valgrind.bats,$(wildcard tests/cli/*.bats))
unit:
	$(Q)$(DEPS) check
	$(Q)$(MAKE) $(UNIT_TESTS)
	$(Q)tests/tools/run.sh $(UNIT_TESTS)

check:
	$(Q)$(DEPS) check
	$(Q)$(MAKE) all $(UNIT_TESTS)
	$(Q)tests/tools/run.sh $(UNIT_TESTS) $(ROOTLESS)

# What root tries or tests is built by whose folder it is, who can then build it again.
OWNER := $(shell stat -c '%u %g' .)
AS_OWNER := $(if $(filter 0,$(shell id -u)),$(if $(filter-out 0,$(firstword $(OWNER))),setpriv \
	--reuid=$(firstword $(OWNER)) --regid=$(lastword $(OWNER)) --clear-groups))

test:
	$(Q)$(DEPS) test
	$(Q)$(AS_OWNER) $(MAKE) all bench-build $(OUT)/unconfined/flagfilter $(UNIT_TESTS)
	$(Q)tests/tools/run.sh $(UNIT_TESTS) $(ROOTLESS) $(filter-out $(ROOTLESS),$(wildcard tests/cli/*.bats)) \
		$(wildcard tests/bench/*.bats tests/net/*.bats)

test-debians:
	$(Q)$(DEPS) debians
	$(Q)tests/tools/run.sh tests/tools/debians.sh

test-all:
	$(Q)$(MAKE) -k test-vm test-debians soak endure errors fuzz-runs

# What each function took is in the table.
prove:
	$(Q)$(DEPS) prove
	$(Q)$(AS_OWNER) $(MAKE) $(OUT)/bpf/flagfilter.stripped.o
	$(Q)tests/tools/run.sh tests/proof/prove.py tests/proof/lemmas.py tests/proof/test_compile.py tests/proof/test_prover.py
	$(Q)cat $(OUT)/proof.txt

soak: bench-build
	$(Q)SOAK_SECONDS=$(or $(SOAK_SECONDS),300) bats tests/net/soak.bats

endure: all
	$(Q)ENDURE_LOOKS=$(or $(ENDURE_LOOKS),86400) bats tests/net/endure.bats

errors: all
	$(Q)rm -f $(OUT)/errors.txt
	$(Q)ERRORS_STRIDE=$(or $(ERRORS_STRIDE),1) MATRIX=$(CURDIR)/$(OUT)/errors.txt bats tests/net/errors.bats

demo:
	$(Q)$(DEPS) demo
	$(Q)$(AS_OWNER) $(MAKE) -q all >/dev/null 2>&1 || echo 'Building $(OUT)/flagfilter'
	$(Q)$(AS_OWNER) $(MAKE) -s all
	$(Q)tests/demo/demo.sh

lint: $(OUT)/flagfilter
	$(Q)tests/tools/lint.sh $(filter-out -MMD -MP,$(USER_CFLAGS))

check-vmlinux:
	$(Q)tests/tools/check_vmlinux.sh

# Completion: one part for both shells, and what each makes of it.
$(OUT)/completion/flagfilter: dist/completion.sh dist/completion.bash
	$(Q)mkdir -p $(@D) && cat $^ > $@

$(OUT)/completion/_flagfilter: dist/completion.sh dist/completion.zsh
	$(Q)mkdir -p $(@D) && { echo '#compdef flagfilter' && cat $^; } > $@

# It belongs into sbin, as nft and bpftool do; but explain, check and replay are for everybody, who has only bin in the PATH.
INSTALLED := $(addprefix $(DESTDIR)$(PREFIX)/,sbin/flagfilter share/man/man8/flagfilter.8 lib/systemd/system/flagfilter@.service \
	share/bash-completion/completions/flagfilter share/zsh/site-functions/_flagfilter share/doc/flagfilter/monitor.yaml)
BIN := $(DESTDIR)$(PREFIX)/bin/flagfilter

install: all
	sed 's|exec flagfilter|exec $(PREFIX)/sbin/flagfilter|' dist/flagfilter@.service >$(OUT)/flagfilter@.service
	install -D -m 755 $(OUT)/flagfilter $(DESTDIR)$(PREFIX)/sbin/flagfilter
	install -D -m 644 docs/flagfilter.8 $(DESTDIR)$(PREFIX)/share/man/man8/flagfilter.8
	install -D -m 644 $(OUT)/flagfilter@.service $(DESTDIR)$(PREFIX)/lib/systemd/system/flagfilter@.service
	install -D -m 644 $(OUT)/completion/flagfilter $(DESTDIR)$(PREFIX)/share/bash-completion/completions/flagfilter
	install -D -m 644 $(OUT)/completion/_flagfilter $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_flagfilter
	install -D -m 644 dist/monitor.yaml $(DESTDIR)$(PREFIX)/share/doc/flagfilter/monitor.yaml
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/flagfilter $(dir $(BIN))
	test $(BIN) -ef $(DESTDIR)$(PREFIX)/sbin/flagfilter || ln -sf ../sbin/flagfilter $(BIN)

# Policies stay, as does what is attached: detach first.
uninstall:
	test ! -L $(BIN) || rm $(BIN)
	rm -f $(INSTALLED)
	rmdir --ignore-fail-on-non-empty $(wildcard $(DESTDIR)$(PREFIX)/share/doc/flagfilter $(DESTDIR)$(SYSCONFDIR)/flagfilter)

clean:
	rm -rf $(OUT)

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
