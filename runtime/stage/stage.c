// SPDX-License-Identifier: Apache-2.0
/*
 * The stage's order of work; see stage.h. Nothing here allocates, and a failure is one message to
 * islet and the end of the process.
 */
#include "runtime/stage/stage.h"

#include "runtime/stage/parts.h"
#include "runtime/stage/sys.h"

/* The kernel's struct clone_args up to `cgroup` (Linux 5.7). */
struct clone_block {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
            set_tid_size, cgroup;
};

enum {
    CLONE_PARENT_ = 0x8000,
    CLONE_NEWCGROUP_ = 0x02000000,
    CLONE_NEWUSER_ = 0x10000000,
    PR_SET_NAME_ = 15,
    PR_SET_DUMPABLE_ = 4,
    PR_SET_PDEATHSIG_ = 1,
    SIGCHLD_ = 17,
};
#define CLONE_INTO_CGROUP_ 0x200000000ULL

/*
 * exec: join by pidfd (Linux 5.8: all namespaces in one call), then make the process that stays. It
 * is made with CLONE_PARENT, so that islet, and after islet its caller, reaps it. The joining
 * process itself is never seen in the container's pid namespace. The cgroup namespace is joined by
 * the one that stays: on a hierarchy with nsdelegate nobody may come into the cgroup from outside
 * of the namespace's root.
 */
static void enter(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    stage_raise_rlimits(s);
    long rc = sys2(__NR_setns, p->pidfd, p->ns_flags & ~CLONE_NEWCGROUP_);
    if (rc < 0)
        stage_fail(s, STAGE_AT_SETNS, rc, NULL);
    struct clone_block args = {.flags = CLONE_PARENT_, .exit_signal = 0};
    if (p->cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP_;
        args.cgroup = (uint64_t)p->cgroup_fd;
    }
    rc = sys2(__NR_clone3, SYS_PTR(&args), sizeof(args));
    if (rc < 0)
        stage_fail(s, STAGE_AT_CLONE, rc, NULL);
    if (rc > 0) {
        struct stage_msg m = {.type = STAGE_MSG_PID, .value = (int32_t)rc};
        stage_send(s, &m, -1);
        stage_exit(0);
    }
    if (p->ns_flags & CLONE_NEWCGROUP_)
        rc = sys2(__NR_setns, p->pidfd, CLONE_NEWCGROUP_);
    if (rc >= 0 &&
            (p->ns_flags & CLONE_NEWUSER_)) { /* root there, not an unmapped root of the host */
        rc = sys3(__NR_setresgid, 0, 0, 0);
        if (rc >= 0)
            rc = sys3(__NR_setresuid, 0, 0, 0);
    }
    if (rc < 0)
        stage_fail(s, STAGE_AT_SETNS, rc, NULL);
}

static void session(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    long rc = sys0(__NR_setsid);
    if (rc < 0 && rc != -1 /* EPERM: leader already */)
        stage_fail(s, STAGE_AT_SETSID, rc, NULL);
    if (p->flags & STAGE_KEYRING) {
        rc = sys2(__NR_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */,
                SYS_PTR(stage_str(s, p->key_name)));
        if (rc < 0 && rc != -38 /* ENOSYS */ && rc != -122 /* EDQUOT */)
            stage_fail(s, STAGE_AT_KEYRING, rc, NULL);
    }
    if (p->flags & STAGE_TTY)
        stage_terminal(s);
}

static void wait_for_start(struct stage *s)
{
    const struct stage_plan *p = s->plan;
    struct stage_msg m = {.type = STAGE_MSG_READY};
    long rc;
    if (p->flags & (STAGE_WAIT_GO | STAGE_WAIT_FIFO))
        stage_send(s, &m, -1);
    if (p->flags & STAGE_WAIT_GO) {
        do
            rc = sys3(__NR_read, p->sync_fd, SYS_PTR(&m), sizeof(m));
        while (rc == -4 /* EINTR */);
        if (rc <= 0 || m.type != STAGE_MSG_GO) /* islet died or changed its mind */
            stage_exit(1);
    }
    if (p->flags & STAGE_WAIT_FIFO) {
        char byte;
        do
            rc = sys3(__NR_read, p->start_fd, SYS_PTR(&byte), 1);
        while (rc == -4);
        if (rc != 1)
            stage_exit(1);
        (void)sys1(__NR_close, p->start_fd);
        s->is_started = 1;
    }
}

static void run(struct stage *s)
{
    const struct stage_plan *p = s->plan;
    /* Until the payload's exec nobody in there may look at us or our fds (CVE-2016-9962). */
    (void)sys2(__NR_prctl, PR_SET_DUMPABLE_, 0);
    (void)sys2(__NR_prctl, PR_SET_NAME_, SYS_PTR("islet:init"));
    if (p->flags & STAGE_ENTER)
        enter(s);
    stage_close_others(s);
    session(s);
    if (p->flags & STAGE_UMASK)
        (void)sys1(__NR_umask, p->umask);
    stage_label(s);
    if (!(p->flags & STAGE_NNP))
        stage_seccomp(s); /* needs CAP_SYS_ADMIN, which goes next */
    int is_there = stage_chdir(s, 0);
    stage_set_rlimits(s);
    stage_identity(s);
    if (!is_there)
        (void)stage_chdir(s, 1);
    const char *program = stage_look(s);
    wait_for_start(s);
    stage_leave(s, program);
}

/* Entered by _start with the initial stack: argc, argv (plan fd, "HOME=…"). */
__attribute__((noreturn, used)) void stage_start(const long *stack);
__attribute__((noreturn, used)) void stage_start(const long *stack)
{
    char *const *argv = (char *const *)(const void *)(stack + 1);
    struct stage s = {0};
    stage_open(&s, stack[0] > 1 ? argv[1] : NULL, stack[0] > 2 ? argv[2] : NULL);
    run(&s);
    stage_exit(1);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp,%ebp\n\tmov %rsp,%rdi\n\tand $-16,%rsp\n"
        "\tcall stage_start\n\thlt\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29,#0\n\tmov x0,sp\n\tbl stage_start\n");
#endif
