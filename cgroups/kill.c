// SPDX-License-Identifier: Apache-2.0
/*
 * Processes of a subtree: list, signal, kill. Pids are reused, so a signal goes through a pidfd
 * whose process was still listed in the cgroup after the pidfd was made. Pid 0 in cgroup.procs is a
 * process outside our pid namespace: signalling it would hit our own process group.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "cgroups/tree.h"

#define PROCS_MAX_BYTES (64u << 20)
#define SIGNAL_BATCH 256 /* pidfds held at once; the usual soft limit of fds is 1024 */

struct pid_list {
    pid_t *pids;
    size_t n;
    size_t room;
};

static void pids_parse(const char *text, struct pid_list *list)
{
    for (const char *p = text; *p;) {
        char *end;
        long pid = strtol(p, &end, 10);
        if (end == p)
            break;
        p = end + strspn(end, "\n");
        if (pid <= 0)
            continue;
        if (list->n == list->room) {
            list->room = list->room ? list->room * 2 : 16;
            list->pids = mem_grow(list->pids, list->room, sizeof(pid_t));
        }
        list->pids[list->n++] = (pid_t)pid;
    }
}

static int pids_enter(void *arg, int dirfd, struct err *e)
{
    autofree char *text = NULL;
    autoclose int fd = openat(dirfd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENODEV ? 0 : err_sys(e, "open 'cgroup.procs'");
    if (fd_read_all(fd, PROCS_MAX_BYTES, &text, NULL, e) < 0) {
        /* EOPNOTSUPP: a threaded cgroup, its processes are listed by its thread root; ENODEV:
         * removed meanwhile */
        if (e->sys == EOPNOTSUPP || e->sys == ENODEV)
            return 0;
        return err_add(e, "'cgroup.procs'");
    }
    pids_parse(text, arg);
    return 0;
}

int cg_pids(const struct cg *c, pid_t **ret, size_t *ret_n, struct err *e)
{
    struct pid_list list = {0};
    struct err local = {0}; /* what pids_enter passes over must not show in e */
    const struct cg_walk w = {.enter = pids_enter, .arg = &list};
    if (cg_walk_tree(c->dirfd, &w, &local) < 0) {
        mem_free(list.pids);
        *e = local;
        return err_add(e, "pids of cgroup '%s'", c->path);
    }
    *ret = list.pids ? list.pids : mem_new(1, sizeof(pid_t));
    *ret_n = list.n;
    return 0;
}

static int pid_compare(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a;
    pid_t y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

/* A failing pidfd_open or send means that the process is gone, which is what no signal can mend. */
static int batch_signal(const struct cg *c, const pid_t *pids, size_t n, int sig, size_t *count,
        struct err *e)
{
    int fds[SIGNAL_BATCH];
    autofree pid_t *now = NULL;
    size_t n_now = 0;
    int rc = 0;
    for (size_t i = 0; i < n; i++)
        fds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
    if (cg_pids(c, &now, &n_now, e) < 0)
        rc = -1;
    else if (n_now > 1)
        qsort(now, n_now, sizeof(pid_t), pid_compare);
    for (size_t i = 0; i < n; i++) {
        if (fds[i] < 0)
            continue;
        if (rc == 0 && n_now && bsearch(&pids[i], now, n_now, sizeof(pid_t), pid_compare)) {
            if (syscall(SYS_pidfd_send_signal, fds[i], sig, NULL, 0) == 0)
                ++*count;
            else if (errno != ESRCH)
                rc = err_sys(e, "cgroup '%s': signal %d to process %d", c->path, sig, (int)pids[i]);
        }
        (void)close(fds[i]);
    }
    return rc;
}

static int signal_each(const struct cg *c, int sig, size_t *ret_n, struct err *e)
{
    autofree pid_t *pids = NULL;
    size_t n = 0;
    size_t count = 0;
    if (cg_pids(c, &pids, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i += SIGNAL_BATCH) {
        size_t len = n - i < SIGNAL_BATCH ? n - i : SIGNAL_BATCH;
        if (batch_signal(c, pids + i, len, sig, &count, e) < 0)
            return -1;
    }
    *ret_n = count;
    return 0;
}

/* Before Linux 5.14: frozen, so that nothing forks away, each gets its signal, then runs into it.
 * Freezing is best effort: SIGKILL reaches running processes as well, only forks may be missed. */
static int kill_frozen(const struct cg *c, struct err *e)
{
    struct err ignored = {0};
    size_t n = 0;
    (void)!cg_freeze(c, true, &ignored);
    int rc = signal_each(c, SIGKILL, &n, e);
    (void)!cg_freeze(c, false, &ignored);
    return rc;
}

int cg_kill(const struct cg *c, struct err *e)
{
    if (cg_path_check(c->path, false, e) < 0)
        return -1;
    autoclose int fd = openat(c->dirfd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        if (faccessat(c->dirfd, "cgroup.procs", F_OK, 0) < 0 && errno == ENOENT)
            return 0; /* the cgroup itself is gone */
        return kill_frozen(c, e);
    }
    if (fd < 0)
        return err_sys(e, "cgroup '%s': open 'cgroup.kill'", c->path);
    if (write(fd, "1", 1) < 0) {
        if (errno == ENODEV)
            return 0;
        if (errno == EOPNOTSUPP) /* a threaded cgroup has no processes of its own */
            return kill_frozen(c, e);
        return err_sys(e, "cgroup '%s': write '1' to 'cgroup.kill'", c->path);
    }
    return 0;
}

int cg_signal(const struct cg *c, int sig, size_t *ret_n, struct err *e)
{
    if (cg_path_check(c->path, false, e) < 0)
        return -1;
    if (sig != SIGKILL)
        return signal_each(c, sig, ret_n, e);
    autofree pid_t *pids = NULL;
    size_t n = 0;
    if (cg_pids(c, &pids, &n, e) < 0 || cg_kill(c, e) < 0)
        return -1;
    *ret_n = n;
    return 0;
}

int cg_move(const struct cg *c, pid_t pid, struct err *e)
{
    autofree char *text = str_fmt("%d", (int)pid);
    if (fd_write_file(c->dirfd, "cgroup.procs", text, e) < 0)
        return err_add(e, "cgroup '%s'", c->path);
    return 0;
}
