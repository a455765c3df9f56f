// SPDX-License-Identifier: Apache-2.0
/*
 * Structs to documents to text, by the tables that read them; and integers above INT64_MAX, which a
 * json_t holds as a string of a NUL byte and digits (json.h). The text of such a document has
 * "\u0000 where a big integer stands; json_text puts the bare digits there. Memory that jansson
 * cannot get ends the process, as everywhere.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/json.h"
#include "base/own.h"

void json_seed(void)
{
    uint32_t seed = 0;
    const void *random = (const void *)getauxval(AT_RANDOM); /* 16 bytes from the kernel */
    if (random)
        memcpy(&seed, random, sizeof(seed));
    json_object_seed((seed * 2654435761u) | 1); /* mixed: the stack guard is made of the same */
}

static json_t *need(json_t *value)
{
    ASSERT(value);
    return value;
}

static void add(json_t *object, const char *name, json_t *value)
{
    int rc = json_object_set_new_nocheck(object, name, need(value));
    ASSERT(rc == 0);
}

static void append(json_t *array, json_t *value)
{
    int rc = json_array_append_new(array, need(value));
    ASSERT(rc == 0);
}

/* The digits of 2^63 to 2^64-1. */
static bool are_big_digits(const char *s, size_t len)
{
    return (len == 19 || len == 20) && strspn(s, "0123456789") >= len;
}

bool json_is_big(const json_t *value)
{
    if (!json_is_string(value) || json_string_length(value) == 0)
        return false;
    const char *s = json_string_value(value);
    return s[0] == '\0' && are_big_digits(s + 1, json_string_length(value) - 1);
}

json_t *json_from_u64(uint64_t v)
{
    if (v <= INT64_MAX)
        return need(json_integer((json_int_t)v));
    char text[32];
    int n = snprintf(text, sizeof(text), "%c%" PRIu64, '\0', v);
    return need(json_stringn_nocheck(text, (size_t)n));
}

int json_to_u64(const json_t *value, uint64_t *ret, struct err *e)
{
    if (json_is_big(value)) {
        *ret = strtoull(json_string_value(value) + 1, NULL, 10);
        return 0;
    }
    if (!json_is_integer(value))
        return err_set(e, ERR_CONFIG, "not an integer");
    json_int_t v = json_integer_value(value);
    if (v < 0)
        return err_set(e, ERR_CONFIG, "%lld is not in 0..%" PRIu64, v, UINT64_MAX);
    *ret = (uint64_t)v;
    return 0;
}

/* -- text ------------------------------------------------------------------------------------- */

/* Moves the string that starts at `from` (a quote) down to *to; big integers lose their marks. */
static const char *string_move(char **to, const char *from)
{
    static const char mark[] = "\"\\u0000";
    const char *end = from + 1;
    while (*end != '"')
        end += *end == '\\' ? 2 : 1;
    end++;
    size_t cut = strlen(mark);
    size_t digits = (size_t)(end - from) > cut ? (size_t)(end - 1 - (from + cut)) : 0;
    if (strncmp(from, mark, cut) == 0 && are_big_digits(from + cut, digits)) {
        memmove(*to, from + cut, digits);
        *to += digits;
    } else {
        memmove(*to, from, (size_t)(end - from));
        *to += end - from;
    }
    return end;
}

/* In place: the text only gets shorter. */
static void bigs_unmark(char *text)
{
    char *to = text;
    const char *from = text;
    while (*from) {
        if (*from == '"')
            from = string_move(&to, from);
        else
            *to++ = *from++;
    }
    *to = '\0';
}

char *json_text(const json_t *value, bool is_pretty)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | (is_pretty ? JSON_INDENT(2) : JSON_COMPACT));
    ASSERT(text);
    if (strstr(text, "\\u0000"))
        bigs_unmark(text);
    return text;
}

/* -- structs ---------------------------------------------------------------------------------- */

/* The length of the UTF-8 sequence at s (not overlong, no surrogate), 0 when there is none. */
static size_t utf8_len(const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80)
        return 1;
    size_t n = (s[0] & 0xe0) == 0xc0   ? 2
               : (s[0] & 0xf0) == 0xe0 ? 3
               : (s[0] & 0xf8) == 0xf0 ? 4
                                       : 0;
    uint32_t code = n ? s[0] & (0x7fu >> n) : 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    if (n == 0 || code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return n;
}

/* Bytes that are not UTF-8 become U+FFFD. */
static char *utf8_repair(const char *s)
{
    static const char bad[] = "\xef\xbf\xbd";
    char *out = mem_new(strlen(s) * 3 + 1, 1);
    size_t n = 0;
    while (*s) {
        size_t len = utf8_len((const unsigned char *)s);
        memcpy(out + n, len ? s : bad, len ? len : 3);
        n += len ? len : 3;
        s += len ? len : 1;
    }
    return out;
}

