// SPDX-License-Identifier: Apache-2.0
/* Asking a program for its version, with a time limit. */
#ifndef ISLET_HV_QEMU_PROBE_H
#define ISLET_HV_QEMU_PROBE_H

#include <stdbool.h>

#include "base/err.h"

/* Does what `path arg…` prints contain `text`? `args` ends with NULL. */
int probe_prints(const char *path, const char *const *args, const char *text, bool *ret,
        struct err *e) must_check;

/* First line that `path --version` prints (either stream); *ret is the caller's. */
int probe_version(const char *path, char **ret, struct err *e) must_check;

/* The QEMU that we use; ERR_NOT_FOUND names the package. *ret is the caller's. */
int probe_qemu(char **ret, struct err *e) must_check;

#endif
