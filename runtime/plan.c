// SPDX-License-Identifier: Apache-2.0
/*
 * From request to plan: reads config.json and decides everything that can be decided without
 * changing the system: paths, flags, mounts in order. Errors here leave nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "runtime/birth.h"

#define CONFIG_MAX (4u << 20)

static char *absolute(const char *path, struct err *e)
{
    char real[PATH_MAX];
    if (!realpath(path, real)) {
        (void)err_sys(e, "'%s'", path);
        return NULL;
    }
    return str_dup(real);
}

/* The bundle's file must be a plain one: a fifo would hang us. What the caller names may be a pipe. */
static int open_config(const struct birth *b, const char *path, struct err *e)
{
    struct stat st;
    int flags = b->req->config ? O_RDONLY | O_CLOEXEC : O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    autoclose int fd = open(path, flags);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "open '%s'", path);
    if (!S_ISREG(st.st_mode) && !(b->req->config && S_ISFIFO(st.st_mode)))
        return err_set(e, ERR_CONFIG, "'%s' is not a regular file", path);
    return steal_fd(fd);
}

int birth_read(struct birth *b, struct err *e)
{
    const char *bundle = b->req->bundle ? b->req->bundle : ".";
    b->bundle = absolute(bundle, e);
    if (!b->bundle)
        return err_add(e, "bundle");
    autofree char *beside = str_fmt("%s/config.json", b->bundle);
    const char *path = b->req->config ? b->req->config : beside;
    autoclose int fd = open_config(b, path, e);
    if (fd < 0)
        return -1;
    if (fd_read_all(fd, CONFIG_MAX, &b->config_text, &b->config_len, e) < 0)
        return err_add(e, "'%s'", path);
    return json_parse(b->config_text, b->config_len, path, &b->config, e);
}

