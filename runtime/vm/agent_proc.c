// SPDX-License-Identifier: Apache-2.0
/*
 * See agent.h: processes that the host asked for, their stdio and their ends.
 *
 * Life of one: request -> its body arrives on a stream -> a worker creates it -> the reply carries
 * its pid -> it dies: EXITED at once, and what it wrote before follows until the end of its
 * streams -> forgotten. With a terminal stdin and stdout are two halves of one pty master; when the
 * host has given up both, the master is closed and the guest's kernel hangs the session up.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "runtime/vm/agent.h"

struct agent_proc {
    struct agent_proc *next;
    struct agent *agent;
    uint32_t id;
    uint32_t request;
    char *cid;
    bool is_exec;
    bool has_tty;
    uint16_t rows, cols;
    pid_t pid; /* 0 until it was created */
    bool is_dead;
    int body_fd;  /* memfd */
    int stdio[3]; /* the payload's ends, until the worker has them */
    int console_fd;
    int master_fd;
    char *console_path, *pid_file;
    struct mux_sink *body, *in;
    struct mux_source *out, *err;
};

static void fd_drop(int *fd)
{
    own_close(fd);
    *fd = -1;
}

static void proc_free(struct agent_proc *p)
{
    struct agent_proc **at = &p->agent->procs;
    while (*at && *at != p)
        at = &(*at)->next;
    if (*at)
        *at = p->next;
    for (int i = 0; i < 3; i++)
        fd_drop(&p->stdio[i]);
    fd_drop(&p->body_fd);
    fd_drop(&p->console_fd);
    fd_drop(&p->master_fd);
    if (p->console_path)
        (void)unlink(p->console_path); /* made by us; gone is as good */
    if (p->pid_file)
        (void)unlink(p->pid_file);
    mem_free(p->console_path);
    mem_free(p->pid_file);
    mem_free(p->cid);
    mem_free(p);
}

/* Before it was created: the host closes its side when it reads the reply. */
static void proc_fail(struct agent_proc *p, const struct err *what)
{
    agent_reply(p->agent, p->request, what, NULL);
    mux_sink_close(p->body);
    mux_sink_close(p->in);
    mux_source_close(p->out);
    mux_source_close(p->err);
    proc_free(p);
}

static void forget_if_over(struct agent_proc *p)
{
    if (p->is_dead && !p->out && !p->err) {
        mux_sink_close(p->in);
        proc_free(p);
    }
}

/* Both halves of the terminal were given up. */
static void hang_up_if_left(struct agent_proc *p)
{
    if (p->has_tty && !p->out && !p->in)
        fd_drop(&p->master_fd);
}

static void on_in_end(void *arg, bool is_clean)
{
    struct agent_proc *p = arg;
    (void)is_clean;
    p->in = NULL;
    hang_up_if_left(p);
}

static void on_out_end(void *arg, bool is_clean)
{
    struct agent_proc *p = arg;
    (void)is_clean;
    p->out = NULL;
    hang_up_if_left(p);
    forget_if_over(p);
}

static void on_err_end(void *arg, bool is_clean)
{
    struct agent_proc *p = arg;
    (void)is_clean;
    p->err = NULL;
    forget_if_over(p);
}

/* -- ends ---------------------------------------------------------------------------------------- */

static void proc_dead(struct agent_proc *p, int status)
{
    struct agent *a = p->agent;
    struct wire_out o = {0};
    wire_put_str(&o, p->cid);
    wire_put_u32(&o, p->id);
    wire_put_u32(&o, WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0);
    wire_put_u32(&o, WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0);
    mux_send(a->mux, WIRE_EXITED, 0, &o);
    wire_out_release(&o);
    /* draining may end both at once: the process is forgotten below, not in their callbacks */
    if (p->out)
        mux_source_drain(p->out);
    if (p->err)
        mux_source_drain(p->err);
    p->is_dead = true;
    forget_if_over(p);
}

