// SPDX-License-Identifier: Apache-2.0
/*
 * Making, opening and removing a cgroup. Creation is on the path of every `run`: the parent is
 * opened at once, and where it has the controllers that are needed there is one mkdir and no write.
 * Only when the parent is missing, or lacks a controller that its own parent could give, the path
 * is walked from the root.
 *
 * A controller that cannot be had at all is not an error here: cg_apply names the limit that needs
 * it. A controller that is there but cannot be enabled is, since only this file knows why.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "cgroups/tree.h"

/* A creation under way. */
struct making {
    int rootfd;
    const char *path;  /* as given, '/' first */
    unsigned needed;   /* controllers of the limits */
    size_t first_made; /* length of the shortest prefix that we made; 0: none */
};

/* Has the cgroup itself processes (those of its children do not count)? The root of the hierarchy
 * may have them; it is known by having no cgroup.type. */
static bool has_own_processes(int dirfd)
{
    struct err ignored = {0};
    char text[16];
    if (faccessat(dirfd, "cgroup.type", F_OK, 0) < 0)
        return false;
    return cg_read_small(dirfd, "cgroup.procs", text, sizeof(text), &ignored) == 0 && text[0];
}

static int subtree_write(int dirfd, unsigned want, struct err *e)
{
    char text[128];
    cg_ctl_text(want, "+", text, sizeof(text));
    if (!(want & ~CG_CTL_THREADED) && has_own_processes(dirfd)) {
        errno = EBUSY;
        return err_sys(e, "write '%s' to 'cgroup.subtree_control'", text);
    }
    return fd_write_file(dirfd, "cgroup.subtree_control", text, e);
}

static int enable_failed(unsigned needed, const char *where, struct err *e)
{
    char names[128];
    cg_ctl_text(needed, "", names, sizeof(names));
    if (e->sys == EBUSY) {
        (void)err_set(e, ERR_STATE,
                "enable controllers '%s' in cgroup '%s': it has processes of its own (move them "
                "into a sub-cgroup)",
                names, where);
        e->sys = EBUSY;
        return -1;
    }
    if (e->sys == EOPNOTSUPP) {
        (void)err_set(e, ERR_UNSUPPORTED,
                "enable controllers '%s' in cgroup '%s': it is threaded or holds threaded cgroups",
                names, where);
        e->sys = EOPNOTSUPP;
        return -1;
    }
    return err_add(e, "enable controllers '%s' in cgroup '%s'", names, where);
}

/* Enables for the children of dirfd what is missing and available. *ret_unmet: needed ones that
 * are not available in dirfd. Controllers for stats only may fail. */
static int controllers_enable(const struct making *m, int dirfd, const char *where,
        unsigned *ret_unmet, struct err *e)
{
    char text[256];
    struct err first = {0};
    *ret_unmet = 0;
    if (cg_read_small(dirfd, "cgroup.subtree_control", text, sizeof(text), e) < 0)
        return err_add(e, "cgroup '%s'", where);
    unsigned want = (m->needed | CG_CTL_STATS) & ~cg_ctl_parse(text);
    if (!want)
        return 0;
    if (cg_read_small(dirfd, "cgroup.controllers", text, sizeof(text), e) < 0)
        return err_add(e, "cgroup '%s'", where);
    unsigned have = cg_ctl_parse(text);
    *ret_unmet = m->needed & want & ~have;
    want &= have;
    if (!want || subtree_write(dirfd, want, &first) == 0 || !(want & m->needed))
        return 0;
    want &= m->needed;
    *e = first;
    if (first.sys != EBUSY && first.sys != EOPNOTSUPP && subtree_write(dirfd, want, &first) == 0) {
        *e = (struct err){0};
        return 0;
    }
    return enable_failed(want, where, e);
}

/* From the root down: enables, makes what is missing, up to and with the parent of the leaf.
 * Returns the parent's fd. `parent_len` is the length of its path, 0 for the root. */
