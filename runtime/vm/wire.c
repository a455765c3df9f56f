// SPDX-License-Identifier: Apache-2.0
/* See wire.h. Everything that comes from the other side is looked at here, and bounds are checked
 * nowhere else. The guest is hostile from its first byte. */
#include "runtime/vm/wire.h"

#include <string.h>

#include "base/own.h"

static uint32_t le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void le32_put(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

void wire_header_put(unsigned char out[WIRE_HEADER], const struct wire_frame *f)
{
    le32_put(out, WIRE_MAGIC);
    le32_put(out + 4, f->type);
    le32_put(out + 8, f->len);
    le32_put(out + 12, f->stream);
    le32_put(out + 16, f->id);
}

void wire_decoder_init(struct wire_decoder *d)
{
    *d = (struct wire_decoder){.buf = mem_new(2, WIRE_FRAME_MAX)};
}

void wire_decoder_release(struct wire_decoder *d)
{
    mem_free(d->buf);
    *d = (struct wire_decoder){0};
}

unsigned char *wire_decoder_room(struct wire_decoder *d, size_t *ret_room)
{
    if (d->at) {
        memmove(d->buf, d->buf + d->at, d->have - d->at);
        d->have -= d->at;
        d->at = 0;
    }
    *ret_room = 2 * WIRE_FRAME_MAX - d->have;
    return d->buf + d->have;
}

void wire_decoder_fed(struct wire_decoder *d, size_t n)
{
    ASSERT(n <= 2 * WIRE_FRAME_MAX - d->have);
    d->have += n;
}

int wire_decoder_next(struct wire_decoder *d, struct wire_frame *ret, bool *ret_has, struct err *e)
{
    const unsigned char *p = d->buf + d->at;
    size_t have = d->have - d->at;
    *ret_has = false;
    if (have < WIRE_HEADER)
        return 0;
    uint32_t type = le32(p + 4); /* the upper half must be zero: no flags yet */
    uint32_t len = le32(p + 8);
    if (le32(p) != WIRE_MAGIC)
        return err_set(e, ERR_SYSTEM, "the agent channel carries something else than frames");
    if (type == 0 || type >= WIRE_TYPE_END)
        return err_set(e, ERR_SYSTEM, "frame of unknown type %u", type);
    if (len > WIRE_DATA_MAX)
        return err_set(e, ERR_SYSTEM, "frame of %u bytes", len);
    if (have - WIRE_HEADER < len)
        return 0;
    *ret = (struct wire_frame){
            .type = (uint16_t)type,
            .len = len,
            .stream = le32(p + 12),
            .id = le32(p + 16),
            .data = p + WIRE_HEADER,
    };
    *ret_has = true;
    d->at += WIRE_HEADER + len;
    return 0;
}

/* -- values out ------------------------------------------------------------------------------ */

static unsigned char *grow(struct wire_out *o, size_t n)
{
    if (o->room - o->len < n) {
        o->room = o->room * 2 + n + 64;
        o->buf = mem_grow(o->buf, o->room, 1);
    }
    unsigned char *at = o->buf + o->len;
    o->len += n;
    return at;
}

void wire_put_u32(struct wire_out *o, uint32_t v)
{
    le32_put(grow(o, 4), v);
}

void wire_put_u64(struct wire_out *o, uint64_t v)
{
    wire_put_u32(o, (uint32_t)v);
    wire_put_u32(o, (uint32_t)(v >> 32));
}

void wire_put_bytes(struct wire_out *o, const void *p, size_t n)
{
    if (n)
        memcpy(grow(o, n), p, n);
}

void wire_put_block(struct wire_out *o, const void *p, size_t n)
{
    wire_put_u32(o, (uint32_t)n);
    wire_put_bytes(o, p, n);
}

void wire_put_str(struct wire_out *o, const char *s)
{
    wire_put_block(o, s, s ? strlen(s) : 0);
}

void wire_put_strs(struct wire_out *o, const char *const *list)
{
    uint32_t n = 0;
    while (list && list[n])
        n++;
    wire_put_u32(o, n);
    for (uint32_t i = 0; i < n; i++)
        wire_put_str(o, list[i]);
}

void wire_put_err(struct wire_out *o, const struct err *what)
{
    wire_put_u32(o, (uint32_t)what->kind);
    wire_put_u32(o, (uint32_t)what->sys);
    wire_put_str(o, what->kind ? what->text : "");
}

void wire_out_release(struct wire_out *o)
{
    mem_free(o->buf);
    *o = (struct wire_out){0};
}

/* -- values in ------------------------------------------------------------------------------- */

static const unsigned char *take(struct wire_in *i, size_t n)
{
    if (i->is_bad || i->left < n) {
        i->is_bad = true;
        return NULL;
    }
    const unsigned char *p = i->p;
    i->p += n;
    i->left -= n;
    return p;
}

uint32_t wire_get_u32(struct wire_in *i)
{
    const unsigned char *p = take(i, 4);
    return p ? le32(p) : 0;
}

uint64_t wire_get_u64(struct wire_in *i)
{
    uint64_t low = wire_get_u32(i);
    return low | (uint64_t)wire_get_u32(i) << 32;
}

const unsigned char *wire_get_bytes(struct wire_in *i, size_t *ret_n)
{
    size_t n = wire_get_u32(i);
    const unsigned char *p = take(i, n);
    *ret_n = p ? n : 0;
    return p;
}

char *wire_get_str(struct wire_in *i)
{
    size_t n;
    const unsigned char *p = wire_get_bytes(i, &n);
    if (!p || (n && memchr(p, '\0', n))) {
        i->is_bad = true;
        return str_dup("");
    }
    char *s = mem_new(n + 1, 1);
    if (n)
        memcpy(s, p, n);
    return s;
}

char **wire_get_strs(struct wire_in *i)
{
    size_t n = wire_get_u32(i);
    if (n > i->left / 4) { /* each takes four bytes at least: bounds the allocation */
        i->is_bad = true;
        n = 0;
    }
    char **list = mem_new(n + 1, sizeof(*list));
    for (size_t k = 0; k < n; k++)
        list[k] = wire_get_str(i);
    return list;
}

void wire_strs_free(char **list)
{
    for (char **s = list; s && *s; s++)
        mem_free(*s);
    mem_free(list);
}

void wire_get_err(struct wire_in *i, struct err *ret)
{
    uint32_t kind = wire_get_u32(i);
    uint32_t sys = wire_get_u32(i);
    autofree char *text = wire_get_str(i);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    if (kind > ERR_INTERNAL)
        kind = ERR_INTERNAL;
    if (kind)
        (void)err_set(ret, (enum err_kind)kind, "%s", text);
    else
        *ret = (struct err){0};
    ret->sys = sys <= 4095 ? (int32_t)sys : 0;
}

int wire_in_end(const struct wire_in *i, const char *what, struct err *e)
{
    if (i->is_bad || i->left)
        return err_set(e, ERR_SYSTEM, "%s: message %s", what, i->is_bad ? "cut" : "too long");
    return 0;
}

/* -- compound values ------------------------------------------------------------------------- */

/* A list of strings that is only read: C has no implicit char ** -> const char *const *. */
static void put_list(struct wire_out *o, char *const *list)
{
    const char *const *view;
    memcpy(&view, &list, sizeof(view));
    wire_put_strs(o, view);
}

void wire_exec_encode(struct wire_out *o, const struct wire_exec *x)
{
    wire_put_u32(o, x->flags);
    wire_put_str(o, x->process);
    put_list(o, x->argv);
    put_list(o, x->env);
    put_list(o, x->caps);
    wire_put_str(o, x->cwd);
    wire_put_str(o, x->user);
    wire_put_str(o, x->apparmor);
    wire_put_u32(o, x->n_gids);
    for (uint32_t i = 0; i < x->n_gids; i++)
        wire_put_u32(o, x->gids[i]);
}

int wire_exec_decode(const unsigned char *p, size_t n, struct wire_exec *ret, struct err *e)
{
    struct wire_in in = {.p = p, .left = n};
    struct wire_exec x = {.flags = wire_get_u32(&in)};
    x.process = wire_get_str(&in);
    x.argv = wire_get_strs(&in);
    x.env = wire_get_strs(&in);
    x.caps = wire_get_strs(&in);
    x.cwd = wire_get_str(&in);
    x.user = wire_get_str(&in);
    x.apparmor = wire_get_str(&in);
    x.n_gids = wire_get_u32(&in);
    if (x.n_gids > in.left / 4) {
        in.is_bad = true;
        x.n_gids = 0;
    }
    x.gids = mem_new(x.n_gids, sizeof(*x.gids));
    for (uint32_t i = 0; i < x.n_gids; i++)
        x.gids[i] = wire_get_u32(&in);
    if (wire_in_end(&in, "exec", e) < 0) {
        wire_exec_release(&x);
        return -1;
    }
    *ret = x;
    return 0;
}

void wire_exec_release(struct wire_exec *x)
{
    mem_free(x->process);
    wire_strs_free(x->argv);
    wire_strs_free(x->env);
    wire_strs_free(x->caps);
    mem_free(x->cwd);
    mem_free(x->user);
    mem_free(x->apparmor);
    mem_free(x->gids);
    *x = (struct wire_exec){0};
}

void wire_create_encode(struct wire_out *o, const struct wire_create *c)
{
    put_list(o, c->sysctls);
    wire_put_str(o, c->config);
    wire_put_u32(o, (uint32_t)c->n_files);
    for (size_t i = 0; i < c->n_files; i++)
        wire_put_block(o, c->files[i].data, c->files[i].len);
}

int wire_create_decode(const unsigned char *p, size_t n, struct wire_create *ret, struct err *e)
{
    struct wire_in in = {.p = p, .left = n};
    struct wire_create c = {.sysctls = wire_get_strs(&in)};
    c.config = wire_get_str(&in);
    c.n_files = wire_get_u32(&in);
    if (c.n_files > in.left / 4) {
        in.is_bad = true;
        c.n_files = 0;
    }
    c.files = mem_new(c.n_files, sizeof(*c.files));
    for (size_t i = 0; i < c.n_files; i++) {
        const unsigned char *data = wire_get_bytes(&in, &c.files[i].len);
        c.files[i].data = mem_dup(data ? (const void *)data : "", c.files[i].len);
    }
    if (wire_in_end(&in, "create", e) < 0) {
        wire_create_release(&c);
        return -1;
    }
    *ret = c;
    return 0;
}

void wire_create_release(struct wire_create *c)
{
    wire_strs_free(c->sysctls);
    mem_free(c->config);
    for (size_t i = 0; i < c->n_files; i++)
        mem_free(c->files[i].data);
    mem_free(c->files);
    *c = (struct wire_create){0};
}
