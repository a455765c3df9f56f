# SPDX-License-Identifier: Apache-2.0
# One Makefile, not recursive: a room is a folder and an archive, a program is a main and the
# archives it may see. `make help` lists the goals, V=1 shows commands. A profile is a set of flags
# and a folder of its own below build/: release; SAN=1 san (ASan and UBSan, not static); DEBUG=1
# debug (release with failable steps); FUZZ=1 fuzz (clang, libFuzzer). Goals of people that need
# another profile call make again with its variable; build/islet is always the release.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
CC        := gcc
AR        := ar
PREFIX    ?= /usr/local
TIME      ?= 30
VERSION   := 0.1.0
COMMIT    := $(shell git -c safe.directory='*' describe --always --dirty --abbrev=12 2>/dev/null || \
	echo unknown)

PROFILE := $(if $(SAN),san,$(if $(FUZZ),fuzz,$(if $(DEBUG),debug,release)))
B       := build/$(PROFILE)
# Link order is the layering: a room sees only what stands to its right.
ROOMS    := cli runtime hv images netns cgroups base
ARCHIVES := $(ROOMS:%=$(B)/lib%.a)
# Static libelf needs zstd since 0.190, and in 0.192 (Debian 13) lacks functions of its own. islet
# calls nothing of libbpf that reads ELF files, so what is missing ends the program.
LIBS     := -lseccomp -lcap -lbpf -lelf -lz -lzstd -ljansson
NO_ELF   := eu_search_tree_init eu_search_tree_fini eu_tsearch eu_tdelete

# -- flags --------------------------------------------------------------------------------------
WARN_GCC := -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wnull-dereference
WARN     := -Wall -Wextra -Werror -Wshadow -Wvla -Wformat=2 -Wmissing-prototypes \
	-Wstrict-prototypes -Wold-style-definition -Wwrite-strings -Wpointer-arith -Wcast-qual -Wundef \
	-Wswitch-enum -Wimplicit-fallthrough -fno-common -Wdouble-promotion
COMMON   := -std=gnu11 -D_GNU_SOURCE -I. -MMD -MP $(WARN)
HARDEN   := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE \
	-ffunction-sections -fdata-sections
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

CFLAGS_release  := $(COMMON) $(WARN_GCC) $(HARDEN)
CFLAGS_debug    := $(CFLAGS_release) -DISLET_DEBUG=1
CFLAGS_san      := $(COMMON) $(WARN_GCC) -g -O1 $(SANITIZE) -DISLET_DEBUG=1
CFLAGS_fuzz     := $(COMMON) -Wno-format-nonliteral -Wno-unused-variable -g -O1 $(SANITIZE) -fsanitize=fuzzer-no-link -DISLET_DEBUG=1
LDFLAGS_release := -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections
LDFLAGS_debug   := $(LDFLAGS_release)
LDFLAGS_san     := $(SANITIZE)
LDFLAGS_fuzz    := $(SANITIZE)

CFLAGS  := $(CFLAGS_$(PROFILE))
LDFLAGS := $(LDFLAGS_$(PROFILE))
STATIC  := $(if $(SAN)$(FUZZ),,-static $(NO_ELF:%=-Wl,--defsym=%=abort))
STAGE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -MMD -MP $(WARN) $(WARN_GCC) -Os \
	-DISLET_FREESTANDING=1 -ffreestanding -fno-stack-protector -fno-builtin \
	-fno-asynchronous-unwind-tables -fno-pie -ffunction-sections -fno-tree-loop-distribute-patterns \
	-mno-sse
STAGE_CC     := $(CC)
ifdef FUZZ
CC := clang
endif

# $(call say,CC,what): the quiet line of a recipe
say = $(if $(V),,$(info $()  $(1) $(2)))
ifndef V
.SILENT:
endif

.PHONY: all help deps demo check check-fast lint bench fuzz install clean format size FORCE
.DELETE_ON_ERROR:
all: deps $(B)/islet helpers $(if $(filter release,$(PROFILE)),build/islet size)

include tests/checks.mk

# -- programs -----------------------------------------------------------------------------------
build/islet: $(B)/islet
	ln -f $< $@
