// SPDX-License-Identifier: Apache-2.0
/* What a process inherits from islet's caller and the payload must not: see launch_reset. */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/launch.h"

/* All CPUs of the cgroup: the caller's own affinity is none of the container's business. */
static void reset_affinity(void)
{
    unsigned char all[1024];
    memset(all, 0xff, sizeof(all));
    (void)syscall(SYS_sched_setaffinity, 0, sizeof(all), all);
}

/* The kernel's struct: the C library keeps signals 32 and 33 to itself, callers need not. */
struct kernel_sigaction {
    void *handler;
    unsigned long flags;
    void *restorer;
    unsigned long mask;
};

static void reset_signals(void)
{
    const struct kernel_sigaction by_default = {0};
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int sig = 1; sig <= 64; sig++)
        (void)syscall(SYS_rt_sigaction, sig, &by_default, NULL, 8); /* not of KILL and STOP */
}

/* The payload's user must be able to reopen its own stdio (/dev/stdout); not for shared devices. */
static void give_stdio(uid_t uid)
{
    for (int fd = 0; uid != 0 && fd < 3; fd++) {
        struct stat st;
        if (fstat(fd, &st) == 0 && st.st_uid != uid &&
                !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
            neglect(fchown(fd, uid, (gid_t)-1)); /* a read-only or foreign file stays as it is */
    }
}

void launch_reset(const struct spec_process *p)
{
    reset_affinity();
    reset_signals();
    if (!p->terminal.v)
        give_stdio((uid_t)p->user.uid.v);
}
