// SPDX-License-Identifier: Apache-2.0
/* Ordering kernel releases as people expect: 6.1.0-9 < 6.1.0-40 < 6.12.1. */
#ifndef ISLET_HV_BOOT_VERSION_H
#define ISLET_HV_BOOT_VERSION_H

#include "base/err.h"

/* As strcmp, runs of digits by value; '~' sorts before everything, even the end (Debian policy). */
int version_compare(const char *a, const char *b);

/* The newest `<prefix>*` in `dir`; *ret is the whole path, the caller's. None: ERR_NOT_FOUND. */
int version_newest(const char *dir, const char *prefix, char **ret, struct err *e) must_check;

#endif
