// SPDX-License-Identifier: Apache-2.0
/*
 * See host.h: the life of a VM that holds one container.
 *
 *   BOOTING --HELLO--> CREATING --reply--> CREATED --START--> RUNNING --EXITED--> ENDED
 *      |                  |                                               output written
 *      +---- failure -----+--> the creator is told                              |
 *                                                              LEAVING <--BYE---+
 *
 * A guest that goes down by itself closes the channel first and is understood a moment later, when
 * the engine says how it went; so a broken link waits for that word, and what was in the channel is
 * still written. Each wait has an end: boot, SIGKILL, BYE, the engine's word.
 */
#include "runtime/vm/host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"

#define BOOT_MS 30000u
#define BOOT_EMULATED_MS 180000u
#define KILL_MS 10000u
#define BYE_MS 5000u
#define WORD_MS 3000u

struct host_request {
    struct host_request *next;
    uint32_t id;
    host_answer_fn *fn;
    void *arg;
    bool is_signal; /* sent to what lived: if all ends before the answer, it has done its work */
};

static void vm_look(struct host *h);

/* -- requests ------------------------------------------------------------------------------------ */

void host_ask(struct host *h, enum wire_type type, const struct wire_out *data, host_answer_fn *fn,
        void *arg)
{
    struct err gone = {0};
    struct wire_in nothing = {0};
    if (h->is_broken) {
        (void)err_set(&gone, ERR_STATE, "container not running: its VM has ended");
        if (fn)
            fn(h, arg, &gone, &nothing);
        return;
    }
    struct host_request *r = mem_new(1, sizeof(*r));
    *r = (struct host_request){.id = ++h->next_request, .fn = fn, .arg = arg, .next = h->requests};
    h->requests = r;
    mux_send(h->mux, (uint16_t)type, r->id, data);
}

void host_ask_forget(struct host *h, const void *arg)
{
    for (struct host_request *r = h->requests; r; r = r->next)
        if (r->arg == arg)
            r->fn = NULL;
}

static void on_reply(struct host *h, const struct wire_frame *f)
{
    struct wire_in in = {.p = f->data, .left = f->len};
    struct err what;
    struct host_request **at = &h->requests;
    while (*at && (*at)->id != f->id)
        at = &(*at)->next;
    struct host_request *r = *at;
    if (!r)
        return; /* never asked, or answered before */
    *at = r->next;
    wire_get_err(&in, &what);
    if (in.is_bad)
        (void)err_set(&what, ERR_SYSTEM, "the guest's reply is cut");
    if (r->fn)
        r->fn(h, r->arg, &what, &in);
    mem_free(r);
}

static void requests_fail(struct host *h)
{
    const struct err well = {0};
    struct err gone = {0};
    struct wire_in nothing = {0};
    (void)err_set(&gone, ERR_STATE, "container not running: its VM has ended");
    while (h->requests) {
        struct host_request *r = h->requests;
        h->requests = r->next;
        if (r->fn)
            r->fn(h, r->arg, r->is_signal ? &well : &gone, &nothing);
        mem_free(r);
    }
}

/* -- phases -------------------------------------------------------------------------------------- */

static void timer_set(struct host *h, unsigned ms, loop_timer_fn *fn)
{
    loop_del_timer(h->timer);
    h->timer = fn ? loop_add_timer(h->loop, ms, fn, h) : NULL;
}

void host_fail(struct host *h, const struct err *what)
{
    if (h->phase >= HOST_CREATED || h->failure.kind != ERR_NONE)
        return;
    h->failure = *what;
    loop_stop(h->loop);
}

static void ready_close(struct host *h)
{
    loop_del_fd(steal_ptr(h->ready_watch));
}

