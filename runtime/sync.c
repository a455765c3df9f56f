// SPDX-License-Identifier: Apache-2.0
/* See sync.h. */
#include "runtime/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "runtime/launch.h"

void sync_send(int fd, const struct stage_msg *m)
{
    ssize_t n;
    do
        n = send(fd, m, sizeof(*m), MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
}

_Static_assert(sizeof(((struct stage_msg *)0)->text) >= sizeof(struct err), "an error fits whole");

void sync_send_err(int fd, const struct err *e)
{
    struct stage_msg m = {.type = STAGE_MSG_ERR};
    memcpy(m.text, e, sizeof(*e));
    sync_send(fd, &m);
}

int sync_receive(int fd, struct stage_msg *ret, int *ret_fd, struct err *e)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
    struct msghdr h = {.msg_iov = &iov,
            .msg_iovlen = 1,
            .msg_control = &control,
            .msg_controllen = sizeof(control)};
    ssize_t n;
    memset(ret, 0, sizeof(*ret));
    if (ret_fd)
        *ret_fd = -1;
    /* A peer that died with unread messages of ours resets first; what it said comes after that. */
    bool was_reset = false;
    do
        n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
    while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !was_reset && (was_reset = true))));
    if (n < 0 && errno == ECONNRESET)
        return 0;
    if (n < 0)
        return err_sys(e, "receive from the container's process");
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;
    autoclose int passed = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(&passed, CMSG_DATA(c), sizeof(passed));
    if (n != 0 && n != (ssize_t)sizeof(*ret))
        return err_set(e, ERR_INTERNAL, "a message of %zd bytes from the stage", n);
    if (ret_fd)
        *ret_fd = steal_fd(passed);
    return 0;
}

int sync_wait_exec(int fd, struct err *e)
{
    struct stage_msg m;
    if (sync_receive(fd, &m, NULL, e) < 0)
        return -1;
    return m.type == STAGE_MSG_NONE ? 0 : launch_failure(&m, e);
}

int sync_pid_file(const char *path, pid_t pid, struct err *e)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%d", (int)pid);
    if (fd_write_atomic(AT_FDCWD, path, text, (size_t)len, 0644, e) < 0)
        return err_add(e, "pid file");
    return 0;
}
