// SPDX-License-Identifier: Apache-2.0
/*
 * exec on the container wall: islet prepares the plan on the host, the stage alone goes in. The
 * process that stays is islet's child (and, once islet is gone, its caller's), a member of the
 * container's cgroup from its first instruction.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "cgroups/cgroups.h"
#include "runtime/console.h"
#include "runtime/engine.h"
#include "runtime/exec_process.h"
#include "runtime/launch.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"
#include "runtime/sync.h"

struct exec {
    struct engine_place *place;
    const struct rt_exec *req;
    struct spec spec;            /* the container's */
    struct spec_process process; /* what runs; its strings are the spec's or its own document's */
    bool process_is_own;         /* from --process: release it */
    int pidfd, sync[2], console_fd, master_fd;
    struct cg cgroup;
    struct sock_filter *filter;
    size_t n_filter;
    uint32_t filter_flags;
    pid_t pid;
};

static void exec_release(struct exec *x)
{
    int *fds[] = {&x->pidfd, &x->sync[0], &x->sync[1], &x->console_fd, &x->master_fd};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        own_close(fds[i]);
    cg_close(&x->cgroup);
    mem_free(x->filter);
    if (x->process_is_own)
        spec_process_release(&x->process);
    spec_release(&x->spec);
}

static int load_config(struct exec *x, struct err *e)
{
    autofree char *text = NULL;
    size_t len;
    json_t *doc;
    if (fd_read_file(x->place->dir.fd, "config.json", JSON_MAX_BYTES, &text, &len, e) < 0 ||
            json_parse(text, len, "config.json", &doc, e) < 0)
        return -1;
    int rc = spec_load(doc, &x->spec, e);
    json_decref(doc);
    return rc;
}

static int check_running(struct exec *x, struct err *e)
{
    const struct state *s = &x->place->state;
    x->pidfd = s->pid.v > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)s->pid.v, 0) : -1;
    enum rt_status status = state_status(&x->place->dir, s);
    if (x->pidfd < 0 || status == RT_STOPPED)
        return err_set(e, ERR_STATE, "cannot exec in a stopped container");
    if (status == RT_PAUSED && !x->req->ignore_paused)
        return err_set(e, ERR_STATE,
                "cannot exec in a paused container (use --ignore-paused to override)");
    return 0;
}

static int check_terminal(const struct exec *x, struct err *e)
{
    bool has_tty = x->process.terminal.v;
    if (x->req->console_socket && !has_tty)
        return err_set(e, ERR_USAGE,
                "--console-socket: cannot use console socket if islet will not allocate a tty");
    if (x->req->is_detached && has_tty && !x->req->console_socket)
        return err_set(e, ERR_USAGE,
                "cannot allocate tty if islet will detach without setting console socket");
    return 0;
}

/* A process that becomes the stage: no copy of page tables, we stand still until its exec. The
 * stage gets the fds of its plan by number; nothing else of ours or our caller's goes along. */
static pid_t spawn_stage(int stage, int plan, char *home, const struct launch *l)
{
    const int keep[] = {l->sync_fd, l->pidfd, l->cgroup_fd};
    pid_t pid = vfork();
    if (pid != 0)
        return pid;
    struct err ignored;
    launch_reset(l->process);
    (void)syscall(SYS_close_range, 3 + l->keep_fds, ~0u, CLOSE_RANGE_CLOEXEC);
    for (size_t i = 0; i < ARRAY_LEN(keep); i++)
        if (keep[i] >= 0)
            (void)fcntl(keep[i], F_SETFD, 0);
    neglect(launch_exec(stage, plan, home, &ignored)); /* the parent sees the end of the socket */
    _exit(1);
}

static int start(struct exec *x, struct err *e)
{
    const struct state *s = &x->place->state;
    const struct spec_process *p = &x->process;
    autofree char *key = str_fmt("_ses.%s", x->req->id);
    struct launch l = {
            .process = p,
            .linux_ = &x->spec.linux_,
            .flags = STAGE_ENTER | STAGE_SETGROUPS | STAGE_WAIT_GO |
                     (p->terminal.v ? STAGE_TTY : 0) | (s->no_keyring.v ? 0 : STAGE_KEYRING),
            .key_name = key,
            .sync_fd = x->sync[1],
            .start_fd = -1,
            .pidfd = x->pidfd,
            .cgroup_fd = x->cgroup.dirfd,
            .join = (uint32_t)s->join.v,
            .keep_fds = x->req->preserve_fds,
            .filter = x->filter,
            .n_filter = x->n_filter,
            .filter_flags = x->filter_flags,
    };
    autoclose int stage = launch_stage_fd(e);
    if (stage < 0)
        return -1;
    autoclose int plan = launch_plan_fd(e);
    if (plan < 0 || launch_plan_fill(plan, &l, e) < 0)
        return -1;
    autofree char *path = str_fmt("/proc/%d/root", (int)s->pid.v);
    autoclose int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    autofree char *home = launch_home(root, p);
    pid_t pid = spawn_stage(stage, plan, home, &l);
    if (pid < 0)
        return err_sys(e, "vfork");
    own_close(&x->sync[1]);
    x->sync[1] = -1;
    x->pid = pid;
    return 0;
}

static int set_oom_score(const struct exec *x, struct err *e)
{
    const struct json_i64 *score = &x->process.oom_score_adj;
    return score->is_set ? proc_set_oom_score(x->pid, (int)score->v, e) : 0;
}

