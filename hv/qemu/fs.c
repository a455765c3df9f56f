// SPDX-License-Identifier: Apache-2.0
/*
 * See fs.h. Both versions are run with their own sandbox (pivot_root into the shared directory, a
 * system call list, only the capabilities that writing files as any user takes) inside the jail that
 * we make; nothing turns it off. Both take a listening socket by number.
 *
 * Options: xattr, since file capabilities and user.* belong to a root file system; no writeback
 * cache and cache=auto (the host may look at and change the tree too); no DAX; mounts in the tree
 * are told to the guest, or equal inode numbers of two of them would be one file. Read-only is a
 * property of the mount in the jail: the old program has no option for it.
 */
#include "hv/qemu/fs.h"

#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "hv/qemu/probe.h"

static const char *const places[] = {
        "/usr/libexec/virtiofsd",  /* Debian 13, Fedora: the new one; older Fedora: the old one */
        "/usr/lib/qemu/virtiofsd", /* Debian 12: the old one */
        "/usr/lib/virtiofsd",      /* Arch: the new one */
};

int fs_find(struct fs_program *ret, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (access(places[i], X_OK) < 0)
            continue;
        char *version = NULL;
        if (probe_version(places[i], &version, e) < 0)
            return -1;
        ret->kind = strncmp(version, "virtiofsd version", 17) == 0 ? FS_C : FS_RUST;
        ret->path = str_dup(places[i]);
        ret->version = version;
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND,
            "no virtiofsd: apt install qemu-system-common (Debian 12) or virtiofsd (Debian 13)");
}

void fs_program_release(struct fs_program *p)
{
    mem_free(p->path);
    mem_free(p->version);
    *p = (struct fs_program){0};
}

static void c_argv(const struct fs_program *p, const char *dir, int fd, struct argv *a)
{
    argv_add(a, "%s", p->path);
    argv_add(a, "--fd=%d", fd);
    argv_add(a, "-f");
    argv_add(a, "-o");
    argv_add(a, "source=%s", dir);
    argv_add(a, "-o");
    argv_add(a, "sandbox=namespace,xattr,cache=auto,announce_submounts,no_posix_lock,no_flock,"
                "log_level=err");
    argv_add(a, "--rlimit-nofile=0"); /* we have set it */
}

static void rust_argv(const struct fs_program *p, const char *dir, int fd, struct argv *a)
{
    argv_add(a, "%s", p->path);
    argv_add(a, "--fd=%d", fd);
    argv_add(a, "--shared-dir=%s", dir);
    argv_add(a, "--sandbox=namespace");
    argv_add(a, "--seccomp=kill");
    argv_add(a, "--xattr");
    argv_add(a, "--cache=auto");
    argv_add(a, "--announce-submounts");
    argv_add(a, "--inode-file-handles=never");
    argv_add(a, "--log-level=error");
    argv_add(a, "--rlimit-nofile=0");
}

void fs_argv(const struct fs_program *p, const char *dir, int fd, struct argv *ret)
{
    struct argv a = {0};
    if (p->kind == FS_C)
        c_argv(p, dir, fd, &a);
    else
        rust_argv(p, dir, fd, &a);
    *ret = a;
}
