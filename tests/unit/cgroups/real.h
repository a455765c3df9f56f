// SPDX-License-Identifier: Apache-2.0
/* For tests against the real hierarchy: skip where there is none, unique names, children. */
#ifndef ISLET_TESTS_CGROUPS_REAL_H
#define ISLET_TESTS_CGROUPS_REAL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "cgroups/tree.h"

/* A call that must succeed; shows the error's text. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s", #call, e.text);                                                     \
    } while (0)

#define REFUSED(call, want_kind, want_text)                                                        \
    do {                                                                                           \
        assert_int_equal((call), -1);                                                              \
        if (!strstr(e.text, want_text))                                                            \
            fail_msg("%s: '%s' lacks '%s'", #call, e.text, want_text);                             \
        assert_int_equal(e.kind, want_kind);                                                       \
    } while (0)

static inline void need_hierarchy(void)
{
    struct err e;
    autoclose int fd = cg_root_open(NULL, NULL, &e);
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
    if (fd < 0) {
        print_message("needs cgroup v2: %s\n", e.text);
        skip();
    }
}

/* "/islet-ut-<pid>-<name>", the caller's. */
static inline char *unique(const char *name)
{
    return str_fmt("/islet-ut-%d-%s", (int)getpid(), name);
}

static inline struct cg make(const char *path)
{
    struct err e = {0};
    struct cg c;
    bool is_made = false;
    OK(cg_create(path, NULL, &c, &is_made, &e));
    assert_true(is_made);
    return c;
}

/* Kills and removes a cgroup with all below it, whatever state a test left it in. */
static inline void unmake(const char *path)
{
    struct err e = {0};
    struct cg c;
    if (cg_open(path, &c, &e) < 0) {
        assert_int_equal(e.kind, ERR_NOT_FOUND);
        return;
    }
    OK(cg_kill(&c, &e));
    OK(cg_remove(&c, 5000, &e));
    cg_close(&c);
}

/* A child that sleeps in `c`; killed with the test at the latest. */
static inline pid_t sleeper(const struct cg *c)
{
    struct err e = {0};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(30);
        for (;;)
            (void)pause();
    }
    OK(cg_move(c, pid, &e));
    return pid;
}

/* How the child ended: 1000 + signal or its exit code. */
static inline int reap(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Group teardown: what a failed test left behind. */
static inline int real_cleanup(void **state)
{
    (void)state;
    struct err e;
    autofree char *prefix = unique("");
    int fd = cg_root_open(NULL, NULL, &e);
    int list = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autodir DIR *d = list < 0 ? NULL : fdopendir(list);
    struct dirent *entry;
    while (d && (entry = readdir(d))) {
        autofree char *path = str_fmt("/%s", entry->d_name);
        if (strncmp(path, prefix, strlen(prefix)) == 0)
            unmake(path);
    }
    if (fd >= 0)
        (void)close(fd);
    return 0;
}

static inline bool exists(const char *path)
{
    struct err e;
    struct cg c;
    if (cg_open(path, &c, &e) < 0)
        return false;
    cg_close(&c);
    return true;
}

#endif