/* "/a//./b/" -> "/a/b"; ".." stays for the kernel, which keeps it inside of the root. */
static char *clean_path(const char *path)
{
    char *out = mem_new(strlen(path) + 2, 1);
    size_t n = 0;
    while (*path) {
        while (*path == '/')
            path++;
        size_t len = strcspn(path, "/");
        if (len && !(len == 1 && path[0] == '.')) {
            out[n++] = '/';
            memcpy(out + n, path, len);
            n += len;
        }
        path += len;
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = '\0';
    return out;
}

static bool has_dot_dot(const char *path)
{
    for (const char *p = strstr(path, ".."); p; p = strstr(p + 1, ".."))
        if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
            return true;
    return false;
}

static bool is_type(const struct birth_mount *m, const char *type)
{
    return m->spec->type && strcmp(m->spec->type, type) == 0;
}

/*
 * What may stand on or below /proc (CVE-2019-16884): a procfs, or one of the files that lxcfs and
 * the like replace. A bind on /proc is checked again when its source is open.
 */
static int proc_check(const struct birth_mount *m, size_t i, struct err *e)
{
    static const char *const allowed[] = {"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",
            "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo",
            "/proc/net/dev", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled"};
    if (strcmp(m->dest, "/proc") == 0) {
        if (is_type(m, "proc") || m->opts.is_bind)
            return 0;
        return err_set(e, ERR_CONFIG, "/mounts/%zu: only a procfs may be mounted on /proc", i);
    }
    if (strncmp(m->dest, "/proc/", 6) != 0)
        return 0;
    for (size_t k = 0; k < ARRAY_LEN(allowed); k++)
        if (m->opts.is_bind && strcmp(m->dest, allowed[k]) == 0)
            return 0;
    return err_set(e, ERR_CONFIG,
            "/mounts/%zu/destination: '%s' cannot be mounted because it is inside /proc", i,
            m->dest);
}

static int plan_mount(struct birth *b, size_t i, struct err *e)
{
    struct birth_mount *m = &b->mounts[i];
    m->spec = &b->spec.mounts[i];
    m->source_fd = -1;
    m->dest = clean_path(m->spec->destination);
    if (mount_opts_parse(m->spec->options, m->spec->n_options, &m->opts, e) < 0)
        return err_add(e, "/mounts/%zu/options", i);
    if (is_type(m, "bind"))
        m->opts.is_bind = true;
    if (m->opts.is_bind && (!m->spec->source || !*m->spec->source) && !m->opts.is_remount)
        return err_set(e, ERR_CONFIG, "/mounts/%zu/source: a bind mount needs one", i);
    if (!m->opts.is_bind && !m->opts.is_remount && (!m->spec->type || !*m->spec->type))
        return err_set(e, ERR_CONFIG, "/mounts/%zu/type: missing, and it is no bind mount", i);
    if (strcmp(m->dest, "/") == 0 && !m->opts.is_remount && !m->opts.is_bind)
        return err_set(e, ERR_CONFIG, "/mounts/%zu/destination: '/' is the root itself", i);
    if (strcmp(m->dest, "/dev") == 0 && m->opts.is_bind)
        b->wants_dev = false; /* the caller's /dev is taken as it is, as runc does */
    return proc_check(m, i, e);
}

static int plan_mounts(struct birth *b, struct err *e)
{
    b->wants_dev = true;
    b->n_mounts = b->spec.n_mounts;
    b->mounts = mem_new(b->n_mounts, sizeof(*b->mounts));
    for (size_t i = 0; i < b->n_mounts; i++)
        b->mounts[i].source_fd = -1;
    for (size_t i = 0; i < b->n_mounts; i++)
        if (plan_mount(b, i, e) < 0)
            return -1;
    return 0;
}

static int plan_namespaces(struct birth *b, struct err *e)
{
    for (size_t i = 0; i < b->spec.linux_.n_namespaces; i++) {
        const struct spec_namespace *ns = &b->spec.linux_.namespaces[i];
        unsigned flag = (unsigned)spec_ns_clone_flag((enum spec_ns_type)ns->type);
        b->join_flags |= flag;
        if (ns->type == SPEC_NS_USER)
            b->has_user_ns = true;
        if (ns->path && *ns->path) {
            if (ns->type == SPEC_NS_MOUNT)
                return err_set(e, ERR_UNSUPPORTED,
                        "/linux/namespaces/%zu/path: joining a mount namespace: not supported", i);
            continue;
        }
        if (flag & CLONE_NEWCGROUP)
            b->late_flags |= flag;
        else
            b->clone_flags |= flag;
    }
    return 0;
}

/* Without a cgroup nothing holds a limit. Device rules come with every bundle and are not asked for. */
static int refuse_limits(struct birth *b, struct err *e)
{
    json_t *set = json_encode(cg_limits_fields, &b->spec.linux_.resources);
    const char *name;
    json_t *value;
    int rc = 0;
    json_object_foreach(set, name, value)
    {
        if (strcmp(name, "devices") == 0 || json_object_size(value) + json_array_size(value) == 0)
            continue;
        autofree char *gap = str_fmt("%s: no cgroup, because of --cgroup-manager disabled", name);
        if (b->ctx->allow_degraded)
            birth_gap(b, gap);
        else
            rc = err_set(e, ERR_UNSUPPORTED, "/linux/resources/%s", gap);
    }
    json_decref(set);
    return rc;
}

void birth_gap(struct birth *b, const char *text)
{
    size_t n = 0;
    while (b->gaps && b->gaps[n])
        n++;
    b->gaps = mem_grow(b->gaps, n + 2, sizeof(*b->gaps));
    b->gaps[n] = str_dup(text);
    b->gaps[n + 1] = NULL;
}

/* cgroupfs: the path of the spec below the hierarchy's root, else one of our own by id. */
static int plan_cgroup(struct birth *b, struct err *e)
{
    const char *path = b->spec.linux_.cgroups_path;
    if (b->ctx->cgroup_manager == RT_CGROUP_DISABLED)
        return refuse_limits(b, e);
    if (b->ctx->cgroup_manager == RT_CGROUP_SYSTEMD)
        return err_set(e, ERR_UNSUPPORTED,
                "--systemd-cgroup: not supported: this build has no systemd driver yet");
    if (path && *path) {
        if (has_dot_dot(path))
            return err_set(e, ERR_CONFIG, "/linux/cgroupsPath: '%s' holds '..'", path);
        b->cgroup_path = clean_path(path);
    } else {
        b->cgroup_path = str_fmt("/islet-%s", b->req->id);
    }
    if (strcmp(b->cgroup_path, "/") == 0)
        return err_set(e, ERR_CONFIG, "/linux/cgroupsPath: the root cgroup is the host's");
    return 0;
}

static int plan_terminal(const struct birth *b, struct err *e)
{
    bool has_terminal = b->spec.process.terminal.v;
    bool is_detached = !b->is_run || b->req->is_detached;
    if (has_terminal && is_detached && !b->req->console_socket)
        return err_set(e, ERR_CONFIG,
                "/process/terminal: cannot allocate tty if islet will detach without setting console socket");
    if (b->req->console_socket && !has_terminal)
        return err_set(e, ERR_CONFIG,
                "--console-socket: cannot use console socket if islet will not allocate a tty (/process/terminal is false)");
    return 0;
}

int birth_plan(struct birth *b, struct err *e)
{
    if (spec_load(b->config, &b->spec, e) < 0)
        return err_add(e, "config.json");
    autofree char *beside = b->spec.root.path[0] == '/'
                                    ? str_dup(b->spec.root.path)
                                    : str_fmt("%s/%s", b->bundle, b->spec.root.path);
    b->rootfs = absolute(beside, e);
    if (!b->rootfs)
        return err_add(e, "config.json: /root/path");
    struct stat st;
    if (stat(b->rootfs, &st) == 0 && !S_ISDIR(st.st_mode))
        return err_sysno(e, ENOTDIR, "config.json: /root/path: '%s'", b->rootfs);
    if (strcmp(b->rootfs, "/") == 0)
        return err_set(e, ERR_CONFIG, "config.json: /root/path: '/' is the host's own root");
    if (plan_terminal(b, e) < 0 || plan_namespaces(b, e) < 0 || plan_cgroup(b, e) < 0 ||
            plan_mounts(b, e) < 0)
        return err_add(e, "config.json");
    return 0;
}

void birth_init(struct birth *b, const struct rt_context *c, const struct rt_create *r)
{
    *b = (struct birth){
            .ctx = c,
            .req = r,
            .lock_fd = -1,
            .dir = {.fd = -1},
            .cgroup = {  .dirfd = -1       },
            .fifo_fd = -1,
            .sync = { -1,        -1},
            .console_fd = -1,
            .plan_fd = -1,
            .null_fd = -1,
            .pidfd = -1,
            .master_fd = -1,
            .root_fd = -1,
            .isolation = "container",
            .engine = "ns",
    };
    for (size_t i = 0; i < ARRAY_LEN(b->join_fds); i++)
        b->join_fds[i] = -1;
}

void birth_release(struct birth *b)
{
    for (size_t i = 0; i < b->n_mounts; i++) {
        mem_free(b->mounts[i].dest);
        mount_opts_release(&b->mounts[i].opts);
        own_close(&b->mounts[i].source_fd);
    }
    mem_free(b->mounts);
    for (size_t i = 0; i < ARRAY_LEN(b->join_fds); i++)
        own_close(&b->join_fds[i]);
    for (size_t i = 0; b->gaps && b->gaps[i]; i++)
        mem_free(b->gaps[i]);
    mem_free(b->gaps);
    int *fds[] = {&b->lock_fd, &b->fifo_fd, &b->sync[0], &b->sync[1], &b->console_fd, &b->plan_fd,
            &b->null_fd, &b->pidfd, &b->master_fd, &b->root_fd};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        own_close(fds[i]);
    state_dir_close(&b->dir);
    cg_close(&b->cgroup);
    mem_free(b->bundle);
    mem_free(b->config_text);
    mem_free(b->rootfs);
    mem_free(b->cgroup_path);
    spec_release(&b->spec);
    json_decref(b->config);
}
