// SPDX-License-Identifier: Apache-2.0
/*
 * See mux.h. Sending is pulled: only when the last bytes left does the pump look for the next ones,
 * first credits, then control frames, then one frame of the next source in turn.
 *
 * Ends of streams call back, and callbacks may open, close and send. So nothing is freed while a
 * handler runs (depth > 0): what ended is marked dead and swept at the end of the outermost one.
 */
#include "runtime/vm/mux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "runtime/vm/mux_end.h"

#define MUX_CONTROL_MAX (4u << 20)
#define MUX_CREDIT_STEP (WIRE_WINDOW / 4)
#define MUX_PORT_RETRY_MS 20

struct mux_source {
    struct mux *mux;
    struct mux_source *next;
    struct mux_end end;
    uint32_t stream;
    uint32_t credit;
    bool is_ready; /* the descriptor has something, or may have */
    bool is_draining;
    bool is_dead;
    mux_end_fn *ended;
    void *arg;
};

struct mux_sink {
    struct mux *mux;
    struct mux_sink *next;
    struct mux_end end;
    uint32_t stream;
    unsigned char *ring; /* WIRE_WINDOW bytes, from the first data on */
    uint32_t at;         /* of the oldest byte */
    uint32_t used;
    uint32_t owed; /* consumed and not yet credited */
    bool is_eof;
    bool is_cut; /* the link ended before the stream did */
    bool is_dead;
    mux_end_fn *ended;
    void *arg;
};

struct mux {
    struct loop *loop;
    struct mux_end link;
    bool is_port;
    bool has_received;
    bool is_broken;
    bool is_pumping;
    unsigned depth;
    struct loop_timer *retry;
    struct wire_decoder in;
    struct wire_out out; /* being written */
    size_t out_at;
    struct wire_out control; /* next */
    struct mux_source *sources;
    struct mux_sink *sinks;
    struct mux_events events;
    void *arg;
};

static void pump(struct mux *m);
static void source_end(struct mux_source *s, bool is_clean);
static void sink_end(struct mux_sink *k, bool is_clean);
static void sink_flush(struct mux_sink *k);

/* -- life -------------------------------------------------------------------------------------- */

static void sources_sweep(struct mux *m, bool is_all)
{
    struct mux_source **at = &m->sources;
    while (*at) {
        struct mux_source *s = *at;
        if (s->is_dead || is_all) {
            *at = s->next;
            mux_end_close(&s->end);
            mem_free(s);
        } else {
            at = &s->next;
        }
    }
}

static void sinks_sweep(struct mux *m, bool is_all)
{
    struct mux_sink **at = &m->sinks;
    while (*at) {
        struct mux_sink *k = *at;
        if (k->is_dead || is_all) {
            *at = k->next;
            mux_end_close(&k->end);
            mem_free(k->ring);
            mem_free(k);
        } else {
            at = &k->next;
        }
    }
}

static void enter(struct mux *m)
{
    m->depth++;
}

static void leave(struct mux *m)
{
    if (m->depth == 1) {
        pump(m);
        sources_sweep(m, false);
        sinks_sweep(m, false);
    }
    m->depth--;
}

/* Every stream ends; what sinks hold is still written. */
static void link_break(struct mux *m, const struct err *why)
{
    if (m->is_broken)
        return;
    m->is_broken = true;
    enter(m);
    loop_del_fd(m->link.watch);
    m->link.watch = NULL;
    m->events.broken(m->arg, why);
    for (struct mux_source *s = m->sources; s; s = s->next)
        source_end(s, false);
    for (struct mux_sink *k = m->sinks; k; k = k->next) {
        if (k->is_dead || k->is_eof)
            continue;
        k->is_eof = true;
        k->is_cut = true;
        if (k->end.fd < 0)
            sink_end(k, false);
        else
            sink_flush(k);
    }
    leave(m);
}

/* -- sending ----------------------------------------------------------------------------------- */

static void frame_put(struct mux *m, const struct wire_frame *f)
{
    unsigned char header[WIRE_HEADER];
    struct err why = {0};
    if (m->is_broken)
        return;
    ASSERT(f->len <= WIRE_DATA_MAX);
    wire_header_put(header, f);
    wire_put_bytes(&m->control, header, sizeof(header));
    wire_put_bytes(&m->control, f->data, f->len);
    if (m->control.len > MUX_CONTROL_MAX) {
        (void)err_set(&why, ERR_SYSTEM, "the other side of the agent channel reads nothing");
        link_break(m, &why);
    }
}

