// SPDX-License-Identifier: Apache-2.0
/* Verbs on a living container of the container wall: kill, pause, ps, status, destroy. A process is
 * signalled by pidfd after its start time was compared, so a reused pid is never hit. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "cgroups/cgroups.h"
#include "runtime/engine.h"

/* A pidfd of init, taken before the comparison; -1 without an error when it is not alive. */
static int init_pidfd(const struct state *s)
{
    if (s->pid.v <= 0)
        return -1;
    autoclose int fd = (int)syscall(SYS_pidfd_open, (pid_t)s->pid.v, 0);
    if (fd < 0 || !state_is_alive(s))
        return -1;
    return steal_fd(fd);
}

static int kill_all(struct engine_place *p, int sig, struct err *e)
{
    struct cg cg;
    size_t n = 0;
    if (!p->state.cgroup)
        return err_set(e, ERR_UNSUPPORTED, "kill --all: the container has no cgroup of its own");
    if (cg_open(p->state.cgroup, &cg, e) < 0)
        return e->sys == ENOENT || e->kind == ERR_NOT_FOUND
                       ? err_set(e, ERR_STATE, "container not running")
                       : -1;
    int rc = sig == SIGKILL ? cg_kill(&cg, e) : cg_signal(&cg, sig, &n, e);
    cg_close(&cg);
    return rc;
}

int ns_engine_kill(struct engine_place *p, int sig, bool is_all, struct err *e)
{
    autoclose int fd = init_pidfd(&p->state);
    /* without a pid namespace the death of init ends nobody else (runc does the same) */
    if (is_all || (fd >= 0 && sig == SIGKILL && !p->state.has_pid_ns.v && p->state.cgroup))
        return kill_all(p, sig, e);
    if (fd < 0)
        return err_set(e, ERR_STATE, "container not running");
    if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0)
        return errno == ESRCH
                       ? err_set(e, ERR_STATE, "container not running")
                       : err_sys(e, "signal %d to process %lld", sig, (long long)p->state.pid.v);
    return 0;
}

int ns_engine_pause(struct engine_place *p, bool is_paused, struct err *e)
{
    struct cg cg;
    enum rt_status status = state_status(&p->dir, &p->state);
    if (is_paused && status != RT_RUNNING && status != RT_CREATED)
        return err_set(e, ERR_STATE, "container not running or created: %s",
                rt_status_name(status));
    if (!is_paused && status != RT_PAUSED)
        return err_set(e, ERR_STATE, "container not paused");
    if (!p->state.cgroup)
        return err_set(e, ERR_UNSUPPORTED, "pause: the container has no cgroup of its own");
    if (cg_open(p->state.cgroup, &cg, e) < 0)
        return -1;
    int rc = cg_freeze(&cg, is_paused, e);
    cg_close(&cg);
    return rc;
}

int ns_engine_ps(struct engine_place *p, pid_t **ret, size_t *ret_n, struct err *e)
{
    struct cg cg;
    *ret = NULL;
    *ret_n = 0;
    if (!p->state.cgroup)
        return err_set(e, ERR_UNSUPPORTED, "ps: the container has no cgroup of its own");
    if (cg_open(p->state.cgroup, &cg, e) < 0)
        return -1;
    int rc = cg_pids(&cg, ret, ret_n, e);
    cg_close(&cg);
    return rc;
}

int ns_engine_status(struct engine_place *p, enum rt_status *ret, struct err *e)
{
    (void)e;
    *ret = state_status(&p->dir, &p->state);
    return 0;
}

/* Waits for the end of a killed process; as a zombie it is ended, whoever reaps it. */
static void wait_dead(int pidfd)
{
    struct pollfd fd = {.fd = pidfd, .events = POLLIN};
    while (poll(&fd, 1, 10000) < 0 && errno == EINTR)
        ;
}

/* A create that died before its record may have named the cgroup of a container that lives. */
static bool is_claimed(const struct engine_place *p, const char *cgroup)
{
    bool found = false;
    autodir DIR *d = opendir(p->ctx->root);
    struct dirent *entry;
    while (d && !found && (entry = readdir(d))) {
        struct engine_place other;
        struct err ignored;
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, p->id) == 0 ||
                engine_open(p->ctx, entry->d_name, &other, &ignored) < 0)
            continue;
        found = other.state.cgroup && strcmp(other.state.cgroup, cgroup) == 0;
        engine_close(&other);
    }
    return found;
}

int ns_engine_destroy(struct engine_place *p, struct err *e)
{
    autoclose int fd = init_pidfd(&p->state);
    if (fd >= 0 && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0)
        wait_dead(fd);
    if (p->state.schema.is_set && !p->state.cgroup)
        return 0;
    autofree char *guess =
            p->state.cgroup ? str_dup(p->state.cgroup) : engine_cgroup_path(p->dir.fd, p->id);
    struct cg cg;
    if (is_claimed(p, guess)) /* it goes with the last container that names it */
        return 0;
    if (cg_open(guess, &cg, e) < 0)
        return e->sys == ENOENT || e->kind == ERR_NOT_FOUND ? 0 : -1;
    int rc = cg_kill(&cg, e);
    if (rc == 0)
        rc = cg_remove(&cg, 10000, e);
    cg_close(&cg);
    return rc;
}
