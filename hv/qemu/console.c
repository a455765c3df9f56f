// SPDX-License-Identifier: Apache-2.0
/*
 * See console.h. Source of the text: Linux kernel/panic.c. A guest's root can print it too, and ends
 * as "panic" if it then resets: its own loss. A log that cannot be written is not worth a VM: what
 * a full disk or a slow pipe does not take is dropped.
 */
#include "hv/qemu/console.h"

#include <unistd.h>

static const char panic_text[] = "Kernel panic - not syncing";
static const char full_text[] = "\n[the log ends here: it is full]\n";

static void scan(struct console *c, const char *p, size_t len)
{
    for (size_t i = 0; i < len && !c->is_panic; i++) {
        /* 'K' occurs only at the start, so a mismatch needs no look back. */
        if (p[i] == panic_text[c->matched])
            c->matched++;
        else
            c->matched = p[i] == panic_text[0];
        c->is_panic = c->matched == sizeof(panic_text) - 1;
    }
}

void console_feed(struct console *c, const char *p, size_t len)
{
    scan(c, p, len);
    if (c->written >= CONSOLE_MAX || c->out_fd < 0)
        return;
    size_t room = CONSOLE_MAX - c->written;
    (void)!write(c->out_fd, p, len < room ? len : room);
    c->written += len;
    if (c->written >= CONSOLE_MAX)
        (void)!write(c->out_fd, full_text, sizeof(full_text) - 1);
}
