// SPDX-License-Identifier: Apache-2.0
/* See console.h. */
#include "runtime/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/own.h"

int console_connect(const char *path, struct err *e)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(addr.sun_path))
        return err_set(e, ERR_USAGE, "console socket '%s': the path is too long for a socket",
                path);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        return err_sys(e, "connect to console socket '%s'", path);
    return steal_fd(fd);
}

int console_send(int sockfd, int masterfd, const char *name, struct err *e)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    autofree char *text = str_dup(name);
    struct iovec iov = {.iov_base = text, .iov_len = strlen(text)};
    struct msghdr h = {.msg_iov = &iov,
            .msg_iovlen = 1,
            .msg_control = &control,
            .msg_controllen = CMSG_LEN(sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &masterfd, sizeof(int));
    if (sendmsg(sockfd, &h, MSG_NOSIGNAL) < 0)
        return err_sys(e, "send the terminal to the console socket");
    return 0;
}

/* One direction of the copy; a full other side stops the reading of this one. */
struct pipe_way {
    int from, to;
    char buf[8192];
    size_t at, len;
    bool is_done;
    bool is_discarded;
};

static void way_read(struct pipe_way *w)
{
    ssize_t n = read(w->from, w->buf, sizeof(w->buf));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) /* EIO: the last slave was closed */
        w->is_done = true;
    else if (!w->is_discarded)
        w->len = (size_t)n;
}

static void way_write(struct pipe_way *w)
{
    ssize_t n = write(w->to, w->buf + w->at, w->len - w->at);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0) { /* nobody reads any more: what comes is still taken, or the payload would stand */
        w->is_discarded = true;
        w->len = w->at = 0;
        return;
    }
    w->at += (size_t)n;
    if (w->at == w->len)
        w->at = w->len = 0;
}

struct foreground {
    pid_t pid;
    int pidfd, master, signals;
    bool is_raw;
    struct termios before;
    struct pipe_way in, out;
};

void console_copy_size(int masterfd)
{
    struct winsize size;
    if (masterfd >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
        (void)ioctl(masterfd, TIOCSWINSZ, &size);
}

static void take_signal(struct foreground *f)
{
    struct signalfd_siginfo info;
    if (read(f->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    int sig = (int)info.ssi_signo;
    if (sig == SIGCHLD)
        return;
    if (sig == SIGWINCH)
        console_copy_size(f->master);
    else
        (void)syscall(SYS_pidfd_send_signal, f->pidfd, sig, NULL, 0); /* gone: the wait ends */
}

static void terminal_raw(struct foreground *f)
{
    if (f->master < 0 || tcgetattr(STDIN_FILENO, &f->before) < 0)
        return;
    struct termios raw = f->before;
    cfmakeraw(&raw);
    f->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    console_copy_size(f->master);
}

/* What was written before the end is still in the pty. A reader may take its time; a signal to us
 * ends the waiting. */
static void drain(struct foreground *f)
{
    while (f->master >= 0 && !f->out.is_done) {
        struct pollfd p[2] = {
                {.fd = f->out.len ? f->out.to : f->out.from,
                 .events = (short)(f->out.len ? POLLOUT : POLLIN)            },
                {.fd = f->signals,                           .events = POLLIN},
        };
        if (poll(p, 2, f->out.len ? -1 : 0) <= 0 || (f->out.len && p[1].revents))
            break;
        if (f->out.len)
            way_write(&f->out);
        else if (p[0].revents)
            way_read(&f->out);
        else
            break;
    }
}

static struct pollfd interest(const struct pipe_way *w)
{
    if (w->is_done)
        return (struct pollfd){.fd = -1};
    if (w->len)
        return (struct pollfd){.fd = w->to, .events = POLLOUT};
    return (struct pollfd){.fd = w->from, .events = POLLIN};
}

static void way_step(struct pipe_way *w, const struct pollfd *p)
{
    if (!p->revents || p->fd < 0)
        return;
    if (w->len)
        way_write(w);
    else
        way_read(w);
}

static int wait_loop(struct foreground *f, int *status, struct err *e)
{
    for (;;) {
        struct pollfd p[4] = {
                {.fd = f->pidfd,   .events = POLLIN},
                {.fd = f->signals, .events = POLLIN},
                interest(&f->in),
                interest(&f->out),
        };
        if (poll(p, f->master < 0 ? 2 : 4, -1) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (p[1].revents)
            take_signal(f);
        if (f->master >= 0) {
            way_step(&f->in, &p[2]);
            way_step(&f->out, &p[3]);
        }
        if (!p[0].revents)
            continue;
        pid_t got = waitpid(f->pid, status, WNOHANG);
        if (got == f->pid)
            return 0;
        if (got < 0 && errno != EINTR)
            return err_sys(e, "wait for process %d", (int)f->pid);
    }
}

void console_hold_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGTTOU);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
}

int console_foreground(pid_t pid, int pidfd, int masterfd, int *ret_status, struct err *e)
{
    struct foreground f = {
            .pid = pid,
            .pidfd = pidfd,
            .master = masterfd,
            .in = {.from = STDIN_FILENO, .to = masterfd,      .is_done = masterfd < 0},
            .out = {.from = masterfd,     .to = STDOUT_FILENO, .is_done = masterfd < 0}
    };
    sigset_t all, old;
    int status = 0;
    sigfillset(&all);
    sigdelset(&all, SIGTTOU);
    (void)sigprocmask(SIG_BLOCK, &all, &old);
    autoclose int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0)
        return err_sys(e, "signalfd");
    f.signals = signals;
    if (masterfd >= 0) /* a write to a full pty must not hold up its reading */
        (void)fcntl(masterfd, F_SETFL, O_RDWR | O_NONBLOCK);
    terminal_raw(&f);
    int rc = wait_loop(&f, &status, e);
    drain(&f);
    if (f.is_raw)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &f.before);
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    if (rc == 0)
        *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return rc;
}
