// SPDX-License-Identifier: Apache-2.0
/* The kernel's table of modules (depmod's files): which file a name is, and what must go before. */
#ifndef ISLET_HV_BOOT_MODULES_H
#define ISLET_HV_BOOT_MODULES_H

#include <stddef.h>

#include "base/err.h"

/* Paths below the modules directory in an order in which they can be loaded. */
struct module_list {
    char **path; /* "kernel/fs/fuse/virtiofs.ko.xz" */
    size_t n;
};

/* Pure: `dep` and `builtin` are the texts of modules.dep and modules.builtin. A name that is built
 * in needs no file; one that is neither there is ERR_UNSUPPORTED and named. '-' and '_' are one. */
int modules_order(const char *dep, const char *builtin, const char *const *names,
        struct module_list *ret, struct err *e) must_check;

/* The same for a directory such as /lib/modules/6.1.0-40-cloud-amd64; `names` ends with NULL. */
int modules_resolve(const char *dir, const char *const *names, struct module_list *ret,
        struct err *e) must_check;
void modules_release(struct module_list *l);

/* "kernel/fs/fuse/virtiofs.ko.xz" -> "virtiofs.ko": the name without packing. The caller's. */
char *modules_plain_name(const char *path);

#endif
