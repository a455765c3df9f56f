// SPDX-License-Identifier: Apache-2.0
/*
 * CHILD step: device nodes and links in the container's /dev (runtime-spec config-linux#devices,
 * #default-devices). Made by mknodat on fds; in a user namespace, where mknod is not to be had, the
 * host's nodes are bound.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/own.h"
#include "runtime/birth.h"
#include "runtime/target.h"

struct node {
    const char *path; /* absolute, in the container */
    mode_t type;      /* S_IFCHR, S_IFBLK, S_IFIFO */
    dev_t rdev;
    mode_t mode;
    uid_t uid;
    gid_t gid;
};

static int bind_node(const struct birth *b, const struct node *n, struct err *e)
{
    struct stat st;
    autoclose int host = target_clone(AT_FDCWD, n->path, false, e);
    if (host < 0)
        return -1;
    if (fstat(host, &st) < 0 || (st.st_mode & S_IFMT) != n->type || st.st_rdev != n->rdev)
        return err_set(e, ERR_CONFIG,
                "'%s' of the host is another device, and a user namespace cannot make one",
                n->path);
    autoclose int target = target_open(b->root_fd, n->path, TARGET_FILE, e);
    return target < 0 ? -1 : target_attach(host, target, n->path, e);
}

/* What is there already must be that very device. */
static int check_node(int dirfd, const char *name, const struct node *n, struct err *e)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "stat '%s'", n->path);
    if ((st.st_mode & S_IFMT) != n->type || (n->type != S_IFIFO && st.st_rdev != n->rdev))
        return err_set(e, ERR_CONFIG, "'%s' exists in the root and is not that device", n->path);
    return 0;
}

static int make_node(const struct birth *b, int dirfd, const char *name, const struct node *n,
        struct err *e)
{
    if (b->has_user_ns)
        return bind_node(b, n, e);
    if (mknodat(dirfd, name, n->type | n->mode, n->rdev) < 0) {
        if (errno == EEXIST)
            return check_node(dirfd, name, n, e);
        return err_sys(e, "make device '%s'", n->path);
    }
    if ((n->uid || n->gid) && fchownat(dirfd, name, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "chown '%s'", n->path);
    return 0;
}

static int spec_node(const struct birth *b, size_t i, struct err *e)
{
    const struct spec_device *d = &b->spec.linux_.devices[i];
    struct node n = {
            .path = d->path,
            .type = d->type[0] == 'b'   ? S_IFBLK
                    : d->type[0] == 'p' ? S_IFIFO
                                        : S_IFCHR,
            .rdev = makedev((unsigned)d->major.v, (unsigned)d->minor.v),
            .mode = d->file_mode.is_set ? (mode_t)(d->file_mode.v & 07777) : 0666,
            .uid = (uid_t)d->uid.v,
            .gid = (gid_t)d->gid.v,
    };
    autofree char *parent = str_dup(d->path);
    char *slash = strrchr(parent, '/');
    autofree char *name = str_dup(slash + 1);
    if (!*name || strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
        return err_set(e, ERR_CONFIG, "path: '%s' names no file", d->path);
    slash[slash == parent ? 1 : 0] = '\0';
    autoclose int dir = target_open(b->root_fd, parent, TARGET_DIR, e);
    return dir < 0 ? -1 : make_node(b, dir, name, &n, e);
}

static int default_nodes(const struct birth *b, int dev, struct err *e)
{
    static const struct node nodes[] = {
            {.path = "/dev/null",    .type = S_IFCHR, .rdev = 0x103, .mode = 0666},
            {.path = "/dev/zero",    .type = S_IFCHR, .rdev = 0x105, .mode = 0666},
            {.path = "/dev/full",    .type = S_IFCHR, .rdev = 0x107, .mode = 0666},
            {.path = "/dev/random",  .type = S_IFCHR, .rdev = 0x108, .mode = 0666},
            {.path = "/dev/urandom", .type = S_IFCHR, .rdev = 0x109, .mode = 0666},
            {.path = "/dev/tty",     .type = S_IFCHR, .rdev = 0x500, .mode = 0666},
    };
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
        bool is_given = false; /* the spec's own wish for the same path counts */
        for (size_t k = 0; k < b->spec.linux_.n_devices; k++)
            is_given |= strcmp(b->spec.linux_.devices[k].path, nodes[i].path) == 0;
        if (!is_given && make_node(b, dev, nodes[i].path + 5, &nodes[i], e) < 0)
            return -1;
    }
    return 0;
}

static int links(int dev, struct err *e)
{
    static const char *const pairs[][2] = {
            {"fd",     "/proc/self/fd"  },
            {"stdin",  "/proc/self/fd/0"},
            {"stdout", "/proc/self/fd/1"},
            {"stderr", "/proc/self/fd/2"},
            {"core",   "/proc/kcore"    },
            {"ptmx",   "pts/ptmx"       },
    };
    (void)unlinkat(dev, "ptmx", 0); /* an image's own node would be the host's multiplexer */
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (strcmp(pairs[i][0], "core") == 0 && access("/proc/kcore", F_OK) < 0)
            continue;
        if (symlinkat(pairs[i][1], dev, pairs[i][0]) < 0 && errno != EEXIST)
            return err_sys(e, "link '/dev/%s'", pairs[i][0]);
    }
    return 0;
}

int step_child_devices(struct birth *b, struct err *e)
{
    mode_t old = umask(0);
    int rc = 0;
    if (b->wants_dev) {
        autoclose int dev = target_open(b->root_fd, "/dev", TARGET_DIR, e);
        if (dev < 0 || default_nodes(b, dev, e) < 0 || links(dev, e) < 0)
            rc = err_add(e, "/dev");
    }
    for (size_t i = 0; rc == 0 && i < b->spec.linux_.n_devices; i++)
        if (spec_node(b, i, e) < 0)
            rc = err_add(e, "/linux/devices/%zu", i);
    (void)umask(old);
    if (rc < 0 || !b->spec.process.terminal.v)
        return rc;
    autoclose int console = target_open(b->root_fd, "/dev/console", TARGET_FILE, e);
    return console < 0 ? -1 : 0;
}