void agent_proc_reaped(struct agent *a, pid_t pid, int status)
{
    for (struct agent_proc *p = a->procs; p; p = p->next) {
        if (p->pid == pid && !p->is_dead) {
            proc_dead(p, status);
            return;
        }
    }
    if (!a->works)
        return;
    struct agent_orphan *o = mem_new(1, sizeof(*o));
    *o = (struct agent_orphan){.next = a->orphans, .pid = pid, .status = status};
    a->orphans = o;
}

/* -- birth --------------------------------------------------------------------------------------- */

static void resize(struct agent_proc *p)
{
    struct winsize ws = {.ws_row = p->rows, .ws_col = p->cols};
    if (p->master_fd >= 0 && (ws.ws_row || ws.ws_col) && ioctl(p->master_fd, TIOCSWINSZ, &ws) < 0)
        log_debug("TIOCSWINSZ: %s", strerrordesc_np(errno));
}

static int console_listen(struct agent_proc *p, struct err *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    p->console_path = str_fmt("%s/console-%u", p->agent->config->dir, p->id);
    size_t len = strlen(p->console_path);
    if (len >= sizeof(sa.sun_path))
        return err_set(e, ERR_INTERNAL, "'%s' is too long for a socket", p->console_path);
    memcpy(sa.sun_path, p->console_path, len + 1);
    p->console_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->console_fd < 0)
        return err_sys(e, "socket");
    (void)unlink(p->console_path);
    if (bind(p->console_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(p->console_fd, 1) < 0)
        return err_sys(e, "listen on '%s'", p->console_path);
    return 0;
}

