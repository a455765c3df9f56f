// SPDX-License-Identifier: Apache-2.0
/* See msg.h. The datagram is a header {type, length} and the data. */
#include "base/msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"

struct msg_header {
    uint32_t type;
    uint32_t len;
};

int msg_pair(int ret_fds[2], struct err *e)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
        return err_sys(e, "socketpair");
    return 0;
}

int msg_send(int fd, uint32_t type, const void *data, size_t len, const int *fds, size_t nfds,
        struct err *e)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MSG_MAX_FDS * sizeof(int))];
    } control;
    if (len > MSG_MAX_DATA || nfds > MSG_MAX_FDS)
        return err_set(e, ERR_INTERNAL, "message of %zu bytes and %zu descriptors", len, nfds);
    struct msg_header h = {.type = type, .len = (uint32_t)len};
    struct iovec iov[2] = {
            {&h,   sizeof(h)},
            {NULL, len      }
    };
    memcpy(&iov[1].iov_base, &data, sizeof(data)); /* iovec has no const; sendmsg only reads */
    struct msghdr mh = {.msg_iov = iov, .msg_iovlen = len ? 2 : 1};
    if (nfds) {
        memset(&control, 0, sizeof(control));
        mh.msg_control = control.bytes;
        mh.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }
    ssize_t n;
    do {
        n = sendmsg(fd, &mh, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? err_sys(e, "send a message") : 0;
}

int msg_send_err(int fd, const struct err *what, struct err *e)
{
    return msg_send(fd, MSG_TYPE_ERR, what, sizeof(*what), NULL, 0, e);
}

/* Takes the descriptors of the control data; *ret_excess when there were more than allowed. */
static void take_fds(struct msghdr *mh, struct msg *m, bool *ret_excess)
{
    *ret_excess = (mh->msg_flags & MSG_CTRUNC) != 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (m->nfds < MSG_MAX_FDS) {
                m->fds[m->nfds++] = fd;
            } else {
                (void)close(fd);
                *ret_excess = true;
            }
        }
    }
}

int msg_recv(int fd, struct msg *ret, bool *ret_closed, struct err *e)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MSG_MAX_FDS * sizeof(int))];
    } control;
    struct msg m = {0};
    struct msg_header h = {0};
    m.data = mem_new(MSG_MAX_DATA + 1, 1);
    struct iovec iov[2] = {
            {&h,     sizeof(h)   },
            {m.data, MSG_MAX_DATA}
    };
    struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = control.bytes};
    ssize_t n;
    do {
        mh.msg_controllen = sizeof(control.bytes);
        n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    bool is_gone = n == 0 || (n < 0 && errno == ECONNRESET);
    if (n < 0 && !is_gone) {
        (void)err_sys(e, "receive a message");
        msg_release(&m);
        return -1;
    }
    bool has_excess = false;
    if (!is_gone)
        take_fds(&mh, &m, &has_excess);
    if (is_gone) {
        msg_release(&m);
    } else if (has_excess || (mh.msg_flags & MSG_TRUNC) || (size_t)n < sizeof(h) ||
               (size_t)n - sizeof(h) != h.len) {
        msg_release(&m);
        return err_set(e, ERR_SYSTEM, "a message that is cut or has too many descriptors");
    }
    m.type = h.type;
    m.len = h.len;
    *ret_closed = is_gone;
    *ret = m;
    return 0;
}

int msg_recv_answer(int fd, struct msg *ret, struct err *e)
{
    struct msg m = {0};
    bool is_closed = false;
    if (msg_recv(fd, &m, &is_closed, e) < 0)
        return -1;
    if (is_closed)
        return err_set(e, ERR_SYSTEM, "the other process ended before it answered");
    if (m.type == MSG_TYPE_ERR) {
        if (m.len == sizeof(*e)) {
            memcpy(e, m.data, sizeof(*e));
            e->text[sizeof(e->text) - 1] = '\0';
        } else {
            (void)err_set(e, ERR_INTERNAL, "an error of %u bytes", m.len);
        }
        msg_release(&m);
        return -1;
    }
    *ret = m;
    return 0;
}

void msg_release(struct msg *m)
{
    for (uint32_t i = 0; i < m->nfds; i++)
        if (m->fds[i] >= 0)
            (void)close(m->fds[i]);
    mem_free(m->data);
    *m = (struct msg){0};
}
