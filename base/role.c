// SPDX-License-Identifier: Apache-2.0
/* See role.h. */
#include "base/role.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"

#define ROLE_CONFIG_MAX (8u << 20)

static int config_memfd(const struct role_spawn *r, struct err *e)
{
    autoclose int fd = memfd_create("islet-role", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_sys(e, "memfd_create");
    if (fd_write_all(fd, r->config, r->config_len, e) < 0)
        return err_add(e, "config of %s", r->name);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, "lseek");
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (fcntl(fd, F_ADD_SEALS, seals) < 0)
        return err_sys(e, "seal the config of %s", r->name);
    return steal_fd(fd);
}

static pid_t fork_into(int cgroup_fd)
{
    struct clone_args args = {.exit_signal = SIGCHLD};
    if (cgroup_fd < 0)
        return fork();
    args.flags = CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)cgroup_fd;
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void signals_reset(void)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int s = 1; s <= SIGRTMAX; s++)
        (void)sigaction(s, &dfl, NULL); /* KILL, STOP and libc's own refuse: fine */
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only async-signal-safe calls: the caller may have threads one day. */
static void __attribute__((noreturn)) child(const struct role_spawn *r, int config, int null)
{
    int from[ROLE_FIRST_FD + ROLE_MAX_FDS];
    size_t n = ROLE_FIRST_FD + r->n_fds;
    for (size_t i = 0; i < 3; i++)
        from[i] = r->stdio[i] >= 0 ? r->stdio[i] : null;
    from[ROLE_CONFIG_FD] = config;
    for (size_t i = 0; i < r->n_fds; i++)
        from[ROLE_FIRST_FD + i] = r->fds[i];
    /* first out of the way of the targets, then into place */
    for (size_t i = 0; i < n; i++) {
        from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, (int)n);
        if (from[i] < 0)
            _exit(127);
    }
    for (size_t i = 0; i < n; i++)
        if (dup2(from[i], (int)i) < 0)
            _exit(127);
    (void)syscall(SYS_close_range, (unsigned)n, ~0u, 0u);
    signals_reset();
    if (r->has_session)
        (void)setsid(); /* a fresh child is never a group leader, so this cannot fail */
    char program[] = "islet";
    char *argv[] = {program, NULL, NULL, NULL};
    memcpy(&argv[1], &r->name, sizeof(char *)); /* exec takes no const; it does not write */
    memcpy(&argv[2], &r->title, sizeof(char *));
    (void)execv("/proc/self/exe", argv);
    _exit(127);
}

int role_spawn(const struct role_spawn *r, pid_t *ret_pid, struct err *e)
{
    if (r->n_fds > ROLE_MAX_FDS)
        return err_set(e, ERR_INTERNAL, "%zu descriptors for %s", r->n_fds, r->name);
    autoclose int config = config_memfd(r, e);
    if (config < 0)
        return -1;
    autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (null < 0)
        return err_sys(e, "open '/dev/null'");
    pid_t pid = fork_into(r->cgroup_fd);
    if (pid < 0)
        return err_sys(e, "start %s", r->name);
    if (pid == 0)
        child(r, config, null);
    *ret_pid = pid;
    return 0;
}

int role_enter(size_t n_fds, char **ret_config, size_t *ret_len, struct err *e)
{
    size_t n = ROLE_FIRST_FD + n_fds;
    struct stat st;
    for (size_t i = 0; i < n; i++)
        if (fcntl((int)i, F_GETFD) < 0)
            return err_set(e, ERR_USAGE, "a role is started by islet itself, not by hand");
    if (fcntl((int)n, F_GETFD) >= 0)
        return err_set(e, ERR_INTERNAL, "descriptor %zu was not to be passed", n);
    for (size_t i = 3; i < n; i++)
        if (fd_cloexec((int)i, 1, e) < 0)
            return -1;
    if (fstat(ROLE_CONFIG_FD, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, ERR_USAGE, "a role is started by islet itself, not by hand");
    if (fd_read_all(ROLE_CONFIG_FD, ROLE_CONFIG_MAX, ret_config, ret_len, e) < 0)
        return err_add(e, "config of the role");
    (void)close(ROLE_CONFIG_FD);
    return 0;
}
