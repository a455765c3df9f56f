// SPDX-License-Identifier: Apache-2.0
/*
 * See jail.h. The binds are detached mounts made by the parent (open_tree, Linux 5.2), with their
 * attributes set before anyone can see them (mount_setattr, 5.12); the child, alone in its new
 * namespaces (clone3 with CLONE_INTO_CGROUP, 5.7), hangs them into a tmpfs and makes that its root.
 * So the child never looks up a path of the host, and a fd of another mount namespace (the shared
 * directory) can be bound too.
 *
 * Death: the program is the init of a pid namespace, PDEATHSIG ties it to the thread that called
 * us, and the pidfd tells its end. PDEATHSIG is lost by every change of ids, so it is set last, and
 * a parent that died before that is noticed by its pidfd.
 *
 * The child reports a failure as a struct err on a pipe that exec closes.
 */
#include "hv/qemu/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/own.h"

/* <sys/mount.h> and <linux/mount.h> cannot be included together in glibc 2.36. */
#define MNT_DETACH 2
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

void jail_bind_path(struct jail *j, const char *from, const char *to, unsigned flags)
{
    ASSERT(j->nbinds < JAIL_BINDS);
    j->binds[j->nbinds++] = (struct jail_bind){.from = from, .fd = -1, .to = to, .flags = flags};
}

void jail_bind_fd(struct jail *j, int fd, const char *to, unsigned flags)
{
    ASSERT(j->nbinds < JAIL_BINDS);
    j->binds[j->nbinds++] = (struct jail_bind){.fd = fd, .to = to, .flags = flags};
}

/* The directories of the dynamic linker and of the libraries: Debian's, and what others call them.
 * Both names of a merged /usr are bound, since symlinks in them lead from one to the other. */
void jail_bind_libraries(struct jail *j)
{
    static const char *const dirs[] = {"/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu",
            "/usr/lib/x86_64-linux-gnu"};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        jail_bind_path(j, dirs[i], dirs[i], JAIL_EXEC | JAIL_OPTIONAL);
    jail_bind_path(j, "/etc/ld.so.cache", "/etc/ld.so.cache", JAIL_OPTIONAL);
}

int jail_add_fd(struct jail *j, int fd)
{
    ASSERT(j->nfds < JAIL_FDS);
    j->fds[j->nfds++] = fd;
    return JAIL_FIRST_FD + (int)j->nfds - 1;
}

/* -- the parent: detached mounts -------------------------------------------------------------- */

static int bind_attributes(int mount, const struct jail_bind *b, struct err *e)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
            .propagation = MS_PRIVATE};
    attr.attr_set |= b->flags & JAIL_WRITABLE ? 0 : MOUNT_ATTR_RDONLY;
    attr.attr_set |= b->flags & JAIL_EXEC ? 0 : MOUNT_ATTR_NOEXEC;
    if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) <
            0)
        return err_sys(e, "restrict the mount of '%s'", b->to);
    return 0;
}

/* A detached mount, or -1 without an error for what is optional and not there. */
static int bind_open(const struct jail_bind *b, int *ret, struct err *e)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    autoclose int mount = -1;
    flags |= b->flags & JAIL_RECURSIVE ? AT_RECURSIVE : 0;
    *ret = -1;
    if (b->from) {
        mount = (int)syscall(SYS_open_tree, AT_FDCWD, b->from, flags);
        if (mount < 0 && errno == ENOENT && (b->flags & JAIL_OPTIONAL))
            return 0;
        if (mount < 0)
            return err_sys(e, "bind '%s'", b->from);
    } else {
        mount = (int)syscall(SYS_open_tree, b->fd, "", flags | AT_EMPTY_PATH);
        if (mount < 0 && errno == EINVAL) /* a detached mount: cannot be cloned before Linux 6.15 */
            mount = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
        if (mount < 0)
            return err_sys(e, "bind '%s'", b->to);
    }
    if (bind_attributes(mount, b, e) < 0)
        return -1;
    *ret = steal_fd(mount);
    return 0;
}

/* -- the child: all before exec --------------------------------------------------------------- */

/* mkdir -p of what stands before the last '/', below the current directory. */
static int make_parents(const char *path, struct err *e)
{
    char part[256];
    for (size_t i = 1; path[i]; i++) {
        if (path[i] != '/')
            continue;
        if (i >= sizeof(part))
            return err_set(e, ERR_INTERNAL, "path '%s' is too long", path);
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return err_sys(e, "mkdir '%s' in the jail", part);
    }
    return 0;
}

