// SPDX-License-Identifier: Apache-2.0
/* See tree.h: paths, controller names, small reads and the walk that every other file here uses. */
#include "cgroups/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

static const struct {
    const char *name;
    unsigned bit;
} controllers[] = {
        {"cpuset",     CG_CTL_CPUSET },
        {"cpu",        CG_CTL_CPU    },
        {"io",         CG_CTL_IO     },
        {"memory",     CG_CTL_MEMORY },
        {"hugetlb",    CG_CTL_HUGETLB},
        {"pids",       CG_CTL_PIDS   },
        {"rdma",       CG_CTL_RDMA   },
        {"misc",       CG_CTL_MISC   },
        {"dmem",       CG_CTL_DMEM   },
        {"perf_event", CG_CTL_PERF   },
};

unsigned cg_ctl_named(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(controllers); i++)
        if (strlen(controllers[i].name) == len && memcmp(controllers[i].name, name, len) == 0)
            return controllers[i].bit;
    return 0;
}

unsigned cg_ctl_parse(const char *text)
{
    unsigned mask = 0;
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, " \n");
        mask |= cg_ctl_named(p, len);
        p += len;
        p += strspn(p, " \n");
    }
    return mask;
}

void cg_ctl_text(unsigned mask, const char *prefix, char *buf, size_t room)
{
    size_t len = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(controllers); i++) {
        if (!(mask & controllers[i].bit) || len >= room)
            continue;
        int n = snprintf(buf + len, room - len, "%s%s%s", len ? " " : "", prefix,
                controllers[i].name);
        len += n > 0 ? (size_t)n : 0;
    }
}

int cg_path_check(const char *path, bool is_root_fine, struct err *e)
{
    if (path[0] != '/')
        return err_set(e, ERR_CONFIG, "cgroup path '%s': does not begin with '/'", path);
    if (path[1] == '\0')
        return is_root_fine ? 0
                            : err_set(e, ERR_CONFIG,
                                      "cgroup path '/': the root cgroup is not ours to manage");
    for (const char *p = path; *p;) {
        size_t len = strcspn(++p, "/");
        if (len == 0 || (len == 1 && p[0] == '.'))
            return err_set(e, ERR_CONFIG, "cgroup path '%s': has an empty component", path);
        if (len == 2 && p[0] == '.' && p[1] == '.')
            return err_set(e, ERR_CONFIG, "cgroup path '%s': has a '..' component", path);
        p += len;
    }
    return 0;
}

int cg_open_below(int rootfd, const char *path, int flags)
{
    struct open_how how = {
            .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = -1;
    for (int tries = 0; tries < 100; tries++) { /* EAGAIN: a rename raced, openat2(2) */
        fd = syscall(SYS_openat2, rootfd, path[0] ? path : ".", &how, sizeof(how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return (int)fd;
}

int cg_read_small(int dirfd, const char *name, char *buf, size_t room, struct err *e)
{
    autoclose int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open '%s'", name);
    ssize_t n = read(fd, buf, room - 1);
    if (n < 0)
        return err_sys(e, "read '%s'", name);
    if (n > 0 && buf[n - 1] == '\n')
        n--;
    buf[n] = '\0';
    return 0;
}

/* One level of the walk: the names of the sub-cgroups of a directory, and how far we are. */
struct level {
    char **names;
    size_t n;
    size_t next;
};
struct stack {
    struct level *levels;
    size_t n;
};

static void level_release(struct level *l)
{
    for (size_t i = 0; i < l->n; i++)
        mem_free(l->names[i]);
    mem_free(l->names);
    *l = (struct level){0};
}

static void stack_release(struct stack *s)
{
    while (s->n > 0)
        level_release(&s->levels[--s->n]);
    mem_free(s->levels);
}

/* A directory of kernfs counts its sub-directories in st_nlink: a leaf costs one fstat. */
static int level_load(int dirfd, struct level *ret, struct err *e)
{
    struct stat st;
    struct level l = {0};
    if (fstat(dirfd, &st) == 0 && st.st_nlink == 2) {
        *ret = l;
        return 0;
    }
    int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0 && errno == ENOENT) { /* removed meanwhile */
        *ret = l;
        return 0;
    }
    autodir DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d) {
        (void)err_sys(e, "open a cgroup's directory");
        if (copy >= 0)
            (void)close(copy); /* already failing */
        return -1;
    }
    struct dirent *entry;
    while ((entry = readdir(d))) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        l.names = mem_grow(l.names, l.n + 1, sizeof(char *));
        l.names[l.n++] = str_dup(entry->d_name);
    }
    *ret = l;
    return 0;
}

static int walk_enter(const struct cg_walk *w, struct stack *s, int dirfd, struct err *e)
{
    struct level l;
    if (w->enter && w->enter(w->arg, dirfd, e) < 0)
        return -1;
    if (level_load(dirfd, &l, e) < 0)
        return -1;
    s->levels = mem_grow(s->levels, s->n + 1, sizeof(struct level));
    s->levels[s->n++] = l;
    return 0;
}

static int walk_loop(const struct cg_walk *w, struct stack *s, int topfd, struct err *e)
{
    autoclose int cur = openat(topfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (cur < 0)
        return errno == ENOENT ? 0 : err_sys(e, "open a cgroup");
    if (walk_enter(w, s, cur, e) < 0)
        return -1;
    while (s->n > 0) {
        struct level *l = &s->levels[s->n - 1];
        bool is_down = l->next < l->n;
        if (!is_down && s->n == 1)
            break;
        int fd = openat(cur, is_down ? l->names[l->next] : "..",
                O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && is_down && errno == ENOENT) { /* removed meanwhile */
            l->next++;
            continue;
        }
        if (fd < 0)
            return err_sys(e, "open cgroup '%s'", is_down ? l->names[l->next] : "..");
        (void)close(cur);
        cur = fd;
        if (is_down) {
            if (walk_enter(w, s, cur, e) < 0)
                return -1;
            continue;
        }
        level_release(l);
        l = &s->levels[--s->n - 1];
        if (w->leave && w->leave(w->arg, cur, l->names[l->next], e) < 0)
            return -1;
        l->next++;
    }
    return 0;
}

int cg_walk_tree(int dirfd, const struct cg_walk *w, struct err *e)
{
    struct stack s = {0};
    int rc = walk_loop(w, &s, dirfd, e);
    stack_release(&s);
    return rc;
}
