// SPDX-License-Identifier: Apache-2.0
/* See client.h and vm.h: the verbs that are one question to the host process, and the wait of a
 * foreground run. */
#include "runtime/vm/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "runtime/vm/host.h"
#include "runtime/vm/stdio.h"

int client_connect(const struct vmw_place *p, struct err *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/vm/" HOST_SOCKET,
            p->statedir_fd);
    autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, "socket");
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
        if (errno == ENOENT || errno == ECONNREFUSED)
            return err_set(e, ERR_STATE, "container not running: the VM of '%s' has ended", p->id);
        return err_sys(e, "connect to the VM of '%s'", p->id);
    }
    return steal_fd(fd);
}

int client_ask(const struct vmw_place *p, enum wire_type type, const struct wire_out *data,
        struct msg *ret, struct err *e)
{
    autoclose int fd = client_connect(p, e);
    if (fd < 0)
        return -1;
    if (msg_send(fd, (uint32_t)type, data ? data->buf : NULL, data ? data->len : 0, NULL, 0, e) < 0)
        return -1;
    return msg_recv_answer(fd, ret, e);
}

static int ask(const struct vmw_place *p, enum wire_type type, const uint32_t *args, size_t n,
        struct err *e)
{
    struct wire_out o = {0};
    struct msg m;
    for (size_t i = 0; i < n; i++)
        wire_put_u32(&o, args[i]);
    int r = client_ask(p, type, &o, &m, e);
    wire_out_release(&o);
    if (r == 0)
        msg_release(&m);
    return r;
}

int vmw_start(const struct vmw_place *p, struct err *e)
{
    return ask(p, WIRE_START, NULL, 0, e);
}

int vmw_kill(const struct vmw_place *p, int sig, bool is_all, struct err *e)
{
    const uint32_t args[2] = {(uint32_t)sig, is_all};
    return ask(p, WIRE_SIGNAL, args, 2, e);
}

int vmw_pause(const struct vmw_place *p, bool is_paused, struct err *e)
{
    const uint32_t on = is_paused;
    return ask(p, WIRE_PAUSE, &on, 1, e);
}

int vmw_ps(const struct vmw_place *p, pid_t **ret, size_t *ret_n, struct err *e)
{
    struct msg m;
    if (client_ask(p, WIRE_PS, NULL, &m, e) < 0)
        return -1;
    struct wire_in in = {.p = m.data, .left = m.len};
    size_t n = wire_get_u32(&in);
    if (n > in.left / 4)
        in.is_bad = true;
    pid_t *pids = mem_new(in.is_bad ? 0 : n, sizeof(*pids));
    for (size_t i = 0; i < n && !in.is_bad; i++)
        pids[i] = (pid_t)wire_get_u32(&in);
    int r = wire_in_end(&in, "ps", e);
    msg_release(&m);
    if (r < 0) {
        mem_free(pids);
        return -1;
    }
    *ret = pids;
    *ret_n = n;
    return 0;
}

int client_signals(struct err *e)
{
    sigset_t set;
    (void)sigfillset(&set);
    (void)sigdelset(&set, SIGTTOU); /* setting the terminal from the background is our own affair */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_sys(e, "sigprocmask");
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_sys(e, "signalfd") : fd;
}

/* The host process reads the terminal's size itself on SIGWINCH. */
static int wait_loop(pid_t pid, int pidfd, int signals, int *ret_status, struct err *e)
{
    for (;;) {
        struct pollfd p[2] = {
                {.fd = pidfd,   .events = POLLIN},
                {.fd = signals, .events = POLLIN}
        };
        struct signalfd_siginfo info;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        while (p[1].revents && read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
            if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGPIPE)
                (void)syscall(SYS_pidfd_send_signal, pidfd, (int)info.ssi_signo, NULL, 0);
        if (p[0].revents && waitpid(pid, ret_status, WNOHANG) == pid)
            return 0;
    }
}

int vmw_wait(pid_t pid, bool has_tty, int *ret_status, struct err *e)
{
    struct termios before;
    sigset_t mask;
    int status = 0;
    autoclose int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return err_sys(e, "pidfd_open");
    if (sigprocmask(SIG_BLOCK, NULL, &mask) < 0)
        return err_sys(e, "sigprocmask");
    autoclose int signals = client_signals(e);
    if (signals < 0)
        return -1;
    bool is_raw = has_tty && stdio_raw(&before);
    int r = wait_loop(pid, pidfd, signals, &status, e);
    if (is_raw)
        stdio_cooked(&before);
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    if (r < 0)
        return -1;
    *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}
