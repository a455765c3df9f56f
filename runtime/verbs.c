// SPDX-License-Identifier: Apache-2.0
/* The verbs of runtime.h: find the container, then the engine does it. */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "runtime/birth.h"
#include "runtime/engine.h"
#include "runtime/runtime.h"

int rt_create(const struct rt_context *c, const struct rt_create *r, struct err *e)
{
    const struct engine_ops *engine;
    struct birth b;
    if (rt_id_check(r->id, e) < 0)
        return -1;
    birth_init(&b, c, r);
    int rc = birth_read(&b, e);
    if (rc == 0)
        rc = engine_choose(&b, &engine, e);
    if (rc == 0)
        rc = engine->create(&b, e);
    birth_release(&b);
    return rc;
}

int rt_run(const struct rt_context *c, const struct rt_create *r, int *ret_status, struct err *e)
{
    const struct engine_ops *engine;
    struct birth b;
    if (rt_id_check(r->id, e) < 0)
        return -1;
    birth_init(&b, c, r);
    b.is_run = true;
    int rc = birth_read(&b, e);
    if (rc == 0)
        rc = engine_choose(&b, &engine, e);
    if (rc == 0)
        rc = engine->run(&b, ret_status, e);
    birth_release(&b);
    return rc;
}

int rt_start(const struct rt_context *c, const char *id, struct err *e)
{
    struct engine_place p;
    if (engine_open(c, id, &p, e) < 0)
        return -1;
    int rc = engine_of(&p)->start(&p, e);
    engine_close(&p);
    return rc;
}

int rt_exec(const struct rt_context *c, const struct rt_exec *r, int *ret_status, struct err *e)
{
    struct engine_place p;
    if (engine_open(c, r->id, &p, e) < 0)
        return -1;
    int rc = engine_of(&p)->exec(&p, r, ret_status, e);
    engine_close(&p);
    return rc;
}

int rt_kill(const struct rt_context *c, const char *id, int sig, bool is_all, struct err *e)
{
    struct engine_place p;
    if (engine_open(c, id, &p, e) < 0)
        return -1;
    int rc = engine_of(&p)->kill(&p, sig, is_all, e);
    engine_close(&p);
    return rc;
}

int rt_pause(const struct rt_context *c, const char *id, bool is_paused, struct err *e)
{
    struct engine_place p;
    if (engine_open(c, id, &p, e) < 0)
        return -1;
    int rc = engine_of(&p)->pause(&p, is_paused, e);
    engine_close(&p);
    return rc;
}

int rt_ps(const struct rt_context *c, const char *id, pid_t **ret, size_t *ret_n, struct err *e)
{
    struct engine_place p;
    if (engine_open(c, id, &p, e) < 0)
        return -1;
    int rc = engine_of(&p)->ps(&p, ret, ret_n, e);
    engine_close(&p);
    return rc;
}

/* Directly from the file: the C library's look-up would load name services. */
static char *owner_name(uint64_t uid)
{
    if (uid == 0)
        return str_dup("root");
    FILE *f = fopen("/etc/passwd", "re");
    struct passwd *pw = NULL;
    while (f && (pw = fgetpwent(f)) && pw->pw_uid != uid)
        ;
    char *name = pw ? str_dup(pw->pw_name) : str_fmt("%llu", (unsigned long long)uid);
    if (f)
        (void)fclose(f);
    return name;
}

static char *dup_or_null(const char *s)
{
    return s ? str_dup(s) : NULL;
}

static int report(struct engine_place *p, struct rt_report *ret, struct err *e)
{
    struct rt_report r = {0};
    const struct state *s = &p->state;
    if (engine_of(p)->status(p, &r.status, e) < 0)
        return -1;
    r.oci_version = dup_or_null(s->oci_version);
    r.id = str_dup(p->id);
    r.pid = r.status == RT_STOPPED ? 0 : (pid_t)s->pid.v;
    r.bundle = dup_or_null(s->bundle);
    r.rootfs = dup_or_null(s->rootfs);
    r.created = dup_or_null(s->created);
    r.owner = owner_name(s->owner.v);
    r.isolation = dup_or_null(s->isolation);
    r.acceleration = dup_or_null(s->acceleration);
    r.annotations.n = s->annotations.n;
    r.annotations.pairs = mem_new(s->annotations.n, sizeof(*r.annotations.pairs));
    for (size_t i = 0; i < s->annotations.n; i++) {
        r.annotations.pairs[i].key = str_dup(s->annotations.pairs[i].key);
        r.annotations.pairs[i].value = str_dup(s->annotations.pairs[i].value);
    }
    r.gaps = mem_new(s->n_gaps + 1, sizeof(*r.gaps));
    for (size_t i = 0; i < s->n_gaps; i++)
        r.gaps[i] = str_dup(s->gaps[i]);
    *ret = r;
    return 0;
}

