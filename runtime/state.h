// SPDX-License-Identifier: Apache-2.0
/*
 * What is on disk about one container: `<root>/<id>/`, mode 0700.
 *
 *   config.json   the caller's, verbatim, written first: from it and the id everything can be found
 *   state.json    written once by create, when the process exists (schema below)
 *   start         the fifo init waits on; a writer can open it only while init waits
 *   exit.json     VM: written by the host process when the payload ended
 *   seccomp.bpf   the compiled filter, for exec
 *
 * Status is derived, never stored. Locks are flocks on `<root>/.lock/<id>`, outside of the directory
 * that delete removes.
 */
#ifndef ISLET_RUNTIME_STATE_H
#define ISLET_RUNTIME_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "runtime/runtime.h"

#define STATE_SCHEMA 1

struct state {
    struct json_i64 schema;
    char *oci_version;
    char *id;
    struct json_i64 pid;        /* init, or the host process of a VM; host pid namespace */
    struct json_u64 start_time; /* field 22 of /proc/PID/stat, clock ticks */
    char *bundle;
    char *rootfs;
    char *created;
    struct json_u64 owner;       /* uid */
    char *cgroup;                /* path below the hierarchy; NULL: none */
    char *isolation;             /* "container" or "vm" */
    char *engine;                /* "ns" or "qemu" */
    char *acceleration;          /* vm only */
    struct json_u64 join;        /* CLONE_NEW* flags that exec joins */
    struct json_bool has_pid_ns; /* a new one: it ends with init; false: kill the whole cgroup */
    struct json_bool no_keyring; /* create --no-new-keyring: exec joins none either */
    char **gaps;
    size_t n_gaps;
    struct json_map annotations;
};

extern const struct json_field state_fields[];

/* An open state directory. */
struct state_dir {
    int fd;
    char *path;
};

/* Makes `<root>/<id>` (and root); ERR_EXISTS when it is there. */
int state_dir_make(const char *root, const char *id, struct state_dir *ret,
        struct err *e) must_check;
/* ERR_NOT_FOUND with the words that callers look for. */
int state_dir_open(const char *root, const char *id, struct state_dir *ret,
        struct err *e) must_check;
int state_dir_remove(const char *root, const char *id, struct state_dir *d,
        struct err *e) must_check;
void state_dir_close(struct state_dir *d);

/* Takes the lock of an id, waiting; closing the fd gives it back. */
int state_lock(const char *root, const char *id, struct err *e) must_check;
/* Removes the lock's file while holding it. */
void state_unlock_remove(const char *root, const char *id, int lockfd);

/* Written beside its place, then published: until then nobody can enter the container, whose tree
 * may be half built and still show the host's. */
int state_prepare(const struct state_dir *d, const struct state *s, struct err *e) must_check;
int state_publish(const struct state_dir *d, struct err *e) must_check;
int state_save(const struct state_dir *d, const struct state *s, struct err *e) must_check;
/* ERR_NOT_FOUND: create has not come that far (or died). */
int state_load(const struct state_dir *d, struct state *ret, struct err *e) must_check;
void state_release(struct state *s);

/* Is that very process alive (same start time, not a zombie)? */
bool state_is_alive(const struct state *s);
enum rt_status state_status(const struct state_dir *d, const struct state *s);

/* Start time of a process and whether it is a zombie; -1 when it is gone. */
int proc_start_time(pid_t pid, uint64_t *ret, bool *ret_zombie);

/* Writes /proc/PID/oom_score_adj of a process of ours. */
int proc_set_oom_score(pid_t pid, int score, struct err *e) must_check;

#endif
