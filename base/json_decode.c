// SPDX-License-Identifier: Apache-2.0
/*
 * Documents to structs, by tables. The keys of an object are taken in document order and looked up
 * in the table, starting behind the last row that matched, since documents tend to keep the order
 * of the specification. Where we are is a chain of segments on the stack; a JSON pointer (RFC 6901)
 * is made of it only for an error or an unknown key.
 *
 * Each decoder of a type stores what it makes at once, so that json_release of the whole struct
 * gives back a half-decoded one too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"

/* One step from the top: a key, or an index where key is NULL. */
struct seg {
    const struct seg *up; /* NULL at the top, whose pointer is the caller's path */
    const char *key;
    size_t index;
};

struct decoder {
    const char *path;
    const struct json_mode *mode;
    struct err *e;
};

static int decode_object(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *table, void *out);

/* -- pointers and errors ---------------------------------------------------------------------- */

/* A buffer that is filled from its end; `need` goes on counting when it is full. */
struct tail {
    char *buf;
    size_t room;
    size_t need;
};

static void tail_put(struct tail *t, char c)
{
    t->need++;
    if (t->need <= t->room)
        t->buf[t->room - t->need] = c;
}

static void tail_put_text(struct tail *t, const char *s, bool is_escaped)
{
    for (size_t i = strlen(s); i-- > 0;) {
        bool is_special = is_escaped && (s[i] == '~' || s[i] == '/');
        tail_put(t, is_special ? (s[i] == '~' ? '0' : '1') : s[i]);
        if (is_special)
            tail_put(t, '~');
    }
}

static void tail_put_pointer(struct tail *t, const struct decoder *d, const struct seg *at)
{
    for (; at->up; at = at->up) {
        char number[24];
        (void)snprintf(number, sizeof(number), "%zu", at->index);
        tail_put_text(t, at->key ? at->key : number, at->key != NULL);
        tail_put(t, '/');
    }
    tail_put_text(t, d->path, false);
}

static char *pointer_new(const struct decoder *d, const struct seg *at)
{
    struct tail measure = {0};
    tail_put_pointer(&measure, d, at);
    char *pointer = mem_new(measure.need + 1, 1);
    struct tail t = {.buf = pointer, .room = measure.need};
    tail_put_pointer(&t, d, at);
    return pointer;
}

