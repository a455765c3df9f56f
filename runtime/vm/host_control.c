// SPDX-License-Identifier: Apache-2.0
/*
 * See host.h: the socket on which later verbs ask. Who can connect has our rights already (the
 * directory is 0700, and the peer's uid is looked at too); a client that dies is no trouble, and
 * one that sends nonsense gets an error and loses its connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "runtime/vm/host.h"
#include "runtime/vm/stdio.h"

#define BACKLOG 64

struct host_client {
    struct host_client *next;
    struct host *host;
    int fd;
    struct loop_fd *watch;
    struct host_proc *proc; /* of an EXEC */
    uint16_t asked;         /* the request that is being answered */
    bool is_on;             /* of PAUSE */
};

static void client_free(struct host_client *c)
{
    struct host_client **at = &c->host->clients;
    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
    host_ask_forget(c->host, c);
    loop_del_fd(c->watch);
    (void)close(c->fd);
    mem_free(c);
}

static void say(struct host_client *c, uint32_t type, const void *data, size_t len)
{
    struct err e;
    if (msg_send(c->fd, type, data, len, NULL, 0, &e) < 0)
        log_debug("a client left: %s", e.text);
}

static void say_err(struct host_client *c, const struct err *what)
{
    struct err e;
    if (msg_send_err(c->fd, what, &e) < 0)
        log_debug("a client left: %s", e.text);
}

void host_client_born(struct host_client *c, const struct err *what, uint32_t pid)
{
    struct wire_out o = {0};
    if (what->kind != ERR_NONE) {
        c->proc = NULL; /* the caller forgets it */
        say_err(c, what);
        return;
    }
    wire_put_u32(&o, pid);
    say(c, WIRE_REPLY, o.buf, o.len);
    wire_out_release(&o);
}

void host_client_exited(struct host_client *c, uint32_t code, uint32_t signal)
{
    struct wire_out o = {0};
    c->proc = NULL;
    wire_put_u32(&o, code);
    wire_put_u32(&o, signal);
    say(c, WIRE_EXITED, o.buf, o.len);
    wire_out_release(&o);
}

/* What a well answered request changes here. */
static void note(struct host *h, const struct host_client *c)
{
    if (c->asked == WIRE_PAUSE)
        host_mark(h, HOST_MARK_PAUSED, c->is_on);
    if (c->asked != WIRE_START || h->phase != HOST_CREATED)
        return;
    h->phase = HOST_RUNNING;
    host_mark(h, HOST_MARK_STARTED, true);
    if (h->init)
        host_proc_stdin(h->init);
}

static void on_answer(struct host *h, void *arg, const struct err *what, struct wire_in *more)
{
    struct host_client *c = arg;
    if (what->kind != ERR_NONE) {
        say_err(c, what);
        return;
    }
    note(h, c);
    say(c, WIRE_REPLY, more->p, more->left);
}

static int exec_take(struct host_client *c, struct msg *m, struct err *e)
{
    struct wire_in in = {.p = m->data, .left = m->len};
    struct host_proc_setup s = {
            .is_exec = true,
            .client = c,
            .stdio = {-1, -1, -1}
    };
    s.has_tty = (wire_get_u32(&in) & WIRE_TTY) != 0;
    uint32_t rows = wire_get_u32(&in);
    uint32_t cols = wire_get_u32(&in);
    if (wire_in_end(&in, "exec", e) < 0)
        return -1;
    if (m->nfds != 4 || c->proc)
        return err_set(e, ERR_USAGE, "exec: four descriptors on a fresh connection, please");
    s.body_fd = steal_fd(m->fds[0]);
    for (int i = 0; i < 3; i++)
        s.stdio[i] = stdio_own(steal_fd(m->fds[i + 1]), i == 0);
    c->proc = host_proc_new(c->host, &s, e);
    if (!c->proc)
        return -1;
    if (s.has_tty && (rows || cols))
        host_proc_resize(c->proc, rows, cols);
    return 0;
}

/* START, PS: nothing; PAUSE: on; SIGNAL: sig, all */
static int verb_take(struct host_client *c, const struct msg *m, struct err *e)
{
    struct host *h = c->host;
    struct wire_in in = {.p = m->data, .left = m->len};
    struct wire_out o = {0};
    uint32_t a = m->type == WIRE_SIGNAL || m->type == WIRE_PAUSE ? wire_get_u32(&in) : 0;
    uint32_t b = m->type == WIRE_SIGNAL ? wire_get_u32(&in) : 0;
    if (wire_in_end(&in, "request", e) < 0)
        return -1;
    c->asked = (uint16_t)m->type;
    c->is_on = a != 0;
    if (m->type == WIRE_SIGNAL) {
        host_signal_init(h, (int)a, b != 0, on_answer, c);
        return 0;
    }
    wire_put_str(&o, h->setup->id);
    if (m->type == WIRE_PAUSE)
        wire_put_u32(&o, a);
    host_ask(h, (enum wire_type)m->type, &o, on_answer, c);
    wire_out_release(&o);
    return 0;
}