void mux_send(struct mux *m, uint16_t type, uint32_t id, const struct wire_out *data)
{
    enter(m);
    frame_put(m, &(struct wire_frame){
                         .type = type,
                         .id = id,
                         .len = data ? (uint32_t)data->len : 0,
                         .data = data ? data->buf : NULL,
                 });
    leave(m);
}

static void stream_send(struct mux *m, uint16_t type, uint32_t stream)
{
    frame_put(m, &(struct wire_frame){.type = type, .stream = stream});
}

static void source_end(struct mux_source *s, bool is_clean)
{
    if (s->is_dead)
        return;
    s->is_dead = true;
    mux_end_close(&s->end);
    stream_send(s->mux, WIRE_EOF, s->stream);
    if (s->ended)
        s->ended(s->arg, is_clean);
}

/* Reads one frame's worth into m->out, which is empty. Did it put something there? */
static bool source_pull(struct mux_source *s)
{
    struct mux *m = s->mux;
    size_t want = s->credit < WIRE_DATA_MAX ? s->credit : WIRE_DATA_MAX;
    if (m->out.room < WIRE_FRAME_MAX) {
        m->out.buf = mem_grow(m->out.buf, WIRE_FRAME_MAX, 1);
        m->out.room = WIRE_FRAME_MAX;
    }
    ssize_t n = mux_end_read(&s->end, m->out.buf + WIRE_HEADER, want);
    s->is_ready = s->is_draining;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (s->is_draining && errno == EAGAIN)
            source_end(s, true);
        else
            mux_end_want(&s->end, EPOLLIN);
        return false;
    }
    if (n <= 0) { /* EIO: the last slave of a pty master was closed */
        source_end(s, n == 0 || errno == EIO);
        return false;
    }
    s->credit -= (uint32_t)n;
    struct wire_frame f = {.type = WIRE_DATA, .stream = s->stream, .len = (uint32_t)n};
    wire_header_put(m->out.buf, &f);
    m->out.len = WIRE_HEADER + (size_t)n;
    if (!s->is_ready)
        mux_end_want(&s->end, EPOLLIN);
    return true;
}

/* The served source goes to the end of the line. */
static void source_rotate(struct mux *m, struct mux_source *s)
{
    struct mux_source **at = &m->sources;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    while (*at)
        at = &(*at)->next;
    s->next = NULL;
    *at = s;
}

static void credits_put(struct mux *m)
{
    for (struct mux_sink *k = m->sinks; k; k = k->next) {
        if (k->is_dead || k->owed < MUX_CREDIT_STEP)
            continue;
        unsigned char data[4];
        for (unsigned i = 0; i < 4; i++)
            data[i] = (unsigned char)(k->owed >> (8 * i));
        k->owed = 0;
        frame_put(m, &(struct wire_frame){.type = WIRE_CREDIT,
                             .stream = k->stream,
                             .len = 4,
                             .data = data});
    }
}

/* Finds what to send next; false when there is nothing. m->out is empty. */
static bool out_fill(struct mux *m)
{
    credits_put(m);
    if (m->control.len) {
        struct wire_out empty = m->out;
        m->out = m->control;
        m->control = empty;
        return true;
    }
    for (struct mux_source *s = m->sources; s; s = s->next) {
        if (s->is_dead || !s->is_ready || s->end.fd < 0 || s->credit == 0)
            continue;
        bool has_data = source_pull(s);
        if (has_data)
            source_rotate(m, s);
        if (has_data || m->control.len)
            return true;
    }
    return false;
}

/* Writes what is in m->out. Is it empty now? */
static bool out_flush(struct mux *m)
{
    struct err why = {0};
    while (m->out_at < m->out.len) {
        ssize_t n = mux_end_write(&m->link, m->out.buf + m->out_at, m->out.len - m->out_at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n < 0) {
            bool is_gone = errno == EPIPE || errno == ECONNRESET || errno == ENODEV;
            if (!is_gone)
                (void)err_sys(&why, "write to the agent channel");
            link_break(m, &why);
            return false;
        }
        m->out_at += (size_t)n;
    }
    m->out.len = 0;
    m->out_at = 0;
    return true;
}

