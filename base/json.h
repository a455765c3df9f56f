// SPDX-License-Identifier: Apache-2.0
/*
 * JSON by tables: each room owns a struct, a table of its fields, and the code that applies it.
 *
 * Reading: json_parse turns bytes into a document (jansson underneath; duplicate keys, NULs in
 * strings and oversize input are refused; integers up to 2^64-1 are exact, which jansson alone
 * cannot do). json_decode fills a struct from a value by its table; errors carry a JSON pointer:
 * `/linux/resources/memory/limit: not an integer`. Everything decoded is owned by the struct and
 * given back by json_release with the same table. Structs start zeroed; null counts as absent.
 * Writing: json_encode is driven by the same table.
 *
 * Integers from 2^63 to 2^64-1 do not fit jansson's integer. Inside a json_t such a number is a
 * string of a NUL byte and its digits; no document string can be one, since NULs are refused. Code
 * that walks a json_t by hand asks json_is_big first (json_is_string is true of it, its C string
 * reads as empty); tables, json_to_u64 and json_text know.
 *
 * The macros check the member's C type at compile time: a wrong one does not compile.
 */
#ifndef ISLET_BASE_JSON_H
#define ISLET_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Optional scalars: `is_set` tells absent from zero. */
struct json_i64 {
    bool is_set;
    int64_t v;
};
struct json_u64 {
    bool is_set;
    uint64_t v;
};
struct json_bool {
    bool is_set;
    bool v;
};

/* string -> string, in document order */
struct json_pair {
    char *key;
    char *value;
};
struct json_map {
    struct json_pair *pairs;
    size_t n;
};

enum json_type {
    JSON_T_STR,    /* char *, NULL when absent */
    JSON_T_I64,    /* struct json_i64 */
    JSON_T_U64,    /* struct json_u64 */
    JSON_T_BOOL,   /* struct json_bool */
    JSON_T_OBJ,    /* a nested struct in place; presence in a bool member when given */
    JSON_T_ARR,    /* `type *` + size_t count: objects by sub-table; [] is not NULL, absent is */
    JSON_T_STRS,   /* char ** (NULL-terminated) + size_t count; [] is not NULL, absent is */
    JSON_T_U64S,   /* uint64_t * + size_t count; [] is not NULL, absent is */
    JSON_T_MAP,    /* struct json_map: string values only; null values are left out */
    JSON_T_ENUM,   /* int: a value of the names table; absent leaves 0 */
    JSON_T_RAW,    /* json_t *: a reference to the value as it is */
    JSON_T_SKIP,   /* known, deliberately not read; `reason` says why (empty, zero, false or absent
                       values pass; other values pass too: carried on as the spec demands) */
    JSON_T_REFUSE, /* known, not supported: any value other than empty, zero, false or null is an
                       ERR_UNSUPPORTED error that names the pointer and `reason` */
    JSON_T_END,
};

enum json_flag {
    JSON_REQUIRED = 1u << 0, /* absent is an error */
    JSON_NONEMPTY = 1u << 1, /* "" or [] is an error (strings, J_STRS, J_ARR) */
    JSON_ABSPATH = 1u << 2,  /* a string that must start with '/' */
};

struct json_enum {
    const char *name; /* NULL ends the table */
    int value;
};

/* A row. Where two rows of a table have one name, the first is used. */
struct json_field {
    const char *name;
    enum json_type type;
    unsigned flags; /* enum json_flag */
    size_t offset;
    size_t count_offset; /* arrays: size_t; objects: bool member that says "present" */
    bool has_presence;   /* objects: count_offset is meaningful */
    size_t elem_size;    /* arrays of objects */
    const struct json_field *sub;
    const struct json_enum *names;
    int64_t min;  /* I64, taken as it is: INT64_MIN for no lower bound */
    uint64_t max; /* I64, U64 and U64S; 0 = the type's own. U64 start at 0 */
    const char *reason;
};

/* 0 when member m of s has this type; else there is no association and the compiler stops. */
#define JSON_CHECK_(s, m, type) _Generic(&((s *)0)->m, type * : 0)
#define JSON_OFF_(s, m, type) (offsetof(s, m) + JSON_CHECK_(s, m, type))
#define JSON_AT_(s, m, type) .offset = JSON_OFF_(s, m, type)
#define JSON_CNT_(s, m, type) .count_offset = JSON_OFF_(s, m, type)
#define JSON_ROW_(nm, kind, ...)                                                                   \
    {                                                                                              \
        .name = (nm), .type = JSON_T_##kind, __VA_ARGS__                                           \
    }

/* s: the struct, m: its member, fl: enum json_flag, lo and hi: see min and max above. */
#define J_STR(nm, s, m, fl) JSON_ROW_(nm, STR, .flags = (fl), JSON_AT_(s, m, char *))
#define JSON_I64_(nm, s, m, lo, hi, fl)                                                            \
    JSON_ROW_(nm, I64, .flags = (fl), JSON_AT_(s, m, struct json_i64), .min = (lo), .max = (hi))
