// SPDX-License-Identifier: Apache-2.0
/*
 * See host.h: a process in the guest as seen from here.
 *
 * It is over when the agent said that it is dead and its output has been written; so nothing that
 * it wrote is lost, however slow the reader. stdin is not read before the process runs. With a
 * terminal, both directions go through one device here and one in the guest, with no line
 * discipline of ours in between; when the terminal here hangs up, so does the one in the guest.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "runtime/vm/host.h"

struct host_proc {
    struct host_proc *next;
    struct host *host;
    struct host_client *client;
    uint32_t id;
    bool has_tty;
    bool is_born;
    bool is_dead;
    int in_fd;     /* until it is read */
    int window_fd; /* a copy of the terminal, for its size */
    uint32_t code, signal;
    struct mux_source *body, *in;
    struct mux_sink *out, *err;
};

static void proc_free(struct host_proc *p)
{
    struct host_proc **at = &p->host->procs;
    while (*at && *at != p)
        at = &(*at)->next;
    if (*at)
        *at = p->next;
    if (p->host->init == p)
        p->host->init = NULL;
    host_ask_forget(p->host, p);
    own_close(&p->in_fd);
    own_close(&p->window_fd);
    mem_free(p);
}

static void forget_if_over(struct host_proc *p)
{
    struct host *h = p->host;
    if (!p->is_dead || p->out || p->err)
        return;
    bool is_init = h->init == p;
    mux_source_close(p->in);
    mux_source_close(p->body);
    if (p->client)
        host_client_exited(p->client, p->code, p->signal);
    proc_free(p);
    if (is_init)
        host_output_over(h);
}

static void on_body_end(void *arg, bool is_clean)
{
    struct host_proc *p = arg;
    (void)is_clean;
    p->body = NULL;
}

static void on_in_end(void *arg, bool is_clean)
{
    struct host_proc *p = arg;
    (void)is_clean;
    p->in = NULL;
    /* the terminal hung up (or its file ended): nobody will read what the process writes */
    if (p->has_tty && p->window_fd >= 0 && tcgetpgrp(p->window_fd) < 0 && errno == EIO) {
        mux_sink_close(steal_ptr(p->out));
        forget_if_over(p);
    }
}

static void on_out_end(void *arg, bool is_clean)
{
    struct host_proc *p = arg;
    (void)is_clean;
    p->out = NULL;
    forget_if_over(p);
}

static void on_err_end(void *arg, bool is_clean)
{
    struct host_proc *p = arg;
    (void)is_clean;
    p->err = NULL;
    forget_if_over(p);
}

/* -- birth --------------------------------------------------------------------------------------- */

static void on_born(struct host *h, void *arg, const struct err *what, struct wire_in *more)
{
    struct host_proc *p = arg;
    uint32_t pid = wire_get_u32(more);
    bool is_init = h->init == p;
    p->is_born = what->kind == ERR_NONE;
    if (p->client)
        host_client_born(p->client, what, pid);
    if (p->is_born) {
        if (is_init)
            host_created(h);
        else if (p->client)
            host_proc_stdin(p);
        else
            host_proc_signal(p, SIGKILL); /* its client left meanwhile */
        return;
    }
    mux_sink_close(p->out);
    mux_sink_close(p->err);
    mux_source_close(p->in);
    mux_source_close(p->body);
    proc_free(p);
    if (is_init)
        host_fail(h, what);
}

static void window_get(const struct host_proc *p, uint32_t *ret_rows, uint32_t *ret_cols)
{
    struct winsize ws = {0};
    if (p->window_fd >= 0)
        (void)ioctl(p->window_fd, TIOCGWINSZ, &ws); /* not a terminal: 0, the guest's default */
    *ret_rows = ws.ws_row;
    *ret_cols = ws.ws_col;
}

static void birth_ask(struct host_proc *p, bool is_exec)
{
    struct wire_out o = {0};
    uint32_t rows, cols;
    window_get(p, &rows, &cols);
    wire_put_str(&o, p->host->setup->id);
    wire_put_u32(&o, p->id);
    wire_put_u32(&o, p->has_tty ? WIRE_TTY : 0);
    wire_put_u32(&o, rows);
    wire_put_u32(&o, cols);
    host_ask(p->host, is_exec ? WIRE_EXEC : WIRE_CREATE, &o, on_born, p);
    wire_out_release(&o);
}

static void stdio_drop(const struct host_proc_setup *s)
{
    for (int i = 0; i < 3; i++)
        if (s->stdio[i] >= 0)
            (void)close(s->stdio[i]);
    if (s->body_fd >= 0)
        (void)close(s->body_fd);
}