static void pump(struct mux *m)
{
    if (m->is_pumping || m->is_broken)
        return;
    m->is_pumping = true;
    bool is_empty = out_flush(m);
    while (is_empty && !m->is_broken && out_fill(m))
        is_empty = out_flush(m);
    m->is_pumping = false;
    if (m->is_broken)
        return;
    uint32_t in = m->retry ? 0 : EPOLLIN;
    mux_end_want(&m->link, is_empty ? in : EPOLLOUT | in);
}

bool mux_is_idle(const struct mux *m)
{
    return m->is_broken || (m->out.len == 0 && m->control.len == 0);
}

/* -- receiving --------------------------------------------------------------------------------- */

static void sink_end(struct mux_sink *k, bool is_clean)
{
    if (k->is_dead)
        return;
    k->is_dead = true;
    mux_end_close(&k->end);
    if (k->ended)
        k->ended(k->arg, is_clean);
}

static void sink_flush(struct mux_sink *k)
{
    while (k->used && k->end.fd >= 0) {
        uint32_t run = WIRE_WINDOW - k->at < k->used ? WIRE_WINDOW - k->at : k->used;
        ssize_t n = mux_end_write(&k->end, k->ring + k->at, run);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            mux_end_want(&k->end, EPOLLOUT);
            return;
        }
        if (n < 0) {
            stream_send(k->mux, WIRE_STOP, k->stream);
            sink_end(k, false);
            return;
        }
        k->at = (k->at + (uint32_t)n) % WIRE_WINDOW;
        k->used -= (uint32_t)n;
        k->owed += (uint32_t)n;
    }
    if (k->end.fd < 0)
        return;
    mux_end_want(&k->end, 0);
    if (k->is_eof)
        sink_end(k, !k->is_cut);
}

static void on_data(struct mux *m, struct mux_sink *k, const struct wire_frame *f)
{
    struct err why = {0};
    if (k->is_eof || f->len > WIRE_WINDOW - k->used - k->owed) {
        (void)err_set(&why, ERR_SYSTEM, "stream %u: data without credit", f->stream);
        link_break(m, &why);
        return;
    }
    if (!k->ring)
        k->ring = mem_new(WIRE_WINDOW, 1);
    uint32_t to = (k->at + k->used) % WIRE_WINDOW;
    uint32_t first = WIRE_WINDOW - to < f->len ? WIRE_WINDOW - to : f->len;
    memcpy(k->ring + to, f->data, first);
    memcpy(k->ring, f->data + first, f->len - first);
    k->used += f->len;
    sink_flush(k);
}

static void on_credit(struct mux *m, struct mux_source *s, const struct wire_frame *f)
{
    struct err why = {0};
    struct wire_in in = {.p = f->data, .left = f->len};
    uint32_t n = wire_get_u32(&in);
    if (wire_in_end(&in, "credit", &why) < 0) {
        link_break(m, &why);
    } else if (n > WIRE_WINDOW - s->credit) {
        (void)err_set(&why, ERR_SYSTEM, "stream %u: credit that was never given", f->stream);
        link_break(m, &why);
    } else {
        s->credit += n;
    }
}

/* Frames of streams that ended here meanwhile are dropped: the other side could not know. */
static void on_stream_frame(struct mux *m, const struct wire_frame *f)
{
    struct mux_sink *k = m->sinks;
    struct mux_source *s = m->sources;
    while (k && (k->stream != f->stream || k->is_dead))
        k = k->next;
    while (s && (s->stream != f->stream || s->is_dead))
        s = s->next;
    if (f->type == WIRE_DATA && k) {
        on_data(m, k, f);
    } else if (f->type == WIRE_EOF && k) {
        k->is_eof = true;
        sink_flush(k);
    } else if (f->type == WIRE_CREDIT && s) {
        on_credit(m, s, f);
    } else if (f->type == WIRE_STOP && s) {
        source_end(s, false);
    }
}

static void frames_take(struct mux *m)
{
    struct wire_frame f;
    struct err why = {0};
    for (;;) {
        bool has = false;
        if (m->is_broken)
            return;
        if (wire_decoder_next(&m->in, &f, &has, &why) < 0) {
            link_break(m, &why);
            return;
        }
        if (!has)
            return;
        if (f.type >= WIRE_DATA)
            on_stream_frame(m, &f);
        else
            m->events.frame(m->arg, &f);
    }
}

static void on_retry(void *arg)
{
    struct mux *m = arg;
    m->retry = NULL;
    enter(m);
    leave(m);
}

