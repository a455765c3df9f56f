// SPDX-License-Identifier: Apache-2.0
/* See fd.h. Paths from a container go through fd_open_in only. */
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

int fd_open_in(int rootfd, const char *path, int flags, mode_t mode, struct err *e)
{
    struct open_how how = {
            .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
            .mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0,
            .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    long fd = -1;
    for (int tries = 0; tries < 1000; tries++) {
        fd = syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    if (fd < 0)
        return err_sys(e, "open '%s' in the root", path);
    return (int)fd;
}

int fd_read_all(int fd, size_t max, char **ret, size_t *ret_len, struct err *e)
{
    size_t room = 4096;
    size_t len = 0;
    autofree char *buf = mem_new(room, 1);
    for (;;) {
        if (len + 1 >= room) {
            room *= 2;
            buf = mem_grow(buf, room, 1);
        }
        ssize_t n = read(fd, buf + len, room - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "read");
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > max)
            return err_set(e, ERR_CONFIG, "larger than %zu bytes", max);
    }
    buf[len] = '\0';
    if (ret_len)
        *ret_len = len;
    *ret = steal_ptr(buf);
    return 0;
}

int fd_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len,
        struct err *e)
{
    autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int missing = errno == ENOENT;
        (void)err_sys(e, "open '%s'", path);
        if (missing)
            e->kind = ERR_NOT_FOUND;
        return -1;
    }
    if (fd_read_all(fd, max, ret, ret_len, e) < 0)
        return err_add(e, "'%s'", path);
    return 0;
}

int fd_write_all(int fd, const void *buf, size_t len, struct err *e)
{
    const char *p = buf;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "write");
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_write_file(int dirfd, const char *path, const char *text, struct err *e)
{
    autoclose int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open '%s'", path);
    ssize_t n = write(fd, text, strlen(text));
    if (n < 0)
        return err_sys(e, "write '%.80s' to '%s'", text, path);
    if ((size_t)n != strlen(text))
        return err_set(e, ERR_SYSTEM, "write '%.80s' to '%s': short write", text, path);
    return 0;
}

int fd_write_atomic(int dirfd, const char *name, const void *buf, size_t len, mode_t mode,
        struct err *e)
{
    autofree char *temp = str_fmt("%s.new.%d", name, (int)getpid());
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    autoclose int fd = openat(dirfd, temp, flags, mode);
    if (fd < 0 && errno == EEXIST && unlinkat(dirfd, temp, 0) == 0) /* of a dead one with our pid */
        fd = openat(dirfd, temp, flags, mode);
    if (fd < 0)
        return err_sys(e, "create '%s'", temp);
    int rc = fd_write_all(fd, buf, len, e);
    if (rc < 0)
        (void)err_add(e, "'%s'", name);
    else if (renameat(dirfd, temp, dirfd, name) < 0)
        rc = err_sys(e, "rename to '%s'", name);
    if (rc < 0)
        (void)unlinkat(dirfd, temp, 0); /* already failing */
    return rc;
}

int fd_mkdir_all(const char *path, mode_t mode, struct err *e)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return err_sys(e, "mkdir '%s'", path);
    autofree char *copy = str_dup(path);
    for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            return err_sys(e, "mkdir '%s'", copy);
        *p = '/';
    }
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return err_sys(e, "mkdir '%s'", path);
    return 0;
}

static int tree_remove_at(int dirfd, const char *name, int depth, struct err *e);

static int tree_empty(int parent, const char *name, int depth, struct err *e)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open '%s'", name);
    autodir DIR *d = fdopendir(fd);
    if (!d) {
        (void)close(fd);
        return err_sys(e, "read '%s'", name);
    }
    struct dirent *entry;
    while ((entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (tree_remove_at(dirfd(d), entry->d_name, depth + 1, e) < 0)
            return err_add(e, "'%s'", name);
    }
    return 0;
}

static int tree_remove_at(int dirfd, const char *name, int depth, struct err *e)
{
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return err_sys(e, "remove '%s'", name);
    if (depth > 64)
        return err_set(e, ERR_SYSTEM, "remove '%s': too deep", name);
    if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return err_sys(e, "remove '%s'", name);
    if (tree_empty(dirfd, name, depth, e) < 0)
        return -1;
    if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return err_sys(e, "remove '%s'", name);
    return 0;
}

int fd_remove_tree(int dirfd, const char *name, struct err *e)
{
    return tree_remove_at(dirfd, name, 0, e);
}

int fd_cloexec(int fd, int on, struct err *e)
{
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0 || fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC) < 0)
        return err_sys(e, "fcntl of fd %d", fd);
    return 0;
}
