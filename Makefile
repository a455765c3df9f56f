# SPDX-License-Identifier: Apache-2.0
# One Makefile, not recursive: a room is a folder and an archive, a program is a main and the
# archives it may see. `make help` lists the goals. SAN=1 builds with ASan and UBSan (not static).

MAKEFLAGS += --no-builtin-rules
SHELL     := /bin/bash
CC        := gcc
FUZZ_CC   := clang
PREFIX    ?= /usr/local
TIME      ?= 30
VERSION   := 0.1.0
COMMIT    := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)

PROFILE := $(if $(SAN),san,release)
B       := build/$(PROFILE)
ROOMS   := base cgroups netns images hv runtime cli

WARN := -Wall -Wextra -Werror -Wshadow -Wvla -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes \
	-Wold-style-definition -Wwrite-strings -Wpointer-arith -Wcast-qual -Wundef -Wswitch-enum \
	-Wimplicit-fallthrough -fno-common -Wdouble-promotion -Wlogical-op -Wduplicated-cond \
	-Wduplicated-branches -Wnull-dereference
COMMON := -std=gnu11 -D_GNU_SOURCE -I. -MMD -MP $(WARN)
ifdef SAN
CFLAGS  := $(COMMON) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -DISLET_DEBUG=1 -include base/banned.h
LDFLAGS := -fsanitize=address,undefined
LIBS    := -lseccomp -lcap -lbpf -lelf -lz -ljansson
else
CFLAGS  := $(COMMON) -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
	-ffunction-sections -fdata-sections -include base/banned.h $(if $(DEBUG),-DISLET_DEBUG=1)
LDFLAGS := -static -Wl,-z,relro,-z,now -Wl,--gc-sections
LIBS    := -lseccomp -lcap -lbpf -lelf -lz -ljansson
endif
STAGE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -MMD -MP $(WARN) -Os -DISLET_FREESTANDING=1 \
	-ffreestanding -fno-stack-protector -fno-builtin -fno-asynchronous-unwind-tables -fno-pie \
	-ffunction-sections -fno-tree-loop-distribute-patterns -mno-sse

src    = $(filter-out %_main.c,$(wildcard $(1)/*.c $(1)/*/*.c))
objs   = $(patsubst %.c,$(B)/%.o,$(filter-out runtime/stage/%,$(call src,$(1))))
ARCHIVES := $(foreach r,$(ROOMS),$(B)/lib$(r).a)
# Link order is the layering: a room sees only what stands to its right.
LINK_ORDER     := $(B)/libcli.a $(B)/libruntime.a $(B)/libhv.a $(B)/libimages.a $(B)/libnetns.a \
	$(B)/libcgroups.a $(B)/libbase.a

.PHONY: all help deps demo check check-fast lint bench fuzz install clean format size
all: deps build/islet build/libexec size

include tests/checks.mk

# -- programs ---------------------------------------------------------------------------------
build/islet: $(B)/islet
	ln -f $< $@
$(B)/islet: $(B)/cli/islet_main.o $(ARCHIVES)
	$(CC) $(LDFLAGS) -o $@.tmp $< $(LINK_ORDER) $(LIBS)
	$(if $(SAN),,objcopy --only-keep-debug $@.tmp $@.debug && strip $@.tmp)
	mv $@.tmp $@

# helper programs that are executed only when needed, each with its heavy library
HELPERS := $(patsubst images/%_main.c,islet-%,$(wildcard images/*_main.c))
build/libexec: $(patsubst %,build/libexec/%,$(HELPERS))
	@mkdir -p $@
build/libexec/islet-%: $(B)/images/%_main.o $(B)/libimages.a $(B)/libbase.a
	@mkdir -p $(@D)
	$(CC) $(filter-out -static,$(LDFLAGS)) -o $@ $^ -ljansson -llz4 -llzma -lzstd -lz

# The stage: no libc, embedded into islet as bytes (runtime/stage/).
STAGE_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard runtime/stage/*.c))
$(B)/runtime/stage/%.o: runtime/stage/%.c
	@mkdir -p $(@D)
	$(CC) $(STAGE_CFLAGS) -c -o $@ $<
$(B)/stage.elf: $(STAGE_OBJS)
	$(CC) -nostdlib -static -no-pie -Wl,--gc-sections -Wl,-z,noseparate-code,-z,norelro \
		-Wl,--build-id=none -Wl,-n -Wl,-z,noexecstack -o $@ $^
	strip -R .comment -R .note.gnu.property $@
$(B)/stage_image.o: $(B)/stage.elf
	cd $(B) && ld -r -b binary -z noexecstack -o stage_image.o stage.elf

# -- rooms ------------------------------------------------------------------------------------
$(B)/libruntime.a: $(if $(STAGE_OBJS),$(B)/stage_image.o)
define room
$(B)/lib$(1).a: $(call objs,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -DISLET_VERSION='"$(VERSION)"' -c -o $@ $<
$(B)/cli/version.o: CFLAGS += -DISLET_COMMIT='"$(COMMIT)"'

-include $(shell find $(B) -name '*.d' 2>/dev/null)

size: build/islet
	@ls -l build/islet | awk '{printf "build/islet: %.2f MiB\n", $$5 / 1048576}'

install: all
	install -D -m 0755 build/islet $(DESTDIR)$(PREFIX)/bin/islet
	ln -sf islet $(DESTDIR)$(PREFIX)/bin/islet-vm
	for h in $(HELPERS); do \
		install -D -m 0755 build/libexec/$$h $(DESTDIR)$(PREFIX)/libexec/islet/$$h; done

clean:
	rm -rf build/release build/san build/fuzz build/islet build/libexec