void host_created(struct host *h)
{
    struct err e;
    timer_set(h, 0, NULL);
    h->phase = HOST_CREATED;
    ready_close(h);
    if (h->setup->ready_fd >= 0 && msg_send(h->setup->ready_fd, 0, NULL, 0, NULL, 0, &e) < 0) {
        log_warn("the creator is gone: %s", e.text);
        host_ended(h, 0, SIGKILL, "killed");
        host_procs_cut(h);
    }
}

static void leave(void *arg)
{
    struct host *h = arg;
    h->timer = NULL;
    loop_stop(h->loop);
}

static void on_bye(struct host *h, void *arg, const struct err *what, struct wire_in *more)
{
    (void)arg;
    (void)what; /* synced, or the guest is gone: either way nothing is left to wait for */
    (void)more;
    loop_stop(h->loop);
}

/* exit.json is written, and so is all output. */
void host_output_over(struct host *h)
{
    if (h->phase >= HOST_LEAVING)
        return;
    h->phase = HOST_LEAVING;
    if (h->is_broken) {
        loop_stop(h->loop);
        return;
    }
    timer_set(h, BYE_MS, leave);
    host_ask(h, WIRE_BYE, NULL, on_bye, NULL);
}

void host_ended(struct host *h, int code, int signal, const char *reason)
{
    if (h->phase < HOST_CREATED) {
        struct err e;
        (void)err_set(&e, ERR_SYSTEM, "the container ended before it was created");
        host_fail(h, &e);
        return;
    }
    if (h->phase >= HOST_ENDED)
        return;
    h->phase = HOST_ENDED;
    h->end = (struct host_end){.code = code, .signal = signal, .reason = reason};
    timer_set(h, 0, NULL);
    host_record_exit(h);
}

/* The VM went without a word of the payload's end. */
static void ended_with_vm(struct host *h, int code, int signal, const char *reason)
{
    struct err e;
    if (h->phase < HOST_CREATED) {
        const char *why = h->setup->engine->why(h->setup->engine_arg);
        (void)err_set(&e, ERR_SYSTEM, "the guest ended while it booted: %s%s%s", reason,
                *why ? ": " : "", why);
        host_fail(h, &e);
        return;
    }
    host_ended(h, code, signal, reason);
    host_procs_cut(h);
}

static void on_no_word(void *arg)
{
    struct host *h = arg;
    h->timer = NULL;
    log_warn("the agent is gone and the VM still runs");
    h->setup->engine->kill(h->setup->engine_arg);
    ended_with_vm(h, 255, 0, "crash");
}

static void vm_look(struct host *h)
{
    bool has_ended = false;
    enum vm_end end = VM_END_CRASH;
    struct err e;
    if (h->is_vm_over)
        return;
    if (h->setup->engine->poll(h->setup->engine_arg, &has_ended, &end, &e) < 0) {
        log_warn("%s", e.text);
        has_ended = true;
        end = VM_END_CRASH;
    }
    if (!has_ended)
        return;
    h->is_vm_over = true;
    loop_del_fd(steal_ptr(h->events_watch));
    static const struct {
        int code;
        const char *reason;
    } ends[] = {
            [VM_END_POWEROFF] = {0,   "poweroff"},
            [VM_END_REBOOT] = {0,   "reboot"  },
            [VM_END_PANIC] = {255, "panic"   },
            [VM_END_CRASH] = {255, "crash"   },
    };
    if (!h->is_broken) /* what is still in the channel comes first; its end is certain now */
        h->end = (struct host_end){.code = ends[end].code, .reason = ends[end].reason};
    else
        ended_with_vm(h, ends[end].code, 0, ends[end].reason);
}

static void on_engine(void *arg, uint32_t events)
{
    (void)events;
    vm_look(arg);
}

static void on_broken(void *arg, const struct err *why)
{
    struct host *h = arg;
    if (why->kind)
        log_warn("%s", why->text);
    h->is_broken = true;
    requests_fail(h);
    if (h->phase == HOST_LEAVING) {
        loop_stop(h->loop);
    } else if (h->phase == HOST_ENDED) {
        return; /* the rest of the output is being written */
    } else if (h->is_vm_over) {
        ended_with_vm(h, h->end.code, 0, h->end.reason);
    } else {
        timer_set(h, WORD_MS, on_no_word);
        vm_look(h);
    }
}

