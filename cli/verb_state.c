// SPDX-License-Identifier: Apache-2.0
/*
 * state, list: reports of containers. Keys and their order are runc's, since clients decode them
 * into their own structs; what only islet knows stands below "islet".
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cli/out.h"
#include "cli/verbs.h"

enum list_form { LIST_TABLE, LIST_JSON, LIST_WIDE };
static const struct opt_word form_words[] = {
        {"table", LIST_TABLE},
        {"json",  LIST_JSON },
        {"wide",  LIST_WIDE },
        {NULL,    0         },
};
struct list_values {
    int form;
    bool is_quiet;
};
const struct opt cli_list_opts[] = {
        OPT_WORD("format", 'f', struct list_values, form, 0, form_words,
                "wide adds the wall and what is missing (default table)"),
        OPT_BOOL("quiet", 'q', struct list_values, is_quiet, 0, "print ids only"),
        OPT_END,
};

static void put(json_t *to, const char *key, json_t *value)
{
    ASSERT(json_object_set_new(to, key, value) == 0);
}

/* Text that is not UTF-8 would be no JSON; it becomes "". */
static void put_text(json_t *to, const char *key, const char *text)
{
    json_t *v = json_string(text ? text : "");
    put(to, key, v ? v : json_string(""));
}

static json_t *own_part(const struct rt_report *r)
{
    json_t *own = json_object();
    put_text(own, "isolation", r->isolation);
    if (r->acceleration)
        put_text(own, "acceleration", r->acceleration);
    json_t *gaps = json_array();
    for (char **g = r->gaps; g && *g; g++)
        (void)json_array_append_new(gaps, json_string(*g)); /* skips what is not UTF-8 */
    put(own, "gaps", gaps);
    return own;
}

static json_t *report_json(const struct rt_report *r)
{
    json_t *o = json_object();
    put_text(o, "ociVersion", r->oci_version);
    put_text(o, "id", r->id);
    put(o, "pid", json_integer(r->pid));
    put_text(o, "status", rt_status_name(r->status));
    put_text(o, "bundle", r->bundle);
    put_text(o, "rootfs", r->rootfs);
    put_text(o, "created", r->created);
    json_t *notes = r->annotations.n ? json_object() : NULL;
    for (size_t i = 0; i < r->annotations.n; i++)
        (void)json_object_set_new(notes, r->annotations.pairs[i].key,
                json_string(r->annotations.pairs[i].value));
    if (notes) /* runc leaves out an empty map */
        put(o, "annotations", notes);
    put_text(o, "owner", r->owner);
    put(o, "islet", own_part(r));
    return o;
}

int cli_state(const struct cli_call *call, struct err *e)
{
    struct rt_report r = {0};
    if (rt_state(call->context, call->argv[0], &r, e) < 0)
        return -1;
    json_t *o = report_json(&r);
    int rc = out_json(o, OUT_JSON_PRETTY, e);
    json_decref(o);
    rt_report_release(&r);
    return rc;
}

static char *joined(char *const *items)
{
    char *all = str_dup("");
    for (; items && *items; items++) {
        autofree char *old = all;
        all = str_fmt("%s%s%s", old, *old ? "; " : "", *items);
    }
    return all;
}

static int list_table(const struct rt_report *r, size_t n, bool is_wide, struct err *e)
{
    static const char *const heads[] = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER",
            "ISOLATION", "ACCELERATION", "GAPS"};
    enum { NARROW = 6, WIDE = ARRAY_LEN(heads) };
    size_t columns = is_wide ? WIDE : NARROW;
    autofree const char **cells = mem_new(n * columns, sizeof(*cells));
    char **made = mem_new(n * 2, sizeof(*made));
    for (size_t i = 0; i < n; i++) {
        made[2 * i] = str_fmt("%d", (int)r[i].pid);
        made[2 * i + 1] = joined(r[i].gaps);
        const char *row[WIDE] = {r[i].id, made[2 * i], rt_status_name(r[i].status), r[i].bundle,
                r[i].created, r[i].owner, r[i].isolation, r[i].acceleration, made[2 * i + 1]};
        for (size_t c = 0; c < columns; c++)
            cells[i * columns + c] = row[c];
    }
    struct out_table t = {.heads = heads, .columns = columns, .cells = cells, .rows = n};
    int rc = out_table(&t, e);
    for (size_t i = 0; i < n * 2; i++)
        mem_free(made[i]);
    mem_free(made);
    return rc;
}

static int list_json(const struct rt_report *r, size_t n, struct err *e)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        ASSERT(json_array_append_new(all, report_json(&r[i])) == 0);
    int rc = out_json(all, OUT_JSON_LINE, e);
    json_decref(all);
    return rc;
}

static int list_ids(const struct rt_report *r, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        autofree char *line = str_fmt("%s\n", r[i].id);
        if (out_text(line, e) < 0)
            return -1;
    }
    return 0;
}

int cli_list(const struct cli_call *call, struct err *e)
{
    const struct list_values *v = call->values;
    struct rt_report *all = NULL;
    size_t n = 0;
    struct stat st;
    int rc;
    if (call->has_root && stat(call->context->root, &st) < 0)
        return err_sys(e, "open root '%s'", call->context->root);
    if (rt_list(call->context, &all, &n, e) < 0)
        return -1;
    if (v->is_quiet)
        rc = list_ids(all, n, e);
    else if (v->form == LIST_JSON)
        rc = list_json(all, n, e);
    else
        rc = list_table(all, n, v->form == LIST_WIDE, e);
    for (size_t i = 0; i < n; i++)
        rt_report_release(&all[i]);
    mem_free(all);
    return rc;
}
