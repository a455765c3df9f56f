// SPDX-License-Identifier: Apache-2.0
/*
 * The floor: the least that any runtime must do, with nothing read, checked, recorded or reverted.
 * What islet takes on top of it is islet's own.
 *
 *   floor run ROOTFS CGROUP PROG [ARG…]   what the default configuration of `spec` asks for: one
 *                                         clone3 into a fresh cgroup below CGROUP and into six new
 *                                         namespaces, mounts, devices, links, masked and read-only
 *                                         paths, pivot_root, exec; then wait and remove the cgroup
 *   floor exec PID PROG [ARG…]            into the namespaces and the cgroup of PID, fork, exec, wait
 *
 * No capability is dropped, no filter or device program loaded: their cost is part of the ratio.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FLOOR = 111, EXIT_NO_EXEC = 112 };

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            die(#call);                                                                            \
    } while (0)

static void __attribute__((noreturn)) die(const char *what)
{
    perror(what);
    _exit(EXIT_FLOOR);
}

static const struct {
    const char *type, *target, *data;
    unsigned long flags;
} mounts[] = {
        {"proc",    "proc",          NULL,                                        0                                           },
        {"tmpfs",   "dev",           "mode=755,size=65536k",                      MS_NOSUID | MS_STRICTATIME                  },
        {"devpts",  "dev/pts",       "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC                       },
        {"tmpfs",   "dev/shm",       "mode=1777,size=65536k",                     MS_NOSUID | MS_NOEXEC | MS_NODEV            },
        {"mqueue",  "dev/mqueue",    NULL,                                        MS_NOSUID | MS_NOEXEC | MS_NODEV            },
        {"sysfs",   "sys",           NULL,                                        MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY},
        {"cgroup2", "sys/fs/cgroup", NULL,                                        MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY},
};

static const struct {
    const char *path;
    unsigned major, minor;
} nodes[] = {
        {"dev/null",    1, 3},
        {"dev/zero",    1, 5},
        {"dev/full",    1, 7},
        {"dev/random",  1, 8},
        {"dev/urandom", 1, 9},
        {"dev/tty",     5, 0},
};

static const char *const links[][2] = {
        {"/proc/self/fd",   "dev/fd"    },
        {"/proc/self/fd/0", "dev/stdin" },
        {"/proc/self/fd/1", "dev/stdout"},
        {"/proc/self/fd/2", "dev/stderr"},
        {"/proc/kcore",     "dev/core"  },
        {"pts/ptmx",        "dev/ptmx"  },
};

static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
        "/proc/sysrq-trigger"};
static const char *const masked[] = {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
        "/proc/scsi", "/sys/firmware"};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void root_fill(void)
{
    for (size_t i = 0; i < LEN(mounts); i++) {
        (void)mkdir(mounts[i].target, 0755); /* those below dev; the others are there */
        MUST(mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags,
                mounts[i].data));
    }
    umask(0);
    for (size_t i = 0; i < LEN(nodes); i++)
        MUST(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
    umask(022);
    for (size_t i = 0; i < LEN(links); i++)
        MUST(symlink(links[i][0], links[i][1]));
}

static void paths_close(void)
{
    const unsigned long ro = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

    for (size_t i = 0; i < LEN(readonly); i++)
        if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) == 0)
            MUST(mount(NULL, readonly[i], NULL, ro, NULL));
    for (size_t i = 0; i < LEN(masked); i++)
        if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) < 0)
            (void)mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL); /* a folder, or not there */
}

static void __attribute__((noreturn)) child(const char *rootfs, char **argv)
{
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL));
    MUST(chdir(rootfs));
    root_fill();
    MUST(syscall(SYS_pivot_root, ".", "."));
    MUST(umount2(".", MNT_DETACH));
    MUST(chdir("/"));
    MUST(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
    paths_close();
    MUST(sethostname("floor", 5));
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    execv(argv[0], argv);
    _exit(EXIT_NO_EXEC);
}

static int status_of(pid_t pid)
{
    int status;

    MUST(waitpid(pid, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const char *rootfs, const char *parent, char **argv)
{
    char cgroup[4096];

    snprintf(cgroup, sizeof(cgroup), "%s/floor-%d", parent, (int)getpid());
    MUST(mkdir(cgroup, 0755));
    int fd = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
    MUST(fd);
    struct clone_args args = {
            .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                     CLONE_NEWCGROUP | CLONE_INTO_CGROUP,
            .exit_signal = SIGCHLD,
            .cgroup = (uint64_t)fd,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    MUST(pid);
    if (pid == 0)
        child(rootfs, argv);
    int status = status_of(pid);
    MUST(rmdir(cgroup));
    return status;
}

/* The folder of PID's cgroup on the v2 hierarchy mounted at /sys/fs/cgroup. */
static int cgroup_of(const char *pid)
{
    char path[4200], line[4096];

    snprintf(path, sizeof(path), "/proc/%s/cgroup", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        die(path);
    *path = '\0';
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::", 3) == 0)
            snprintf(path, sizeof(path), "/sys/fs/cgroup%s", line + 3);
    }
    fclose(f);
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    MUST(fd);
    return fd;
}

static int enter(const char *target, char **argv)
{
    int pidfd = (int)syscall(SYS_pidfd_open, strtol(target, NULL, 10), 0);
    MUST(pidfd);
    struct clone_args args = {
            .flags = CLONE_INTO_CGROUP,
            .exit_signal = SIGCHLD,
            .cgroup = (uint64_t)cgroup_of(target),
    };
    MUST(setns(pidfd, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                              CLONE_NEWCGROUP));
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    MUST(pid);
    if (pid == 0) {
        execv(argv[0], argv);
        _exit(EXIT_NO_EXEC);
    }
    return status_of(pid);
}

int main(int argc, char **argv)
{
    if (argc >= 5 && strcmp(argv[1], "run") == 0)
        return run(argv[2], argv[3], argv + 4);
    if (argc >= 4 && strcmp(argv[1], "exec") == 0)
        return enter(argv[2], argv + 3);
    fputs("usage: floor run ROOTFS CGROUP PROG [ARG…] | floor exec PID PROG [ARG…]\n", stderr);
    return 2;
}