/* Long pointers lose their start; keys come from outside, so control characters are not shown. */
static void add_pointer(const struct decoder *d, const struct seg *at)
{
    char buf[300];
    struct tail t = {.buf = buf, .room = sizeof(buf) - 1};
    tail_put_pointer(&t, d, at);
    buf[sizeof(buf) - 1] = '\0';
    bool is_cut = t.need > t.room;
    char *p = buf + (is_cut ? 0 : t.room - t.need);
    while (is_cut && ((unsigned char)*p & 0xc0) == 0x80)
        p++;
    for (char *c = p; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    if (*p)
        (void)err_add(d->e, "%s%s", is_cut ? "…" : "", p);
}

static int fail(const struct decoder *d, const struct seg *at, const char *reason)
{
    (void)err_set(d->e, ERR_CONFIG, "%s", reason);
    add_pointer(d, at);
    return -1;
}

/* -- integers --------------------------------------------------------------------------------- */

/* An integer of either type: negative ones as two's complement. */
struct integer {
    bool is_negative;
    uint64_t v;
};

static int integer_get(const struct decoder *d, const struct seg *at, const json_t *value,
        struct integer *ret)
{
    struct integer n = {0};
    if (json_is_integer(value)) {
        n.v = (uint64_t)json_integer_value(value);
        n.is_negative = json_integer_value(value) < 0;
    } else if (!json_is_big(value) || json_to_u64(value, &n.v, d->e) < 0) {
        return fail(d, at, "not an integer");
    }
    *ret = n;
    return 0;
}

struct integer_text {
    char text[24];
};

static struct integer_text integer_text(struct integer n)
{
    struct integer_text t;
    if (n.is_negative)
        (void)snprintf(t.text, sizeof(t.text), "%" PRId64, (int64_t)n.v);
    else
        (void)snprintf(t.text, sizeof(t.text), "%" PRIu64, n.v);
    return t;
}

static int fail_range(const struct decoder *d, const struct seg *at, struct integer n,
        struct integer lo, struct integer hi)
{
    struct integer_text value = integer_text(n);
    struct integer_text low = integer_text(lo);
    struct integer_text high = integer_text(hi);
    (void)err_set(d->e, ERR_CONFIG, "%s is not in %s..%s", value.text, low.text, high.text);
    add_pointer(d, at);
    return -1;
}

static int u64_get(const struct decoder *d, const struct seg *at, const json_t *value, uint64_t max,
        uint64_t *ret)
{
    struct integer n;
    struct integer hi = {.v = max ? max : UINT64_MAX};
    if (integer_get(d, at, value, &n) < 0)
        return -1;
    if (n.is_negative || n.v > hi.v)
        return fail_range(d, at, n, (struct integer){0}, hi);
    *ret = n.v;
    return 0;
}

static int i64_get(const struct decoder *d, const struct seg *at, const json_t *value,
        const struct json_field *f, int64_t *ret)
{
    struct integer n;
    int64_t max = f->max ? (int64_t)f->max : INT64_MAX;
    if (integer_get(d, at, value, &n) < 0)
        return -1;
    bool is_i64 = n.is_negative || n.v <= INT64_MAX;
    if (!is_i64 || (int64_t)n.v < f->min || (int64_t)n.v > max)
        return fail_range(d, at, n, (struct integer){f->min < 0, (uint64_t)f->min},
                (struct integer){max < 0, (uint64_t)max});
    *ret = (int64_t)n.v;
    return 0;
}

/* -- one decoder per type --------------------------------------------------------------------- */

static void *member(void *out, size_t offset)
{
    return (char *)out + offset;
}

static void count_set(const struct json_field *f, void *out, size_t n)
{
    *(size_t *)member(out, f->count_offset) = n;
}

static int string_get(const struct decoder *d, const struct seg *at, const json_t *value,
        const char **ret)
{
    if (!json_is_string(value) || json_is_big(value))
        return fail(d, at, "not a string");
    *ret = json_string_value(value);
    return 0;
}

static int decode_str(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    const char *s;
    if (string_get(d, at, value, &s) < 0)
        return -1;
    if ((f->flags & JSON_NONEMPTY) && !*s)
        return fail(d, at, "empty");
    if ((f->flags & JSON_ABSPATH) && *s != '/')
        return fail(d, at, "not an absolute path");
    *(char **)member(out, f->offset) = str_dup(s);
    return 0;
}

static int decode_i64(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    struct json_i64 *n = member(out, f->offset);
    if (i64_get(d, at, value, f, &n->v) < 0)
        return -1;
    n->is_set = true;
    return 0;
}

static int decode_u64(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    struct json_u64 *n = member(out, f->offset);
    if (u64_get(d, at, value, f->max, &n->v) < 0)
        return -1;
    n->is_set = true;
    return 0;
}

static int decode_bool(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    if (!json_is_boolean(value))
        return fail(d, at, "not a boolean");
    *(struct json_bool *)member(out, f->offset) =
            (struct json_bool){.is_set = true, .v = json_is_true(value)};
    return 0;
}

static int decode_obj(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    if (f->has_presence)
        *(bool *)member(out, f->count_offset) = true;
    return decode_object(d, at, value, f->sub, member(out, f->offset));
}

/* What the three kinds of arrays have in common. */
static int array_check(const struct decoder *d, const struct seg *at, const json_t *value,
        const struct json_field *f)
{
    if (!json_is_array(value))
        return fail(d, at, "not an array");
    if ((f->flags & JSON_NONEMPTY) && json_array_size(value) == 0)
        return fail(d, at, "empty");
    return 0;
}

static int decode_arr(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    if (array_check(d, at, value, f) < 0)
        return -1;
    size_t n = json_array_size(value);
    char *items = mem_new(n, f->elem_size);
    *(void **)member(out, f->offset) = items;
    count_set(f, out, n);
    for (size_t i = 0; i < n; i++) {
        struct seg here = {.up = at, .index = i};
        if (decode_object(d, &here, json_array_get(value, i), f->sub, items + i * f->elem_size) < 0)
            return -1;
    }
    return 0;
}

static int decode_strs(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    if (array_check(d, at, value, f) < 0)
        return -1;
    size_t n = json_array_size(value);
    char **items = mem_new(n + 1, sizeof(*items));
    *(char ***)member(out, f->offset) = items;
    count_set(f, out, n);
    for (size_t i = 0; i < n; i++) {
        struct seg here = {.up = at, .index = i};
        const char *s;
        if (string_get(d, &here, json_array_get(value, i), &s) < 0)
            return -1;
        items[i] = str_dup(s);
    }
    return 0;
}

static int decode_u64s(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    if (array_check(d, at, value, f) < 0)
        return -1;
    size_t n = json_array_size(value);
    uint64_t *items = mem_new(n, sizeof(*items));
    *(uint64_t **)member(out, f->offset) = items;
    count_set(f, out, n);
    for (size_t i = 0; i < n; i++) {
        struct seg here = {.up = at, .index = i};
        if (u64_get(d, &here, json_array_get(value, i), f->max, &items[i]) < 0)
            return -1;
    }
    return 0;
}

static int decode_map(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    struct json_map *map = member(out, f->offset);
    const char *key;
    json_t *item;
    if (!json_is_object(value))
        return fail(d, at, "not an object");
    map->pairs = mem_new(json_object_size(value), sizeof(*map->pairs));
    json_object_foreach(value, key, item)
    {
        struct seg here = {.up = at, .key = key};
        const char *s;
        if (json_is_null(item))
            continue;
        if (string_get(d, &here, item, &s) < 0)
            return -1;
        map->pairs[map->n++] = (struct json_pair){.key = str_dup(key), .value = str_dup(s)};
    }
    return 0;
}

static int fail_enum(const struct decoder *d, const struct seg *at, const struct json_enum *names)
{
    char list[150] = "";
    size_t n = 0;
    for (; names->name; names++) {
        const char *comma = n ? ", " : "";
        if (n + strlen(comma) + strlen(names->name) + sizeof(", …") > sizeof(list)) {
            (void)snprintf(list + n, sizeof(list) - n, "%s…", comma);
            break;
        }
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", comma, names->name);
    }
    (void)err_set(d->e, ERR_CONFIG, "not one of: %s", list);
    add_pointer(d, at);
    return -1;
}

static int decode_enum(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    const char *s;
    if (string_get(d, at, value, &s) < 0)
        return -1;
    for (const struct json_enum *n = f->names; n->name; n++) {
        if (strcmp(n->name, s) == 0) {
            *(int *)member(out, f->offset) = n->value;
            return 0;
        }
    }
    return fail_enum(d, at, f->names);
}

static int decode_raw(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    (void)d;
    (void)at;
    *(json_t **)member(out, f->offset) = json_incref(value);
    return 0;
}

static int decode_refuse(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out)
{
    (void)out;
    bool is_nothing = json_is_false(value) ||
                      (json_is_string(value) && json_string_length(value) == 0) ||
                      (json_is_number(value) && json_number_value(value) == 0.0) ||
                      (json_is_array(value) && json_array_size(value) == 0) ||
                      (json_is_object(value) && json_object_size(value) == 0);
    if (is_nothing)
        return 0;
    (void)err_set(d->e, ERR_UNSUPPORTED, "not supported: %s", f->reason);
    add_pointer(d, at);
    return -1;
}

typedef int decode_fn(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *f, void *out);

static decode_fn *const decoders[JSON_T_END] = {
        [JSON_T_STR] = decode_str,
        [JSON_T_I64] = decode_i64,
        [JSON_T_U64] = decode_u64,
        [JSON_T_BOOL] = decode_bool,
        [JSON_T_OBJ] = decode_obj,
        [JSON_T_ARR] = decode_arr,
        [JSON_T_STRS] = decode_strs,
        [JSON_T_U64S] = decode_u64s,
        [JSON_T_MAP] = decode_map,
        [JSON_T_ENUM] = decode_enum,
        [JSON_T_RAW] = decode_raw,
        [JSON_T_SKIP] = NULL,
        [JSON_T_REFUSE] = decode_refuse,
};

/* -- objects ---------------------------------------------------------------------------------- */

static const struct json_field *row_find(const struct json_field *from, const struct json_field *to,
        const char *key)
{
    for (const struct json_field *f = from; f != to && f->type != JSON_T_END; f++)
        if (f->name[0] == key[0] && strcmp(f->name, key) == 0)
            return f;
    return NULL;
}

static int unknown_key(const struct decoder *d, const struct seg *at)
{
    const struct json_mode *mode = d->mode;
    if (!mode)
        return 0;
    if (mode->is_strict)
        return fail(d, at, "unknown key");
    if (!mode->unknown)
        return 0;
    autofree char *pointer = pointer_new(d, at);
    return mode->unknown(mode->arg, pointer, d->e);
}

static int required_check(const struct decoder *d, const struct seg *at, const json_t *value,
        const struct json_field *table)
{
    for (const struct json_field *f = table; f->type != JSON_T_END; f++) {
        if (!(f->flags & JSON_REQUIRED))
            continue;
        const json_t *item = json_object_get(value, f->name);
        struct seg here = {.up = at, .key = f->name};
        if (!item || json_is_null(item))
            return fail(d, &here, "missing");
    }
    return 0;
}

static int decode_object(const struct decoder *d, const struct seg *at, json_t *value,
        const struct json_field *table, void *out)
{
    const struct json_field *next = table;
    const char *key;
    json_t *item;
    if (!json_is_object(value))
        return fail(d, at, "not an object");
    json_object_foreach(value, key, item)
    {
        struct seg here = {.up = at, .key = key};
        const struct json_field *f = row_find(next, NULL, key);
        if (!f)
            f = row_find(table, next, key);
        if (!f) {
            if (unknown_key(d, &here) < 0)
                return -1;
            continue;
        }
        next = f + 1;
        if (!json_is_null(item) && decoders[f->type] &&
                decoders[f->type](d, &here, item, f, out) < 0)
            return -1;
    }
    return required_check(d, at, value, table);
}

int json_decode(json_t *value, const struct json_field *table, void *out, const char *path,
        const struct json_mode *mode, struct err *e)
{
    struct decoder d = {.path = path, .mode = mode, .e = e};
    struct seg top = {0};
    if (decode_object(&d, &top, value, table, out) < 0) {
        json_release(table, out);
        return -1;
    }
    return 0;
}

/* -- giving back ------------------------------------------------------------------------------ */

static void release_items(const struct json_field *f, void *out)
{
    char *items = *(void **)member(out, f->offset);
    size_t n = items ? *(size_t *)member(out, f->count_offset) : 0;
    for (size_t i = 0; i < n; i++) {
        if (f->type == JSON_T_ARR)
            json_release(f->sub, items + i * f->elem_size);
        else if (f->type == JSON_T_STRS)
            mem_free(((char **)(void *)items)[i]);
    }
    mem_free(items);
    *(void **)member(out, f->offset) = NULL;
    count_set(f, out, 0);
}

static void release_map(struct json_map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        mem_free(map->pairs[i].key);
        mem_free(map->pairs[i].value);
    }
    mem_free(map->pairs);
    *map = (struct json_map){0};
}

