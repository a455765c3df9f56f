// SPDX-License-Identifier: Apache-2.0
/* What doctor finds: a list of checks, each with its state, what was found and what would help. */
#ifndef ISLET_CLI_DOCTOR_H
#define ISLET_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

enum doctor_state {
    DOCTOR_OK,
    DOCTOR_DEGRADED, /* there, but not all of it; islet works around it or refuses that part */
    DOCTOR_MISSING,
};

struct doctor_check {
    const char *name;
    bool is_needed; /* the wall does not work without it */
    enum doctor_state state;
    char *found;
    char *remedy; /* NULL when ok */
};

struct doctor_list {
    struct doctor_check *items;
    size_t n;
};

/* The container wall: probes that leave nothing behind and need no files of ours. */
void doctor_container(struct doctor_list *ret);

/* Takes over the texts. */
void doctor_add(struct doctor_list *list, const struct doctor_check *c);
void doctor_release(struct doctor_list *list);

/* Nothing that is needed is missing. */
bool doctor_works(const struct doctor_list *list);

const char *doctor_state_name(enum doctor_state s);

#endif
