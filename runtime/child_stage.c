// SPDX-License-Identifier: Apache-2.0
/* The CHILD's last step: what belongs to the process and not to the stage, then the stage. */
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "runtime/birth.h"
#include "runtime/launch.h"
#include "runtime/sync.h"

/* All CPUs of the cgroup: the caller's own affinity is none of the container's business. */
static void reset_affinity(void)
{
    unsigned char all[1024];
    memset(all, 0xff, sizeof(all));
    (void)syscall(SYS_sched_setaffinity, 0, sizeof(all), all);
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int sig = 1; sig < 32; sig++)
        if (sig != SIGKILL && sig != SIGSTOP)
            (void)signal(sig, SIG_DFL);
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

int step_child_stage(struct birth *b, struct err *e)
{
    const struct spec_process *p = &b->spec.process;
    struct stage_msg m;
    autofree char *home = launch_home(b->root_fd, p);
    reset_affinity();
    reset_signals();
    if (!p->terminal.v)
        give_stdio((uid_t)p->user.uid.v);
    int stage = launch_stage_fd(e);
    if (stage < 0)
        return -1;
    /* only the plan, the socket and the fifo reach the stage; a host fd would be a way out */
    if (syscall(SYS_close_range, 3 + b->req->preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
        return err_sys(e, "close_range");
    if (fd_cloexec(b->sync[1], 0, e) < 0 || (b->fifo_fd >= 0 && fd_cloexec(b->fifo_fd, 0, e) < 0))
        return -1;
    if (sync_receive(b->sync[1], &m, NULL, e) < 0) /* the plan is filled: most often long ago */
        return -1;
    if (m.type != STAGE_MSG_GO)
        return err_set(e, ERR_SYSTEM, "islet is gone");
    return launch_exec(stage, b->plan_fd, home, e);
}
