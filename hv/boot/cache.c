// SPDX-License-Identifier: Apache-2.0
/*
 * See cache.h. A hit costs one utimensat, which also says "still in use" to the pruning: a name
 * that was handed out stays for at least a day, so a VM that is just starting never loses it.
 */
#include "hv/boot/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"

#define KEEP_SECONDS (24 * 3600)

static uint64_t key_byte(uint64_t key, uint8_t byte)
{
    return (key ^ byte) * 0x100000001b3ull;
}

uint64_t cache_key_str(uint64_t key, const char *s)
{
    for (; *s; s++)
        key = key_byte(key, (uint8_t)*s);
    return key_byte(key, 0);
}

static uint64_t key_number(uint64_t key, uint64_t v)
{
    for (int shift = 0; shift < 64; shift += 8)
        key = key_byte(key, (uint8_t)(v >> shift));
    return key;
}

uint64_t cache_key_file(uint64_t key, const struct stat *st)
{
    key = key_number(key, st->st_dev);
    key = key_number(key, st->st_ino);
    key = key_number(key, (uint64_t)st->st_size);
    key = key_number(key, (uint64_t)st->st_mtim.tv_sec);
    key = key_number(key, (uint64_t)st->st_mtim.tv_nsec);
    key = key_number(key, (uint64_t)st->st_ctim.tv_sec);
    return key_number(key, (uint64_t)st->st_ctim.tv_nsec);
}

/* Opens (and makes) the directory and checks that it is ours: what lies in it is booted. */
static int dir_open(const char *dir, struct err *e)
{
    if (fd_mkdir_all(dir, 0700, e) < 0)
        return -1;
    autoclose int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open '%s'", dir);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "stat '%s'", dir);
    if (st.st_uid != geteuid() || (st.st_mode & 022))
        return err_set(e, ERR_CONFIG,
                "cache '%s' can be written by others: it must be ours alone (mode 0700)", dir);
    return steal_fd(fd);
}

static bool is_of_sort(const char *name, const char *sort)
{
    size_t n = strlen(sort);
    return strncmp(name, sort, n) == 0 && name[n] == '-' && strlen(name + n + 1) >= 16 &&
           strspn(name + n + 1, "0123456789abcdef") == 16;
}

static void prune(int dirfd_, const char *sort, const char *keep)
{
    int fd = openat(dirfd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autodir DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        own_close(&fd);
        return; /* a file too many does no harm */
    }
    struct dirent *entry;
    time_t now = time(NULL);
    while ((entry = readdir(d))) {
        struct stat st;
        if (!is_of_sort(entry->d_name, sort) || strcmp(entry->d_name, keep) == 0)
            continue;
        if (fstatat(dirfd_, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                now - st.st_mtime > KEEP_SECONDS)
            (void)unlinkat(dirfd_, entry->d_name, 0); /* as above */
    }
}

static int make_locked(int dirfd_, const char *name, const char *path, cache_make_fn *make,
        void *arg, struct err *e)
{
    autofree char *temp_name = str_fmt("%s.new", name);
    autofree char *temp = str_fmt("%s.new", path);
    if (unlinkat(dirfd_, temp_name, 0) < 0 && errno != ENOENT)
        return err_sys(e, "remove '%s'", temp);
    int rc = make(arg, temp, e);
    if (rc == 0 && renameat(dirfd_, temp_name, dirfd_, name) < 0)
        rc = err_sys(e, "rename '%s' to '%s'", temp, name);
    if (rc < 0)
        (void)unlinkat(dirfd_, temp_name, 0); /* already failing */
    return rc;
}

int cache_get(const char *dir, const char *sort, uint64_t key, cache_make_fn *make, void *arg,
        char **ret, struct err *e)
{
    autofree char *name = str_fmt("%s-%016llx", sort, (unsigned long long)key);
    autofree char *path = str_fmt("%s/%s", dir, name);
    autoclose int fd = dir_open(dir, e);
    if (fd < 0)
        return -1;
    if (utimensat(fd, name, NULL, 0) == 0) {
        *ret = steal_ptr(path);
        return 0;
    }
    autofree char *lock_name = str_fmt("%s.lock", sort);
    autoclose int lock = openat(fd, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return err_sys(e, "open '%s/%s'", dir, lock_name);
    while (flock(lock, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_sys(e, "lock '%s/%s'", dir, lock_name);
    if (utimensat(fd, name, NULL, 0) < 0) { /* not made by someone else meanwhile */
        log_debug("cache: make '%s'", path);
        if (make_locked(fd, name, path, make, arg, e) < 0)
            return -1;
        prune(fd, sort, name);
    }
    *ret = steal_ptr(path);
    return 0;
}
