// SPDX-License-Identifier: Apache-2.0
/* See agent.h: the channel, requests that need no process of their own, and the reaping. */
#include "runtime/vm/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"

/* -- replies ------------------------------------------------------------------------------------ */

static struct agent_answer *answer_find(struct agent *a, uint32_t id)
{
    for (unsigned i = 0; i < AGENT_ANSWERS; i++)
        if (id && a->answers[i].id == id)
            return &a->answers[i];
    return NULL;
}

/* Repeated? Then what was answered is answered again, and a request under way is left alone. */
static bool is_repeated(struct agent *a, uint32_t id)
{
    struct agent_answer *old = answer_find(a, id);
    if (old) {
        if (old->is_done)
            mux_send(a->mux, WIRE_REPLY, id, &old->reply);
        return true;
    }
    struct agent_answer *slot = &a->answers[a->next_answer++ % AGENT_ANSWERS];
    wire_out_release(&slot->reply);
    *slot = (struct agent_answer){.id = id};
    return false;
}

void agent_reply(struct agent *a, uint32_t id, const struct err *what, const struct wire_out *more)
{
    struct wire_out o = {0};
    wire_put_err(&o, what);
    if (more)
        wire_put_bytes(&o, more->buf, more->len);
    if (o.len > WIRE_DATA_MAX)
        o.len = WIRE_DATA_MAX; /* the reader finds it cut and says so */
    mux_send(a->mux, WIRE_REPLY, id, &o);
    struct agent_answer *slot = answer_find(a, id);
    if (slot) {
        wire_out_release(&slot->reply);
        slot->reply = o;
        slot->is_done = true;
    } else {
        wire_out_release(&o);
    }
}

/* -- requests about a container, each one call in a worker --------------------------------------- */

struct verb {
    uint16_t type;
    char *cid;
    bool is_on; /* PAUSE */
};

static void verb_free(struct verb *v)
{
    mem_free(v->cid);
    mem_free(v);
}

static int verb_run(struct agent *a, void *arg, struct wire_out *more, struct err *e)
{
    const struct verb *v = arg;
    const struct agent_rt *rt = a->config->rt;
    pid_t *pids = NULL;
    size_t n = 0;
    switch (v->type) {
    case WIRE_START:
        return rt->start(&a->context, v->cid, e);
    case WIRE_PAUSE:
        return rt->pause(&a->context, v->cid, v->is_on, e);
    case WIRE_DELETE:
        return rt->delete_(&a->context, v->cid, true, e);
    default:
        break;
    }
    if (rt->ps(&a->context, v->cid, &pids, &n, e) < 0)
        return -1;
    wire_put_u32(more, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        wire_put_u32(more, (uint32_t)pids[i]);
    mem_free(pids);
    return 0;
}

static void verb_request(struct agent *a, const struct wire_frame *f)
{
    struct err e = {0};
    struct wire_in in = {.p = f->data, .left = f->len};
    struct verb *v = mem_new(1, sizeof(*v));
    v->type = f->type;
    v->cid = wire_get_str(&in);
    if (f->type == WIRE_PAUSE)
        v->is_on = wire_get_u32(&in) != 0;
    if (wire_in_end(&in, "request", &e) < 0)
        agent_reply(a, f->id, &e, NULL);
    else
        agent_work_start(a, f->id, verb_run, NULL, v); /* the worker has its own copy */
    verb_free(v);
}

/* -- the machine --------------------------------------------------------------------------------- */

static void on_welcome(struct agent *a, const struct wire_frame *f)
{
    struct wire_in in = {.p = f->data, .left = f->len};
    struct timespec now = {0};
    struct err e;
    uint32_t version = wire_get_u32(&in);
    uint64_t ns = wire_get_u64(&in);
    autofree char *name = wire_get_str(&in);
    if (wire_in_end(&in, "welcome", &e) < 0 || version != WIRE_VERSION) {
        log_error("the host speaks version %u of the agent protocol, this is %u", version,
                WIRE_VERSION);
        loop_stop(a->loop);
        return;
    }
    if (!a->config->is_machine)
        return;
    now.tv_sec = (time_t)(ns / 1000000000u);
    now.tv_nsec = (long)(ns % 1000000000u);
    if (clock_settime(CLOCK_REALTIME, &now) < 0)
        log_warn("set the clock: %s", strerrordesc_np(errno));
    if (sethostname(name, strnlen(name, 64)) < 0)
        log_warn("set the host name: %s", strerrordesc_np(errno));
}

static void on_leave(void *arg)
{
    struct agent *a = arg;
    if (mux_is_idle(a->mux))
        loop_stop(a->loop);
    else
        (void)loop_add_timer(a->loop, 20, on_leave, a);
}

static void on_bye(struct agent *a, const struct wire_frame *f)
{
    struct err well = {0};
    sync(); /* before the reply: the host may pull the plug when it has it */
    agent_reply(a, f->id, &well, NULL);
    (void)loop_add_timer(a->loop, 20, on_leave, a);
}

static void on_frame(void *arg, const struct wire_frame *f)
{
    struct agent *a = arg;
    struct err e = {0};
    log_debug("request %u of type %u", f->id, f->type);
    if (f->type == WIRE_WELCOME) {
        on_welcome(a, f);
        return;
    }
    if (is_repeated(a, f->id))
        return;
    switch (f->type) {
    case WIRE_CREATE:
    case WIRE_EXEC:
        agent_proc_request(a, f);
        return;
    case WIRE_SIGNAL:
        agent_proc_signal(a, f);
        return;
    case WIRE_RESIZE:
        agent_proc_resize(a, f);
        return;
    case WIRE_START:
    case WIRE_PS:
    case WIRE_PAUSE:
    case WIRE_DELETE:
        verb_request(a, f);
        return;
    case WIRE_BYE:
        on_bye(a, f);
        return;
    default:
        (void)err_set(&e, ERR_UNSUPPORTED, "request of type %u", f->type);
        agent_reply(a, f->id, &e, NULL);
    }
}

static void on_broken(void *arg, const struct err *why)
{
    struct agent *a = arg;
    if (why->kind)
        log_error("%s", why->text);
    loop_stop(a->loop);
}

/* -- children ------------------------------------------------------------------------------------ */

static void orphans_free(struct agent *a)
{
    while (a->orphans) {
        struct agent_orphan *o = a->orphans;
        a->orphans = o->next;
        mem_free(o);
    }
}

static void on_children(void *arg, uint32_t events)
{
    struct agent *a = arg;
    struct signalfd_siginfo info;
    int status;
    (void)events;
    while (read(a->signal_fd, &info, sizeof(info)) > 0) {
    }
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG))
        if (!agent_work_reaped(a, pid))
            agent_proc_reaped(a, pid, status);
    if (!a->works)
        orphans_free(a);
}

