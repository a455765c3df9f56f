// SPDX-License-Identifier: Apache-2.0
/* HOST steps of both walls that write down what was made: state.json and the pid file. */
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "runtime/birth.h"
#include "runtime/sync.h"

/* RFC 3339 with nanoseconds, UTC */
static char *now_text(void)
{
    struct timespec now;
    struct tm tm;
    char stamp[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
    return str_fmt("%s.%09ldZ", stamp, now.tv_nsec);
}

/* Strings of the birth are lent to the record, so nothing of it is released. */
static int prepare(struct birth *b, struct err *e)
{
    bool is_zombie;
    autofree char *id = str_dup(b->req->id);
    autofree char *created = now_text();
    autofree char *isolation = str_dup(b->isolation);
    autofree char *engine = str_dup(b->engine);
    autofree char *acceleration = b->acceleration ? str_dup(b->acceleration) : NULL;
    struct state s = {
            .schema = {true,                   STATE_SCHEMA                        },
            .oci_version = b->spec.oci_version,
            .id = id,
            .pid = {true,                   b->pid                              },
            .start_time = {true,                   b->start_time                       },
            .bundle = b->bundle,
            .rootfs = b->rootfs,
            .created = created,
            .owner = {true,                   getuid()                            },
            .cgroup = b->cgroup_path,
            .isolation = isolation,
            .engine = engine,
            .acceleration = acceleration,
            .join = {true,                   b->join_flags                       },
            .has_pid_ns = {true,                   (b->clone_flags & CLONE_NEWPID) != 0},
            .no_keyring = {b->req->no_new_keyring, b->req->no_new_keyring              },
            .gaps = b->gaps,
            .annotations = b->spec.annotations,
    };
    while (b->gaps && b->gaps[s.n_gaps])
        s.n_gaps++;
    if (!b->start_time && proc_start_time(b->pid, &s.start_time.v, &is_zombie) < 0)
        return err_sys(e, "read '/proc/%d/stat'", (int)b->pid);
    return state_prepare(&b->dir, &s, e);
}

int step_pid_file(struct birth *b, struct err *e)
{
    if (!b->req->pid_file)
        return 0;
    if (sync_pid_file(b->req->pid_file, b->pid, e) < 0)
        return -1;
    b->pid_file_made = true;
    return 0;
}

void unstep_pid_file(struct birth *b)
{
    if (b->pid_file_made)
        (void)unlink(
                b->req->pid_file); /* a failed create leaves none: conmon takes one for success */
}

/* Written once, beside the child's work, or after the limits that wait for its end. */
int step_state_early(struct birth *b, struct err *e)
{
    return birth_has_late_limits(b) ? 0 : prepare(b, e);
}

/* Now there is a container. */
int step_state_late(struct birth *b, struct err *e)
{
    if (birth_has_late_limits(b) && prepare(b, e) < 0)
        return -1;
    return state_publish(&b->dir, e);
}

int step_state(struct birth *b, struct err *e)
{
    return prepare(b, e) < 0 ? -1 : state_publish(&b->dir, e);
}
