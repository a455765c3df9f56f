// SPDX-License-Identifier: Apache-2.0
/* What QEMU is told, as a pure function: the machine a guest sees is decided here and nowhere else. */
#ifndef ISLET_HV_QEMU_ARGV_H
#define ISLET_HV_QEMU_ARGV_H

#include <stddef.h>
#include <stdint.h>

#include "hv/hv.h"

/* A list of arguments, NULL at its end. */
struct argv {
    char **v;
    size_t n;
};
void argv_add(struct argv *a, const char *fmt, ...) printf_like(2, 3);
void argv_release(struct argv *a);

struct qemu_plan {
    const char *program;
    const char *name; /* shown by ps */
    const char *kernel;
    const char *initramfs;
    const char *cmdline_extra; /* NULL for none */
    enum vm_accel accel;
    unsigned vcpus;
    uint64_t memory;  /* bytes; rounded down to whole MiB */
    uint64_t tsc_khz; /* emulated only */
    int qmp_fd;
    int console_fd;
    int channel_fd;
    int fs_fd; /* vhost-user connection of the file server; -1: no shared directory */
};

/* The kernel's command line; longer than a kernel takes is ERR_CONFIG. *ret is the caller's. */
int qemu_cmdline(const struct qemu_plan *p, char **ret, struct err *e) must_check;
int qemu_argv(const struct qemu_plan *p, struct argv *ret, struct err *e) must_check;

#endif