static int signals_open(struct agent *a, struct err *e)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_sys(e, "sigprocmask");
    a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (a->signal_fd < 0)
        return err_sys(e, "signalfd");
    if (!loop_add_fd(a->loop, a->signal_fd, EPOLLIN, on_children, a, e))
        return -1;
    /* when it is not PID 1 (tests), what workers leave behind comes to it all the same */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return err_sys(e, "become a subreaper");
    return 0;
}

/* -- life ---------------------------------------------------------------------------------------- */

static void say_hello(struct agent *a)
{
    struct utsname u = {0};
    struct wire_out o = {0};
    (void)uname(&u); /* cannot fail with a good pointer */
    wire_put_u32(&o, WIRE_VERSION);
    wire_put_str(&o, u.release);
    mux_send(a->mux, WIRE_HELLO, 0, &o);
    wire_out_release(&o);
}

static int serve(struct agent *a, struct err *e)
{
    static const struct mux_events events = {on_frame, on_broken};
    const struct agent_config *c = a->config;
    a->loop = loop_new(e);
    if (!a->loop)
        return -1;
    /* a container's root in a user namespace of its own goes through this directory */
    if (signals_open(a, e) < 0 || fd_mkdir_all(c->dir, 0711, e) < 0 ||
            fd_mkdir_all(a->state_root, 0700, e) < 0)
        return -1;
    a->mux = mux_new(a->loop, c->channel_fd, c->is_port, &events, a, e);
    if (!a->mux)
        return -1;
    say_hello(a);
    return loop_run(a->loop, e);
}

int agent_serve(const struct agent_config *c, struct err *e)
{
    struct agent a = {.config = c, .signal_fd = -1};
    a.state_root = str_fmt("%s/state", c->dir);
    a.context = (struct rt_context){
            .root = a.state_root,
            .cgroup_manager = RT_CGROUPFS,
            .isolation = RT_ISOLATION_CONTAINER,
    };
    int r = serve(&a, e);
    agent_procs_free(&a);
    orphans_free(&a);
    mux_free(a.mux);
    loop_free(a.loop);
    own_close(&a.signal_fd);
    for (unsigned i = 0; i < AGENT_ANSWERS; i++)
        wire_out_release(&a.answers[i].reply);
    mem_free(a.state_root);
    return r;
}
