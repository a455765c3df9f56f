// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as the document of exec --process: spec_process_load, then the stage's plan block, whose
 * offsets must stay inside.
 */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/own.h"
#include "runtime/launch.h"

static const char *str(const char *block, size_t len, stage_off off)
{
    ASSERT(off >= sizeof(struct stage_plan) && off < len);
    ASSERT(memchr(block + off, 0, len - off));
    return block + off;
}

static void check_strs(const char *block, size_t len, stage_off off, char *const *list, size_t n)
{
    for (size_t i = 0; i <= n; i++) {
        stage_off one;
        ASSERT(off % 4 == 0 && off + (i + 1) * sizeof(one) <= len);
        memcpy(&one, block + off + i * sizeof(one), sizeof(one));
        if (i == n)
            ASSERT(one == 0);
        else
            ASSERT(strcmp(str(block, len, one), list[i]) == 0);
    }
}

static void check_plan(const struct spec_process *p)
{
    struct err e = {0};
    struct launch l = {.process = p};
    struct stage_plan plan;
    autofree char *block = NULL;
    size_t len;
    autoclose int fd = launch_plan_fd(&e);
    if (fd < 0) /* out of fds: not what is looked for */
        return;
    int rc = launch_plan_fill(fd, &l, &e);
    ASSERT(rc == 0 && lseek(fd, 0, SEEK_SET) == 0);
    rc = fd_read_all(fd, 64u << 20, &block, &len, &e);
    ASSERT(rc == 0 && len >= sizeof(plan));
    memcpy(&plan, block, sizeof(plan));
    ASSERT(plan.magic == STAGE_MAGIC && plan.size == len && block[len - 1] == '\0');
    ASSERT(plan.flags & STAGE_CAPS);
    ASSERT((plan.ambient & ~(plan.inheritable & plan.permitted)) == 0);
    check_strs(block, len, plan.argv, p->args, p->n_args);
    check_strs(block, len, plan.env, p->env, p->n_env);
    ASSERT(strcmp(str(block, len, plan.cwd), p->cwd) == 0);
    ASSERT(plan.n_groups == p->user.n_additional_gids);
    ASSERT(plan.groups + plan.n_groups * sizeof(uint32_t) <= len);
    ASSERT(plan.n_rlimits == p->n_rlimits);
    ASSERT(plan.rlimits + plan.n_rlimits * sizeof(struct stage_rlimit) <= len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e = {0};
    struct spec_process p = {0};
    json_auto_t *doc = NULL;
    if (json_parse((const char *)data, len, "fuzz", &doc, &e) < 0)
        return 0;
    if (spec_process_load(doc, &p, &e) < 0) {
        ASSERT(e.kind != ERR_NONE && e.text[0] && !p.args);
        return 0;
    }
    check_plan(&p);
    spec_process_release(&p);
    ASSERT(!p.args && !p.env && !p.cwd && !p.has_caps);
    return 0;
}