void rt_report_release(struct rt_report *r)
{
    mem_free(r->oci_version);
    mem_free(r->id);
    mem_free(r->bundle);
    mem_free(r->rootfs);
    mem_free(r->created);
    mem_free(r->owner);
    mem_free(r->isolation);
    mem_free(r->acceleration);
    for (size_t i = 0; i < r->annotations.n; i++) {
        mem_free(r->annotations.pairs[i].key);
        mem_free(r->annotations.pairs[i].value);
    }
    mem_free(r->annotations.pairs);
    for (size_t i = 0; r->gaps && r->gaps[i]; i++)
        mem_free(r->gaps[i]);
    mem_free(r->gaps);
    *r = (struct rt_report){0};
}

int rt_state(const struct rt_context *c, const char *id, struct rt_report *ret, struct err *e)
{
    struct engine_place p;
    if (engine_open(c, id, &p, e) < 0)
        return -1;
    int rc = report(&p, ret, e);
    engine_close(&p);
    return rc;
}

int rt_list(const struct rt_context *c, struct rt_report **ret, size_t *ret_n, struct err *e)
{
    struct rt_report *list = NULL;
    size_t n = 0;
    autodir DIR *d = opendir(c->root);
    if (!d && errno != ENOENT)
        return err_sys(e, "open '%s'", c->root);
    if (!d && strcmp(c->root, "/run/islet") != 0)
        return err_sys(e, "state root '%s'", c->root);
    struct dirent *entry;
    while (d && (entry = readdir(d))) {
        struct err ignored;
        struct engine_place p;
        if (entry->d_name[0] == '.' || engine_open(c, entry->d_name, &p, &ignored) < 0)
            continue; /* gone meanwhile, or not whole */
        list = mem_grow(list, n + 1, sizeof(*list));
        if (report(&p, &list[n], &ignored) == 0)
            n++;
        engine_close(&p);
    }
    *ret = list;
    *ret_n = n;
    return 0;
}

static int delete_locked(const struct rt_context *c, const char *id, bool is_forced, struct err *e)
{
    struct engine_place p = {.ctx = c, .id = id, .dir = {.fd = -1}};
    enum rt_status status = RT_STOPPED;
    if (state_dir_open(c->root, id, &p.dir, e) < 0)
        return is_forced && e->kind == ERR_NOT_FOUND ? 0 : -1;
    int rc = state_load(&p.dir, &p.state, e);
    if (rc < 0 && is_forced)
        rc = 0; /* create died early, or the file is broken: the rest is found without it */
    else if (rc < 0 && e->kind == ERR_NOT_FOUND)
        rc = err_set(e, ERR_STATE, "container '%s' is not whole: use delete --force", id);
    if (rc == 0 && !is_forced)
        rc = engine_of(&p)->status(&p, &status, e);
    if (rc == 0 && !is_forced && status != RT_STOPPED)
        rc = err_set(e, ERR_STATE,
                "cannot delete container '%s' that is not stopped: it is %s (use --force to kill it)",
                id, rt_status_name(status));
    if (rc == 0)
        rc = engine_of(&p)->destroy(&p, e);
    if (rc == 0)
        rc = state_dir_remove(c->root, id, &p.dir, e);
    engine_close(&p);
    return rc;
}

int rt_delete(const struct rt_context *c, const char *id, bool is_forced, struct err *e)
{
    if (rt_id_check(id, e) < 0)
        return -1;
    autofree char *dir = str_fmt("%s/%s", c->root, id);
    if (access(dir, F_OK) < 0 && errno == ENOENT) /* no lock file for what is not there */
        return is_forced ? 0 : err_set(e, ERR_NOT_FOUND, "container '%s' does not exist", id);
    int lock = state_lock(c->root, id, e);
    if (lock < 0)
        return -1;
    int rc = delete_locked(c, id, is_forced, e);
    if (rc == 0)
        state_unlock_remove(c->root, id, lock);
    else
        (void)close(lock);
    return rc;
}