/* The joiner says PID; the process that stays says, perhaps earlier, CONSOLE and READY. */
struct progress {
    bool has_pid, is_ready;
};

static int take(struct exec *x, const struct stage_msg *m, int *master, struct progress *p,
        struct err *e)
{
    switch ((enum stage_msg_type)m->type) {
    case STAGE_MSG_PID:
        (void)waitpid(x->pid, NULL, 0); /* the joiner, which has done its work */
        x->pid = m->value;
        p->has_pid = true;
        return 0;
    case STAGE_MSG_CONSOLE:
        if (x->console_fd >= 0)
            return console_send(x->console_fd, *master, m->text, e);
        x->master_fd = steal_fd(*master);
        console_copy_size(x->master_fd);
        return 0;
    case STAGE_MSG_READY:
        p->is_ready = true;
        return 0;
    case STAGE_MSG_FAIL:
    case STAGE_MSG_ERR:
        return launch_failure(m, e);
    case STAGE_MSG_NONE:
    case STAGE_MSG_GO:
        break;
    }
    return err_set(e, ERR_SYSTEM,
            "the container's process ended while it was made (is the container stopping?)");
}

/* Both are awaited, answered by GO, and followed by the end of the socket: the program runs. */
static int follow(struct exec *x, struct err *e)
{
    struct progress p = {0};
    struct stage_msg m;
    while (!p.has_pid || !p.is_ready) {
        int fd = -1;
        int rc = sync_receive(x->sync[0], &m, &fd, e);
        autoclose int master = fd;
        if (rc < 0 || take(x, &m, &master, &p, e) < 0)
            return -1;
    }
    if (set_oom_score(x, e) < 0)
        return -1;
    m = (struct stage_msg){.type = STAGE_MSG_GO};
    sync_send(x->sync[0], &m);
    return sync_wait_exec(x->sync[0], e);
}

static int finish(struct exec *x, int *ret_status, struct err *e)
{
    if (x->req->pid_file && sync_pid_file(x->req->pid_file, x->pid, e) < 0)
        return -1;
    if (x->req->is_detached) {
        *ret_status = 0;
        return 0;
    }
    autoclose int pidfd = (int)syscall(SYS_pidfd_open, x->pid, 0);
    if (pidfd < 0)
        return err_sys(e, "pidfd of the new process");
    return console_foreground(x->pid, pidfd, x->master_fd, ret_status, e);
}

/* Where init is now: a container that divides its cgroup (an init system) has no processes in the
 * one that we made. Only below that one. */
static int open_cgroup(struct exec *x, struct err *e)
{
    const struct state *s = &x->place->state;
    autofree char *path = str_fmt("/proc/%d/cgroup", (int)s->pid.v);
    autofree char *text = NULL;
    struct err ignored;
    if (fd_read_file(AT_FDCWD, path, 65536, &text, NULL, &ignored) == 0) {
        char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
        char *now = line ? strchr(line, '/') : NULL;
        size_t len = strlen(s->cgroup);
        if (now)
            now[strcspn(now, "\n")] = '\0';
        if (now && strncmp(now, s->cgroup, len) == 0 && now[len] == '/' && !strstr(now, "/..") &&
                cg_open(now, &x->cgroup, &ignored) == 0)
            return 0;
    }
    return cg_open(s->cgroup, &x->cgroup, e);
}

static int prepare(struct exec *x, struct err *e)
{
    const struct state *s = &x->place->state;
    if (launch_preserved_check(x->req->preserve_fds, e) < 0)
        return -1;
    if (check_running(x, e) < 0 || load_config(x, e) < 0)
        return -1;
    if (exec_process(x->req, &x->spec, &x->process, &x->process_is_own, e) < 0)
        return -1;
    if (check_terminal(x, e) < 0)
        return -1;
    if (!(s->join.v & CLONE_NEWUSER) && launch_caps_check(&x->process, e) < 0)
        return -1;
    if (x->spec.linux_.has_seccomp &&
            seccomp_load_file(x->place->dir.fd, &x->filter, &x->n_filter, &x->filter_flags, e) < 0)
        return -1;
    if (s->cgroup && open_cgroup(x, e) < 0)
        return -1;
    if (x->req->console_socket) {
        x->console_fd = console_connect(x->req->console_socket, e);
        if (x->console_fd < 0)
            return -1;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, x->sync) < 0)
        return err_sys(e, "socketpair");
    return 0;
}

int ns_engine_exec(struct engine_place *p, const struct rt_exec *r, int *ret_status, struct err *e)
{
    struct exec x = {
            .place = p,
            .req = r,
            .pidfd = -1,
            .sync = {-1, -1},
            .console_fd = -1,
            .master_fd = -1,
            .cgroup = {.dirfd = -1 }
    };
    if (!r->is_detached)
        console_hold_signals();
    int rc = prepare(&x, e);
    if (rc == 0)
        rc = start(&x, e);
    if (rc == 0) {
        rc = follow(&x, e);
        if (rc == 0)
            rc = finish(&x, ret_status, e);
        if (rc < 0 && x.pid > 0) {
            (void)kill(x.pid, SIGKILL); /* our own child: its number is not free before the wait */
            (void)waitpid(x.pid, NULL, 0);
        }
    }
    exec_release(&x);
    return rc;
}
