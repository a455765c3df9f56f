// SPDX-License-Identifier: Apache-2.0
/* See uids.h. */
#include "runtime/vm/uids.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"

#define ID_MAX 1024u

static int dir_open(const char *root, bool is_needed, struct err *e)
{
    autofree char *path = str_fmt("%s/.vm-uids", root);
    if (is_needed && fd_mkdir_all(path, 0700, e) < 0)
        return -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_sys(e, "open '%s'", path);
    return fd;
}

/* FNV-1a */
static uint32_t hash(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

int vm_uid_take(const char *root, const char *id, uid_t *ret, struct err *e)
{
    autoclose int dir = dir_open(root, true, e);
    if (dir < 0)
        return -1;
    uint32_t start = hash(root) % VM_UID_BLOCKS;
    for (uint32_t i = 0; i < VM_UID_BLOCKS; i++) {
        char name[16];
        uid_t uid = VM_UID_FIRST + (start + i) % VM_UID_BLOCKS * VM_UID_BLOCK;
        (void)snprintf(name, sizeof(name), "%u", uid);
        autoclose int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return err_sys(e, "create '%s/.vm-uids/%s'", root, name);
        if (fd_write_all(fd, id, strlen(id), e) < 0) {
            (void)unlinkat(dir, name, 0); /* the error is what counts */
            return err_add(e, "'%s/.vm-uids/%s'", root, name);
        }
        *ret = uid;
        return 0;
    }
    return err_set(e, ERR_UNSUPPORTED, "all %u blocks of uids are held by VMs", VM_UID_BLOCKS);
}

int vm_uid_give(const char *root, const char *id, struct err *e)
{
    struct err ignored;
    int dir = dir_open(root, false, &ignored);
    if (dir < 0)
        return ignored.sys == ENOENT ? 0 : (*e = ignored, -1);
    autodir DIR *d = fdopendir(dir);
    if (!d) {
        (void)close(dir);
        return err_sys(e, "fdopendir");
    }
    for (struct dirent *de = readdir(d); de; de = readdir(d)) {
        autofree char *holder = NULL;
        if (de->d_name[0] == '.' ||
                fd_read_file(dir, de->d_name, ID_MAX, &holder, NULL, &ignored) < 0)
            continue; /* given back by another meanwhile */
        if (strcmp(holder, id) == 0 && unlinkat(dir, de->d_name, 0) < 0 && errno != ENOENT)
            return err_sys(e, "remove '%s/.vm-uids/%s'", root, de->d_name);
    }
    return 0;
}
