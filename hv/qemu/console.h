// SPDX-License-Identifier: Apache-2.0
/*
 * The guest kernel's log on its way to a file: passed on up to a limit (the guest decides how much
 * it says), and watched for a panic, which QEMU cannot tell from a reset.
 */
#ifndef ISLET_HV_QEMU_CONSOLE_H
#define ISLET_HV_QEMU_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_MAX (1u << 20)

struct console {
    int out_fd;
    uint64_t written;
    size_t matched; /* so much of the panic text was seen at the end of the bytes so far */
    bool is_panic;
};

void console_feed(struct console *c, const char *p, size_t len);

#endif