$(B)/islet: $(B)/cli/islet_main.o $(ARCHIVES)
	$(call say,LINK,$@)
	$(CC) $(STATIC) $(LDFLAGS) -o $@.tmp $^ $(LIBS)
	$(if $(SAN),,objcopy --only-keep-debug $@.tmp $@.debug && \
		strip $@.tmp && objcopy --add-gnu-debuglink=$@.debug $@.tmp)
	mv $@.tmp $@

# helper programs that are executed only when needed, each with its heavy library
HELPERS := $(patsubst images/%_main.c,islet-%,$(wildcard images/*_main.c))
.PHONY: helpers
helpers: $(HELPERS:%=$(B)/libexec/%) $(if $(filter release,$(PROFILE)),$(HELPERS:%=build/libexec/%))
build/libexec/%: $(B)/libexec/%
	mkdir -p $(@D)
	ln -f $< $@
$(B)/libexec/islet-%: $(B)/images/%_main.o $(B)/libimages.a $(B)/libbase.a
	mkdir -p $(@D)
	$(call say,LINK,$@)
	$(CC) $(LDFLAGS) -o $@ $^ -ljansson -llz4 -llzma -lzstd -lz

# -- the stage: no libc, embedded into libruntime as bytes; the same in every profile -------------
STAGE_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard runtime/stage/*.c))
$(B)/runtime/stage/%.o: runtime/stage/%.c $(B)/flags.stamp
	mkdir -p $(@D)
	$(call say,CC,$(<:.c=.o))
	$(STAGE_CC) $(STAGE_CFLAGS) -c -o $@ $<
$(B)/stage.elf: $(STAGE_OBJS)
	$(call say,LINK,$@)
	$(STAGE_CC) -nostdlib -static -no-pie -Wl,--gc-sections -Wl,-z,noseparate-code,-z,norelro \
		-Wl,--build-id=none -Wl,-n -Wl,-z,noexecstack -o $@ $^
	strip -R .comment -R .note.gnu.property $@
$(B)/stage_image.o: $(B)/stage.elf
	cd $(B) && ld -r -b binary -z noexecstack -o stage_image.o stage.elf
$(B)/libruntime.a: $(if $(STAGE_OBJS),$(B)/stage_image.o)

# -- rooms --------------------------------------------------------------------------------------
src  = $(filter-out %_main.c runtime/stage/%,$(wildcard $(1)/*.c $(1)/*/*.c))
objs = $(patsubst %.c,$(B)/%.o,$(call src,$(1)))
define room
$(B)/lib$(1).a: $(call objs,$(1)) $(B)/sources.stamp
	$$(call say,AR,lib$(1).a)
	rm -f $$@
	$$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

$(B)/hv/core/%.o $(B)/hv/virtio/%.o: CFLAGS += -Wconversion
$(B)/cli/version.o: CFLAGS += -DISLET_VERSION='"$(VERSION)"' -DISLET_COMMIT='"$(COMMIT)"'
$(B)/cli/version.o: $(B)/commit.stamp
$(B)/%.o: %.c $(B)/flags.stamp
	mkdir -p $(@D)
	$(call say,CC,$(<:.c=.o))
	$(CC) $(CFLAGS) -include base/banned.h -c -o $@ $<

# What no time stamp of a file tells: other flags, a removed source, a new commit.
STAMP_flags   = $(CC) $(CFLAGS) $(LDFLAGS) $(STAGE_CFLAGS) $(LIBS)
STAMP_sources = $(foreach r,$(ROOMS),$(call src,$(r)))
STAMP_commit  = $(VERSION) $(COMMIT)
differ        = $(filter-out $(1),$(2))$(filter-out $(2),$(1))
$(B)/%.stamp: FORCE | deps
	$(if $(call differ,$(file <$@),$(STAMP_$*)),$(shell mkdir -p $(@D))$(file >$@,$(STAMP_$*)))true

-include $(shell find $(B) -name '*.d' 2>/dev/null)

size: build/islet
	ls -l build/islet | awk '{printf "build/islet: %.2f MiB\n", $$5 / 1048576}'

install: all
	install -D -m 0755 build/islet $(DESTDIR)$(PREFIX)/bin/islet
	ln -sf islet $(DESTDIR)$(PREFIX)/bin/islet-vm
	$(foreach h,$(HELPERS),install -D -m 0755 build/libexec/$(h) \
		$(DESTDIR)$(PREFIX)/libexec/islet/$(h) &&) true

clean:
	rm -rf $(addprefix build/,release san debug fuzz lint bench payload islet libexec)
