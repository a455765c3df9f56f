// SPDX-License-Identifier: Apache-2.0
/* See state.h. */
#include "runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "cgroups/cgroups.h"

const struct json_field state_fields[] = {
        J_I64("schema", struct state, schema, 1, STATE_SCHEMA),
        J_STR("ociVersion", struct state, oci_version, 0),
        J_STR("id", struct state, id, JSON_REQUIRED),
        J_I64("pid", struct state, pid, 0, INT32_MAX),
        J_U64("startTime", struct state, start_time, UINT64_MAX),
        J_STR("bundle", struct state, bundle, 0),
        J_STR("rootfs", struct state, rootfs, 0),
        J_STR("created", struct state, created, 0),
        J_U64("owner", struct state, owner, UINT32_MAX),
        J_STR("cgroup", struct state, cgroup, 0),
        J_STR("isolation", struct state, isolation, 0),
        J_STR("engine", struct state, engine, 0),
        J_STR("acceleration", struct state, acceleration, 0),
        J_U64("join", struct state, join, UINT32_MAX),
        J_BOOL("hasPidNamespace", struct state, has_pid_ns),
        J_BOOL("noNewKeyring", struct state, no_keyring),
        J_STRS("gaps", struct state, gaps, n_gaps, 0),
        J_MAP("annotations", struct state, annotations),
        J_END,
};

int rt_id_check(const char *id, struct err *e)
{
    static const char *const letters =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
    size_t len = id ? strlen(id) : 0;
    if (len == 0)
        return err_set(e, ERR_USAGE, "container ID is empty");
    if (id[0] == '.' || strspn(id, letters) != len)
        return err_set(e, ERR_USAGE,
                "invalid container ID '%.60s': it may hold A-Z a-z 0-9 _ + - and, not first, '.'",
                id);
    if (len > NAME_MAX)
        return err_set(e, ERR_USAGE, "invalid container ID '%.60s…': longer than %d bytes", id,
                NAME_MAX);
    return 0;
}

static int open_dir(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int state_dir_make(const char *root, const char *id, struct state_dir *ret, struct err *e)
{
    autofree char *path = str_fmt("%s/%s", root, id);
    if (mkdir(path, 0700) < 0) {
        if (errno == ENOENT) {
            if (fd_mkdir_all(root, 0700, e) < 0)
                return err_add(e, "state root");
            errno = 0;
        }
        if (errno != EEXIST && mkdir(path, 0700) < 0 && errno != EEXIST)
            return err_sys(e, "mkdir '%s'", path);
        if (errno == EEXIST)
            return err_set(e, ERR_EXISTS, "container with given ID already exists: '%s'", id);
    }
    int fd = open_dir(path);
    if (fd < 0)
        return err_sys(e, "open '%s'", path);
    ret->fd = fd;
    ret->path = steal_ptr(path);
    return 0;
}

int state_dir_open(const char *root, const char *id, struct state_dir *ret, struct err *e)
{
    if (rt_id_check(id, e) < 0)
        return -1;
    autofree char *path = str_fmt("%s/%s", root, id);
    int fd = open_dir(path);
    if (fd < 0 && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "container '%s' does not exist", id);
    if (fd < 0)
        return err_sys(e, "open '%s'", path);
    ret->fd = fd;
    ret->path = steal_ptr(path);
    return 0;
}

int state_dir_remove(const char *root, const char *id, struct state_dir *d, struct err *e)
{
    static const char *const known[] = {"state.json", "config.json", "start", "seccomp.bpf"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        (void)unlinkat(d->fd, known[i], 0); /* what stays is found by the walk below */
    if (rmdir(d->path) == 0 || errno == ENOENT)
        return 0;
    autoclose int rootfd = open_dir(root);
    if (rootfd < 0)
        return err_sys(e, "open '%s'", root);
    return fd_remove_tree(rootfd, id, e);
}

void state_dir_close(struct state_dir *d)
{
    if (d->fd >= 0)
        (void)close(d->fd);
    mem_free(d->path);
    d->fd = -1;
    d->path = NULL;
}

int state_lock(const char *root, const char *id, struct err *e)
{
    autofree char *path = str_fmt("%s/.lock/%s", root, id);
    for (;;) {
        autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == ENOENT) {
            autofree char *dir = str_fmt("%s/.lock", root);
            if (fd_mkdir_all(dir, 0700, e) < 0)
                return err_add(e, "state root");
            continue;
        }
        if (fd < 0)
            return err_sys(e, "open '%s'", path);
        if (flock(fd, LOCK_EX) < 0) {
            if (errno == EINTR)
                continue;
            return err_sys(e, "lock '%s'", path);
        }
        struct stat ours, there;
        /* the holder before us may have removed the file: then nobody else sees our lock */
        if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino)
            return steal_fd(fd);
    }
}

