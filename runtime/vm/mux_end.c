// SPDX-License-Identifier: Apache-2.0
/* See mux_end.h. A pipe that polls writable takes PIPE_BUF bytes without blocking (pipe(7)). */
#include "runtime/vm/mux_end.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

int mux_end_open(struct mux_end *t, struct loop *l, int fd, uint32_t events, loop_fd_fn *fn,
        void *arg, struct err *e)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "descriptor %d", fd);
    struct loop_fd *watch = loop_add_fd(l, fd, events, fn, arg, e);
    if (!watch)
        return -1;
    *t = (struct mux_end){
            .fd = fd,
            .is_socket = S_ISSOCK(st.st_mode),
            .is_blocking = !(flags & O_NONBLOCK) && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)),
            .watch = watch,
    };
    return 0;
}

void mux_end_close(struct mux_end *t)
{
    loop_del_fd(steal_ptr(t->watch));
    if (t->fd >= 0)
        (void)close(t->fd);
    t->fd = -1;
}

void mux_end_want(struct mux_end *t, uint32_t events)
{
    if (t->watch)
        loop_set_fd(t->watch, events);
}

/* -1 with EAGAIN when the operation would block. POLLHUP and POLLERR count as ready. */
static int ready(const struct mux_end *t, short events)
{
    struct pollfd p = {.fd = t->fd, .events = events};
    if (poll(&p, 1, 0) == 1)
        return 0;
    errno = EAGAIN;
    return -1;
}

ssize_t mux_end_read(struct mux_end *t, void *buf, size_t n)
{
    if (t->is_socket)
        return recv(t->fd, buf, n, MSG_DONTWAIT);
    if (t->is_blocking && ready(t, POLLIN) < 0)
        return -1;
    return read(t->fd, buf, n);
}

ssize_t mux_end_write(struct mux_end *t, const void *buf, size_t n)
{
    if (t->is_socket)
        return send(t->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (t->is_blocking && ready(t, POLLOUT) < 0)
        return -1;
    if (t->is_blocking && n > PIPE_BUF)
        n = PIPE_BUF;
    return write(t->fd, buf, n);
}
