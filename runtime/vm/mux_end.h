// SPDX-License-Identifier: Apache-2.0
/* One descriptor of a link: reading and writing it without ever blocking, whatever it is. */
#ifndef ISLET_RUNTIME_VM_MUX_END_H
#define ISLET_RUNTIME_VM_MUX_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"

struct mux_end {
    int fd; /* -1: none (yet, or any more) */
    bool is_socket;
    bool is_blocking; /* a pipe or terminal without O_NONBLOCK, shared with others */
    struct loop_fd *watch;
};

/* Takes fd when it succeeds. */
int mux_end_open(struct mux_end *t, struct loop *l, int fd, uint32_t events, loop_fd_fn *fn,
        void *arg, struct err *e) must_check;
void mux_end_close(struct mux_end *t);
void mux_end_want(struct mux_end *t, uint32_t events);

/* As read and write of a non-blocking descriptor. */
ssize_t mux_end_read(struct mux_end *t, void *buf, size_t n);
ssize_t mux_end_write(struct mux_end *t, const void *buf, size_t n);

#endif