static int bind_place(const struct jail_bind *b, int mount, struct err *e)
{
    const char *to = b->to + 1; /* relative to the new root, our current directory */
    struct stat st;
    if (mount < 0)
        return 0;
    if (fstat(mount, &st) < 0)
        return err_sys(e, "stat '%s'", b->to);
    if (make_parents(to, e) < 0)
        return -1;
    int rc = S_ISDIR(st.st_mode) ? mkdir(to, 0755) : mknod(to, S_IFREG | 0444, 0);
    if (rc < 0 && errno != EEXIST)
        return err_sys(e, "make '%s' in the jail", b->to);
    if (syscall(SYS_move_mount, mount, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(e, "mount '%s' in the jail", b->to);
    return 0;
}

static int proc_place(struct err *e)
{
    unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mkdir("proc", 0555) < 0 || syscall(SYS_mount, "proc", "proc", "proc", flags, NULL) < 0)
        return err_sys(e, "mount /proc in the jail");
    return 0;
}

/* The host's node may be root's alone or a group's; this one is the jail's user's. It needs a file
 * system of its own, since the jail's root takes no devices. */
static int kvm_place(const struct jail *j, struct err *e)
{
    unsigned long flags = MS_NOSUID | MS_NOEXEC;
    if (mkdir("dev", 0755) < 0 ||
            syscall(SYS_mount, "jail", "dev", "tmpfs", flags, "size=4k,nr_inodes=3,mode=755") < 0)
        return err_sys(e, "mount /dev in the jail");
    if (mknod("dev/kvm", S_IFCHR | 0600, j->kvm) < 0 || chown("dev/kvm", j->uid, j->uid) < 0)
        return err_sys(e, "make /dev/kvm in the jail");
    if (syscall(SYS_mount, NULL, "dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) < 0)
        return err_sys(e, "make /dev in the jail read-only");
    return 0;
}

static int enter_root(const struct jail *j, const int *mounts, struct err *e)
{
    unsigned long hard = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(e, "make the mounts private");
    if (syscall(SYS_mount, "jail", j->mount_point, "tmpfs", hard, "size=64k,mode=755") < 0)
        return err_sys(e, "mount a tmpfs on '%s'", j->mount_point);
    if (chdir(j->mount_point) < 0)
        return err_sys(e, "enter '%s'", j->mount_point);
    for (size_t i = 0; i < j->nbinds; i++)
        if (bind_place(&j->binds[i], mounts[i], e) < 0)
            return -1;
    if (j->kvm && kvm_place(j, e) < 0)
        return -1;
    if (j->has_proc && proc_place(e) < 0)
        return -1;
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return err_sys(e, "pivot_root to the jail");
    if (syscall(SYS_umount2, ".", MNT_DETACH) < 0)
        return err_sys(e, "leave the host's root");
    if (chdir("/") < 0)
        return err_sys(e, "chdir '/'");
    if (syscall(SYS_mount, NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | hard, NULL) < 0)
        return err_sys(e, "make the jail's root read-only");
    return 0;
}

/* 0: nothing to read; 1 and 2: the error stream; 3…: the given ones; all others close on exec. */
static int place_fds(const struct jail *j, struct err *e)
{
    int high[JAIL_FDS + 2];
    int pipefd[2];
    if (pipe2(pipefd, O_CLOEXEC) < 0) /* its write end closes on exec: an empty stdin */
        return err_sys(e, "make a pipe");
    high[0] = fcntl(pipefd[0], F_DUPFD_CLOEXEC, 64);
    high[1] = fcntl(j->stderr_fd, F_DUPFD_CLOEXEC, 64);
    for (size_t i = 0; i < j->nfds; i++)
        high[i + 2] = fcntl(j->fds[i], F_DUPFD_CLOEXEC, 64);
    for (size_t i = 0; i < j->nfds + 2; i++)
        if (high[i] < 0)
            return err_sys(e, "duplicate a descriptor");
    if (syscall(SYS_close_range, JAIL_FIRST_FD, 63, 4 /* CLOSE_RANGE_CLOEXEC */) < 0)
        return err_sys(e, "close descriptors");
    if (dup2(high[0], 0) < 0 || dup2(high[1], 1) < 0 || dup2(high[1], 2) < 0)
        return err_sys(e, "place the standard descriptors");
    for (size_t i = 0; i < j->nfds; i++)
        if (dup2(high[i + 2], JAIL_FIRST_FD + (int)i) < 0)
            return err_sys(e, "place descriptor %zu", i);
    if (syscall(SYS_close_range, JAIL_FIRST_FD + j->nfds, ~0u, 4) < 0)
        return err_sys(e, "close descriptors");
    return 0;
}

static int drop_power(const struct jail *j, struct err *e)
{
    if (confine_rlimit(RLIMIT_CORE, 0, e) < 0 || confine_rlimit(RLIMIT_NOFILE, j->nofile, e) < 0)
        return -1;
    if (confine_caps_bounding(j->caps, e) < 0)
        return -1;
    if (setgroups(0, NULL) < 0 || setresgid(j->uid, j->uid, j->uid) < 0 ||
            setresuid(j->uid, j->uid, j->uid) < 0)
        return err_sys(e, "become user %u", j->uid);
    if (confine_caps(j->caps, e) < 0)
        return -1;
    return confine_no_new_privs(e);
}

static int die_with_parent(int parent_pidfd, struct err *e)
{
    struct pollfd p = {.fd = parent_pidfd, .events = POLLIN};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return err_sys(e, "set the parent death signal");
    if (poll(&p, 1, 0) != 0)
        return err_set(e, ERR_STATE, "the parent is gone");
    return 0;
}

static int child_prepare(const struct jail *j, const int *mounts, int parent_pidfd, struct err *e)
{
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || setsid() < 0)
        return err_sys(e, "leave the session");
    if (sethostname("vm", 2) < 0)
        return err_sys(e, "set the host name");
    umask(0022);
    if (enter_root(j, mounts, e) < 0 || place_fds(j, e) < 0 || drop_power(j, e) < 0)
        return -1;
    umask(0077);
    return die_with_parent(parent_pidfd, e);
}

static void __attribute__((noreturn))
child_run(const struct jail *j, const int *mounts, int parent_pidfd, int report)
{
    struct err e = {0};
    /* Above the numbers that place_fds hands out, and closed by exec. */
    int high_report = fcntl(report, F_DUPFD_CLOEXEC, 128);
    int high_parent = fcntl(parent_pidfd, F_DUPFD_CLOEXEC, 128);
    if (high_report < 0 || high_parent < 0)
        _exit(126);
    if (child_prepare(j, mounts, high_parent, &e) == 0) {
        char *const env[] = {NULL};
        (void)execve(j->argv[0], j->argv, env); /* on success it does not return */
        (void)err_sys(&e, "execute '%s'", j->argv[0]);
    }
    (void)!write(high_report, &e, sizeof(e));
    _exit(127);
}

/* -- both ------------------------------------------------------------------------------------- */

static pid_t clone_into(int cgroup_fd, int *ret_pidfd)
{
    int pidfd = -1;
    struct clone_args args = {
            .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
                     CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
            .pidfd = (uint64_t)(uintptr_t)&pidfd,
            .exit_signal = SIGCHLD,
    };
    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup_fd;
    }
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    *ret_pidfd = pidfd;
    return pid;
}

/* Waits for exec, or for the reason why there was none. */
static int wait_for_exec(const struct jail *j, int report, pid_t pid, struct err *e)
{
    struct err said;
    ssize_t n;
    do {
        n = read(report, &said, sizeof(said));
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (n != (ssize_t)sizeof(said))
        return err_set(e, ERR_SYSTEM, "start %s: it ended before it could say why", j->what);
    *e = said;
    e->text[sizeof(e->text) - 1] = '\0';
    return err_add(e, "start %s", j->what);
}

static int spawn_with(const struct jail *j, const int *mounts, pid_t *ret_pid, int *ret_pidfd,
        struct err *e)
{
    int pipefd[2];
    autoclose int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0 || pipe2(pipefd, O_CLOEXEC) < 0)
        return err_sys(e, "start %s", j->what);
    autoclose int in = pipefd[0];
    autoclose int out = pipefd[1];
    autoclose int pidfd = -1;
    pid_t pid = clone_into(j->cgroup_fd, &pidfd);
    if (pid < 0)
        return err_sys(e, "start %s: clone into new namespaces", j->what);
    if (pid == 0)
        child_run(j, mounts, self, out);
    own_close(&out);
    out = -1;
    if (wait_for_exec(j, in, pid, e) < 0)
        return -1;
    *ret_pid = pid;
    *ret_pidfd = steal_fd(pidfd);
    return 0;
}

int jail_spawn(const struct jail *j, pid_t *ret_pid, int *ret_pidfd, struct err *e)
{
    int mounts[JAIL_BINDS];
    int rc = 0;
    size_t n = 0;
    for (; n < j->nbinds && rc == 0; n++) {
        rc = bind_open(&j->binds[n], &mounts[n], e);
        if (rc < 0)
            (void)err_add(e, "start %s", j->what);
    }
    if (rc == 0)
        rc = spawn_with(j, mounts, ret_pid, ret_pidfd, e);
    for (size_t i = 0; i < n; i++)
        own_close(&mounts[i]);
    return rc;
}
