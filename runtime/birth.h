// SPDX-License-Identifier: Apache-2.0
/*
 * The birth of a container: what the steps work on. One struct is filled from request to running
 * init; each step (steps.c: one table per wall) reads what earlier ones made.
 *
 * On the container wall two processes take part. HOST is islet. CHILD is its clone in the new namespaces: still islet's
 * code, but no container process can see it yet (it is the first one in a new pid namespace; where
 * one is joined it is not dumpable). Its last act is to execute the stage (runtime/stage/stage.h).
 */
#ifndef ISLET_RUNTIME_BIRTH_H
#define ISLET_RUNTIME_BIRTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "cgroups/cgroups.h"
#include "runtime/mount_opts.h"
#include "runtime/runtime.h"
#include "runtime/spec.h"
#include "runtime/stage/stage.h"
#include "runtime/state.h"

/* One mount of config.json, decided. */
struct birth_mount {
    const struct spec_mount *spec;
    char *dest; /* absolute, without "." and doubled slashes */
    struct mount_opts opts;
    int source_fd; /* bind: a detached copy of the source's mount */
    bool source_is_dir;
};

struct birth {
    const struct rt_context *ctx;
    const struct rt_create *req;
    bool is_run; /* GO over the socket, not by the fifo */

    /* from config.json (plan.c, pure) */
    char *bundle; /* absolute */
    json_t *config;
    char *config_text;
    size_t config_len;
    struct spec spec;
    char *rootfs;      /* absolute */
    char *cgroup_path; /* NULL: stay in the caller's */
    struct birth_mount *mounts;
    size_t n_mounts;
    unsigned clone_flags; /* of clone3 */
    unsigned late_flags; /* unshared by the child: a cgroup namespace is rooted where we then are */
    unsigned join_flags; /* all namespaces of the container, for exec */
    bool wants_dev;      /* /dev is a file system of the container's own */
    bool has_user_ns;

    /* made by HOST steps */
    int lock_fd;
    struct state_dir dir;
    bool dir_made;
    struct cg cgroup;
    bool cgroup_made;
    char **gaps;
    int join_fds[SPEC_NS_COUNT]; /* namespaces joined by path, -1: none */
    int fifo_fd;
    int sync[2];    /* [0] islet, [1] child and stage */
    int console_fd; /* connected console socket, -1: none */
    int plan_fd;    /* of the stage: made before the clone, filled after it */
    pid_t pid;
    int pidfd;
    bool is_child_ready;
    bool pid_file_made;
    int master_fd;                                 /* run with a terminal: the pty master */
    const char *isolation, *engine, *acceleration; /* for the state; static */
    uint64_t start_time;                           /* of pid; 0: read it */

    /* CHILD */
    int root_fd; /* the mount of the container's root */
    int null_fd; /* O_PATH of the host's /dev/null */
    char *home;  /* "HOME=…" or NULL */
};

enum step_where { STEP_HOST, STEP_CHILD };

/*
 * A step of creation. HOST steps run in order up to and beyond the clone; CHILD steps run in the
 * child between clone and the stage. revert undoes a HOST step when a later one fails; what a CHILD
 * step made dies with its namespaces.
 */
struct step {
    const char *name;
    enum step_where where;
    int (*apply)(struct birth *b, struct err *e);
    void (*revert)(struct birth *b);
};

/* The tables of contents; a step without a name ends each. */
extern const struct step birth_ns_steps[];
extern const struct step birth_vm_steps[];

/* Runs the steps of one side; on failure reverts (HOST) in reverse order. */
int birth_run(struct birth *b, const struct step *steps, enum step_where where,
        struct err *e) must_check;
/* Records what was asked and is not achieved. */
void birth_gap(struct birth *b, const char *text);
/* Undoes all HOST steps of a birth that had come to its end. */
void birth_undo(struct birth *b, const struct step *steps);
/* The container is over: cgroup and directory go, and what is left in it. */
int birth_bury(struct birth *b, struct err *e) must_check;

void birth_init(struct birth *b, const struct rt_context *c, const struct rt_create *r);
void birth_release(struct birth *b);

/* plan.c: reads the bundle's config.json; the choice of the wall needs it. */
int birth_read(struct birth *b, struct err *e) must_check;
/* Decides the rest of the first part; nothing of the system is changed. */
int birth_plan(struct birth *b, struct err *e) must_check;

/* VM wall (engine_vm.c) */
int step_vm_cgroup(struct birth *b, struct err *e);
int step_vm_spawn(struct birth *b, struct err *e);
void unstep_vm_spawn(struct birth *b);

/* Limits that are set only when the stage is there; their gaps belong into the state. */
bool birth_has_late_limits(const struct birth *b);

/* HOST steps (birth_host.c, birth_clone.c, birth_state.c) */
int step_state_dir(struct birth *b, struct err *e);
void unstep_state_dir(struct birth *b);
int step_sources(struct birth *b, struct err *e);
int step_namespaces(struct birth *b, struct err *e);
int step_cgroup(struct birth *b, struct err *e);
void unstep_cgroup(struct birth *b);
int step_console(struct birth *b, struct err *e);
int step_fifo(struct birth *b, struct err *e);
int step_limits(struct birth *b, struct err *e);
int step_memory(struct birth *b, struct err *e);
int step_clone(struct birth *b, struct err *e);
void unstep_clone(struct birth *b);
int step_stage_plan(struct birth *b, struct err *e);
int step_id_maps(struct birth *b, struct err *e);
int step_state(struct birth *b, struct err *e);
int step_state_early(struct birth *b, struct err *e);
int step_state_late(struct birth *b, struct err *e);
int step_ready(struct birth *b, struct err *e);
int step_oom_score(struct birth *b, struct err *e);
int step_pid_file(struct birth *b, struct err *e);
void unstep_pid_file(struct birth *b);

/* CHILD steps (child_*.c) */
int step_child_join(struct birth *b, struct err *e);
int step_child_network(struct birth *b, struct err *e);
int step_child_root(struct birth *b, struct err *e);
int step_child_mounts(struct birth *b, struct err *e);
int step_child_devices(struct birth *b, struct err *e);
int step_child_sysctl(struct birth *b, struct err *e);
int step_child_paths(struct birth *b, struct err *e);
int step_child_pivot(struct birth *b, struct err *e);
int step_child_names(struct birth *b, struct err *e);
int step_child_stage(struct birth *b, struct err *e); /* does not return on success */

#endif
