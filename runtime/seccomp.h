// SPDX-License-Identifier: Apache-2.0
/* From linux.seccomp to a filter for seccomp(2), by libseccomp; and the filter's file for exec. */
#ifndef ISLET_RUNTIME_SECCOMP_H
#define ISLET_RUNTIME_SECCOMP_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/spec.h"

/* *ret is the caller's; *ret_flags are SECCOMP_FILTER_FLAG_*. Errors carry pointers below
 * /linux/seccomp. Names of system calls that this libseccomp does not know are left out, as runc
 * does: they cannot be called by that name either. */
int seccomp_compile(const struct spec_seccomp *s, struct sock_filter **ret, size_t *ret_n,
        uint32_t *ret_flags, struct err *e) must_check;

int seccomp_save(int dirfd, const struct sock_filter *f, size_t n, uint32_t flags,
        struct err *e) must_check;
/* *ret_n 0 when the container has no filter. */
int seccomp_load_file(int dirfd, struct sock_filter **ret, size_t *ret_n, uint32_t *ret_flags,
        struct err *e) must_check;

#endif
