// SPDX-License-Identifier: Apache-2.0
/*
 * Command lines by tables: a verb has a struct of values and a table of its flags; the table is
 * also what help (and later the man page and shell completion) is made from.
 *
 * The grammar is that of Go's flag package, since every caller of an OCI runtime was written
 * against runc: `--flag value`, `--flag=value`, one or two dashes for long names (`-no-subreaper`),
 * `-f json`, `-f=json`, switches as `--flag` or `--flag=true|false`. The value of a flag is the
 * next word, whatever it looks like (`--resources - ID`). `--` ends the flags. A repeated flag
 * wins, or appends when it is a list. Beyond runc, single letters may be joined (`-dt`).
 *
 * The macros check the member's C type at compile time.
 */
#ifndef ISLET_CLI_OPT_H
#define ISLET_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum opt_type {
    OPT_T_END,
    OPT_T_BOOL, /* bool */
    OPT_T_STR,  /* const char *: points into argv */
    OPT_T_UINT, /* unsigned */
    OPT_T_WORD, /* int: a value of the words table */
    OPT_T_STRS, /* struct opt_strs */
    OPT_T_U32S, /* struct opt_u32s */
};

enum opt_flag {
    OPT_HIDDEN = 1u << 0, /* taken for the sake of callers, not printed in help */
    /* Known, and not to be had: a value other than "" or false is an ERR_UNSUPPORTED error that
     * names the flag and gives `help` as the reason. Not printed in help. */
    OPT_REFUSED = 1u << 1,
};

/* Lists; items point into argv and end with NULL. Given back by opt_release. */
struct opt_strs {
    char **items;
    size_t n;
};
struct opt_u32s {
    uint32_t *items;
    size_t n;
};

struct opt_word {
    const char *name; /* NULL ends the table */
    int value;
};

struct opt {
    const char *name; /* without dashes */
    char letter;      /* or 0 */
    enum opt_type type;
    unsigned flags;  /* enum opt_flag */
    const char *arg; /* what the value is called in help; NULL for words and switches */
    const char *help;
    size_t offset;
    const struct opt_word *words;
};

#define OPT_CHECK_(s, m, type) (0 * sizeof(&((s *)0)->m == (type *)0))
#define OPT_ROW_(nm, c, ty, ctype, s, m, fl, ar, he, wo)                                           \
    {                                                                                              \
        .name = (nm), .letter = (c), .type = (ty), .flags = (fl), .arg = (ar), .help = (he),       \
        .offset = offsetof(s, m) + OPT_CHECK_(s, m, ctype), .words = (wo)                          \
    }
#define OPT_BOOL(nm, c, s, m, fl, he) OPT_ROW_(nm, c, OPT_T_BOOL, bool, s, m, fl, NULL, he, NULL)
#define OPT_STR(nm, c, s, m, fl, ar, he)                                                           \
    OPT_ROW_(nm, c, OPT_T_STR, const char *, s, m, fl, ar, he, NULL)
#define OPT_UINT(nm, c, s, m, fl, ar, he)                                                          \
    OPT_ROW_(nm, c, OPT_T_UINT, unsigned, s, m, fl, ar, he, NULL)
#define OPT_WORD(nm, c, s, m, fl, wo, he) OPT_ROW_(nm, c, OPT_T_WORD, int, s, m, fl, NULL, he, wo)
#define OPT_STRS(nm, c, s, m, fl, ar, he)                                                          \
    OPT_ROW_(nm, c, OPT_T_STRS, struct opt_strs, s, m, fl, ar, he, NULL)
#define OPT_U32S(nm, c, s, m, fl, ar, he)                                                          \
    OPT_ROW_(nm, c, OPT_T_U32S, struct opt_u32s, s, m, fl, ar, he, NULL)
#define OPT_END                                                                                    \
    {                                                                                              \
        .type = OPT_T_END                                                                          \
    }

enum opt_order {
    OPT_ANY_ORDER,   /* flags before, between and after the other words */
    OPT_FLAGS_FIRST, /* the first other word ends the flags: the rest is another program's */
};

struct opt_rest {
    char **argv;    /* the words that are not flags, NULL at the end */
    int argc;       /* their number */
    bool want_help; /* --help or -h was there; nothing behind it was looked at */
};

/*
 * Parses `argv` (NULL-terminated, the program's and verb's names already taken off) into `out`.
 * The words that remain are moved to the front of argv. `table` may be NULL: no flags but --help.
 * On failure lists made so far stay for opt_release.
 */
int opt_parse(const struct opt *table, enum opt_order order, char **argv, void *out,
        struct opt_rest *ret, struct err *e) must_check;

/* Gives back the lists. */
void opt_release(const struct opt *table, void *out);

/* The word of a value, or NULL. */
const char *opt_word_name(const struct opt_word *words, int value);

#endif
