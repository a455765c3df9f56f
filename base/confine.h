// SPDX-License-Identifier: Apache-2.0
/*
 * Giving power up: small one-way steps that a program takes before it touches bytes it does not
 * trust, or that a child takes before it executes a foreign program. None of them can be undone.
 */
#ifndef ISLET_BASE_CONFINE_H
#define ISLET_BASE_CONFINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* From now on exec never gives more rights than the process has. */
int confine_no_new_privs(struct err *e) must_check;

/* Keeps only the capabilities in `keep` (1 << CAP_…): bounding, permitted, effective; inheritable
 * and ambient become empty. Must come before setresuid when `keep` is empty. */
int confine_caps(uint64_t keep, struct err *e) must_check;

/* Only the bounding set: what exec can give back. */
int confine_caps_bounding(uint64_t keep, struct err *e) must_check;

/* Lowers a limit (soft and hard) to `value`; one that is lower already stays. */
int confine_rlimit(int resource, uint64_t value, struct err *e) must_check;

/* Only these system calls of x86-64 from now on, any other kills the process. Needs
 * confine_no_new_privs first. At most 200 rows. */
int confine_syscalls(const int *allowed, size_t n, struct err *e) must_check;

#endif