static void link_read(struct mux *m)
{
    size_t room;
    struct err why = {0};
    unsigned char *to = wire_decoder_room(&m->in, &room);
    ssize_t n = mux_end_read(&m->link, to, room);
    if (n > 0) {
        m->has_received = true;
        wire_decoder_fed(&m->in, (size_t)n);
        frames_take(m);
    } else if (n == 0 && m->is_port && !m->has_received) {
        m->retry = loop_add_timer(m->loop, MUX_PORT_RETRY_MS, on_retry, m);
    } else if (n == 0 || errno == ECONNRESET) {
        link_break(m, &why);
    } else if (errno != EAGAIN && errno != EINTR) {
        (void)err_sys(&why, "read from the agent channel");
        link_break(m, &why);
    }
}

static void on_link(void *arg, uint32_t events)
{
    struct mux *m = arg;
    enter(m);
    if ((events & ~(uint32_t)EPOLLOUT) && !m->is_broken)
        link_read(m);
    leave(m); /* pumps */
}

/* -- making ------------------------------------------------------------------------------------ */

struct mux *mux_new(struct loop *l, int fd, bool is_port, const struct mux_events *ev, void *arg,
        struct err *e)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        (void)err_sys(e, "agent channel");
        return NULL;
    }
    struct mux *m = mem_new(1, sizeof(*m));
    *m = (struct mux){.loop = l, .is_port = is_port, .events = *ev, .arg = arg};
    wire_decoder_init(&m->in);
    if (mux_end_open(&m->link, l, fd, EPOLLIN, on_link, m, e) < 0) {
        m->link.fd = -1;
        mux_free(m);
        return NULL;
    }
    return m;
}

void mux_free(struct mux *m)
{
    if (!m)
        return;
    sources_sweep(m, true);
    sinks_sweep(m, true);
    mux_end_close(&m->link);
    loop_del_timer(m->retry);
    wire_decoder_release(&m->in);
    wire_out_release(&m->out);
    wire_out_release(&m->control);
    mem_free(m);
}

static void on_source(void *arg, uint32_t events)
{
    struct mux_source *s = arg;
    (void)events;
    enter(s->mux);
    s->is_ready = true;
    mux_end_want(&s->end, 0);
    leave(s->mux);
}

struct mux_source *mux_source_new(struct mux *m, uint32_t stream, mux_end_fn *ended, void *arg)
{
    struct mux_source *s = mem_new(1, sizeof(*s));
    *s = (struct mux_source){.mux = m,
            .stream = stream,
            .credit = WIRE_WINDOW,
            .end = {.fd = -1},
            .ended = ended,
            .arg = arg,
            .next = m->sources};
    m->sources = s;
    return s;
}

int mux_source_attach(struct mux_source *s, int fd, struct err *e)
{
    return mux_end_open(&s->end, s->mux->loop, fd, EPOLLIN, on_source, s, e);
}

void mux_source_drain(struct mux_source *s)
{
    enter(s->mux);
    s->is_draining = true;
    s->is_ready = true;
    if (s->end.fd < 0)
        source_end(s, true);
    leave(s->mux);
}

void mux_source_close(struct mux_source *s)
{
    if (!s || s->is_dead)
        return;
    enter(s->mux);
    s->ended = NULL;
    source_end(s, false);
    leave(s->mux);
}

static void on_sink(void *arg, uint32_t events)
{
    struct mux_sink *k = arg;
    (void)events;
    enter(k->mux);
    sink_flush(k);
    leave(k->mux);
}

struct mux_sink *mux_sink_new(struct mux *m, uint32_t stream, mux_end_fn *ended, void *arg)
{
    struct mux_sink *k = mem_new(1, sizeof(*k));
    *k = (struct mux_sink){.mux = m,
            .stream = stream,
            .end = {.fd = -1},
            .ended = ended,
            .arg = arg,
            .next = m->sinks};
    m->sinks = k;
    return k;
}

int mux_sink_attach(struct mux_sink *k, int fd, struct err *e)
{
    if (mux_end_open(&k->end, k->mux->loop, fd, 0, on_sink, k, e) < 0)
        return -1;
    enter(k->mux);
    sink_flush(k);
    leave(k->mux);
    return 0;
}

void mux_sink_close(struct mux_sink *k)
{
    if (!k || k->is_dead)
        return;
    enter(k->mux);
    k->ended = NULL;
    stream_send(k->mux, WIRE_STOP, k->stream);
    sink_end(k, false);
    leave(k->mux);
}
