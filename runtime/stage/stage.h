// SPDX-License-Identifier: Apache-2.0
/*
 * The stage: the last code before the payload's exec, and the only code of ours that enters a
 * living container. A program without libc, embedded in islet as bytes and run from a sealed memfd
 * (or a detached read-only mount), so that the container never sees our binary (CVE-2019-5736,
 * CVE-2024-21626, CVE-2016-9962) and starting it costs a fraction of a libc program's start.
 *
 * islet writes what is to be done into one flat block (struct stage_plan followed by data, offsets
 * relative to the block), puts it into a memfd and executes the stage with the fd number as argv[1]
 * (and in argv[2] a HOME to add).
 * The stage speaks to islet over a SOCK_SEQPACKET socket with struct stage_msg, one per packet.
 *
 * Order (each line is a group in stage_main.c):
 *   enter     exec only: setns into the container by pidfd, then a child that is islet's child too
 *   session   setsid, keyring, terminal (pty of the container's devpts, /dev/console)
 *   identity  label, limits, bounding set, groups, gid, uid, capabilities, ambient, no_new_privs
 *   look      find the program in PATH, chdir to cwd and check that it is inside
 *   ready     tell islet, wait for GO (run) or for a byte in the start fifo (create)
 *   leave     seccomp, close every other fd, execve
 *
 * This header is shared with islet; it includes nothing of libc beyond fixed-size types.
 */
#ifndef ISLET_RUNTIME_STAGE_STAGE_H
#define ISLET_RUNTIME_STAGE_STAGE_H

#include <stdint.h>

#define STAGE_MAGIC 0x69736c31u

enum stage_flag {
    STAGE_ENTER = 1u << 0,     /* join the namespaces of init first */
    STAGE_TTY = 1u << 1,       /* make a pty in the container, send its master to islet */
    STAGE_CONSOLE = 1u << 2,   /* and bind its slave on /dev/console */
    STAGE_KEYRING = 1u << 3,   /* a new session keyring */
    STAGE_NNP = 1u << 4,       /* no_new_privs; seccomp goes last then */
    STAGE_CAPS = 1u << 5,      /* the five sets below are to be set */
    STAGE_WAIT_GO = 1u << 6,   /* wait for STAGE_MSG_GO on the socket */
    STAGE_WAIT_FIFO = 1u << 7, /* wait for a byte on start_fd */
    STAGE_SETGROUPS = 1u << 8, /* setgroups is allowed here */
    STAGE_UMASK = 1u << 9,
};

/* Where a failure happened; the texts are in runtime/stage_text.c, in the same order. */
#define STAGE_POINTS(X)                                                                            \
    X(STAGE_AT_PLAN, "read the stage plan")                                                        \
    X(STAGE_AT_SETNS, "join the container's namespaces")                                           \
    X(STAGE_AT_CLONE, "make the container's process")                                              \
    X(STAGE_AT_SETSID, "make a session")                                                           \
    X(STAGE_AT_KEYRING, "join a session keyring")                                                  \
    X(STAGE_AT_PTY, "make a terminal from /dev/pts/ptmx of the container")                         \
    X(STAGE_AT_PTMX, "/dev/pts/ptmx of the container is not a devpts ptmx")                        \
    X(STAGE_AT_CONSOLE, "bind /dev/console")                                                       \
    X(STAGE_AT_CTTY, "make the terminal the controlling one")                                      \
    X(STAGE_AT_LABEL, "set the AppArmor profile")                                                  \
    X(STAGE_AT_RLIMIT, "set the resource limit")                                                   \
    X(STAGE_AT_BOUND, "drop from the capability bounding set")                                     \
    X(STAGE_AT_KEEPCAPS, "keep capabilities over setuid")                                          \
    X(STAGE_AT_GROUPS, "set additional groups")                                                    \
    X(STAGE_AT_GID, "set gid")                                                                     \
    X(STAGE_AT_UID, "set uid")                                                                     \
    X(STAGE_AT_CAPS, "set capabilities")                                                           \
    X(STAGE_AT_AMBIENT, "set ambient capabilities")                                                \
    X(STAGE_AT_NNP, "set no_new_privs")                                                            \
    X(STAGE_AT_PERSONALITY, "set personality")                                                     \
    X(STAGE_AT_CWD, "change to the working directory")                                             \
    X(STAGE_AT_CWD_OUT, "the working directory is outside of the container's root")                \
    X(STAGE_AT_LOOK, "executable file")                                                            \
    X(STAGE_AT_WAIT, "wait for start")                                                             \
    X(STAGE_AT_SECCOMP, "load the seccomp filter")                                                 \
    X(STAGE_AT_FDS, "close file descriptors")                                                      \
    X(STAGE_AT_EXEC, "exec")

enum stage_point {
#define STAGE_ENUM_(id, text) id,
    STAGE_POINTS(STAGE_ENUM_)
#undef STAGE_ENUM_
            STAGE_AT_COUNT
};

enum stage_msg_type {
    STAGE_MSG_NONE,
    STAGE_MSG_PID,     /* value: pid of the final process (enter) */
    STAGE_MSG_CONSOLE, /* one fd comes along: the pty master; text: its name */
    STAGE_MSG_READY,
    STAGE_MSG_GO,   /* islet -> stage */
    STAGE_MSG_FAIL, /* point, sys, text: the object */
    STAGE_MSG_ERR,  /* the set-up child (still islet's code) failed: text is a struct err */
};

struct stage_msg {
    uint32_t type;
    int32_t value;
    uint32_t point;
    int32_t sys;
    char text[496];
};

/* One of process.rlimits; `name` is for messages. */
struct stage_rlimit {
    uint64_t soft, hard;
    uint32_t resource;
    uint32_t name; /* stage_off */
};

/* A string or an array in the block: offset from its start; 0 = none. */
typedef uint32_t stage_off;

struct stage_plan {
    uint32_t magic;
    uint32_t size;  /* of the whole block */
    uint32_t flags; /* enum stage_flag */
    int32_t sync_fd;
    int32_t start_fd;
    int32_t pidfd;     /* enter: init of the container */
    int32_t cgroup_fd; /* enter: O_PATH of its cgroup, or -1 */
    uint32_t ns_flags; /* enter: CLONE_NEW* to join */
    uint32_t keep_fds; /* 3..2+N stay open for the payload */
    uint32_t uid, gid, umask;
    uint32_t personality; /* 0xffffffff = leave */
    uint32_t n_groups;
    stage_off groups; /* uint32_t[] */
    uint32_t n_rlimits;
    stage_off rlimits; /* struct stage_rlimit[] */
    uint16_t rows, cols;
    uint64_t bounding, permitted, effective, inheritable, ambient;
    stage_off label;    /* AppArmor profile */
    stage_off key_name; /* of the session keyring */
    stage_off cwd;
    stage_off path;      /* value of PATH of the payload, for the search */
    stage_off argv;      /* stage_off[], 0-terminated */
    stage_off env;       /* stage_off[], 0-terminated */
    stage_off filter;    /* struct sock_filter[] */
    uint32_t filter_len; /* instructions */
    uint32_t filter_flags;
};

#endif