static void release_member(const struct json_field *f, void *out)
{
    void *at = member(out, f->offset);
    switch (f->type) {
    case JSON_T_STR:
        mem_free(*(char **)at);
        *(char **)at = NULL;
        break;
    case JSON_T_I64:
        *(struct json_i64 *)at = (struct json_i64){0};
        break;
    case JSON_T_U64:
        *(struct json_u64 *)at = (struct json_u64){0};
        break;
    case JSON_T_BOOL:
        *(struct json_bool *)at = (struct json_bool){0};
        break;
    case JSON_T_OBJ:
        json_release(f->sub, at);
        if (f->has_presence)
            *(bool *)member(out, f->count_offset) = false;
        break;
    case JSON_T_ARR:
    case JSON_T_STRS:
    case JSON_T_U64S:
        release_items(f, out);
        break;
    case JSON_T_MAP:
        release_map(at);
        break;
    case JSON_T_ENUM:
        *(int *)at = 0;
        break;
    case JSON_T_RAW:
        json_decref(*(json_t **)at);
        *(json_t **)at = NULL;
        break;
    case JSON_T_SKIP:
    case JSON_T_REFUSE:
    case JSON_T_END:
        break;
    }
}

void json_release(const struct json_field *table, void *out)
{
    for (const struct json_field *f = table; f->type != JSON_T_END; f++)
        release_member(f, out);
}

const char *json_map_get(const struct json_map *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->pairs[i].key, key) == 0)
            return map->pairs[i].value;
    return NULL;
}