static json_t *from_str(const char *s)
{
    json_t *value = json_string(s); /* NULL: not UTF-8 */
    if (value)
        return value;
    autofree char *repaired = utf8_repair(s);
    return need(json_string(repaired));
}

static const void *member(const void *in, size_t offset)
{
    return (const char *)in + offset;
}

static size_t count_of(const struct json_field *f, const void *in)
{
    return *(const size_t *)member(in, f->count_offset);
}

/* All of these return NULL for a member that is to be left out. */

static json_t *encode_str(const struct json_field *f, const void *in)
{
    const char *s = *(char *const *)member(in, f->offset);
    return s ? from_str(s) : NULL;
}

static json_t *encode_i64(const struct json_field *f, const void *in)
{
    const struct json_i64 *n = member(in, f->offset);
    return n->is_set ? json_integer(n->v) : NULL;
}

static json_t *encode_u64(const struct json_field *f, const void *in)
{
    const struct json_u64 *n = member(in, f->offset);
    return n->is_set ? json_from_u64(n->v) : NULL;
}

static json_t *encode_bool(const struct json_field *f, const void *in)
{
    const struct json_bool *b = member(in, f->offset);
    return b->is_set ? json_boolean(b->v) : NULL;
}

static json_t *encode_obj(const struct json_field *f, const void *in)
{
    if (f->has_presence && !*(const bool *)member(in, f->count_offset))
        return NULL;
    json_t *object = json_encode(f->sub, member(in, f->offset));
    if (json_object_size(object) || f->has_presence || (f->flags & JSON_REQUIRED))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *encode_arr(const struct json_field *f, const void *in)
{
    const char *items = *(void *const *)member(in, f->offset);
    if (!items)
        return f->flags & JSON_REQUIRED ? json_array() : NULL;
    json_t *array = need(json_array());
    for (size_t i = 0; i < count_of(f, in); i++)
        append(array, json_encode(f->sub, items + i * f->elem_size));
    return array;
}

static json_t *encode_strs(const struct json_field *f, const void *in)
{
    char *const *items = *(char **const *)member(in, f->offset);
    if (!items)
        return f->flags & JSON_REQUIRED ? json_array() : NULL;
    json_t *array = need(json_array());
    for (size_t i = 0; i < count_of(f, in); i++)
        append(array, from_str(items[i]));
    return array;
}

static json_t *encode_u64s(const struct json_field *f, const void *in)
{
    const uint64_t *items = *(uint64_t *const *)member(in, f->offset);
    if (!items)
        return NULL;
    json_t *array = need(json_array());
    for (size_t i = 0; i < count_of(f, in); i++)
        append(array, json_from_u64(items[i]));
    return array;
}

static json_t *encode_map(const struct json_field *f, const void *in)
{
    const struct json_map *map = member(in, f->offset);
    if (!map->pairs)
        return NULL;
    json_t *object = need(json_object());
    for (size_t i = 0; i < map->n; i++) {
        autofree char *key = utf8_repair(map->pairs[i].key);
        add(object, key, from_str(map->pairs[i].value));
    }
    return object;
}

static json_t *encode_enum(const struct json_field *f, const void *in)
{
    int value = *(const int *)member(in, f->offset);
    for (const struct json_enum *n = f->names; n->name; n++)
        if (n->value == value)
            return json_string(n->name);
    return NULL;
}

static json_t *encode_raw(const struct json_field *f, const void *in)
{
    return json_incref(*(json_t *const *)member(in, f->offset));
}

typedef json_t *encode_fn(const struct json_field *f, const void *in);

static encode_fn *const encoders[JSON_T_END] = {
        [JSON_T_STR] = encode_str,
        [JSON_T_I64] = encode_i64,
        [JSON_T_U64] = encode_u64,
        [JSON_T_BOOL] = encode_bool,
        [JSON_T_OBJ] = encode_obj,
        [JSON_T_ARR] = encode_arr,
        [JSON_T_STRS] = encode_strs,
        [JSON_T_U64S] = encode_u64s,
        [JSON_T_MAP] = encode_map,
        [JSON_T_ENUM] = encode_enum,
        [JSON_T_RAW] = encode_raw,
};

json_t *json_encode(const struct json_field *table, const void *in)
{
    json_seed();
    json_t *object = need(json_object());
    for (const struct json_field *f = table; f->type != JSON_T_END; f++) {
        json_t *value = encoders[f->type] ? encoders[f->type](f, in) : NULL;
        if (value)
            add(object, f->name, value);
    }
    return object;
}
