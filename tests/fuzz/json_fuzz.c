// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes through json_parse, a table with every type, and back: what was accepted must survive
 * text and tables unchanged, what was refused must have a printable error of one line.
 */
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"

struct leaf {
    char *path;
    struct json_u64 n;
    json_t *raw;
    uint64_t *args;
    size_t n_args;
};

struct node {
    char *s;
    struct json_i64 i;
    struct json_u64 u;
    struct json_bool b;
    struct leaf o;
    bool has_p;
    struct leaf p;
    struct leaf *a;
    size_t n_a;
    struct node *children;
    size_t n_children;
    char **t;
    size_t n_t;
    struct json_map m;
    int e;
    json_t *r;
};

static const struct json_enum words[] = {
        {"one", 1},
        {"two", 2},
        {"",    3},
        {NULL,  0}
};

static const struct json_field leaf_fields[] = {
        J_STR("path", struct leaf, path, JSON_REQUIRED | JSON_ABSPATH),
        J_U64("n", struct leaf, n, 65535),
        J_RAW("raw", struct leaf, raw),
        J_U64S("args", struct leaf, args, n_args, 0),
        J_END,
};

static const struct json_field node_fields[] = {
        J_STR("s", struct node, s, JSON_NONEMPTY),
        J_I64("i", struct node, i, INT64_MIN, 0),
        J_U64("u", struct node, u, 0),
        J_BOOL("b", struct node, b),
        J_OBJ("o", struct node, o, leaf_fields),
        J_OBJ_HAS("p", struct node, p, has_p, leaf_fields),
        J_ARR("a", struct node, a, n_a, leaf_fields, JSON_NONEMPTY),
        J_ARR("children", struct node, children, n_children, node_fields, 0),
        J_STRS("t", struct node, t, n_t, 0),
        J_MAP("m", struct node, m),
        J_ENUM("e", struct node, e, words, 0),
        J_RAW("r", struct node, r),
        J_SKIP("skip", "not needed"),
        J_REFUSE("refuse", "not here"),
        J_END,
};

/* A real config's outline, so that a corpus of those goes deep. */
struct process {
    char **args;
    size_t n_args;
    char *cwd;
};
struct config {
    char *version;
    struct process process;
    struct json_map annotations;
    json_t *linux_part;
};

static const struct json_field process_fields[] = {
        J_STRS("args", struct process, args, n_args, JSON_REQUIRED | JSON_NONEMPTY),
        J_STR("cwd", struct process, cwd, JSON_REQUIRED | JSON_ABSPATH),
        J_END,
};

static const struct json_field config_fields[] = {
        J_STR("ociVersion", struct config, version, JSON_REQUIRED),
        J_OBJ_REQ("process", struct config, process, process_fields),
        J_MAP("annotations", struct config, annotations),
        J_RAW("linux", struct config, linux_part),
        J_END,
};

static void check_error(const struct err *e)
{
    ASSERT(e->kind != ERR_NONE && e->text[0]);
    for (const char *c = e->text; *c; c++)
        ASSERT((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static int see_unknown(void *arg, const char *pointer, struct err *e)
{
    (void)e;
    *(size_t *)arg += 1;
    ASSERT(pointer[0] == '/');
    for (const char *c = strchr(pointer, '~'); c; c = strchr(c + 1, '~'))
        ASSERT(c[1] == '0' || c[1] == '1');
    return 0;
}

static json_t *reparse(const json_t *doc, bool is_pretty)
{
    struct err e = {0};
    json_t *again;
    autofree char *text = json_text(doc, is_pretty);
    int rc = json_parse(text, strlen(text), "our own text", &again, &e);
    ASSERT(rc == 0);
    return again;
}

static void check_text(json_t *doc, bool is_pretty)
{
    json_auto_t *again = reparse(doc, is_pretty);
    ASSERT(json_equal(doc, again));
}

static void check_table(json_t *doc, const struct json_field *table, void *first, void *second)
{
    struct err e = {0};
    size_t unknown = 0;
    struct json_mode mode = {.unknown = see_unknown, .arg = &unknown};
    struct json_mode strict = {.is_strict = true};
    if (json_decode(doc, table, first, "", &mode, &e) < 0) {
        check_error(&e);
        return;
    }
    json_auto_t *encoded = json_encode(table, first);
    json_release(table, first);
    json_auto_t *again = reparse(encoded, false);
    int rc = json_decode(again, table, second, "", &strict, &e); /* only what the table names */
    ASSERT(rc == 0);
    json_auto_t *twice = json_encode(table, second);
    json_release(table, second);
    ASSERT(json_equal(encoded, twice));
}

/* jansson alone, all numbers as reals, says which texts are JSON; ours may only be stricter in the
 * ways it names. */
static void check_verdict(const char *text, size_t len, bool is_accepted, const struct err *e)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL;
    json_auto_t *plain = json_loadb(text, len, flags, NULL);
    if (is_accepted)
        ASSERT(plain);
    else if (plain)
        ASSERT(strstr(e->text, "does not fit in 64 bits") || strstr(e->text, "NUL byte") ||
                strstr(e->text, "nested deeper than 64 levels"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e = {0};
    json_auto_t *doc = NULL;
    int rc = json_parse((const char *)data, len, "fuzz", &doc, &e);
    check_verdict((const char *)data, len, rc == 0, &e);
    if (rc < 0) {
        check_error(&e);
        return 0;
    }
    check_text(doc, false);
    check_text(doc, true);
    struct node nodes[2] = {0};
    struct config configs[2] = {0};
    check_table(doc, node_fields, &nodes[0], &nodes[1]);
    check_table(doc, config_fields, &configs[0], &configs[1]);
    for (size_t i = 0; i < 2; i++) { /* released structs are as new */
        ASSERT(!nodes[i].s && !nodes[i].r && !nodes[i].n_a && !nodes[i].has_p);
        ASSERT(!configs[i].version && !configs[i].annotations.pairs);
    }
    return 0;
}
