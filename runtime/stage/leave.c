// SPDX-License-Identifier: Apache-2.0
/* The end of the stage: working directory, program, filter, fds, execve; see stage.h. */
#include <asm/stat.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>

#include "runtime/stage/parts.h"
#include "runtime/stage/sys.h"

enum { AT_FDCWD_ = -100, ENOENT_ = 2, EACCES_ = 13, ENOTDIR_ = 20, EISDIR_ = 21, X_OK_ = 1 };

struct fprog_ {
    uint16_t len;
    const void *filter;
};

/* A cwd that leads out (a leaked fd by /proc/self/fd/N) shows in getcwd (CVE-2024-21626). */
int stage_chdir(const struct stage *s, int is_last)
{
    const char *cwd = stage_str(s, s->plan->cwd);
    char now[4096];
    long rc = sys1(__NR_chdir, SYS_PTR(cwd));
    if (rc < 0 && !is_last)
        return 0;
    if (rc < 0)
        stage_fail(s, STAGE_AT_CWD, rc, cwd);
    rc = sys2(__NR_getcwd, SYS_PTR(now), sizeof(now));
    if (rc < 0 || now[0] != '/')
        stage_fail(s, STAGE_AT_CWD_OUT, rc < 0 ? rc : -1, cwd);
    return 1;
}

/* 0 when `path` may be executed by us. */
static long executable(const char *path)
{
    struct stat st;
    long rc = sys4(__NR_newfstatat, AT_FDCWD_, SYS_PTR(path), SYS_PTR(&st), 0);
    if (rc < 0)
        return rc;
    if ((st.st_mode & 0170000) == 0040000)
        return -EISDIR_;
    rc = sys4(__NR_faccessat2, AT_FDCWD_, SYS_PTR(path), X_OK_, 0x200 /* AT_EACCESS */);
    /* unknown to the kernel, or to an old filter: execve will tell */
    return rc == -38 || rc == -1 ? 0 : rc;
}

static int join(char *out, uint32_t room, const char *dir, uint32_t n, const char *name)
{
    uint32_t at = 0;
    if (!n) {
        dir = ".";
        n = 1;
    }
    while (at < n && at + 1 < room) {
        out[at] = dir[at];
        at++;
    }
    if (at + 1 < room)
        out[at++] = '/';
    while (*name && at + 1 < room)
        out[at++] = *name++;
    out[at] = '\0';
    return *name == '\0';
}

const char *stage_look(struct stage *s)
{
    const stage_off *argv = stage_bytes(s, s->plan->argv, sizeof(stage_off));
    const char *name = stage_str(s, argv[0]);
    long worst = -ENOENT_;
    for (const char *c = name; *c; c++) {
        if (*c != '/')
            continue;
        worst = executable(name);
        if (worst < 0)
            stage_fail(s, STAGE_AT_EXEC, worst, name);
        return name;
    }
    const char *dir = stage_str(s, s->plan->path);
    for (;;) {
        uint32_t n = 0;
        while (dir[n] && dir[n] != ':')
            n++;
        long rc = -ENOENT_;
        if (join(s->found, sizeof(s->found), dir, n, name))
            rc = executable(s->found);
        if (rc == 0)
            return s->found;
        if (rc != -ENOENT_ && rc != -ENOTDIR_)
            worst = -EACCES_;
        if (!dir[n])
            break;
        dir += n + 1;
    }
    stage_fail(s, STAGE_AT_LOOK, worst, name);
}

void stage_seccomp(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    if (!p->filter)
        return;
    struct fprog_ prog = {(uint16_t)p->filter_len, stage_bytes(s, p->filter, p->filter_len * 8)};
    long rc = sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, p->filter_flags, SYS_PTR(&prog));
    if (rc < 0)
        stage_fail(s, STAGE_AT_SECCOMP, rc, NULL);
}

/* Offsets to pointers in place: the block is a private, writable mapping and ends its life here;
 * pointers take two slots, so they go to the stack of this last function. */
static const char **pointers(const struct stage *s, stage_off list, const char **out)
{
    const stage_off *off = stage_bytes(s, list, sizeof(stage_off));
    uint32_t n = 0;
    for (; off[n]; n++)
        out[n] = stage_str(s, off[n]);
    out[n] = (const char *)0;
    return out;
}

static uint32_t count(const struct stage *s, stage_off list)
{
    const stage_off *off = stage_bytes(s, list, sizeof(stage_off));
    uint32_t n = 0;
    while (off[n])
        n++;
    return n + 1;
}

static long close_between(long first, long last)
{
    return first > last ? 0 : sys3(__NR_close_range, first, last, 0);
}

void stage_close_others(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    long low = p->sync_fd;
    long high = (p->flags & STAGE_WAIT_FIFO) ? p->start_fd : low;
    if (low > high) {
        long swap = low;
        low = high;
        high = swap;
    }
    long rc = sys3(__NR_fcntl, p->sync_fd, 2 /* F_SETFD */, 1 /* FD_CLOEXEC */);
    if (rc >= 0)
        rc = close_between(3 + (long)p->keep_fds, low - 1);
    if (rc >= 0)
        rc = close_between(low + 1, high - 1);
    if (rc >= 0)
        rc = close_between(high + 1, 0xffffffffL);
    if (rc < 0)
        stage_fail(s, STAGE_AT_FDS, rc, NULL);
}

void stage_leave(const struct stage *s, const char *program)
{
    const struct stage_plan *p = s->plan;
    uint64_t bytes = ((uint64_t)count(s, p->argv) + count(s, p->env) + 1) * sizeof(char *);
    /* PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS */
    long at = sys6(__NR_mmap, 0, (long)bytes, 3, 0x22, -1, 0);
    if (at < 0 && at > -4096)
        stage_fail(s, STAGE_AT_EXEC, at, program);
    const char **argv = pointers(s, p->argv, (const char **)at);
    const char **env = pointers(s, p->env, argv + count(s, p->argv));
    if (s->home)
        env[count(s, p->env) - 1] = s->home; /* the mapping is zero behind it */
    if (p->flags & STAGE_NNP)
        stage_seccomp(s);
    long rc = sys3(__NR_execve, SYS_PTR(program), SYS_PTR(argv), SYS_PTR(env));
    stage_fail(s, STAGE_AT_EXEC, rc, program);
}
