// SPDX-License-Identifier: Apache-2.0
/* The list of checks. */
#include "cli/doctor.h"

#include "base/own.h"

void doctor_add(struct doctor_list *list, const struct doctor_check *c)
{
    list->items = mem_grow(list->items, list->n + 1, sizeof(*list->items));
    list->items[list->n++] = *c;
}

void doctor_release(struct doctor_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        mem_free(list->items[i].found);
        mem_free(list->items[i].remedy);
    }
    mem_free(list->items);
    *list = (struct doctor_list){0};
}

bool doctor_works(const struct doctor_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].is_needed && list->items[i].state == DOCTOR_MISSING)
            return false;
    return list->n > 0;
}

const char *doctor_state_name(enum doctor_state s)
{
    switch (s) {
    case DOCTOR_OK:
        return "ok";
    case DOCTOR_DEGRADED:
        return "degraded";
    case DOCTOR_MISSING:
        break;
    }
    return "missing";
}
