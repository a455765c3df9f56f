// SPDX-License-Identifier: Apache-2.0
/* See agent.h. A worker's result is one message on a socket pair; it is in the socket when the
 * worker has been reaped, so nothing has to be watched. */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/own.h"
#include "runtime/vm/agent.h"

struct agent_work {
    struct agent_work *next;
    pid_t pid;
    int result_fd;
    uint32_t id;
    agent_done_fn *done;
    void *arg;
};

static void __attribute__((noreturn)) worker(struct agent *a, int fd, agent_work_fn *fn, void *arg)
{
    struct err e = {0}, ignored;
    struct wire_out o = {0}, more = {0};
    sigset_t none;
    (void)sigemptyset(&none);
    (void)signal(SIGPIPE, SIG_DFL); /* the payload inherits it */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (fn(a, arg, &more, &e) < 0)
        more.len = 0;
    else
        e.kind = ERR_NONE;
    wire_put_err(&o, &e);
    wire_put_bytes(&o, more.buf, more.len);
    _exit(msg_send(fd, 0, o.buf, o.len, NULL, 0, &ignored) < 0);
}

static void finish(struct agent *a, struct agent_work *w, const struct err *what,
        struct wire_in *more)
{
    if (w->done) {
        w->done(a, w->arg, what, more);
    } else {
        struct wire_out o = {0};
        wire_put_bytes(&o, more->p, more->left);
        agent_reply(a, w->id, what, &o);
        wire_out_release(&o);
    }
    own_close(&w->result_fd);
    mem_free(w);
}

static void work_failed(struct agent *a, struct agent_work *w, const struct err *what)
{
    struct wire_in nothing = {0};
    finish(a, w, what, &nothing);
}

void agent_work_start(struct agent *a, uint32_t id, agent_work_fn *fn, agent_done_fn *done,
        void *arg)
{
    int pair[2] = {-1, -1};
    struct err e = {0};
    struct agent_work *w = mem_new(1, sizeof(*w));
    *w = (struct agent_work){.id = id, .done = done, .arg = arg, .result_fd = -1};
    if (msg_pair(pair, &e) < 0) {
        work_failed(a, w, &e);
        return;
    }
    w->result_fd = pair[0];
    w->pid = fork();
    if (w->pid == 0)
        worker(a, pair[1], fn, arg);
    (void)close(pair[1]);
    if (w->pid < 0) {
        (void)err_sys(&e, "start a worker in the guest");
        work_failed(a, w, &e);
        return;
    }
    w->next = a->works;
    a->works = w;
}

static void work_done(struct agent *a, struct agent_work *w)
{
    struct err e = {0};
    struct msg m = {0};
    bool is_closed = true;
    char probe;
    /* a worker that died may have left a child that holds the socket open: do not wait */
    if (recv(w->result_fd, &probe, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 ||
            msg_recv(w->result_fd, &m, &is_closed, &e) < 0 || is_closed) {
        (void)err_set(&e, ERR_INTERNAL, "a worker in the guest died");
        work_failed(a, w, &e);
        return;
    }
    struct wire_in in = {.p = m.data, .left = m.len};
    wire_get_err(&in, &e);
    finish(a, w, &e, &in);
    msg_release(&m);
}

bool agent_work_reaped(struct agent *a, pid_t pid)
{
    struct agent_work **at = &a->works;
    while (*at && (*at)->pid != pid)
        at = &(*at)->next;
    struct agent_work *w = *at;
    if (!w)
        return false;
    *at = w->next;
    work_done(a, w);
    return true;
}
