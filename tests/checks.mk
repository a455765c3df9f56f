# SPDX-License-Identifier: Apache-2.0
# Goals that test, measure and lint; included by the Makefile. tests/run-all runs the families of
# tests and counts; here is how their programs are built.

help:
	echo 'make             build/islet, and its helper programs in build/libexec'
	echo 'make demo        one bundle on both walls (root)'
	echo 'make check       all tests (root)         make check-fast  those without the bed, < 3 min'
	echo 'make check-fresh the same from a fresh clone on bare Debian 12 and 13 in the bed, long'
	echo 'make unit        unit tests, now          make lint        style, layers, sizes, clang-tidy'
	echo 'make bench       speed, in pairs against the floor and peers (root)'
	echo 'make fuzz        each fuzz target for TIME=30 seconds'
	echo 'make format      apply .clang-format      make clean       remove what was built'
	echo 'make install     DESTDIR= PREFIX=/usr/local'
	echo 'SAN=1            build/san: ASan and UBSan   DEBUG=1  build/debug: ISLET_FAIL_STEP works'
	echo 'V=1              show commands'

# -- packages: a list is looked at again only when dpkg or the list has changed ------------------
DPKG_STATUS := $(wildcard /var/lib/dpkg/status)
build/deps/%: tests/packages.% tests/deps $(DPKG_STATUS)
	tests/deps $*
	mkdir -p $(@D) && touch $@
.PHONY: deps-test
deps: build/deps/build
deps-test: deps build/deps/test

# -- unit tests: tests/unit/<room>/…/<file>_test.c, one program each, linked with what its room may
# see. Other C files there are static programs for a test's use, named without the .c.
UNIT_SRC := $(wildcard tests/unit/*/*.c tests/unit/*/*/*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(filter %_test.c,$(UNIT_SRC)))
UNIT_AID := $(patsubst tests/unit/%.c,$(B)/unit/%,$(filter-out %_test.c,$(UNIT_SRC)))
sees_cli     := $(ROOMS)
sees_runtime := $(filter-out cli,$(ROOMS))
sees          = $(or $(sees_$(1)),$(filter-out base,$(1)) base)
.SECONDARY:
define unit-room
$(B)/unit/$(1)/%_test: $(B)/tests/unit/$(1)/%_test.o $(patsubst %,$(B)/lib%.a,$(call sees,$(1)))
	mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ -lcmocka $$(LIBS)
endef
$(foreach r,$(ROOMS),$(eval $(call unit-room,$(r))))
$(UNIT_AID): $(B)/unit/%: tests/unit/%.c $(B)/flags.stamp
	mkdir -p $(@D)
	$(call say,LINK,$@)
	$(AID_CC)
AID_CC = gcc -std=gnu11 -I. $(WARN) -O2 -static -o $@ $<

.PHONY: unit unit-programs
unit-programs: helpers $(UNIT_BIN) $(UNIT_AID)
$(UNIT_SRC:%.c=$(B)/%.o): | deps-test
unit: unit-programs
	tests/run-all --profile $(PROFILE) unit

# -- programs that run inside containers, and those that measure ---------------------------------
-include tests/payload/payload.mk
BENCHES := $(patsubst tests/bench/%.c,build/bench/%,$(wildcard tests/bench/*.c))
build/bench/%: tests/bench/%.c
	mkdir -p $(@D)
	$(call say,LINK,$@)
	$(AID_CC)
.PHONY: payload bench-programs
bench-programs: $(BENCHES)

# -- fuzz targets: tests/fuzz/<name>_fuzz.c with tests/fuzz/corpus/<name>/ -----------------------
FUZZ_BIN := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
.PHONY: fuzz-programs
ifdef FUZZ
fuzz-programs: $(FUZZ_BIN)
$(FUZZ_BIN:build/%=$(B)/tests/%.o): | deps-test
$(B)/tests/fuzz/%.o: CFLAGS += -Wno-missing-prototypes
build/fuzz/%_fuzz: $(B)/tests/fuzz/%_fuzz.o $(ARCHIVES)
	$(call say,LINK,$@)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
else
fuzz-programs:
	$(MAKE) --no-print-directory FUZZ=1 fuzz-programs
endif
fuzz: fuzz-programs
	tests/run-all --time $(TIME) fuzz

# -- all of it -----------------------------------------------------------------------------------
FAMILIES ?= build unit fuzz-replay lint cases vm slow bed bed-init
check: deps-test
	tests/run-all $(FAMILIES)
check-fast: deps-test
	tests/run-all build unit-fast fuzz-replay lint-fast cases
check-fresh: deps-test # not part of check: hours under emulation
	tests/run-all fresh
lint: deps-test
	tests/run-all lint
bench: deps-test all bench-programs
	tests/bench/run
demo: build/deps/demo all payload
	tests/demo/run
format: build/deps/test
	tests/lint/format --fix

print-%:
	echo '$($*)'
