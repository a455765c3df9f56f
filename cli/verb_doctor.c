// SPDX-License-Identifier: Apache-2.0
/* doctor: what this machine can do for each wall, with remedies. */
#include <string.h>

#include "base/own.h"
#include "cli/doctor.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "hv/hv.h"

enum { FORM_TABLE, FORM_JSON };
static const struct opt_word form_words[] = {
        {"table", FORM_TABLE},
        {"json",  FORM_JSON },
        {NULL,    0         },
};
struct doctor_values {
    int form;
};
const struct opt cli_doctor_opts[] = {
        OPT_WORD("format", 'f', struct doctor_values, form, 0, form_words, "default table"),
        OPT_END,
};

/* What `hv` says of its engine. Without KVM a VM is emulated, which works and is no wall. */
static void doctor_vm(const char *kernel, struct doctor_list *ret)
{
    struct vm_check *all = NULL;
    size_t n = 0;
    struct err e = {0};
    if (vm_checks(kernel, &all, &n, &e) < 0) {
        struct doctor_check c = {.name = "probes",
                .is_needed = true,
                .state = DOCTOR_MISSING,
                .found = str_dup(e.text)};
        doctor_add(ret, &c);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_kvm = strcmp(all[i].name, "kvm") == 0;
        struct doctor_check c = {
                .name = all[i].name, /* a static string of hv's */
                .is_needed = !is_kvm,
                .state = all[i].is_ok ? DOCTOR_OK
                         : is_kvm     ? DOCTOR_DEGRADED
                                      : DOCTOR_MISSING,
                .found = all[i].found ? str_dup(all[i].found) : NULL,
                .remedy = all[i].remedy ? str_dup(all[i].remedy) : NULL,
        };
        doctor_add(ret, &c);
    }
    vm_checks_free(all, n);
}

static const char *verdict(const struct doctor_list *l)
{
    if (!doctor_works(l))
        return "does not work here";
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].state != DOCTOR_OK)
            return "works, not all of it";
    return "works";
}

static int print_table(const char *title, const struct doctor_list *l, struct err *e)
{
    static const char *const heads[] = {"CHECK", "STATE", "FOUND", "REMEDY"};
    autofree const char **cells = mem_new(l->n * ARRAY_LEN(heads), sizeof(*cells));
    for (size_t i = 0; i < l->n; i++) {
        const struct doctor_check *c = &l->items[i];
        const char *row[] = {c->name, doctor_state_name(c->state), c->found, c->remedy};
        memcpy(cells + i * ARRAY_LEN(heads), row, sizeof(row));
    }
    struct out_table t = {.heads = heads,
            .columns = ARRAY_LEN(heads),
            .cells = cells,
            .rows = l->n};
    autofree char *table = out_table_text(&t);
    autofree char *text = str_fmt("%s: %s\n%s", title, verdict(l), table);
    return out_text(text, e);
}

static json_t *wall_json(const struct doctor_list *l)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < l->n; i++) {
        const struct doctor_check *c = &l->items[i];
        json_t *o = json_pack("{s:s, s:s, s:b, s:s*, s:s*}", "check", c->name, "state",
                doctor_state_name(c->state), "needed", (int)c->is_needed, "found", c->found,
                "remedy", c->remedy);
        (void)json_array_append_new(checks, o); /* skips what is not UTF-8 */
    }
    return json_pack("{s:b, s:o}", "works", (int)doctor_works(l), "checks", checks);
}

static int print(int form, const struct doctor_list *container, const struct doctor_list *vm,
        struct err *e)
{
    if (form == FORM_JSON) {
        json_t *o = json_pack("{s:o, s:o}", "container", wall_json(container), "vm", wall_json(vm));
        int rc = out_json(o, OUT_JSON_PRETTY, e);
        json_decref(o);
        return rc;
    }
    if (print_table("container wall", container, e) < 0 || out_text("\n", e) < 0)
        return -1;
    return print_table("VM wall", vm, e);
}

int cli_doctor(const struct cli_call *call, struct err *e)
{
    const struct doctor_values *v = call->values;
    struct doctor_list container = {0};
    struct doctor_list vm = {0};
    doctor_container(&container);
    doctor_vm(call->context->vm_kernel, &vm);
    int rc = print(v->form, &container, &vm, e);
    if (rc == 0)
        rc = doctor_works(&container) ? 0 : 1;
    doctor_release(&container);
    doctor_release(&vm);
    return rc;
}
