// SPDX-License-Identifier: Apache-2.0
/* HOST steps before the clone: state directory, sources, namespaces to join, filter, cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "runtime/birth.h"
#include "runtime/console.h"
#include "runtime/target.h"

#define PROC_MAGIC 0x9fa0

/* config.json goes first: with it and the id, `delete --force` can find all that follows. */
int step_state_dir(struct birth *b, struct err *e)
{
    b->lock_fd = state_lock(b->ctx->root, b->req->id, e);
    if (b->lock_fd < 0)
        return -1;
    if (state_dir_make(b->ctx->root, b->req->id, &b->dir, e) < 0)
        return -1;
    b->dir_made = true;
    autoclose int fd =
            openat(b->dir.fd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "create '%s/config.json'", b->dir.path);
    if (fd_write_all(fd, b->config_text, b->config_len, e) < 0)
        return err_add(e, "'%s/config.json'", b->dir.path);
    return 0;
}

void unstep_state_dir(struct birth *b)
{
    struct err ignored; /* the first failure is the one that is told */
    if (b->dir_made)
        neglect(state_dir_remove(b->ctx->root, b->req->id, &b->dir, &ignored));
    if (b->lock_fd >= 0)
        state_unlock_remove(b->ctx->root, b->req->id, steal_fd(b->lock_fd));
}

/* Without a word in the options a bind is a slave of the host's mount, as rootfsPropagation has it
 * by default: what the container mounts never reaches the host. */
static unsigned long long bind_propagation(const struct birth *b, const struct birth_mount *m)
{
    if (m->opts.propagation)
        return m->opts.propagation;
    const char *root = b->spec.linux_.rootfs_propagation;
    unsigned long flags = root ? mount_propagation(root) : 0;
    return flags ? flags & ~(unsigned long)MS_REC : MS_SLAVE;
}

static int open_source(struct birth *b, size_t i, struct err *e)
{
    struct birth_mount *m = &b->mounts[i];
    struct stat st;
    struct statfs fs;
    autofree char *path = m->spec->source[0] == '/' ? str_dup(m->spec->source)
                                                    : str_fmt("%s/%s", b->bundle, m->spec->source);
    m->source_fd = target_clone(AT_FDCWD, path, m->opts.is_rbind, e);
    if (m->source_fd < 0)
        return err_add(e, "/mounts/%zu/source", i);
    if (fstat(m->source_fd, &st) < 0)
        return err_sys(e, "/mounts/%zu/source: '%s'", i, path);
    m->source_is_dir = S_ISDIR(st.st_mode);
    if (strcmp(m->dest, "/proc") == 0 &&
            (fstatfs(m->source_fd, &fs) < 0 || fs.f_type != PROC_MAGIC))
        return err_set(e, ERR_CONFIG,
                "/mounts/%zu/source: '%s' is no procfs, and only one may be on /proc", i, path);
    bool is_rec = m->opts.propagation ? m->opts.is_propagation_rec : true;
    if (target_setattr(m->source_fd, is_rec, 0, 0, bind_propagation(b, m), e) < 0 ||
            target_setattr(m->source_fd, false, m->opts.set, m->opts.clear, 0, e) < 0 ||
            target_setattr(m->source_fd, true, m->opts.rec_set, m->opts.rec_clear, 0, e) < 0)
        return err_add(e, "/mounts/%zu", i);
    return 0;
}

int step_sources(struct birth *b, struct err *e)
{
    for (size_t i = 0; i < b->n_mounts; i++)
        if (b->mounts[i].opts.is_bind && !b->mounts[i].opts.is_remount && open_source(b, i, e) < 0)
            return -1;
    return 0;
}

