// SPDX-License-Identifier: Apache-2.0
/*
 * Starting a foreign program with as little as it can live on: fresh mount, pid, ipc, uts and net
 * namespaces, a root that holds nothing but what is bound into it, its own cgroup, user and
 * capabilities, and exactly the fds that it was given. Not a choice: there is no other way to start
 * one in this room.
 */
#ifndef ISLET_HV_QEMU_JAIL_H
#define ISLET_HV_QEMU_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define JAIL_BINDS 16
#define JAIL_FDS 6
#define JAIL_FIRST_FD 3 /* fds[i] is JAIL_FIRST_FD + i in the program */

enum jail_bind_flag {
    JAIL_WRITABLE = 1u << 0,  /* else read-only */
    JAIL_EXEC = 1u << 1,      /* else noexec */
    JAIL_OPTIONAL = 1u << 3,  /* skipped where the host has no such path */
    JAIL_RECURSIVE = 1u << 4, /* with the mounts below it */
};

struct jail_bind {
    const char *from; /* path on the host */
    int fd;           /* instead of a path: O_PATH or detached mount fd; -1 */
    const char *to;   /* absolute path in the jail */
    unsigned flags;   /* enum jail_bind_flag */
};

struct jail {
    const char *what;        /* "qemu", for errors */
    const char *mount_point; /* any directory of ours; covered in the jail's namespace only */
    char *const *argv;       /* argv[0] is the path in the jail */
    struct jail_bind binds[JAIL_BINDS];
    size_t nbinds;
    dev_t kvm;     /* a /dev/kvm of the jail's own, its user's alone; 0: none */
    bool has_proc; /* a read-only /proc of its own pid namespace */
    int fds[JAIL_FDS];
    size_t nfds;
    int stderr_fd;   /* standard output goes there too; standard input is empty */
    int cgroup_fd;   /* -1: stay */
    uid_t uid;       /* and gid */
    uint64_t caps;   /* 1 << CAP_…, kept over exec when uid is 0 */
    uint64_t nofile; /* RLIMIT_NOFILE */
};

void jail_bind_path(struct jail *j, const char *from, const char *to, unsigned flags);
void jail_bind_fd(struct jail *j, int fd, const char *to, unsigned flags);
void jail_bind_libraries(struct jail *j); /* what a dynamic program needs to start */
int jail_add_fd(struct jail *j, int fd);  /* gives its number in the program */

/* Returns when the program was executed. It is our child, is killed when the calling thread ends,
 * and is pid 1 of its namespace, so whatever it starts dies with it. */
int jail_spawn(const struct jail *j, pid_t *ret_pid, int *ret_pidfd, struct err *e) must_check;

#endif
