// SPDX-License-Identifier: Apache-2.0
/*
 * See vm.h: vmw_exec. The descriptors go to the host process, which carries the bytes; the process
 * here only holds the connection: it passes signals and window sizes on and ends as the guest's
 * process ended. In the foreground that is the caller itself; detached it is a forked child,
 * session leader, without stdio of its own. When it is killed, the connection ends, and the host
 * process kills what it stood for.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/msg.h"
#include "base/own.h"
#include "runtime/console.h"
#include "runtime/vm/client.h"
#include "runtime/vm/host.h"
#include "runtime/vm/stdio.h"

struct execution {
    int conn;
    int signals;
    int body;
    int stdio[3];
    bool has_tty;
    int window; /* terminal whose size counts, or -1 */
};

/* The process object says whether it wants a terminal; labels name policies that a guest lacks
 * (create refused them, or recorded the gap). */
static int process_load(const char *path, char **ret, bool *ret_has_tty, struct err *e)
{
    json_t *doc = NULL;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open '%s'", path);
    if (json_load(fd, path, &doc, e) < 0)
        return -1;
    *ret_has_tty = json_is_true(json_object_get(doc, "terminal"));
    (void)json_object_del(doc, "apparmorProfile");
    (void)json_object_del(doc, "selinuxLabel");
    *ret = json_text(doc, false);
    json_decref(doc);
    return 0;
}

static int body_make(const struct rt_exec *r, const char *process, struct err *e)
{
    struct wire_out o = {0};
    autofree uint32_t *gids = mem_dup(r->gids, r->n_gids * sizeof(*r->gids));
    struct wire_exec x = {.gids = gids, .n_gids = (uint32_t)r->n_gids};
    memcpy(&x.process, &process, sizeof(x.process)); /* all of these are only read */
    memcpy(&x.argv, &r->argv, sizeof(x.argv));
    memcpy(&x.env, &r->env, sizeof(x.env));
    memcpy(&x.caps, &r->caps, sizeof(x.caps));
    memcpy(&x.cwd, &r->cwd, sizeof(x.cwd));
    memcpy(&x.user, &r->user, sizeof(x.user));
    x.flags = (r->no_new_privs ? WIRE_EXEC_NO_NEW_PRIVS : 0) |
              (r->ignore_paused ? WIRE_EXEC_IGNORE_PAUSED : 0);
    wire_exec_encode(&o, &x);
    autoclose int fd = memfd_create("islet-exec", MFD_CLOEXEC);
    int done = fd < 0 ? err_sys(e, "memfd_create") : fd_write_all(fd, o.buf, o.len, e);
    wire_out_release(&o);
    if (done == 0 && lseek(fd, 0, SEEK_SET) < 0)
        done = err_sys(e, "lseek");
    return done < 0 ? -1 : steal_fd(fd);
}

static void window_send(const struct execution *x)
{
    struct winsize ws = {0};
    struct wire_out o = {0};
    struct err ignored;
    if (x->window < 0 || ioctl(x->window, TIOCGWINSZ, &ws) < 0)
        return;
    wire_put_u32(&o, ws.ws_row);
    wire_put_u32(&o, ws.ws_col);
    /* the connection's end is seen where answers are read */
    (void)!msg_send(x->conn, WIRE_RESIZE, o.buf, o.len, NULL, 0, &ignored);
    wire_out_release(&o);
}

static void signal_send(const struct execution *x, int sig)
{
    struct wire_out o = {0};
    struct err ignored;
    wire_put_u32(&o, (uint32_t)sig);
    (void)!msg_send(x->conn, WIRE_SIGNAL, o.buf, o.len, NULL, 0, &ignored); /* as above */
    wire_out_release(&o);
}

/* Asks, and waits until the process exists. */
static int begin(struct execution *x, struct err *e)
{
    struct winsize ws = {0};
    struct wire_out o = {0};
    struct msg m;
    const int fds[4] = {x->body, x->stdio[0], x->stdio[1], x->stdio[2]};
    if (x->window >= 0)
        (void)ioctl(x->window, TIOCGWINSZ, &ws); /* not a terminal: the guest's default */
    wire_put_u32(&o, x->has_tty ? WIRE_TTY : 0);
    wire_put_u32(&o, ws.ws_row);
    wire_put_u32(&o, ws.ws_col);
    int r = msg_send(x->conn, WIRE_EXEC, o.buf, o.len, fds, 4, e);
    wire_out_release(&o);
    if (r < 0 || msg_recv_answer(x->conn, &m, e) < 0)
        return -1;
    msg_release(&m);
    return 0;
}

static int exited_take(const struct execution *x, bool *ret_is_over, int *ret_code, int *ret_sig,
        struct err *e)
{
    struct msg m;
    if (msg_recv_answer(x->conn, &m, e) < 0)
        return err_add(e, "the VM ended");
    struct wire_in in = {.p = m.data, .left = m.len};
    if (m.type == WIRE_EXITED) {
        *ret_code = (int)(wire_get_u32(&in) & 0xff);
        *ret_sig = (int)wire_get_u32(&in);
        *ret_is_over = true;
    }
    msg_release(&m);
    return 0;
}