static int streams_open(struct host_proc *p, struct host_proc_setup *s, struct err *e)
{
    struct mux *m = p->host->mux;
    p->body = mux_source_new(m, wire_stream_id(p->id, WIRE_BODY), on_body_end, p);
    p->in = mux_source_new(m, wire_stream_id(p->id, WIRE_STDIN), on_in_end, p);
    p->out = mux_sink_new(m, wire_stream_id(p->id, WIRE_STDOUT), on_out_end, p);
    if (!p->has_tty)
        p->err = mux_sink_new(m, wire_stream_id(p->id, WIRE_STDERR), on_err_end, p);
    p->in_fd = steal_fd(s->stdio[0]);
    if (p->has_tty) {
        p->window_fd = dup(s->stdio[1]);
        own_close(&s->stdio[2]);
        s->stdio[2] = -1;
    }
    birth_ask(p, s->is_exec); /* before the body's first byte */
    if (mux_sink_attach(p->out, s->stdio[1], e) < 0)
        return -1;
    s->stdio[1] = -1;
    if (p->err && mux_sink_attach(p->err, s->stdio[2], e) < 0)
        return -1;
    s->stdio[2] = -1;
    if (mux_source_attach(p->body, s->body_fd, e) < 0)
        return -1;
    s->body_fd = -1;
    return 0;
}

struct host_proc *host_proc_new(struct host *h, const struct host_proc_setup *setup, struct err *e)
{
    struct host_proc_setup s = *setup;
    if (h->is_broken) {
        stdio_drop(&s);
        (void)err_set(e, ERR_STATE, "container not running: its VM has ended");
        return NULL;
    }
    struct host_proc *p = mem_new(1, sizeof(*p));
    *p = (struct host_proc){.next = h->procs,
            .host = h,
            .client = s.client,
            .id = ++h->next_proc,
            .has_tty = s.has_tty,
            .in_fd = -1,
            .window_fd = -1};
    h->procs = p;
    if (streams_open(p, &s, e) < 0) {
        stdio_drop(&s);
        mux_sink_close(p->out);
        mux_sink_close(p->err);
        mux_source_close(p->in);
        mux_source_close(p->body);
        proc_free(p);
        return NULL;
    }
    return p;
}

void host_proc_stdin(struct host_proc *p)
{
    struct err e;
    if (!p->in || p->in_fd < 0)
        return;
    if (mux_source_attach(p->in, p->in_fd, &e) < 0) {
        log_warn("stdin: %s", e.text);
        mux_source_close(steal_ptr(p->in));
        own_close(&p->in_fd);
    }
    p->in_fd = -1;
}

/* -- death --------------------------------------------------------------------------------------- */

void host_proc_exited(struct host *h, const struct wire_frame *f)
{
    struct wire_in in = {.p = f->data, .left = f->len};
    struct err e;
    autofree char *cid = wire_get_str(&in);
    uint32_t id = wire_get_u32(&in);
    uint32_t code = wire_get_u32(&in);
    uint32_t sig = wire_get_u32(&in);
    struct host_proc *p = h->procs;
    while (p && p->id != id)
        p = p->next;
    if (wire_in_end(&in, "exited", &e) < 0 || strcmp(cid, h->setup->id) != 0 || !p || p->is_dead)
        return;
    p->code = code & 0xff;
    p->signal = sig < (uint32_t)NSIG ? sig : SIGKILL;
    if (h->init == p)
        host_ended(h, (int)p->code, (int)p->signal, "exited");
    p->is_dead = true;
    forget_if_over(p);
}

/* Each step may end other processes too, so the search starts anew. */
void host_procs_cut(struct host *h)
{
    struct host_proc *p = h->procs;
    while (p) {
        if (p->is_dead) {
            p = p->next;
            continue;
        }
        p->is_dead = true;
        p->signal = SIGKILL;
        forget_if_over(p);
        p = h->procs;
    }
}

void host_procs_drop(struct host *h)
{
    struct host_proc *p = h->procs;
    while (p) {
        if (!p->is_dead) {
            p = p->next;
            continue;
        }
        mux_sink_close(steal_ptr(p->out));
        mux_sink_close(steal_ptr(p->err));
        forget_if_over(p);
        p = h->procs;
    }
}

/* -- requests ------------------------------------------------------------------------------------ */

void host_proc_signal(struct host_proc *p, int sig)
{
    struct wire_out o = {0};
    wire_put_str(&o, p->host->setup->id);
    wire_put_u32(&o, p->id);
    wire_put_u32(&o, (uint32_t)sig);
    wire_put_u32(&o, 0);
    host_ask(p->host, WIRE_SIGNAL, &o, NULL, NULL);
    wire_out_release(&o);
}

void host_proc_resize(struct host_proc *p, unsigned rows, unsigned cols)
{
    struct wire_out o = {0};
    wire_put_str(&o, p->host->setup->id);
    wire_put_u32(&o, p->id);
    wire_put_u32(&o, rows);
    wire_put_u32(&o, cols);
    host_ask(p->host, WIRE_RESIZE, &o, NULL, NULL);
    wire_out_release(&o);
}

void host_proc_window(struct host_proc *p)
{
    uint32_t rows, cols;
    window_get(p, &rows, &cols);
    if (p->has_tty && (rows || cols))
        host_proc_resize(p, rows, cols);
}

void host_proc_orphan(struct host_proc *p)
{
    p->client = NULL;
    mux_sink_close(steal_ptr(p->out));
    mux_sink_close(steal_ptr(p->err));
    mux_source_close(steal_ptr(p->in));
    host_proc_signal(p, SIGKILL);
    forget_if_over(p);
}

bool host_proc_has_tty(const struct host_proc *p)
{
    return p->has_tty;
}

void host_procs_free(struct host *h)
{
    while (h->procs)
        proc_free(h->procs);
}
