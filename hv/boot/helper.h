// SPDX-License-Identifier: Apache-2.0
/*
 * Running islet-image, the program with the decompressors. It is found relative to our own
 * executable only (`<dir>/libexec/`, `<dir>/../libexec/islet/`): no environment decides what runs.
 */
#ifndef ISLET_HV_BOOT_HELPER_H
#define ISLET_HV_BOOT_HELPER_H

#include <stdint.h>

#include "base/err.h"

/* The path (the caller's). Missing: ERR_NOT_FOUND. */
int helper_find(char **ret, struct err *e) must_check;

/* Unpack `len` bytes at `offset` of `in`, or all of a module, to the new file `out`. A format that
 * the helper does not know is ERR_UNSUPPORTED. */
int helper_unpack_kernel(const char *in, const char *out, uint64_t offset, uint64_t len,
        struct err *e) must_check;
int helper_unpack_module(const char *in, const char *out, struct err *e) must_check;

#endif
