# SPDX-License-Identifier: Apache-2.0
# The programs of tests/payload/: what runs inside containers, and the client's half outside. Static
# and without the program's own flags, so that they run in any root file system.
# Wants CC and WARN of the Makefile; works without.

PAYLOADS := build/payload/payload build/payload/outside
.PHONY: payload
payload: $(PAYLOADS)
build/payload/%: tests/payload/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 $(WARN) -static -o $@.tmp $<
	@mv $@.tmp $@
