// SPDX-License-Identifier: Apache-2.0
/* HOST steps from the clone on: the process, its id maps, state, limits, pid file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "runtime/birth.h"
#include "runtime/console.h"
#include "runtime/launch.h"
#include "runtime/seccomp.h"
#include "runtime/sync.h"

static pid_t clone_process(unsigned long long flags, int *pidfd, int cgroup_fd)
{
    struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
    if (flags & CLONE_PARENT)
        args.exit_signal = 0; /* the middle's own is taken over */
    if (pidfd) {
        args.flags |= CLONE_PIDFD;
        args.pidfd = (uint64_t)(uintptr_t)pidfd;
    }
    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup_fd;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void __attribute__((noreturn)) child_main(struct birth *b)
{
    struct err e = {0};
    own_close(&b->sync[0]);
    b->sync[0] = -1;
    /* In a joined pid namespace others could look at us: not through /proc. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    if (birth_run(b, birth_ns_steps, STEP_CHILD, &e) < 0)
        sync_send_err(b->sync[1], &e);
    _exit(1);
}

/* A joined pid namespace holds for children only, and a joined or new user namespace must not come
 * before others are joined: then a process in the middle joins, and makes the child as its sibling. */
static bool needs_middle(const struct birth *b)
{
    bool joins = false;
    for (int i = SPEC_NS_NONE; i < SPEC_NS_COUNT; i++)
        joins |= b->join_fds[i] >= 0;
    return b->join_fds[SPEC_NS_USER] >= 0 || b->join_fds[SPEC_NS_PID] >= 0 ||
           ((b->clone_flags & CLONE_NEWUSER) && joins);
}

static void __attribute__((noreturn)) middle_main(struct birth *b)
{
    struct err e = {0};
    struct stage_msg m = {.type = STAGE_MSG_PID};
    (void)prctl(PR_SET_DUMPABLE, 0); /* before any namespace is joined */
    if (step_child_join(b, &e) == 0) {
        pid_t pid = clone_process(b->clone_flags | CLONE_PARENT, NULL, -1);
        if (pid == 0)
            child_main(b);
        m.value = pid;
        if (pid > 0) {
            sync_send(b->sync[1], &m);
            _exit(0);
        }
        (void)err_sys(&e, "clone the container's process");
    }
    sync_send_err(b->sync[1], &e);
    _exit(1);
}

static int clone_by_middle(struct birth *b, struct err *e)
{
    struct stage_msg m;
    pid_t middle = clone_process(0, NULL, b->cgroup.dirfd);
    if (middle < 0)
        return err_sys(e, "clone");
    if (middle == 0)
        middle_main(b);
    (void)waitpid(middle, NULL, 0); /* it speaks once, then ends */
    struct stage_msg none = {.type = STAGE_MSG_NONE};
    sync_send(b->sync[1], &none); /* in case that it died without a word */
    if (sync_receive(b->sync[0], &m, NULL, e) < 0)
        return -1;
    if (m.type == STAGE_MSG_NONE)
        return err_set(e, ERR_SYSTEM, "the process that joins namespaces died");
    if (m.type != STAGE_MSG_PID)
        return launch_failure(&m, e);
    b->pid = m.value;
    if (sync_receive(b->sync[0], &none, NULL, e) < 0) /* ours */
        return -1;
    b->pidfd = (int)syscall(SYS_pidfd_open, b->pid, 0);
    return b->pidfd < 0 ? err_sys(e, "pidfd of the container's process") : 0;
}

int step_clone(struct birth *b, struct err *e)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b->sync) < 0)
        return err_sys(e, "socketpair");
    b->plan_fd = launch_plan_fd(e);
    if (b->plan_fd < 0)
        return -1;
    if (needs_middle(b)) {
        if (clone_by_middle(b, e) < 0)
            return -1;
    } else {
        b->pid = clone_process(b->clone_flags, &b->pidfd, b->cgroup.dirfd);
        if (b->pid == 0)
            child_main(b);
        if (b->pid < 0)
            return err_sys(e, "clone the container's process");
    }
    return 0;
}

void unstep_clone(struct birth *b)
{
    if (b->pid <= 0)
        return;
    if (b->pidfd >= 0)
        (void)syscall(SYS_pidfd_send_signal, b->pidfd, SIGKILL, NULL, 0);
    else
        (void)kill(b->pid, SIGKILL); /* our own child, not reaped yet */
    (void)waitpid(b->pid, NULL, 0);
    b->pid = 0;
}

static int write_map(pid_t pid, const char *file, const struct spec_id_map *maps, size_t n,
        struct err *e)
{
    autofree char *path = str_fmt("/proc/%d/%s", (int)pid, file);
    autofree char *text = mem_new(n, 40);
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, n * 40 - len, "%llu %llu %llu\n",
                (unsigned long long)maps[i].container_id.v, (unsigned long long)maps[i].host_id.v,
                (unsigned long long)maps[i].size.v);
    return fd_write_file(AT_FDCWD, path, text, e);
}

/* The stage sets the limits, but root of a user namespace may not raise them: that is done here,
 * while the process is still ours in every respect. */