void state_unlock_remove(const char *root, const char *id, int lockfd)
{
    autofree char *path = str_fmt("%s/.lock/%s", root, id);
    (void)unlink(path); /* a stale lock file is harmless */
    (void)close(lockfd);
}

int state_prepare(const struct state_dir *d, const struct state *s, struct err *e)
{
    json_t *doc = json_encode(state_fields, s);
    autofree char *text = json_text(doc, false);
    json_decref(doc);
    autoclose int fd =
            openat(d->fd, "state.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "save state: create '%s/state.json.new'", d->path);
    if (fd_write_all(fd, text, strlen(text), e) < 0)
        return err_add(e, "save state: '%s/state.json.new'", d->path);
    return 0;
}

int state_publish(const struct state_dir *d, struct err *e)
{
    if (renameat(d->fd, "state.json.new", d->fd, "state.json") < 0)
        return err_sys(e, "save state: '%s/state.json'", d->path);
    return 0;
}

int state_save(const struct state_dir *d, const struct state *s, struct err *e)
{
    return state_prepare(d, s, e) < 0 ? -1 : state_publish(d, e);
}

int state_load(const struct state_dir *d, struct state *ret, struct err *e)
{
    static const struct json_mode strict = {.is_strict = true};
    autofree char *text = NULL;
    size_t len;
    if (fd_read_file(d->fd, "state.json", JSON_MAX_BYTES, &text, &len, e) < 0)
        return err_add(e, "state");
    json_t *doc;
    if (json_parse(text, len, "state.json", &doc, e) < 0)
        return -1;
    struct state s = {0};
    int rc = json_decode(doc, state_fields, &s, "", &strict, e);
    json_decref(doc);
    if (rc < 0)
        return err_add(e, "state.json");
    *ret = s;
    return 0;
}

void state_release(struct state *s)
{
    json_release(state_fields, s);
}

/* Field 3 is the state, field 22 the start time; the name in field 2 may hold anything. */
int proc_start_time(pid_t pid, uint64_t *ret, bool *ret_zombie)
{
    char path[32];
    char buf[1024];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, buf, sizeof(buf) - 1);
    if (n <= 0)
        return -1;
    buf[n] = '\0';
    char *p = strrchr(buf, ')');
    if (!p || p[1] != ' ')
        return -1;
    *ret_zombie = p[2] == 'Z' || p[2] == 'X';
    for (int field = 2; field < 22 && p; field++)
        p = strchr(p + 1, ' ');
    char *end = NULL;
    unsigned long long ticks = p ? strtoull(p + 1, &end, 10) : 0;
    if (!p || end == p + 1)
        return -1;
    *ret = ticks;
    return 0;
}

int proc_set_oom_score(pid_t pid, int score, struct err *e)
{
    char path[48];
    char text[16];
    (void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
    (void)snprintf(text, sizeof(text), "%d", score);
    if (fd_write_file(AT_FDCWD, path, text, e) < 0)
        return err_add(e, "/process/oomScoreAdj");
    return 0;
}

bool state_is_alive(const struct state *s)
{
    uint64_t start;
    bool is_zombie;
    if (s->pid.v <= 0 || proc_start_time((pid_t)s->pid.v, &start, &is_zombie) < 0)
        return false;
    return !is_zombie && start == s->start_time.v;
}

/* While init waits in the fifo it holds the only reader; nobody else ever opens it for reading. */
static bool is_waiting(const struct state_dir *d)
{
    autoclose int fd = openat(d->fd, "start", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0;
}

enum rt_status state_status(const struct state_dir *d, const struct state *s)
{
    if (!state_is_alive(s))
        return RT_STOPPED;
    struct cg cg = {.dirfd = -1};
    struct err ignored;
    bool is_frozen = false;
    if (s->cgroup && cg_open(s->cgroup, &cg, &ignored) == 0) {
        if (cg_is_frozen(&cg, &is_frozen, &ignored) < 0)
            is_frozen = false; /* gone meanwhile */
        cg_close(&cg);
    }
    if (is_frozen)
        return RT_PAUSED;
    return is_waiting(d) ? RT_CREATED : RT_RUNNING;
}

const char *rt_status_name(enum rt_status s)
{
    static const char *const names[] = {"creating", "created", "running", "stopped", "paused"};
    return names[s];
}