/* The worker is done, so the master has been sent: nothing here waits. */
static int master_take(struct agent_proc *p, struct err *e)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char name[4096];
    struct iovec iov = {name, sizeof(name)};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
    mh.msg_controllen = sizeof(control.bytes);
    autoclose int fd = accept4(p->console_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 || recvmsg(fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
        return err_sys(e, "receive the terminal");
    struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
    if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
        return err_set(e, ERR_INTERNAL, "no terminal was sent");
    memcpy(&p->master_fd, CMSG_DATA(c), sizeof(int));
    int flags = fcntl(p->master_fd, F_GETFL);
    if (flags < 0 || fcntl(p->master_fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_sys(e, "terminal");
    return 0;
}

static int dup_to(int fd, int *ret, struct err *e)
{
    *ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return *ret < 0 ? err_sys(e, "dup") : 0;
}

static int tty_attach(struct agent_proc *p, struct err *e)
{
    autoclose int in = -1;
    autoclose int out = -1;
    if (master_take(p, e) < 0 || dup_to(p->master_fd, &in, e) < 0 ||
            dup_to(p->master_fd, &out, e) < 0)
        return -1;
    resize(p);
    if (p->out && mux_source_attach(p->out, out, e) < 0)
        return -1;
    if (p->out)
        (void)steal_fd(out);
    if (p->in) { /* attaching flushes, and may end it */
        if (mux_sink_attach(p->in, in, e) < 0)
            return -1;
        (void)steal_fd(in);
    }
    hang_up_if_left(p);
    return 0;
}

static int pid_read(const struct agent_proc *p, pid_t *ret, struct err *e)
{
    autofree char *text = NULL;
    if (fd_read_file(AT_FDCWD, p->pid_file, 32, &text, NULL, e) < 0)
        return -1;
    pid_t pid = 0;
    for (const char *c = text; *c >= '0' && *c <= '9'; c++)
        pid = pid * 10 + (*c - '0');
    if (pid < 2)
        return err_set(e, ERR_INTERNAL, "pid file of '%s' says '%s'", p->cid, text);
    *ret = pid;
    return 0;
}

static void on_born(struct agent *a, void *arg, const struct err *what, struct wire_in *more)
{
    struct agent_proc *p = arg;
    struct err e = *what;
    (void)more;
    if (e.kind == ERR_NONE && pid_read(p, &p->pid, &e) == 0 && p->has_tty &&
            tty_attach(p, &e) < 0 && p->pid > 0)
        (void)kill(p->pid, SIGKILL); /* our child, not reaped yet or known as an orphan */
    if (e.kind != ERR_NONE) {
        proc_fail(p, &e);
        return;
    }
    struct wire_out o = {0};
    wire_put_u32(&o, (uint32_t)p->pid);
    agent_reply(a, p->request, &e, &o);
    wire_out_release(&o);
    for (const struct agent_orphan *x = a->orphans; x; x = x->next) {
        if (x->pid == p->pid) {
            proc_dead(p, x->status);
            return;
        }
    }
}

static int birth_work(struct agent *a, void *arg, struct wire_out *more, struct err *e)
{
    const struct agent_proc *p = arg;
    struct agent_birth b = {.cid = p->cid, .is_exec = p->is_exec, .has_tty = p->has_tty};
    off_t size = lseek(p->body_fd, 0, SEEK_END);
    (void)more;
    memcpy(b.stdio, p->stdio, sizeof(b.stdio));
    b.console = p->console_path;
    b.pid_file = p->pid_file;
    if (size < 0 || size > (off_t)WIRE_BODY_MAX)
        return err_set(e, ERR_CONFIG, "a request of %lld bytes", (long long)size);
    if (size > 0) {
        void *map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, p->body_fd, 0);
        if (map == MAP_FAILED)
            return err_sys(e, "mmap");
        b.body = map;
        b.body_len = (size_t)size;
    }
    return agent_birth_run(a, &b, e);
}

static void on_body_end(void *arg, bool is_clean)
{
    struct agent_proc *p = arg;
    struct err e = {0};
    p->body = NULL;
    if (!is_clean) {
        (void)err_set(&e, ERR_SYSTEM, "the guest has no memory for the request");
        proc_fail(p, &e);
        return;
    }
    agent_work_start(p->agent, p->request, birth_work, on_born, p);
    for (int i = 0; i < 3; i++)
        fd_drop(&p->stdio[i]);
    fd_drop(&p->body_fd);
}

/* One pipe: the payload's end into stdio[i], ours, non-blocking, as the result. */
static int pipe_half(struct agent_proc *p, int i, struct err *e)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    int ours = i == 0 ? fds[1] : fds[0];
    p->stdio[i] = i == 0 ? fds[0] : fds[1];
    if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0) {
        (void)close(ours);
        return err_sys(e, "pipe");
    }
    return ours;
}

static int pipes_open(struct agent_proc *p, struct err *e)
{
    autoclose int in = pipe_half(p, 0, e);
    autoclose int out = in < 0 ? -1 : pipe_half(p, 1, e);
    autoclose int err = out < 0 ? -1 : pipe_half(p, 2, e);
    if (err < 0 || mux_sink_attach(p->in, in, e) < 0)
        return -1;
    (void)steal_fd(in);
    if (mux_source_attach(p->out, out, e) < 0)
        return -1;
    (void)steal_fd(out);
    if (mux_source_attach(p->err, err, e) < 0)
        return -1;
    (void)steal_fd(err);
    return 0;
}

static int streams_open(struct agent_proc *p, struct err *e)
{
    struct mux *m = p->agent->mux;
    p->body = mux_sink_new(m, wire_stream_id(p->id, WIRE_BODY), on_body_end, p);
    p->in = mux_sink_new(m, wire_stream_id(p->id, WIRE_STDIN), on_in_end, p);
    p->out = mux_source_new(m, wire_stream_id(p->id, WIRE_STDOUT), on_out_end, p);
    if (!p->has_tty)
        p->err = mux_source_new(m, wire_stream_id(p->id, WIRE_STDERR), on_err_end, p);
    if ((p->has_tty ? console_listen(p, e) : pipes_open(p, e)) < 0)
        return -1;
    p->body_fd = memfd_create("request", MFD_CLOEXEC);
    if (p->body_fd < 0)
        return err_sys(e, "memfd_create");
    autoclose int copy = -1;
    if (dup_to(p->body_fd, &copy, e) < 0 || mux_sink_attach(p->body, copy, e) < 0)
        return -1;
    (void)steal_fd(copy);
    return 0;
}

