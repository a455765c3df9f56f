// SPDX-License-Identifier: Apache-2.0
/*
 * One workload's life: what the verbs of an OCI runtime do, for both walls.
 *
 * Data goes one way: request -> spec -> plan (pure) -> steps (system calls) -> state -> report.
 * Verbs find the container by its id below the state root; the wall and engine that created it are
 * in its state, so later verbs need no flags. Nothing here prints, parses arguments or exits.
 */
#ifndef ISLET_RUNTIME_RUNTIME_H
#define ISLET_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"

#define RT_OCI_VERSION "1.3.0"

enum rt_isolation { RT_ISOLATION_UNSET, RT_ISOLATION_CONTAINER, RT_ISOLATION_VM };
enum rt_cgroup_manager { RT_CGROUPFS, RT_CGROUP_SYSTEMD, RT_CGROUP_DISABLED };

/* What holds for every verb of one call: global flags, after parsing. Strings are the caller's. */
struct rt_context {
    const char *root; /* state directory, e.g. "/run/islet" */
    enum rt_cgroup_manager cgroup_manager;
    enum rt_isolation isolation;
    const char *vm_engine; /* "qemu" or NULL for the default */
    const char *vm_kernel; /* path of a vmlinuz, or NULL: newest /boot/vmlinuz-* */
    bool allow_degraded;   /* record what cannot be had instead of refusing */
    bool is_debug;
};

/* create and run. fds and strings are the caller's. */
struct rt_create {
    const char *id;             /* [A-Za-z0-9_+-][A-Za-z0-9_+.-]*, at most 255 bytes */
    const char *bundle;         /* directory of config.json; NULL = "." */
    const char *config;         /* another path of config.json, or NULL */
    const char *console_socket; /* AF_UNIX stream socket that gets the pty master, or NULL */
    const char *pid_file;       /* relative to the caller's cwd, or NULL */
    unsigned preserve_fds;      /* fds 3..2+N reach the payload */
    bool no_pivot;
    bool no_new_keyring;
    bool is_detached; /* run only */
    bool keep;        /* run only: do not delete after the payload ended */
};

struct rt_exec {
    const char *id;
    const char *process_file; /* a JSON process object, or NULL: the fields below */
    char *const *argv;        /* NULL-terminated */
    char *const *env;         /* K=V, NULL-terminated, added to the container's; may be NULL */
    const char *cwd;          /* NULL: the container's */
    const char *user;         /* "uid[:gid]", numeric, or NULL */
    const char *const *caps;  /* names, NULL-terminated, added; may be NULL */
    const char *apparmor;     /* profile or NULL */
    const uint32_t *gids;     /* additional groups */
    size_t n_gids;
    bool has_tty; /* -t */
    bool no_new_privs;
    const char *console_socket;
    const char *pid_file;
    unsigned preserve_fds;
    bool is_detached;
    bool ignore_paused;
};

enum rt_status { RT_CREATING, RT_CREATED, RT_RUNNING, RT_STOPPED, RT_PAUSED };
const char *rt_status_name(enum rt_status s);

/* The answer of `state` and one row of `list`. Owned: rt_report_release. */
struct rt_report {
    char *oci_version;
    char *id;
    enum rt_status status;
    pid_t pid; /* 0 when stopped */
    char *bundle;
    char *rootfs;
    char *created; /* RFC 3339 with nanoseconds, UTC */
    char *owner;   /* user name or number */
    struct json_map annotations;
    char *isolation;    /* "container" or "vm" */
    char *acceleration; /* vm: "kvm" or "emulated"; else NULL */
    char **gaps;        /* what was asked and not achieved; NULL-terminated or NULL */
};
void rt_report_release(struct rt_report *r);

int rt_create(const struct rt_context *c, const struct rt_create *r, struct err *e) must_check;
int rt_start(const struct rt_context *c, const char *id, struct err *e) must_check;
/* *ret_status: the payload's exit code, 128+n when signalled; 0 when detached. */
int rt_run(const struct rt_context *c, const struct rt_create *r, int *ret_status,
        struct err *e) must_check;
int rt_exec(const struct rt_context *c, const struct rt_exec *r, int *ret_status,
        struct err *e) must_check;
int rt_kill(const struct rt_context *c, const char *id, int sig, bool is_all,
        struct err *e) must_check;
int rt_delete(const struct rt_context *c, const char *id, bool is_forced, struct err *e) must_check;
int rt_state(const struct rt_context *c, const char *id, struct rt_report *ret,
        struct err *e) must_check;
/* Containers that vanish meanwhile are left out. Both results are the caller's. */
int rt_list(const struct rt_context *c, struct rt_report **ret, size_t *ret_n,
        struct err *e) must_check;
/* Host pids of the container's cgroup (for a VM: guest pids). */
int rt_ps(const struct rt_context *c, const char *id, pid_t **ret, size_t *ret_n,
        struct err *e) must_check;
int rt_pause(const struct rt_context *c, const char *id, bool is_paused, struct err *e) must_check;

/* The document of `features` (runtime-spec features.md). The caller's (json_decref). */
json_t *rt_features(void);

/* The config.json of `spec`: what runc writes, for rootful use. The caller's. */
json_t *rt_default_config(void);

/* Is the id one that may name a directory? */
int rt_id_check(const char *id, struct err *e) must_check;

#endif
