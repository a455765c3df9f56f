// SPDX-License-Identifier: Apache-2.0
/* See target.h. */
#include "runtime/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static int open_at(int rootfd, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
    long fd;
    int tries = 0;
    do
        fd = syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
    while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++tries < 1000);
    return (int)fd;
}

static int dir_open(int rootfd, char *path, int depth, struct err *e);

enum { NOT_A_LINK = -2 };

/* A symlink on the way that leads to what is not there yet (/var/run -> /run in small images): what
 * it names is made, as runc does; every part of it below the root like any other path. */
static int follow_dangling(int rootfd, int parent, const char *path, int depth, struct err *e)
{
    char link[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    ssize_t n = readlinkat(parent, name, link, sizeof(link) - 1);
    if (n < 0)
        return NOT_A_LINK;
    link[n] = '\0';
    if (depth > 40)
        return err_sysno(e, ELOOP, "open '%s' in the root", path);
    autofree char *to = link[0] == '/' || !slash
                                ? str_dup(link)
                                : str_fmt("%.*s/%s", (int)(slash - path), path, link);
    return dir_open(rootfd, to, depth + 8, e);
}

/* Makes the last component below its parent, which is opened (and made) first. */
static int make_last(int rootfd, char *path, enum target_kind kind, int depth, struct err *e)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (strcmp(name, "..") == 0 || strcmp(name, ".") == 0 || !*name)
        return err_set(e, ERR_CONFIG, "'%s': cannot be made", path);
    autoclose int parent = -1;
    if (slash && slash != path) {
        *slash = '\0';
        parent = dir_open(rootfd, path, depth + 1, e);
        *slash = '/';
    } else {
        parent = open_at(rootfd, ".", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT);
        if (parent < 0)
            return err_sys(e, "open the root");
    }
    if (parent < 0)
        return -1;
    int fd;
    if (kind == TARGET_DIR) {
        if (mkdirat(parent, name, 0755) < 0) {
            if (errno != EEXIST)
                return err_sys(e, "mkdir '%s'", path);
            fd = follow_dangling(rootfd, parent, path, depth, e);
            if (fd != NOT_A_LINK)
                return fd;
        }
        fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
    } else {
        fd = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
        if (fd >= 0)
            (void)close(fd); /* only made; the O_PATH fd below is what is used */
        else if (errno != EEXIST)
            return err_sys(e, "create '%s'", path);
        fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0)
        return err_sys(e, "open '%s'", path);
    return fd;
}

static int dir_open(int rootfd, char *path, int depth, struct err *e)
{
    int fd = open_at(rootfd, path, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0)
        return fd;
    if (errno != ENOENT || depth > 256)
        return err_sys(e, "open '%s' in the root", path);
    return make_last(rootfd, path, TARGET_DIR, depth, e);
}

static int is_symlink(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

int target_open(int rootfd, const char *path, enum target_kind kind, struct err *e)
{
    autofree char *copy = str_dup(path);
    if (kind == TARGET_DIR)
        return dir_open(rootfd, copy, 0, e);
    autoclose int fd = open_at(rootfd, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd < 0 && errno == ENOENT)
        fd = make_last(rootfd, copy, kind, 0, e);
    else if (fd < 0)
        return err_sys(e, "open '%s' in the root", path);
    if (fd < 0)
        return -1;
    if (is_symlink(fd))
        return err_set(e, ERR_CONFIG, "'%s' is a symlink that leads nowhere", path);
    return steal_fd(fd);
}

int target_find(int rootfd, const char *path, bool *ret_missing, struct err *e)
{
    int fd = open_at(rootfd, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return err_sys(e, "open '%s' in the root", path);
    *ret_missing = fd < 0;
    return fd;
}

int target_open_plain_dir(int rootfd, const char *path, struct err *e)
{
    const char *rel = path;
    while (*rel == '/')
        rel++;
    const uint64_t plain = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    int fd = open_at(rootfd, rel, O_PATH | O_DIRECTORY, plain);
    if (fd >= 0)
        return fd;
    if (errno == ENOENT) {
        autofree char *copy = str_dup(rel);
        int made = make_last(rootfd, copy, TARGET_DIR, 0, e);
        if (made < 0)
            return -1;
        (void)close(made);
        fd = open_at(rootfd, rel, O_PATH | O_DIRECTORY, plain);
        if (fd >= 0)
            return fd;
    }
    if (errno == ELOOP)
        return err_set(e, ERR_CONFIG, "'%s' in the root is a symlink: Not a directory", path);
    return err_sys(e, "open '%s' in the root", path);
}

int target_attach(int mountfd, int targetfd, const char *path, struct err *e)
{
    if (syscall(SYS_move_mount, mountfd, "", targetfd, "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return err_sys(e, "attach a mount to '%s'", path);
    return 0;
}

int target_clone(int fd, const char *path, bool is_recursive, struct err *e)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    if (is_recursive)
        flags |= AT_RECURSIVE;
    if (!*path)
        flags |= AT_EMPTY_PATH;
    long tree = syscall(SYS_open_tree, fd, path, flags);
    if (tree < 0)
        return err_sys(e, "copy the mount at '%s'", path);
    return (int)tree;
}

int target_setattr(int fd, bool is_recursive, unsigned long long set, unsigned long long clear,
        unsigned long long propagation, struct err *e)
{
    struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
    if (!set && !clear && !propagation)
        return 0;
    if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0), &attr,
                sizeof(attr)) < 0)
        return err_sys(e, "set mount attributes");
    return 0;
}