#define J_I64(nm, s, m, lo, hi) JSON_I64_(nm, s, m, lo, hi, 0)
#define J_I64_REQ(nm, s, m, lo, hi) JSON_I64_(nm, s, m, lo, hi, JSON_REQUIRED)
#define JSON_U64_(nm, s, m, hi, fl)                                                                \
    JSON_ROW_(nm, U64, .flags = (fl), JSON_AT_(s, m, struct json_u64), .max = (hi))
#define J_U64(nm, s, m, hi) JSON_U64_(nm, s, m, hi, 0)
#define J_U64_REQ(nm, s, m, hi) JSON_U64_(nm, s, m, hi, JSON_REQUIRED)
#define J_BOOL(nm, s, m) JSON_ROW_(nm, BOOL, JSON_AT_(s, m, struct json_bool))
#define JSON_OBJ_(nm, s, m, table, fl)                                                             \
    JSON_ROW_(nm, OBJ, .flags = (fl), .offset = offsetof(s, m), .sub = (table))
#define J_OBJ(nm, s, m, table) JSON_OBJ_(nm, s, m, table, 0)
#define J_OBJ_REQ(nm, s, m, table) JSON_OBJ_(nm, s, m, table, JSON_REQUIRED)
#define J_OBJ_HAS(nm, s, m, present, table)                                                        \
    JSON_ROW_(nm, OBJ, .offset = offsetof(s, m), .sub = (table), .has_presence = true,             \
            JSON_CNT_(s, present, bool))
#define J_ARR(nm, s, m, cnt, table, fl)                                                            \
    JSON_ROW_(nm, ARR, .flags = (fl), .offset = offsetof(s, m), JSON_CNT_(s, cnt, size_t),         \
            .elem_size = sizeof(*((s *)0)->m), .sub = (table))
#define J_STRS(nm, s, m, cnt, fl)                                                                  \
    JSON_ROW_(nm, STRS, .flags = (fl), JSON_AT_(s, m, char **), JSON_CNT_(s, cnt, size_t))
#define J_U64S(nm, s, m, cnt, hi)                                                                  \
    JSON_ROW_(nm, U64S, JSON_AT_(s, m, uint64_t *), JSON_CNT_(s, cnt, size_t), .max = (hi))
#define J_MAP(nm, s, m) JSON_ROW_(nm, MAP, JSON_AT_(s, m, struct json_map))
#define J_ENUM(nm, s, m, table, fl)                                                                \
    JSON_ROW_(nm, ENUM, .flags = (fl), JSON_AT_(s, m, int), .names = (table))
#define J_RAW(nm, s, m) JSON_ROW_(nm, RAW, JSON_AT_(s, m, json_t *))
#define J_SKIP(nm, why) JSON_ROW_(nm, SKIP, .reason = (why))
#define J_REFUSE(nm, why) JSON_ROW_(nm, REFUSE, .reason = (why))
#define J_END JSON_ROW_(NULL, END)

/* Called for each unknown key with its pointer; returning -1 (with e set) stops the decoding. */
typedef int json_unknown_fn(void *arg, const char *pointer, struct err *e);

/* How to treat keys that no table names. */
struct json_mode {
    bool is_strict;           /* unknown keys are errors */
    json_unknown_fn *unknown; /* else called for each, when not NULL */
    void *arg;
};

#define JSON_MAX_BYTES (4u << 20)
#define JSON_MAX_DEPTH 64

/* The caller owns *ret (json_decref). `what` names the source in errors, e.g. a path. Any value may
 * be at the top. Errors: `'<what>': line:column: reason`. */
int json_parse(const char *text, size_t len, const char *what, json_t **ret,
        struct err *e) must_check;

/* Reads at most JSON_MAX_BYTES from fd and parses. */
int json_load(int fd, const char *what, json_t **ret, struct err *e) must_check;

/* Fills `out` (zeroed by the caller); `path` is the pointer of `value` ("" at the top). On failure
 * everything that was decoded is given back. `mode` may be NULL: unknown keys are carried on. */
int json_decode(json_t *value, const struct json_field *table, void *out, const char *path,
        const struct json_mode *mode, struct err *e) must_check;

/* Gives back what json_decode made and zeroes the members that the table names. */
void json_release(const struct json_field *table, void *out);

/* A new object by the table. Left out: members not set, NULL, enums without a name, and objects
 * that would be {} (unless required or marked present). A required array is written even when NULL.
 * Bytes that are not UTF-8 become U+FFFD, since JSON cannot carry them. */
json_t *json_encode(const struct json_field *table, const void *in);

/* The text of a value, NUL-terminated, the caller's. is_pretty: indented, for people. */
char *json_text(const json_t *value, bool is_pretty);

/* Integers in hand-built documents; the pair that keeps 2^64-1 exact through json_text. */
json_t *json_from_u64(uint64_t v);
int json_to_u64(const json_t *value, uint64_t *ret, struct err *e) must_check;

/* An integer above INT64_MAX, see the head of this file. */
bool json_is_big(const json_t *value);

/* Seeds jansson's hashes, once, from what the kernel gave the process. json_parse and json_encode
 * do; without it the first json_object() opens /dev/urandom, which a confined role may not. */
void json_seed(void);

/* First value of a map key, or NULL. */
const char *json_map_get(const struct json_map *map, const char *key);

#endif
