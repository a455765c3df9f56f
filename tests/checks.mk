# SPDX-License-Identifier: Apache-2.0
# Goals that install, test, measure and lint; included by the Makefile.

help:
	@echo "make            build/islet and its helper programs (needs the -dev packages)"
	@echo "make check      all tests (root)        make check-fast  host only"
	@echo "make demo       one bundle on both walls (root)"
	@echo "make lint       style, layers, sizes    make format      apply .clang-format"
	@echo "make bench      speed, in pairs against the floor and peers"
	@echo "make fuzz       each fuzz target for TIME=30 seconds"
	@echo "make install    DESTDIR= PREFIX=/usr/local"
	@echo "SAN=1           with ASan and UBSan"

deps:

# Unit tests: tests/unit/<room>/<file>_test.c, one program each, linked against all rooms.
UNIT_SRC  := $(wildcard tests/unit/*/*_test.c)
UNIT_BIN  := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))
$(B)/unit/%: tests/unit/%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD -MP -Wmissing-prototypes,$(CFLAGS)) $(filter-out -static,$(LDFLAGS)) \
		-o $@ $< $(LINK_ORDER) -lcmocka $(LIBS)
.PHONY: unit
unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do timeout 120 $$t || exit 1; done

# Fuzz targets: tests/fuzz/<name>_fuzz.c with tests/fuzz/corpus/<name>/.
