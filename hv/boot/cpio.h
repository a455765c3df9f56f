// SPDX-License-Identifier: Apache-2.0
/* Writing an initramfs archive (cpio "newc") into memory. */
#ifndef ISLET_HV_BOOT_CPIO_H
#define ISLET_HV_BOOT_CPIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cpio {
    char *buf;
    size_t len;
    size_t room;
    uint32_t inode;
};

/* `path` has no leading '/'. Parents come before children. Owner is root, time is 0. */
void cpio_dir(struct cpio *c, const char *path, mode_t mode);
void cpio_file(struct cpio *c, const char *path, mode_t mode, const void *data, size_t len);
void cpio_char_device(struct cpio *c, const char *path, mode_t mode, unsigned major_,
        unsigned minor_);
void cpio_end(struct cpio *c);
void cpio_release(struct cpio *c);

#endif
