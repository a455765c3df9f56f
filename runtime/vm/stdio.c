// SPDX-License-Identifier: Apache-2.0
/* See stdio.h. */
#include "runtime/vm/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/own.h"
#include "runtime/console.h"

#define TTYAUX_MAJOR 5u
#define PTMX_MINOR 2u

int stdio_own(int fd, bool is_input)
{
    struct stat st;
    char path[32];
    if (fstat(fd, &st) < 0)
        return fd;
    /* opening a master again makes another pty; a socket cannot be opened at all, nor need it */
    bool is_master = S_ISCHR(st.st_mode) && st.st_rdev == makedev(TTYAUX_MAJOR, PTMX_MINOR);
    bool is_tty = S_ISCHR(st.st_mode) && !is_master && isatty(fd);
    if (!S_ISFIFO(st.st_mode) && !is_tty)
        return fd;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int flags = (is_input ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int own = open(path, flags);
    if (own < 0) /* not ours to open, or nobody at the other end of the pipe */
        return fd;
    (void)close(fd);
    return own;
}

int stdio_null(struct err *e)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (null < 0)
        return err_sys(e, "open '/dev/null'");
    for (int i = 0; i < 3; i++)
        if (dup2(null, i) < 0) {
            (void)close(null);
            return err_sys(e, "dup2");
        }
    if (null > 2)
        (void)close(null);
    return 0;
}

int stdio_pty(int console_fd, int *ret_slave, struct err *e)
{
    char name[32];
    struct termios t;
    autoclose int console = console_fd;
    autoclose int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof(name)) != 0)
        return err_sys(e, "make a terminal");
    autoclose int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (slave < 0 || tcgetattr(slave, &t) < 0)
        return err_sys(e, "open '%s'", name);
    cfmakeraw(&t); /* the guest's terminal has the line discipline */
    if (tcsetattr(slave, TCSANOW, &t) < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
        return err_sys(e, "terminal '%s'", name);
    if (console_send(console, master, name, e) < 0)
        return -1;
    *ret_slave = steal_fd(slave);
    return 0;
}

bool stdio_raw(struct termios *ret_before)
{
    struct termios t;
    if (tcgetattr(STDIN_FILENO, ret_before) < 0)
        return false;
    t = *ret_before;
    cfmakeraw(&t);
    return tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

void stdio_cooked(const struct termios *before)
{
    (void)tcsetattr(STDIN_FILENO, TCSANOW, before); /* nothing is to be done when it hung up */
}

void stdio_end_as(int code, int sig)
{
    const struct rlimit none = {0, 0};
    sigset_t set;
    if (sig <= 0)
        _exit(code);
    /* a core dump of ours would say nothing about the payload */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)signal(sig, SIG_DFL);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, sig);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)kill(getpid(), sig);
    _exit(128 + sig); /* a signal that does not kill */
}
