// SPDX-License-Identifier: Apache-2.0
/*
 * The part of QEMU's machine protocol that we listen to: why the guest stopped. QEMU is not trusted
 * here: lines have a bounded length, and what we do not understand is skipped.
 */
#ifndef ISLET_HV_QEMU_QMP_H
#define ISLET_HV_QEMU_QMP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum qmp_stop {
    QMP_RUNNING,
    QMP_STOP_POWEROFF, /* guest-shutdown */
    QMP_STOP_RESET,    /* guest-reset */
    QMP_STOP_PANIC,    /* guest-panic */
    QMP_STOP_HOST,     /* a signal, an error of QEMU's */
};

struct qmp {
    enum qmp_stop stop; /* the first that was told */
    bool is_skipping;   /* a line that is too long */
    size_t len;
    char line[4096];
};

/* The handshake; may be written before QEMU has started. */
#define QMP_HELLO "{\"execute\":\"qmp_capabilities\"}\n"

/* Takes bytes as they come. */
void qmp_feed(struct qmp *q, const char *p, size_t len);

#endif
