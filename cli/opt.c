// SPDX-License-Identifier: Apache-2.0
/*
 * The parser of opt.h: one pass over the words. A word is split into dashes, name and value; the
 * name is looked up as a long name, as a letter, and last as letters joined together, so that a
 * long name with one dash always wins over a bundle of letters.
 */
#include "cli/opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cli/nearest.h"

/* One flag as written: `text` is the whole word, `value` what stood behind '=' or NULL. */
struct spelled {
    const char *text;
    const char *name;
    size_t len;
    char *value;
};

static void *member(void *out, const struct opt *o)
{
    return (char *)out + o->offset;
}

static const struct opt *find_long(const struct opt *table, const char *name, size_t len)
{
    for (const struct opt *o = table; o && o->type != OPT_T_END; o++)
        if (o->name && strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct opt *find_letter(const struct opt *table, char c)
{
    for (const struct opt *o = table; o && o->type != OPT_T_END; o++)
        if (o->letter && o->letter == c)
            return o;
    return NULL;
}

static int parse_bool(const char *text, bool *ret)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *ret = strcmp(text, yes[i]) == 0;
            return 0;
        }
    }
    return -1;
}

/* Decimal digits only: no sign, no blanks, no 0x. */
static int parse_u32(const char *text, uint32_t *ret)
{
    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
        return -1;
    unsigned long long v = strtoull(text, NULL, 10);
    if (v > UINT32_MAX)
        return -1;
    *ret = (uint32_t)v;
    return 0;
}

static int set_word(const struct opt *o, int *out, const char *value, struct err *e)
{
    char all[200] = "";
    size_t n = 0;
    for (const struct opt_word *w = o->words; w->name; w++) {
        if (strcmp(w->name, value) == 0) {
            *out = w->value;
            return 0;
        }
        int k = snprintf(all + n, sizeof(all) - n, "%s'%s'", n ? ", " : "", w->name);
        if (k > 0 && (size_t)k < sizeof(all) - n)
            n += (size_t)k;
    }
    return err_set(e, ERR_USAGE, "flag '--%s': '%s' is none of %s", o->name, value, all);
}

static void append_str(struct opt_strs *list, char *value)
{
    list->items = mem_grow(list->items, list->n + 2, sizeof(*list->items));
    list->items[list->n++] = value;
    list->items[list->n] = NULL;
}

static int append_u32(const struct opt *o, struct opt_u32s *list, const char *value, struct err *e)
{
    uint32_t v;
    if (parse_u32(value, &v) < 0)
        return err_set(e, ERR_USAGE, "flag '--%s': '%s' is not a number", o->name, value);
    list->items = mem_grow(list->items, list->n + 1, sizeof(*list->items));
    list->items[list->n++] = v;
    return 0;
}

static int refuse(const struct opt *o, const char *value, struct err *e)
{
    bool is_on = true;
    if (o->type == OPT_T_BOOL && value && parse_bool(value, &is_on) < 0)
        return err_set(e, ERR_USAGE, "flag '--%s': '%s' is not true or false", o->name, value);
    if (!is_on || (value && !*value))
        return 0;
    return err_set(e, ERR_UNSUPPORTED, "flag '--%s' is not supported: %s", o->name, o->help);
}

_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "parse_u32 fills an unsigned");

static int set_bool(const struct opt *o, bool *out, const char *value, struct err *e)
{
    if (!value)
        *out = true;
    else if (parse_bool(value, out) < 0)
        return err_set(e, ERR_USAGE, "flag '--%s': '%s' is not true or false", o->name, value);
    return 0;
}

/* `value` is NULL only for switches. */
static int set_value(const struct opt *o, void *out, char *value, struct err *e)
{
    void *m = member(out, o);
    if (o->flags & OPT_REFUSED)
        return refuse(o, value, e);
    if (o->type == OPT_T_BOOL)
        return set_bool(o, m, value, e);
    ASSERT(value);
    switch (o->type) {
    case OPT_T_STR:
        *(const char **)m = value;
        return 0;
    case OPT_T_UINT:
        if (parse_u32(value, m) < 0)
            return err_set(e, ERR_USAGE, "flag '--%s': '%s' is not a number", o->name, value);
        return 0;
    case OPT_T_WORD:
        return set_word(o, m, value, e);
    case OPT_T_STRS:
        append_str(m, value);
        return 0;
    case OPT_T_U32S:
        return append_u32(o, m, value, e);
    case OPT_T_BOOL:
    case OPT_T_END:
        break;
    }
    return err_set(e, ERR_INTERNAL, "flag '--%s' has no type", o->name);
}