/* On the connection of an EXEC: about its process, without an answer. */
static int proc_take(struct host_client *c, const struct msg *m, struct err *e)
{
    struct wire_in in = {.p = m->data, .left = m->len};
    uint32_t a = wire_get_u32(&in);
    uint32_t b = m->type == WIRE_RESIZE ? wire_get_u32(&in) : 0;
    if (wire_in_end(&in, "request", e) < 0)
        return -1;
    if (m->type == WIRE_RESIZE)
        host_proc_resize(c->proc, a, b);
    else
        host_proc_signal(c->proc, (int)a);
    return 0;
}

static int message_take(struct host_client *c, struct msg *m, struct err *e)
{
    if (c->proc && (m->type == WIRE_SIGNAL || m->type == WIRE_RESIZE))
        return proc_take(c, m, e);
    if (c->host->phase < HOST_CREATED)
        return err_set(e, ERR_STATE, "the container is being created");
    if (c->host->phase >= HOST_ENDED) {
        struct wire_in in = {.p = m->data, .left = m->len};
        if (m->type == WIRE_SIGNAL &&
                wire_get_u32(&in) ==
                        SIGKILL) /* dead already: no slow reader is waited for any more */
            host_procs_drop(c->host);
        return err_set(e, ERR_STATE, "container not running: it has ended");
    }
    switch (m->type) {
    case WIRE_EXEC:
        return exec_take(c, m, e);
    case WIRE_START:
    case WIRE_SIGNAL:
    case WIRE_PS:
    case WIRE_PAUSE:
        return verb_take(c, m, e);
    default:
        return err_set(e, ERR_USAGE, "unknown request %u", m->type);
    }
}

static void on_client(void *arg, uint32_t events)
{
    struct host_client *c = arg;
    struct msg m = {0};
    struct err e;
    bool is_closed = false;
    (void)events;
    bool is_bad = msg_recv(c->fd, &m, &is_closed, &e) < 0;
    if (is_bad && e.sys == EAGAIN)
        return;
    if (is_bad || is_closed) {
        struct host_proc *p = c->proc;
        client_free(c);
        if (p)
            host_proc_orphan(p);
        return;
    }
    if (message_take(c, &m, &e) < 0)
        say_err(c, &e);
    msg_release(&m);
}

static bool is_ours(int fd)
{
    struct ucred who = {0};
    socklen_t len = sizeof(who);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.uid == geteuid();
}

static void on_listen(void *arg, uint32_t events)
{
    struct host *h = arg;
    struct err e;
    struct sockaddr_un from;
    socklen_t len = sizeof(from);
    (void)events;
    int fd = accept4(h->listen_fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (!is_ours(fd)) {
        (void)close(fd);
        return;
    }
    struct host_client *c = mem_new(1, sizeof(*c));
    *c = (struct host_client){.next = h->clients, .host = h, .fd = fd};
    h->clients = c;
    c->watch = loop_add_fd(h->loop, fd, EPOLLIN, on_client, c, &e);
    if (!c->watch) {
        log_warn("client: %s", e.text);
        client_free(c);
    }
}

/* The path goes through /proc/self/fd: a socket's is 108 bytes, and state directories are longer. */
int host_control_open(struct host *h, struct err *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" HOST_SOCKET,
            h->setup->vm_fd);
    (void)unlinkat(h->setup->vm_fd, HOST_SOCKET, 0);
    h->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (h->listen_fd < 0)
        return err_sys(e, "socket");
    if (bind(h->listen_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
            listen(h->listen_fd, BACKLOG) < 0)
        return err_sys(e, "listen on '" HOST_SOCKET "'");
    return loop_add_fd(h->loop, h->listen_fd, EPOLLIN, on_listen, h, e) ? 0 : -1;
}

void host_control_close(struct host *h)
{
    if (h->listen_fd >= 0) {
        (void)unlinkat(h->setup->vm_fd, HOST_SOCKET, 0);
        own_close(&h->listen_fd);
        h->listen_fd = -1;
    }
    while (h->clients)
        client_free(h->clients);
}
