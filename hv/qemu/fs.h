// SPDX-License-Identifier: Apache-2.0
/* virtiofsd, the file server of a shared directory: two programs of one name, old and new. */
#ifndef ISLET_HV_QEMU_FS_H
#define ISLET_HV_QEMU_FS_H

#include <stdbool.h>

#include "base/err.h"
#include "hv/qemu/argv.h"

enum fs_kind {
    FS_C,    /* part of QEMU up to 7.2: options by -o */
    FS_RUST, /* gitlab.com/virtio-fs/virtiofsd, 1.x */
};

struct fs_program {
    enum fs_kind kind;
    char *path;
    char *version; /* first line of --version */
};

/* Looks where distributions put it and asks for its version. */
int fs_find(struct fs_program *ret, struct err *e) must_check;
void fs_program_release(struct fs_program *p);

/* Arguments to serve `dir` (a path in the jail) on the listening socket `fd`. */
void fs_argv(const struct fs_program *p, const char *dir, int fd, struct argv *ret);

#endif