void agent_proc_request(struct agent *a, const struct wire_frame *f)
{
    struct err e = {0};
    struct wire_in in = {.p = f->data, .left = f->len};
    struct agent_proc *p = mem_new(1, sizeof(*p));
    *p = (struct agent_proc){
            .next = a->procs,
            .agent = a,
            .request = f->id,
            .is_exec = f->type == WIRE_EXEC,
            .body_fd = -1,
            .stdio = {-1, -1, -1},
            .console_fd = -1,
            .master_fd = -1
    };
    p->cid = wire_get_str(&in);
    p->id = wire_get_u32(&in);
    p->has_tty = (wire_get_u32(&in) & WIRE_TTY) != 0;
    p->rows = (uint16_t)wire_get_u32(&in);
    p->cols = (uint16_t)wire_get_u32(&in);
    p->pid_file = str_fmt("%s/pid-%u", a->config->dir, p->id);
    a->procs = p;
    if (wire_in_end(&in, "request", &e) < 0 || rt_id_check(p->cid, &e) < 0 ||
            streams_open(p, &e) < 0)
        proc_fail(p, &e);
}

/* -- requests about one -------------------------------------------------------------------------- */

static struct agent_proc *proc_find(struct agent *a, const char *cid, uint32_t id)
{
    for (struct agent_proc *p = a->procs; p; p = p->next)
        if (p->id == id && strcmp(p->cid, cid) == 0)
            return p;
    return NULL;
}

struct signal_verb {
    char *cid;
    int sig;
    bool is_all;
};

static int signal_work(struct agent *a, void *arg, struct wire_out *more, struct err *e)
{
    const struct signal_verb *v = arg;
    (void)more;
    return a->config->rt->kill(&a->context, v->cid, v->sig, v->is_all, e);
}

void agent_proc_signal(struct agent *a, const struct wire_frame *f)
{
    struct err e = {0};
    struct wire_in in = {.p = f->data, .left = f->len};
    autofree char *cid = wire_get_str(&in);
    uint32_t id = wire_get_u32(&in);
    struct signal_verb v = {.cid = cid, .sig = (int)wire_get_u32(&in)};
    v.is_all = wire_get_u32(&in) != 0;
    if (wire_in_end(&in, "signal", &e) == 0 && id == 0) {
        agent_work_start(a, f->id, signal_work, NULL, &v); /* the worker has its own copy */
        return;
    }
    const struct agent_proc *p = proc_find(a, cid, id);
    if (e.kind == ERR_NONE && (!p || p->pid <= 0 || p->is_dead))
        (void)err_set(&e, ERR_STATE, "no such process: it has ended");
    else if (e.kind == ERR_NONE && kill(p->pid, v.sig) < 0) /* our child, so the pid is its own */
        (void)err_sys(&e, "signal %d", v.sig);
    agent_reply(a, f->id, &e, NULL);
}

void agent_proc_resize(struct agent *a, const struct wire_frame *f)
{
    struct err e = {0};
    struct wire_in in = {.p = f->data, .left = f->len};
    autofree char *cid = wire_get_str(&in);
    struct agent_proc *p = proc_find(a, cid, wire_get_u32(&in));
    uint16_t rows = (uint16_t)wire_get_u32(&in);
    uint16_t cols = (uint16_t)wire_get_u32(&in);
    if (wire_in_end(&in, "resize", &e) == 0 && p) {
        p->rows = rows;
        p->cols = cols;
        resize(p);
    }
    agent_reply(a, f->id, &e, NULL);
}

void agent_procs_free(struct agent *a)
{
    while (a->procs)
        proc_free(a->procs);
}
