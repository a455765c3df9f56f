// SPDX-License-Identifier: Apache-2.0
/*
 * Reading a kernel image's headers: bytes in, facts out, nothing opened. Every offset in the file
 * is checked against the bytes that are there; tests/fuzz/kernel_fuzz.c feeds both functions.
 */
#ifndef ISLET_HV_BOOT_BZIMAGE_H
#define ISLET_HV_BOOT_BZIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The setup part is at most 256 sectors: so much of the file bzimage_parse wants to see. */
#define BZIMAGE_HEAD (257u * 512)

struct bzimage {
    char release[128];       /* "6.1.0-40-cloud-amd64", safe to use as one path component */
    uint64_t payload_offset; /* in the file */
    uint64_t payload_length; /* 0: the header is too old to say (boot protocol below 2.08) */
};

/* `head` are the first bytes of a file of `file_size` bytes. */
int bzimage_parse(const void *head, size_t len, uint64_t file_size, struct bzimage *ret,
        struct err *e) must_check;

/* Is this an x86-64 ELF executable whose segments lie in the file, and does it carry the PVH entry
 * note (XEN_ELFNOTE_PHYS32_ENTRY)? An error when it is no such ELF at all. */
int bzimage_elf_pvh(const void *elf, size_t len, bool *ret_pvh, struct err *e) must_check;

#endif
