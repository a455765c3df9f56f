// SPDX-License-Identifier: Apache-2.0
/* Two columns, aligned per block: what to write, and what it does. Hidden flags stay hidden. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "cli/global.h"
#include "cli/out.h"

static const char *const family_titles[CLI_FAMILIES] = {
        [CLI_LIFE] = "The life of a container",
        [CLI_LOOK] = "Looking",
        [CLI_BUNDLE] = "Bundles",
        [CLI_MOVE] = "Saving and moving",
        [CLI_SELF] = "islet itself",
};

/* The name of the value: "FILE", or the words, each value by its first name. */
static char *value_name(const struct opt *o)
{
    if (o->type != OPT_T_WORD)
        return str_dup(o->arg ? o->arg : "");
    char *all = str_dup("");
    for (const struct opt_word *w = o->words; w->name; w++) {
        if (opt_word_name(o->words, w->value) != w->name)
            continue;
        autofree char *old = all;
        all = str_fmt("%s%s%s", old, *old ? "|" : "", w->name);
    }
    return all;
}

/* "-f, --format table|json" */
static char *spelling(const struct opt *o)
{
    autofree char *value = value_name(o);
    char letter[] = "    ";
    if (o->letter)
        (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    return str_fmt("%s--%s%s%s", letter, o->name, *value ? " " : "", value);
}

static bool is_shown(const struct opt *o)
{
    return !(o->flags & (OPT_HIDDEN | OPT_REFUSED));
}

enum { WIDEST = 34 }; /* of the left column; longer spellings get a line of their own */

static void put_flag(FILE *f, const char *left, int wide, const char *right)
{
    if (strlen(left) > WIDEST) {
        (void)fprintf(f, "  %s\n", left);
        left = "";
    }
    (void)fprintf(f, "  %-*s  %s\n", wide, left, right);
}

static void put_flags(FILE *f, const struct opt *table)
{
    int wide = (int)strlen("-h, --help");
    for (const struct opt *o = table; o && o->type != OPT_T_END; o++) {
        autofree char *s = spelling(o);
        int len = (int)strlen(s);
        if (is_shown(o) && len > wide && len <= WIDEST)
            wide = len;
    }
    for (const struct opt *o = table; o && o->type != OPT_T_END; o++) {
        autofree char *s = spelling(o);
        if (is_shown(o))
            put_flag(f, s, wide, o->help);
    }
    put_flag(f, "-h, --help", wide, "print this");
}

static void put_all(FILE *f)
{
    (void)fputs("islet - every workload on its own island: OCI bundles as containers or in VMs\n\n"
                "usage: islet [FLAG...] VERB [FLAG...] [ARG...]\n",
            f);
    for (int family = 0; family < CLI_FAMILIES; family++) {
        (void)fprintf(f, "\n%s\n", family_titles[family]);
        for (const struct cli_verb *v = cli_verbs; v->name; v++)
            if ((int)v->family == family)
                (void)fprintf(f, "  %-10s  %s\n", v->name, v->help);
    }
    (void)fputs("\nFlags before the verb\n", f);
    put_flags(f, cli_global_opts);
    (void)fputs("\nislet VERB --help explains a verb.\n", f);
}

static void put_verb(FILE *f, const struct cli_verb *v)
{
    (void)fprintf(f, "islet %s - %s\n\nusage: islet [FLAG...] %s%s%s%s\n", v->name, v->help,
            v->name, v->opts ? " [FLAG...]" : "", *v->args ? " " : "", v->args);
    if (v->more)
        (void)fprintf(f, "\n%s", v->more);
    if (v->refusal) {
        (void)fprintf(f, "\nThis verb is %s.\n", v->refusal);
        return;
    }
    (void)fputs("\nFlags\n", f);
    put_flags(f, v->opts);
}

char *cli_help_all(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    ASSERT(f);
    put_all(f);
    ASSERT(fclose(f) == 0);
    return text;
}

char *cli_help_verb(const struct cli_verb *v)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    ASSERT(f);
    put_verb(f, v);
    ASSERT(fclose(f) == 0);
    return text;
}

int cli_help(const struct cli_call *call, struct err *e)
{
    const struct cli_verb *v = NULL;
    if (call->argc) {
        v = cli_verb_find(call->argv[0]);
        if (!v)
            return cli_verb_unknown(call->argv[0], e);
    }
    autofree char *text = v ? cli_help_verb(v) : cli_help_all();
    return out_text(text, e);
}