int step_namespaces(struct birth *b, struct err *e)
{
    for (size_t i = 0; i < b->spec.linux_.n_namespaces; i++) {
        const struct spec_namespace *ns = &b->spec.linux_.namespaces[i];
        if (!ns->path || !*ns->path)
            continue;
        int fd = open(ns->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return err_sys(e, "/linux/namespaces/%zu/path: open '%s'", i, ns->path);
        b->join_fds[ns->type] = fd;
        if (ioctl(fd, NS_GET_NSTYPE) != spec_ns_clone_flag((enum spec_ns_type)ns->type))
            return err_set(e, ERR_CONFIG,
                    "/linux/namespaces/%zu/path: '%s' is no namespace of that type", i, ns->path);
    }
    return 0;
}

/* After the caller's rules come those that every container has, as with runc: its default nodes,
 * terminals, and making (not opening) any node. */
static int apply_devices(struct birth *b, struct err *e)
{
    static char chr[] = "c", blk[] = "b", rwm[] = "rwm", m[] = "m";
#define ALLOW(t, ma, mi, acc)                                                                      \
    {                                                                                              \
        .allow = {true, true}, .type = (t), .major = {true, (ma)}, .minor = {true, (mi)},          \
        .access = (acc)                                                                            \
    }
    static const struct cg_device_rule always[] = {
            ALLOW(chr, -1, -1, m),
            ALLOW(blk, -1, -1, m),
            ALLOW(chr, 1, 3, rwm),
            ALLOW(chr, 1, 5, rwm),
            ALLOW(chr, 1, 7, rwm),
            ALLOW(chr, 1, 8, rwm),
            ALLOW(chr, 1, 9, rwm),
            ALLOW(chr, 5, 0, rwm),
            ALLOW(chr, 136, -1, rwm),
            ALLOW(chr, 5, 2, rwm),
    };
#undef ALLOW
    const struct cg_limits *l = &b->spec.linux_.resources;
    size_t n = l->n_devices + ARRAY_LEN(always);
    autofree struct cg_device_rule *rules = mem_new(n, sizeof(*rules));
    if (l->n_devices)
        memcpy(rules, l->devices, l->n_devices * sizeof(*rules));
    memcpy(rules + l->n_devices, always, sizeof(always));
    if (cg_devices_apply(&b->cgroup, rules, n, e) < 0)
        return err_add(e, "/linux/resources/devices");
    return 0;
}

int step_cgroup(struct birth *b, struct err *e)
{
    if (!b->cgroup_path)
        return 0;
    if (cg_create(b->cgroup_path, &b->spec.linux_.resources, &b->cgroup, &b->cgroup_made, e) < 0)
        return err_add(e, "cgroup");
    return 0;
}

static int apply_limits(struct birth *b, const struct cg_limits *limits, struct err *e)
{
    if (cg_apply(&b->cgroup, limits, b->ctx->allow_degraded ? &b->gaps : NULL, e) < 0)
        return err_add(e, "/linux/resources");
    return 0;
}

/* While the child builds the tree. Memory comes when the child has become the small stage, so that
 * a limit need not hold our set-up; so does a limit of no processes at all, which would hold it. */
int step_limits(struct birth *b, struct err *e)
{
    struct cg_limits limits = b->spec.linux_.resources;
    if (b->cgroup.dirfd < 0)
        return 0;
    memset(&limits.memory, 0, sizeof(limits.memory));
    if (limits.pids.limit.is_set && limits.pids.limit.v == 0)
        limits.pids.limit.is_set = false;
    return apply_limits(b, &limits, e) < 0 ? -1 : apply_devices(b, e);
}

bool birth_has_late_limits(const struct birth *b)
{
    const struct cg_limits *l = &b->spec.linux_.resources;
    return b->cgroup.dirfd >= 0 &&
           (l->memory.limit.is_set || l->memory.swap.is_set || l->memory.reservation.is_set ||
                   (l->pids.limit.is_set && l->pids.limit.v == 0));
}

int step_memory(struct birth *b, struct err *e)
{
    struct cg_limits limits = {.memory = b->spec.linux_.resources.memory};
    const struct json_i64 *pids = &b->spec.linux_.resources.pids.limit;
    if (!birth_has_late_limits(b))
        return 0;
    if (pids->is_set && pids->v == 0)
        limits.pids.limit = *pids;
    return apply_limits(b, &limits, e);
}

void unstep_cgroup(struct birth *b)
{
    struct err ignored; /* the first failure is the one that is told */
    if (b->cgroup_made)
        neglect(cg_remove(&b->cgroup, 2000, &ignored));
}

int step_console(struct birth *b, struct err *e)
{
    if (!b->req->console_socket)
        return 0;
    b->console_fd = console_connect(b->req->console_socket, e);
    return b->console_fd < 0 ? -1 : 0;
}

/* Opened for reading and writing, so that init, which inherits it, blocks until a byte comes. */
int step_fifo(struct birth *b, struct err *e)
{
    if (b->is_run)
        return 0;
    if (mkfifoat(b->dir.fd, "start", 0600) < 0)
        return err_sys(e, "make fifo '%s/start'", b->dir.path);
    b->fifo_fd = openat(b->dir.fd, "start", O_RDWR | O_CLOEXEC);
    if (b->fifo_fd < 0)
        return err_sys(e, "open '%s/start'", b->dir.path);
    return 0;
}
