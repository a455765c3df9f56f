// SPDX-License-Identifier: Apache-2.0
/*
 * The two walls behind the verbs. `create` and `run` choose an engine from the request, the bundle
 * and the administrator's policy (isolation.c); every later verb takes it from the state.
 */
#ifndef ISLET_RUNTIME_ENGINE_H
#define ISLET_RUNTIME_ENGINE_H

#include "base/err.h"
#include "runtime/runtime.h"
#include "runtime/state.h"

struct birth;

/* A container that exists: its directory and record. */
struct engine_place {
    const struct rt_context *ctx;
    const char *id;
    struct state_dir dir;
    struct state state;
};

int engine_open(const struct rt_context *c, const char *id, struct engine_place *ret,
        struct err *e) must_check;
void engine_close(struct engine_place *p);

struct engine_ops {
    const char *name; /* "ns", "qemu" */
    /* of a birth that is read, not yet planned */
    int (*create)(struct birth *b, struct err *e);
    int (*run)(struct birth *b, int *ret_status, struct err *e);
    int (*start)(struct engine_place *p, struct err *e);
    int (*exec)(struct engine_place *p, const struct rt_exec *r, int *ret_status, struct err *e);
    int (*kill)(struct engine_place *p, int sig, bool is_all, struct err *e);
    int (*pause)(struct engine_place *p, bool is_paused, struct err *e);
    int (*ps)(struct engine_place *p, pid_t **ret, size_t *ret_n, struct err *e);
    int (*status)(struct engine_place *p, enum rt_status *ret, struct err *e);
    /* All processes gone, cgroup removed; the directory is the caller's. The state may be empty
     * (schema unset) when create died early. */
    int (*destroy)(struct engine_place *p, struct err *e);
};

extern const struct engine_ops engine_ns, engine_vm;

/* The engine of an existing container; of one without a record by what else is in its directory. */
const struct engine_ops *engine_of(const struct engine_place *p);

/* The wall for a new one: flag, annotation (may only strengthen), default container. */
int engine_choose(const struct birth *b, const struct engine_ops **ret, struct err *e) must_check;

/* container wall */
int ns_engine_create(struct birth *b, struct err *e);
int ns_engine_run(struct birth *b, int *ret_status, struct err *e);
int ns_engine_start(struct engine_place *p, struct err *e);
int ns_engine_exec(struct engine_place *p, const struct rt_exec *r, int *ret_status, struct err *e);
int ns_engine_kill(struct engine_place *p, int sig, bool is_all, struct err *e);
int ns_engine_pause(struct engine_place *p, bool is_paused, struct err *e);
int ns_engine_ps(struct engine_place *p, pid_t **ret, size_t *ret_n, struct err *e);
int ns_engine_status(struct engine_place *p, enum rt_status *ret, struct err *e);
int ns_engine_destroy(struct engine_place *p, struct err *e);

/* The cgroup path that create uses (or would have used) for a bundle's config.json. */
char *engine_cgroup_path(int statedir_fd, const char *id);

#endif