static int parent_walk(struct making *m, size_t parent_len, struct err *e)
{
    unsigned unmet = 0;
    size_t len = 0;
    autoclose int cur = cg_open_below(m->rootfd, "", O_PATH | O_DIRECTORY);
    if (cur < 0)
        return err_sys(e, "open the root of the cgroup hierarchy");
    for (;;) {
        autofree char *where = len ? str_ndup(m->path, len) : str_dup("/");
        if (controllers_enable(m, cur, where, &unmet, e) < 0)
            return -1;
        if (len >= parent_len)
            return steal_fd(cur);
        size_t start = len + 1;
        len = start + strcspn(m->path + start, "/");
        autofree char *name = str_ndup(m->path + start, len - start);
        if (mkdirat(cur, name, 0755) == 0) {
            if (!m->first_made)
                m->first_made = len;
        } else if (errno != EEXIST) {
            return err_sys(e, "make cgroup '%.*s'", (int)len, m->path);
        }
        int next = openat(cur, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return err_sys(e, "open cgroup '%.*s'", (int)len, m->path);
        (void)close(cur);
        cur = next;
    }
}

static int parent_open(struct making *m, size_t parent_len, struct err *e)
{
    unsigned unmet = 0;
    autofree char *where = parent_len ? str_ndup(m->path, parent_len) : str_dup("/");
    autoclose int fd = cg_open_below(m->rootfd, where + 1, O_PATH | O_DIRECTORY);
    if (fd < 0 && errno != ENOENT)
        return err_sys(e, "open cgroup '%s'", where);
    if (fd < 0)
        return parent_walk(m, parent_len, e);
    if (controllers_enable(m, fd, where, &unmet, e) < 0)
        return -1;
    if (unmet && parent_len) /* perhaps its ancestors can give them */
        return parent_walk(m, parent_len, e);
    return steal_fd(fd);
}

/* A cgroup with controllers for its children takes no process (EBUSY much later). Left over from
 * children that are gone they can be disabled; children that are there may be somebody's. */
static int leaf_disable(const struct cg *c, struct err *e)
{
    char names[256];
    struct stat st;
    if (cg_read_small(c->dirfd, "cgroup.subtree_control", names, sizeof(names), e) < 0)
        return err_add(e, "cgroup '%s'", c->path);
    if (!names[0])
        return 0;
    if (fstat(c->dirfd, &st) < 0 || st.st_nlink > 2)
        return err_set(e, ERR_EXISTS,
                "cgroup '%s' exists and has sub-cgroups with controllers (remove them)", c->path);
    cg_ctl_text(cg_ctl_parse(names), "-", names, sizeof(names));
    if (fd_write_file(c->dirfd, "cgroup.subtree_control", names, e) < 0)
        return err_add(e, "cgroup '%s'", c->path);
    return 0;
}

/* An empty leaf that was here before is ours now; one that is still frozen would stop the first
 * process for ever. */
static int leaf_take_over(const struct cg *c, struct err *e)
{
    struct cg_events ev;
    autoclose int fd = cg_events_open(c, e);
    if (fd < 0)
        return -1;
    if (cg_events_read(fd, &ev, e) < 0)
        return err_add(e, "cgroup '%s'", c->path);
    if (ev.is_populated)
        return err_set(e, ERR_EXISTS, "cgroup '%s' exists and has processes", c->path);
    if (leaf_disable(c, e) < 0)
        return -1;
    if (ev.is_frozen && fd_write_file(c->dirfd, "cgroup.freeze", "0", e) < 0)
        return err_add(e, "cgroup '%s'", c->path);
    return 0;
}

/* Children of a threaded cgroup or of a thread root take no processes (EOPNOTSUPP much later); the
 * root's children never are such. */
static int leaf_check_type(const struct cg *c, struct err *e)
{
    char type[32];
    if (cg_read_small(c->dirfd, "cgroup.type", type, sizeof(type), e) < 0)
        return err_add(e, "cgroup '%s'", c->path);
    if (strcmp(type, "domain") != 0)
        return err_set(e, ERR_UNSUPPORTED,
                "cgroup '%s': its type is '%s' (its parent is threaded or has processes and "
                "controllers at once)",
                c->path, type);
    return 0;
}

static int leaf_make(struct making *m, int parent, size_t parent_len, struct cg *c, struct err *e)
{
    const char *name = m->path + parent_len + 1;
    bool is_old = mkdirat(parent, name, 0755) < 0;
    if (is_old && errno != EEXIST)
        return err_sys(e, "make cgroup '%s'", m->path);
    if (!is_old && !m->first_made)
        m->first_made = strlen(m->path);
    c->dirfd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (c->dirfd < 0)
        return err_sys(e, "open cgroup '%s'", m->path);
    if (parent_len && leaf_check_type(c, e) < 0)
        return -1;
    return is_old ? leaf_take_over(c, e) : 0;
}

/* Removes, deepest first, the directories that this creation made; they are empty. */
static void making_undo(const struct making *m)
{
    autofree char *path = str_dup(m->path);
    if (!m->first_made)
        return;
    for (size_t len = strlen(path); len >= m->first_made; len = strlen(path)) {
        (void)unlinkat(m->rootfd, path + 1, AT_REMOVEDIR); /* already failing */
        *strrchr(path, '/') = '\0';
    }
}

int cg_create(const char *path, const struct cg_limits *limits, struct cg *ret, bool *ret_made,
        struct err *e)
{
    if (cg_path_check(path, false, e) < 0)
        return -1;
    autoclose int rootfd = cg_root_open(NULL, NULL, e);
    if (rootfd < 0)
        return -1;
    size_t parent_len = (size_t)(strrchr(path, '/') - path);
    struct making m = {
            .rootfd = rootfd,
            .path = path,
            .needed = cg_limits_controllers(limits),
    };
    struct cg c = {.dirfd = -1, .path = str_dup(path)};
    autoclose int parent = parent_open(&m, parent_len, e);
    if (parent < 0 || leaf_make(&m, parent, parent_len, &c, e) < 0) {
        making_undo(&m);
        cg_close(&c);
        return -1;
    }
    *ret = c;
    *ret_made = m.first_made > 0;
    return 0;
}

int cg_open(const char *path, struct cg *ret, struct err *e)
{
    if (cg_path_check(path, true, e) < 0)
        return -1;
    autoclose int rootfd = cg_root_open(NULL, NULL, e);
    if (rootfd < 0)
        return -1;
    int fd = cg_open_below(rootfd, path + 1, O_PATH | O_DIRECTORY);
    if (fd < 0) {
        bool is_missing = errno == ENOENT;
        (void)err_sys(e, "open cgroup '%s'", path);
        if (is_missing)
            e->kind = ERR_NOT_FOUND;
        return -1;
    }
    *ret = (struct cg){.dirfd = fd, .path = str_dup(path)};
    return 0;
}

void cg_close(struct cg *c)
{
    if (!c)
        return;
    if (c->dirfd >= 0)
        (void)close(c->dirfd);
    mem_free(c->path);
    *c = (struct cg){.dirfd = -1};
}

/* -- removal ---------------------------------------------------------------------------------- */

/* EBUSY: still populated; the outer loop waits and comes back. */
static int remove_leave(void *arg, int parentfd, const char *name, struct err *e)
{
    (void)arg;
    if (unlinkat(parentfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == EBUSY)
        return 0;
    return err_sys(e, "remove cgroup '%s'", name);
}

static int64_t now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int remove_timed_out(const struct cg *c, int timeout_ms, struct err *e)
{
    autofree pid_t *pids = NULL;
    size_t n = 0;
    struct err ignored = {0};
    if (cg_pids(c, &pids, &n, &ignored) < 0 || n == 0)
        (void)err_set(e, ERR_STATE, "remove cgroup '%s': still busy after %d ms", c->path,
                timeout_ms);
    else
        (void)err_set(e, ERR_STATE,
                "remove cgroup '%s': still has %zu processes (one is %d) after %d ms", c->path, n,
                (int)pids[0], timeout_ms);
    e->sys = EBUSY;
    return -1;
}

/* Waits for "populated 0", in growing slices: notifications lag up to 10 ms (watch.c). */
static void empty_wait(int eventsfd, int slice_ms)
{
    struct pollfd p = {.fd = eventsfd, .events = POLLPRI};
    (void)poll(&p, eventsfd >= 0 ? 1 : 0, slice_ms); /* the caller tries again however it ends */
}

/* One attempt: sub-cgroups (when nothing is alive below), then the cgroup itself. *ret_is_gone. */
static int remove_try(const struct cg *c, int rootfd, int events, bool *ret_is_gone, struct err *e)
{
    const struct cg_walk w = {.leave = remove_leave};
    struct cg_events ev = {0};
    struct err ignored = {0};
    bool is_known = events >= 0 && cg_events_read(events, &ev, &ignored) == 0;
    *ret_is_gone = false;
    if (is_known && ev.is_populated)
        return 0;
    if (cg_walk_tree(c->dirfd, &w, e) < 0)
        return err_add(e, "remove cgroup '%s'", c->path);
    *ret_is_gone = unlinkat(rootfd, c->path + 1, AT_REMOVEDIR) == 0 || errno == ENOENT;
    if (!*ret_is_gone && errno != EBUSY)
        return err_sys(e, "remove cgroup '%s'", c->path);
    return 0;
}

int cg_remove(const struct cg *c, int timeout_ms, struct err *e)
{
    if (cg_path_check(c->path, false, e) < 0)
        return -1;
    autoclose int rootfd = cg_root_open(NULL, NULL, e);
    if (rootfd < 0)
        return -1;
    if (unlinkat(rootfd, c->path + 1, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno != EBUSY)
        return err_sys(e, "remove cgroup '%s'", c->path);
    struct err ignored = {0};
    autoclose int events = cg_events_open(c, &ignored);
    int64_t end = now_ms() + timeout_ms;
    for (int slice = 1;; slice = slice < 32 ? slice * 2 : slice) {
        bool is_gone;
        if (remove_try(c, rootfd, events, &is_gone, e) < 0)
            return -1;
        if (is_gone)
            return 0;
        int64_t left = end - now_ms();
        if (left <= 0)
            return remove_timed_out(c, timeout_ms, e);
        empty_wait(events, left < slice ? (int)left : slice);
    }
}