static int raise_rlimits(const struct birth *b, struct err *e)
{
    const struct spec_process *p = &b->spec.process;
    for (size_t i = 0; i < p->n_rlimits; i++) {
        struct rlimit now;
        __rlimit_resource_t what = (__rlimit_resource_t)spec_rlimit_number(p->rlimits[i].type);
        int rc = prlimit(b->pid, what, NULL, &now);
        if (rc == 0 && p->rlimits[i].hard.v > now.rlim_max) {
            now.rlim_max = p->rlimits[i].hard.v;
            rc = prlimit(b->pid, what, &now, NULL);
        }
        if (rc < 0)
            return err_sys(e, "/process/rlimits/%zu: raise %s", i, p->rlimits[i].type);
    }
    return 0;
}

int step_id_maps(struct birth *b, struct err *e)
{
    struct stage_msg go = {.type = STAGE_MSG_GO};
    const struct spec_linux *l = &b->spec.linux_;
    if (!(b->clone_flags & CLONE_NEWUSER))
        return 0;
    if (raise_rlimits(b, e) < 0)
        return -1;
    if (write_map(b->pid, "uid_map", l->uid_mappings, l->n_uid_mappings, e) < 0)
        return err_add(e, "/linux/uidMappings");
    if (write_map(b->pid, "gid_map", l->gid_mappings, l->n_gid_mappings, e) < 0)
        return err_add(e, "/linux/gidMappings");
    sync_send(b->sync[0], &go);
    return 0;
}

static int compile_filter(struct birth *b, struct launch *l, struct sock_filter **ret,
        struct err *e)
{
    const struct spec_linux *spec = &b->spec.linux_;
    if (!spec->has_seccomp)
        return 0;
    if (seccomp_compile(&spec->seccomp, ret, &l->n_filter, &l->filter_flags, e) < 0)
        return -1;
    l->filter = *ret;
    return l->n_filter ? seccomp_save(b->dir.fd, *ret, l->n_filter, l->filter_flags, e) : 0;
}

/* The child has the same fds by the same numbers; it waits for GO before it runs the stage. */
int step_stage_plan(struct birth *b, struct err *e)
{
    const struct spec_process *p = &b->spec.process;
    struct stage_msg go = {.type = STAGE_MSG_GO};
    autofree char *key = str_fmt("_ses.%s", b->req->id);
    autofree struct sock_filter *filter = NULL;
    struct launch l = {
            .process = p,
            .linux_ = &b->spec.linux_,
            .flags = STAGE_SETGROUPS | (b->is_run ? STAGE_WAIT_GO : STAGE_WAIT_FIFO) |
                     (p->terminal.v ? STAGE_TTY | STAGE_CONSOLE : 0) |
                     (b->req->no_new_keyring ? 0 : STAGE_KEYRING),
            .sync_fd = b->sync[1],
            .start_fd = b->fifo_fd,
            .pidfd = -1,
            .cgroup_fd = -1,
            .keep_fds = b->req->preserve_fds,
            .key_name = key,
    };
    if (compile_filter(b, &l, &filter, e) < 0 || launch_plan_fill(b->plan_fd, &l, e) < 0)
        return -1;
    sync_send(b->sync[0], &go);
    own_close(&b->sync[1]); /* the child's end shows its death from here on */
    b->sync[1] = -1;
    return 0;
}

static int child_died(struct birth *b, struct err *e)
{
    int status = 0;
    /* the end of the socket is not yet the end of the process, and it may not want to end */
    if (b->pidfd >= 0)
        (void)syscall(SYS_pidfd_send_signal, b->pidfd, SIGKILL, NULL, 0);
    pid_t got = waitpid(b->pid, &status, 0);
    b->pid = 0;
    if (got > 0 && WIFSIGNALED(status))
        return err_set(e, ERR_SYSTEM,
                "the container's process was killed by signal %d while it was made%s",
                WTERMSIG(status),
                WTERMSIG(status) == SIGKILL ? " (is memory.limit too small?)" : "");
    return err_set(e, ERR_SYSTEM, "the container's process ended while it was made");
}

static int take_console(struct birth *b, int *master, const char *name, struct err *e)
{
    if (b->console_fd >= 0)
        return console_send(b->console_fd, *master, name, e);
    b->master_fd = steal_fd(*master);
    console_copy_size(b->master_fd);
    return 0;
}

int step_ready(struct birth *b, struct err *e)
{
    while (!b->is_child_ready) {
        struct stage_msg m;
        int fd = -1;
        int rc = sync_receive(b->sync[0], &m, &fd, e);
        autoclose int master = fd;
        if (rc < 0)
            return -1;
        switch ((enum stage_msg_type)m.type) {
        case STAGE_MSG_READY:
            b->is_child_ready = true;
            break;
        case STAGE_MSG_CONSOLE:
            rc = take_console(b, &master, m.text, e);
            break;
        case STAGE_MSG_FAIL:
        case STAGE_MSG_ERR:
            rc = launch_failure(&m, e);
            break;
        case STAGE_MSG_NONE:
            rc = child_died(b, e);
            break;
        case STAGE_MSG_PID:
        case STAGE_MSG_GO:
            rc = err_set(e, ERR_INTERNAL, "unexpected message %u of the stage", m.type);
        }
        if (rc < 0)
            return -1;
    }
    return 0;
}

int step_oom_score(struct birth *b, struct err *e)
{
    const struct json_i64 *score = &b->spec.process.oom_score_adj;
    return score->is_set ? proc_set_oom_score(b->pid, (int)score->v, e) : 0;
}
