// SPDX-License-Identifier: Apache-2.0
/*
 * The options of one OCI mount, sorted into what the mount calls want (runtime-spec config#mounts,
 * mount(8), mount_setattr(2), Linux 5.12). Pure.
 */
#ifndef ISLET_RUNTIME_MOUNT_OPTS_H
#define ISLET_RUNTIME_MOUNT_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct mount_opts {
    uint64_t set, clear;         /* MOUNT_ATTR_* of the mount itself */
    uint64_t rec_set, rec_clear; /* MOUNT_ATTR_* of it and all below it */
    uint64_t propagation;        /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0 */
    bool is_propagation_rec;
    bool is_bind, is_rbind, is_remount;
    const char *
            *sb; /* what is left goes to the file system: "size=64k", "sync"; borrowed strings */
    size_t n_sb;
};

/* Errors name the option; the caller adds the pointer. */
int mount_opts_parse(char *const *list, size_t n, struct mount_opts *ret, struct err *e) must_check;
void mount_opts_release(struct mount_opts *o);

/* Names of all options that are known, for `features`; NULL-terminated. */
const char *const *mount_opts_names(void);

/* "rslave" and the like: MS_* plus MS_REC; 0 when unknown. */
unsigned long mount_propagation(const char *name);

#endif