static int unknown(const struct opt *table, const struct spelled *s, struct err *e)
{
    autofree char *name = str_ndup(s->name, s->len);
    struct cli_nearest near = cli_nearest_to(name);
    for (const struct opt *o = table; o && o->type != OPT_T_END; o++)
        if (!(o->flags & (OPT_HIDDEN | OPT_REFUSED)))
            cli_nearest_offer(&near, o->name);
    cli_nearest_offer(&near, "help");
    int dashes = (int)(s->name - s->text);
    if (near.best)
        return err_set(e, ERR_USAGE, "unknown flag '%.*s%s', did you mean '--%s'?", dashes, s->text,
                name, near.best);
    return err_set(e, ERR_USAGE, "unknown flag '%.*s%s'", dashes, s->text, name);
}

/* Takes the value of `o` from behind '=' or from the next word. */
static int take(const struct opt *o, const struct spelled *s, char ***next, void *out,
        struct err *e)
{
    char *value = s->value;
    if (!value && o->type != OPT_T_BOOL) {
        value = **next;
        if (!value)
            return err_set(e, ERR_USAGE, "flag '%s' needs a value", s->text);
        (*next)++;
    }
    return set_value(o, out, value, e);
}

/* `-dt`: every letter but the last must be a switch. */
static bool is_joined(const struct opt *table, const struct spelled *s)
{
    if (s->name - s->text != 1 || s->len < 2)
        return false;
    for (size_t i = 0; i < s->len; i++) {
        const struct opt *o = find_letter(table, s->name[i]);
        if (!o || (i + 1 < s->len && o->type != OPT_T_BOOL))
            return false;
    }
    return true;
}

static int take_joined(const struct opt *table, const struct spelled *s, char ***next, void *out,
        struct err *e)
{
    const struct opt *o = NULL;
    for (size_t i = 0; i < s->len; i++) {
        o = find_letter(table, s->name[i]);
        ASSERT(o); /* is_joined looked */
        if (i + 1 < s->len && set_value(o, out, NULL, e) < 0)
            return -1;
    }
    ASSERT(o);
    return take(o, s, next, out, e);
}

static struct spelled split(char *word)
{
    size_t dashes = word[1] == '-' ? 2 : 1;
    struct spelled s = {.text = word, .name = word + dashes};
    s.len = strcspn(s.name, "=");
    if (s.name[s.len] == '=')
        s.value = word + dashes + s.len + 1;
    return s;
}

static bool is_help(const struct spelled *s)
{
    return (s->len == 4 && memcmp(s->name, "help", 4) == 0) || (s->len == 1 && *s->name == 'h');
}

static int take_flag(const struct opt *table, const struct spelled *s, char ***next, void *out,
        bool *ret_help, struct err *e)
{
    const struct opt *o = find_long(table, s->name, s->len);
    if (!o && s->len == 1)
        o = find_letter(table, *s->name);
    if (o)
        return take(o, s, next, out, e);
    if (is_help(s)) {
        *ret_help = true;
        return 0;
    }
    if (is_joined(table, s))
        return take_joined(table, s, next, out, e);
    return unknown(table, s, e);
}

static int keep_rest(char **argv, int n, char **next, struct opt_rest *ret)
{
    while (*next)
        argv[n++] = *next++;
    argv[n] = NULL;
    ret->argv = argv;
    ret->argc = n;
    return 0;
}

int opt_parse(const struct opt *table, enum opt_order order, char **argv, void *out,
        struct opt_rest *ret, struct err *e)
{
    struct opt_rest rest = {.argv = argv};
    char **next = argv;
    while (*next) {
        char *word = *next;
        if (word[0] != '-' || word[1] == '\0') {
            if (order == OPT_FLAGS_FIRST)
                break;
            argv[rest.argc++] = word;
            next++;
            continue;
        }
        next++;
        if (strcmp(word, "--") == 0)
            break;
        struct spelled s = split(word);
        if (take_flag(table, &s, &next, out, &rest.want_help, e) < 0)
            return -1;
        if (rest.want_help)
            break;
    }
    *ret = rest;
    return keep_rest(argv, rest.argc, next, ret);
}

void opt_release(const struct opt *table, void *out)
{
    for (const struct opt *o = table; o && o->type != OPT_T_END; o++) {
        if (o->type == OPT_T_STRS) {
            struct opt_strs *list = member(out, o);
            mem_free(list->items);
            *list = (struct opt_strs){0};
        } else if (o->type == OPT_T_U32S) {
            struct opt_u32s *list = member(out, o);
            mem_free(list->items);
            *list = (struct opt_u32s){0};
        }
    }
}

const char *opt_word_name(const struct opt_word *words, int value)
{
    for (; words->name; words++)
        if (words->value == value)
            return words->name;
    return NULL;
}
