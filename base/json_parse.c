// SPDX-License-Identifier: Apache-2.0
/*
 * Text to document. One pass over the bytes comes before jansson's: it bounds the nesting (jansson
 * itself would go 2048 levels down), refuses NULs, and looks at integers of 19 digits or more,
 * which jansson refuses from 2^63 on. Those up to 2^64-1 are handed to jansson as a string that
 * starts with a NUL (json.h); such texts are copied, all others are parsed where they are.
 *
 * The pass need not understand broken texts: jansson sees every byte after it, and a string put in
 * a number's place is valid JSON exactly where the number was (except as a key, which jansson
 * refuses because of the NUL).
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/own.h"

/* What stands around the digits of a big integer, see json.h. */
#define BIG_HEAD "\"\\u0000"
#define BIG_TAIL "\""
#define BIG_EXTRA (sizeof(BIG_HEAD BIG_TAIL) - 1)
#define U64_DIGITS 20

struct text {
    const char *at;
    size_t len;
    const char *what;
    size_t *bigs; /* where integers above INT64_MAX start */
    size_t n_bigs;
};

static void printable(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

/* The end of a long name says more than its start. */
static const char *tail_of(const char *what, size_t max)
{
    size_t len = strlen(what);
    const char *p = len > max ? what + len - max : what;
    while (((unsigned char)*p & 0xc0) == 0x80)
        p++;
    return p;
}

static int fail_at(const char *what, int line, int column, const char *reason, struct err *e)
{
    const char *tail = tail_of(what, 250);
    (void)err_set(e, ERR_CONFIG, "'%s%s': %d:%d: %s", tail == what ? "" : "…", tail, line, column,
            reason);
    printable(e->text);
    return -1;
}

/* As jansson counts: lines from 1, columns in characters. */
static int fail_here(const struct text *t, size_t pos, const char *reason, struct err *e)
{
    int line = 1;
    int column = 1;
    for (size_t i = 0; i < pos; i++) {
        if (t->at[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)t->at[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    return fail_at(t->what, line, column, reason, e);
}

/* Returns the position after the string that starts at pos, or `len` when it has no end. */
static int string_skip(const struct text *t, size_t *pos, struct err *e)
{
    size_t i = *pos + 1;
    while (i < t->len && t->at[i] != '"') {
        if (t->at[i] != '\\') {
            i++;
            continue;
        }
        if (t->len - i >= 6 && memcmp(t->at + i, "\\u0000", 6) == 0)
            return fail_here(t, i, "NUL in a string", e);
        i += 2;
    }
    *pos = i < t->len ? i + 1 : t->len;
    return 0;
}

struct number {
    size_t end;    /* after the token */
    size_t digits; /* of the integer part */
    bool is_negative;
    bool is_integer;
};

/* A token of number characters; broken ones are left to jansson. */
static struct number number_read(const struct text *t, size_t pos)
{
    struct number n = {.is_negative = t->at[pos] == '-', .is_integer = true};
    size_t i = pos + (n.is_negative ? 1 : 0);
    for (; i < t->len && isdigit((unsigned char)t->at[i]); i++)
        n.digits++;
    for (; i < t->len && t->at[i] && strchr("0123456789+-.eE", t->at[i]); i++)
        n.is_integer = false;
    n.end = i;
    return n;
}

static bool is_key(const struct text *t, size_t pos)
{
    while (pos < t->len && t->at[pos] && strchr(" \t\r\n", t->at[pos]))
        pos++;
    return pos < t->len && t->at[pos] == ':';
}

/* Whether the number at pos needs to be carried as a big one; an error when no type can hold it. */
static int number_judge(const struct text *t, size_t pos, const struct number *n, bool *ret_is_big,
        struct err *e)
{
    char digits[U64_DIGITS + 1] = "";
    const char *first = t->at + pos + (n->is_negative ? 1 : 0);
    *ret_is_big = false;
    if (n->digits < U64_DIGITS - 1 || !n->is_integer || *first == '0' || is_key(t, n->end))
        return 0;
    uint64_t v = 0;
    int range = ERANGE;
    if (n->digits <= U64_DIGITS) {
        memcpy(digits, first, n->digits);
        errno = 0;
        v = strtoull(digits, NULL, 10);
        range = errno;
    }
    if (range || (n->is_negative && v > (uint64_t)INT64_MAX + 1)) {
        char reason[80];
        size_t len = n->end - pos;
        (void)snprintf(reason, sizeof(reason), "%.*s%s does not fit in 64 bits",
                len > 24 ? 24 : (int)len, t->at + pos, len > 24 ? "…" : "");
        return fail_here(t, pos, reason, e);
    }
    *ret_is_big = !n->is_negative && v > INT64_MAX;
    return 0;
}

static int number_scan(struct text *t, size_t *pos, struct err *e)
{
    bool is_big;
    size_t start = *pos;
    struct number n = number_read(t, start);
    if (number_judge(t, start, &n, &is_big, e) < 0)
        return -1;
    if (is_big) {
        if ((t->n_bigs & (t->n_bigs - 1)) == 0) /* room for a power of two */
            t->bigs = mem_grow(t->bigs, t->n_bigs ? t->n_bigs * 2 : 1, sizeof(*t->bigs));
        t->bigs[t->n_bigs++] = start;
    }
    *pos = n.end;
    return 0;
}

static int scan(struct text *t, struct err *e)
{
    unsigned depth = 0;
    size_t i = 0;
    while (i < t->len) {
        switch (t->at[i]) {
        case '"':
            if (string_skip(t, &i, e) < 0)
                return -1;
            continue;
        case '-':
        case '0' ... '9':
            if (number_scan(t, &i, e) < 0)
                return -1;
            continue;
        case '[':
        case '{':
            if (++depth > JSON_MAX_DEPTH)
                return fail_here(t, i, "nested deeper than 64 levels", e);
            break;
        case ']':
        case '}':
            depth -= depth ? 1 : 0;
            break;
        default:
            break;
        }
        i++;
    }
    return 0;
}

/* A copy with the big integers as strings. */
static char *rewrite(const struct text *t, size_t *ret_len)
{
    char *out = mem_new(t->len + t->n_bigs * BIG_EXTRA, 1);
    size_t from = 0;
    size_t n = 0;
    for (size_t i = 0; i < t->n_bigs; i++) {
        size_t head = t->bigs[i] - from;
        memcpy(out + n, t->at + from, head);
        n += head;
        memcpy(out + n, BIG_HEAD, strlen(BIG_HEAD));
        n += strlen(BIG_HEAD);
        from = t->bigs[i];
        while (from < t->len && isdigit((unsigned char)t->at[from]))
            out[n++] = t->at[from++];
        memcpy(out + n, BIG_TAIL, strlen(BIG_TAIL));
        n += strlen(BIG_TAIL);
    }
    memcpy(out + n, t->at + from, t->len - from);
    *ret_len = n + t->len - from;
    return out;
}

/* How far a column is off because of the strings that rewrite put before it on its line. */
static int column_excess(const char *text, size_t pos)
{
    int n = 0;
    for (size_t i = pos; i > 0 && text[i - 1] != '\n'; i--)
        if (pos - i >= strlen(BIG_HEAD) && memcmp(text + i, BIG_HEAD, strlen(BIG_HEAD)) == 0)
            n++;
    return n * (int)BIG_EXTRA;
}

static int parse_as_is(const struct text *t, const char *text, size_t len, json_t **ret,
        struct err *e)
{
    json_error_t trouble;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_seed();
    json_t *doc = json_loadb(text, len, flags | (t->n_bigs ? JSON_ALLOW_NUL : 0), &trouble);
    if (!doc) {
        size_t pos = trouble.position < 0 ? 0 : (size_t)trouble.position;
        int excess = t->n_bigs ? column_excess(text, pos < len ? pos : len) : 0;
        return fail_at(t->what, trouble.line, trouble.column - excess, trouble.text, e);
    }
    *ret = doc;
    return 0;
}

static int parse_scanned(const struct text *t, json_t **ret, struct err *e)
{
    if (t->n_bigs == 0)
        return parse_as_is(t, t->at, t->len, ret, e);
    size_t len;
    autofree char *copy = rewrite(t, &len);
    return parse_as_is(t, copy, len, ret, e);
}

int json_parse(const char *text, size_t len, const char *what, json_t **ret, struct err *e)
{
    struct text t = {.at = text, .len = len, .what = what};
    if (len > JSON_MAX_BYTES)
        return err_set(e, ERR_CONFIG, "'%s': larger than %u bytes", tail_of(what, 250),
                JSON_MAX_BYTES);
    const char *nul = len ? memchr(text, '\0', len) : NULL; /* jansson steps over them */
    if (nul)
        return fail_here(&t, (size_t)(nul - text), "NUL byte", e);
    int rc = scan(&t, e);
    if (rc == 0)
        rc = parse_scanned(&t, ret, e);
    mem_free(t.bigs);
    return rc;
}

int json_load(int fd, const char *what, json_t **ret, struct err *e)
{
    autofree char *text = NULL;
    size_t len;
    if (fd_read_all(fd, JSON_MAX_BYTES, &text, &len, e) < 0)
        return err_add(e, "'%s'", what);
    return json_parse(text, len, what, ret, e);
}
