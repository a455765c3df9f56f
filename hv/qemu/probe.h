// SPDX-License-Identifier: Apache-2.0
/* Asking a program for its version, with a time limit. */
#ifndef ISLET_HV_QEMU_PROBE_H
#define ISLET_HV_QEMU_PROBE_H

#include "base/err.h"

/* First line that `path --version` prints (either stream); *ret is the caller's. */
int probe_version(const char *path, char **ret, struct err *e) must_check;

/* The QEMU that we use; ERR_NOT_FOUND names the package. *ret is the caller's. */
int probe_qemu(char **ret, struct err *e) must_check;

#endif
