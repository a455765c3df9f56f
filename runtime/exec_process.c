// SPDX-License-Identifier: Apache-2.0
/* See exec_process.h. */
#include "runtime/exec_process.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"

static int id_parse(const char *text, size_t len, struct json_u64 *ret)
{
    uint64_t n = 0;
    if (len == 0 || len > 10)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    if (n >= UINT32_MAX)
        return -1;
    *ret = (struct json_u64){true, n};
    return 0;
}

int exec_user_parse(const char *text, struct json_u64 *ret_uid, struct json_u64 *ret_gid,
        struct err *e)
{
    struct json_u64 uid, gid;
    const char *colon = strchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    if (id_parse(text, len, &uid) < 0 ||
            (colon && id_parse(colon + 1, strlen(colon + 1), &gid) < 0))
        return err_set(e, ERR_USAGE, "--user: '%.40s' is not UID or UID:GID in numbers", text);
    *ret_uid = uid;
    if (colon)
        *ret_gid = gid;
    return 0;
}

static void strs_set(char ***list, size_t *n, char *const *from)
{
    for (size_t i = 0; i < *n; i++)
        mem_free((*list)[i]);
    *n = 0;
    while (from[*n])
        (*n)++;
    *list = mem_grow(*list, *n + 1, sizeof(**list));
    for (size_t i = 0; i < *n; i++)
        (*list)[i] = str_dup(from[i]);
    (*list)[*n] = NULL;
}

static void strs_add(char ***list, size_t *n, const char *text)
{
    *list = mem_grow(*list, *n + 2, sizeof(**list));
    (*list)[(*n)++] = str_dup(text);
    (*list)[*n] = NULL;
}

/* A name stands once: the last word on it counts. */
static void env_put(struct spec_process *p, const char *entry)
{
    size_t name = strcspn(entry, "=") + 1;
    size_t kept = 0;
    bool is_put = false;
    for (size_t i = 0; i < p->n_env; i++) {
        char *old = p->env[i];
        if (strncmp(old, entry, name) != 0) {
            p->env[kept++] = old;
            continue;
        }
        mem_free(old);
        if (!is_put)
            p->env[kept++] = str_dup(entry);
        is_put = true;
    }
    p->n_env = kept;
    if (p->env)
        p->env[kept] = NULL;
    if (!is_put)
        strs_add(&p->env, &p->n_env, entry);
}

/* `--cap` adds to bounding, effective and permitted; never to inheritable or ambient
 * (CVE-2022-29162). */
static int add_caps(struct spec_process *p, const char *const *caps, struct err *e)
{
    for (size_t i = 0; caps && caps[i]; i++) {
        char *name = (char *)(uintptr_t)caps[i];
        const char *unknown = NULL;
        (void)spec_cap_mask(&name, 1, &unknown);
        if (unknown)
            return err_set(e, ERR_USAGE, "--cap: no such capability '%s'", unknown);
        p->has_caps = true;
        strs_add(&p->caps.bounding, &p->caps.n_bounding, name);
        strs_add(&p->caps.effective, &p->caps.n_effective, name);
        strs_add(&p->caps.permitted, &p->caps.n_permitted, name);
    }
    return 0;
}

static void str_set(char **to, const char *from)
{
    if (!from)
        return;
    mem_free(*to);
    *to = str_dup(from);
}

static int change(const struct rt_exec *r, struct spec_process *p, struct err *e)
{
    strs_set(&p->args, &p->n_args, r->argv);
    for (size_t i = 0; r->env && r->env[i]; i++)
        env_put(p, r->env[i]);
    str_set(&p->cwd, r->cwd);
    str_set(&p->apparmor_profile, r->apparmor);
    if (r->user && exec_user_parse(r->user, &p->user.uid, &p->user.gid, e) < 0)
        return -1;
    if (r->n_gids) {
        p->user.additional_gids = mem_grow(p->user.additional_gids, r->n_gids, sizeof(uint64_t));
        p->user.n_additional_gids = r->n_gids;
        for (size_t i = 0; i < r->n_gids; i++)
            p->user.additional_gids[i] = r->gids[i];
    }
    p->terminal = (struct json_bool){true, r->has_tty};
    if (r->no_new_privs)
        p->no_new_privileges = (struct json_bool){true, true};
    return add_caps(p, r->caps, e);
}

static int load_file(const char *path, struct spec_process *ret, struct err *e)
{
    autofree char *text = NULL;
    size_t len;
    json_t *doc;
    if (fd_read_file(AT_FDCWD, path, JSON_MAX_BYTES, &text, &len, e) < 0 ||
            json_parse(text, len, path, &doc, e) < 0)
        return -1;
    int rc = spec_process_load(doc, ret, e);
    json_decref(doc);
    if (rc < 0)
        return err_add(e, "'%s'", path);
    return 0;
}

/* What the document leaves out is as the container has it (runc does the same). */
static void take_over(struct spec_process *p, struct spec_process *from)
{
    if (!p->has_caps) {
        p->has_caps = from->has_caps;
        p->caps = from->caps;
        memset(&from->caps, 0, sizeof(from->caps));
    }
    if (!p->n_rlimits) {
        mem_free(p->rlimits);
        p->rlimits = steal_ptr(from->rlimits);
        p->n_rlimits = from->n_rlimits;
        from->n_rlimits = 0;
    }
    if (!p->apparmor_profile || !*p->apparmor_profile) {
        mem_free(p->apparmor_profile);
        p->apparmor_profile = steal_ptr(from->apparmor_profile);
    }
    if (!p->no_new_privileges.is_set)
        p->no_new_privileges = from->no_new_privileges;
}

int exec_process(const struct rt_exec *r, struct spec *container, struct spec_process *ret,
        bool *ret_own, struct err *e)
{
    if (r->process_file) {
        if (load_file(r->process_file, ret, e) < 0)
            return -1;
        *ret_own = true;
        take_over(ret, &container->process);
        if (r->has_tty)
            ret->terminal = (struct json_bool){true, true};
        return 0;
    }
    if (change(r, &container->process, e) < 0)
        return -1;
    *ret = container->process;
    *ret_own = false;
    return spec_process_check(ret, "/process", e);
}