/* -- the agent ----------------------------------------------------------------------------------- */

static int create_ask(struct host *h, struct err *e)
{
    struct host_proc_setup s = {.has_tty = (h->setup->flags & HOST_TTY) != 0,
            .body_fd = h->setup->body_fd};
    memcpy(s.stdio, h->setup->stdio, sizeof(s.stdio));
    h->init = host_proc_new(h, &s, e);
    return h->init ? 0 : -1;
}

static void on_hello(struct host *h, const struct wire_frame *f)
{
    struct wire_in in = {.p = f->data, .left = f->len};
    struct err e = {0};
    struct timespec now;
    struct wire_out o = {0};
    uint32_t version = wire_get_u32(&in);
    autofree char *release = wire_get_str(&in);
    if (h->phase != HOST_BOOTING)
        return;
    if (wire_in_end(&in, "hello", &e) < 0 || version != WIRE_VERSION) {
        if (e.kind == ERR_NONE)
            (void)err_set(&e, ERR_SYSTEM, "the agent speaks version %u, this is %u", version,
                    WIRE_VERSION);
        host_fail(h, &e);
        return;
    }
    h->phase = HOST_CREATING;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    wire_put_u32(&o, WIRE_VERSION);
    wire_put_u64(&o, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
    wire_put_str(&o, h->setup->id);
    mux_send(h->mux, WIRE_WELCOME, 0, &o);
    wire_out_release(&o);
    if (create_ask(h, &e) < 0)
        host_fail(h, &e);
}

static void on_frame(void *arg, const struct wire_frame *f)
{
    struct host *h = arg;
    if (f->type == WIRE_HELLO)
        on_hello(h, f);
    else if (f->type == WIRE_REPLY)
        on_reply(h, f);
    else if (f->type == WIRE_EXITED)
        host_proc_exited(h, f);
    /* whatever else a guest says is none of its business */
}

/* -- signals ------------------------------------------------------------------------------------- */

static void on_no_kill(void *arg)
{
    struct host *h = arg;
    h->timer = NULL;
    log_warn("the guest did not react to SIGKILL");
    h->setup->engine->kill(h->setup->engine_arg);
    ended_with_vm(h, 0, SIGKILL, "killed");
}

void host_signal_init(struct host *h, int sig, bool is_all, host_answer_fn *fn, void *arg)
{
    struct wire_out o = {0};
    wire_put_str(&o, h->setup->id);
    wire_put_u32(&o, 0);
    wire_put_u32(&o, (uint32_t)sig);
    wire_put_u32(&o, is_all);
    host_ask(h, WIRE_SIGNAL, &o, fn, arg);
    wire_out_release(&o);
    if (!h->is_broken && h->requests)
        h->requests->is_signal = true; /* the newest stands first */
    bool is_alive = h->phase == HOST_CREATED || h->phase == HOST_RUNNING;
    if (sig == SIGKILL && is_alive && !h->timer)
        timer_set(h, KILL_MS, on_no_kill);
}

static void on_signal(void *arg, uint32_t events)
{
    struct host *h = arg;
    struct signalfd_siginfo info;
    struct err e;
    bool has_tty = (h->setup->flags & HOST_TTY) != 0;
    (void)events;
    while (read(h->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        int sig = (int)info.ssi_signo;
        if (sig == SIGCHLD) {
            vm_look(h);
        } else if (sig == SIGWINCH) {
            if (h->init)
                host_proc_window(h->init);
        } else if (sig == SIGHUP && has_tty && info.ssi_code == SI_KERNEL) {
            continue; /* the terminal hung up, which the guest's will do by itself */
        } else if (h->phase < HOST_CREATED) {
            (void)err_set(&e, ERR_STATE, "ended by %s while the VM booted", sigabbrev_np(sig));
            host_fail(h, &e);
        } else {
            host_signal_init(h, sig, false, NULL, NULL);
        }
    }
}

static int signals_open(struct host *h, struct err *e)
{
    static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGALRM,
            SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGCHLD, SIGPWR, SIGIO, SIGVTALRM,
            SIGPROF, SIGXCPU, SIGXFSZ, SIGURG};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
        (void)sigaddset(&set, forwarded[i]);
    for (int s = SIGRTMIN; s <= SIGRTMAX; s++)
        (void)sigaddset(&set, s);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_sys(e, "sigprocmask");
    h->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (h->signal_fd < 0)
        return err_sys(e, "signalfd");
    return loop_add_fd(h->loop, h->signal_fd, EPOLLIN, on_signal, h, e) ? 0 : -1;
}

/* -- run ----------------------------------------------------------------------------------------- */

static void on_creator(void *arg, uint32_t events)
{
    struct host *h = arg;
    struct err e;
    (void)events; /* it never writes: this is its end, and the container's with it */
    (void)err_set(&e, ERR_STATE, "the creator ended while the VM booted");
    host_fail(h, &e);
}

static void on_boot_late(void *arg)
{
    struct host *h = arg;
    struct err e;
    h->timer = NULL;
    (void)err_set(&e, ERR_SYSTEM, "the guest did not answer in time after its start");
    host_fail(h, &e);
}

static int vm_start(struct host *h, struct err *e)
{
    static const struct mux_events events = {on_frame, on_broken};
    const struct host_setup *s = h->setup;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socketpair");
    autoclose int theirs = pair[1];
    h->mux = mux_new(h->loop, pair[0], false, &events, h, e);
    if (!h->mux) {
        (void)close(pair[0]);
        return -1;
    }
    if (s->engine->spawn(s->engine_arg, theirs, &h->events_fd, e) < 0)
        return -1;
    if (h->events_fd >= 0) {
        h->events_watch = loop_add_fd(h->loop, h->events_fd, EPOLLIN, on_engine, h, e);
        if (!h->events_watch)
            return -1;
    }
    return host_record_vm(h, e);
}

static int run(struct host *h, struct err *e)
{
    const struct host_setup *s = h->setup;
    bool is_emulated = (s->flags & HOST_EMULATED) != 0;
    h->loop = loop_new(e);
    if (!h->loop || signals_open(h, e) < 0 || host_control_open(h, e) < 0)
        return -1;
    if (s->ready_fd >= 0) {
        h->ready_watch = loop_add_fd(h->loop, s->ready_fd, EPOLLIN, on_creator, h, e);
        if (!h->ready_watch)
            return -1;
    }
    if (vm_start(h, e) < 0)
        return -1;
    timer_set(h, is_emulated ? BOOT_EMULATED_MS : BOOT_MS, on_boot_late);
    return loop_run(h->loop, e);
}

int host_run(const struct host_setup *s, struct host_end *ret, struct err *e)
{
    struct host h = {.setup = s, .events_fd = -1, .signal_fd = -1, .listen_fd = -1};
    struct err ignored;
    int r = run(&h, e);
    if (r == 0 && h.failure.kind != ERR_NONE) {
        *e = h.failure;
        r = -1;
    }
    s->engine->kill(s->engine_arg);
    if (r < 0 && h.phase < HOST_CREATED && s->ready_fd >= 0 &&
            msg_send_err(s->ready_fd, e, &ignored) < 0)
        log_warn("%s (and the creator is gone)", e->text);
    *ret = h.end;
    requests_fail(&h);
    host_control_close(&h);
    host_procs_free(&h);
    mux_free(h.mux);
    loop_free(h.loop);
    own_close(&h.signal_fd);
    return r;
}