/* Until the process has ended. */
static int attend(struct execution *x, int *ret_code, int *ret_sig, struct err *e)
{
    bool is_over = false;
    while (!is_over) {
        struct pollfd p[2] = {
                {.fd = x->conn,    .events = POLLIN},
                {.fd = x->signals, .events = POLLIN},
        };
        struct signalfd_siginfo info;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        while (p[1].revents && read(x->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
            int sig = (int)info.ssi_signo;
            if (sig == SIGWINCH)
                window_send(x);
            else if (sig != SIGCHLD && sig != SIGPIPE &&
                     !(sig == SIGHUP && info.ssi_code == SI_KERNEL && x->has_tty))
                signal_send(x, sig);
        }
        if (p[0].revents && exited_take(x, &is_over, ret_code, ret_sig, e) < 0)
            return -1;
    }
    return 0;
}

static int foreground(struct execution *x, int *ret_status, struct err *e)
{
    struct termios before;
    sigset_t mask;
    int code = 0;
    int sig = 0;
    if (sigprocmask(SIG_BLOCK, NULL, &mask) < 0)
        return err_sys(e, "sigprocmask");
    autoclose int signals = client_signals(e);
    if (signals < 0)
        return -1;
    x->signals = signals;
    for (int i = 0; i < 3; i++)
        x->stdio[i] = i;
    if (x->has_tty)
        x->window = isatty(STDIN_FILENO) ? STDIN_FILENO : STDOUT_FILENO;
    bool is_raw = x->has_tty && stdio_raw(&before);
    int r = begin(x, e);
    if (r == 0)
        r = attend(x, &code, &sig, e);
    if (is_raw)
        stdio_cooked(&before);
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    if (r == 0)
        *ret_status = sig ? 128 + sig : code;
    return r;
}

/* -- detached ------------------------------------------------------------------------------------ */

/* Keeps the connection and the terminal; closes everything else above stdio. */
static void descriptors_drop(struct execution *x)
{
    int conn = fcntl(x->conn, F_DUPFD_CLOEXEC, 16); /* out of the way of the targets */
    int window = x->window >= 0 ? fcntl(x->window, F_DUPFD_CLOEXEC, 16) : -1;
    x->conn = dup3(conn, 3, O_CLOEXEC);
    if (window >= 0)
        x->window = dup3(window, 4, O_CLOEXEC);
    (void)syscall(SYS_close_range, window >= 0 ? 5u : 4u, ~0u, 0u);
}

static int holder_begin(struct execution *x, int console, struct err *e)
{
    for (int i = 0; i < 3; i++)
        x->stdio[i] = i;
    if (x->has_tty) {
        int slave = -1;
        if (stdio_pty(console, &slave, e) < 0)
            return -1;
        x->window = slave;
        for (int i = 0; i < 3; i++)
            x->stdio[i] = slave;
    }
    x->signals = client_signals(e);
    if (x->signals < 0 || begin(x, e) < 0)
        return -1;
    return stdio_null(e);
}

static void __attribute__((noreturn)) holder(struct execution *x, int console, int report)
{
    struct err e = {0}, ignored;
    int code = 255;
    int sig = 0;
    (void)setsid(); /* a fresh child never leads a group, so this cannot fail */
    if (holder_begin(x, console, &e) < 0)
        _exit(msg_send_err(report, &e, &ignored) < 0 ? 255 : 1);
    if (msg_send(report, 0, NULL, 0, NULL, 0, &ignored) < 0)
        _exit(255); /* the parent was killed: so is the process, as the connection ends */
    descriptors_drop(x);
    x->signals = client_signals(&e);
    if (x->signals < 0 || attend(x, &code, &sig, &e) < 0)
        _exit(255);
    stdio_end_as(code, sig);
}

static int detached(struct execution *x, int console, pid_t *ret_pid, struct err *e)
{
    int report[2];
    struct msg m;
    if (msg_pair(report, e) < 0)
        return -1;
    autoclose int ours = report[0];
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ours);
        holder(x, console, report[1]);
    }
    (void)close(report[1]);
    if (pid < 0)
        return err_sys(e, "fork");
    if (msg_recv_answer(ours, &m, e) < 0) {
        (void)waitpid(pid, NULL, 0);
        return -1;
    }
    msg_release(&m);
    *ret_pid = pid;
    return 0;
}

int vmw_exec(const struct vmw_place *p, const struct rt_exec *r, pid_t *ret_pid, int *ret_status,
        struct err *e)
{
    struct execution x = {.signals = -1, .window = -1, .has_tty = r->has_tty};
    autofree char *process = NULL;
    if (r->preserve_fds)
        return err_set(e, ERR_UNSUPPORTED, "--preserve-fds: descriptors cannot enter a VM");
    if (r->apparmor && *r->apparmor)
        return err_set(e, ERR_UNSUPPORTED, "--apparmor: no policy is loaded in a guest");
    if (r->process_file && process_load(r->process_file, &process, &x.has_tty, e) < 0)
        return -1;
    bool has_console = x.has_tty && r->is_detached;
    if (has_console && !r->console_socket)
        return err_set(e, ERR_USAGE, "a detached terminal needs --console-socket");
    autoclose int body = body_make(r, process, e);
    autoclose int conn = body < 0 ? -1 : client_connect(p, e);
    autoclose int console = conn >= 0 && has_console ? console_connect(r->console_socket, e) : -1;
    if (conn < 0 || (has_console && console < 0))
        return -1;
    x.body = body;
    x.conn = conn;
    *ret_pid = 0;
    *ret_status = 0;
    if (r->is_detached)
        return detached(&x, console, ret_pid, e);
    return foreground(&x, ret_status, e);
}
