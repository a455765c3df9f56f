// SPDX-License-Identifier: Apache-2.0
/*
 * File descriptors: opening below a root, reading and writing whole files, atomic replacement.
 * Every fd made here is O_CLOEXEC. Where a function takes a dirfd, AT_FDCWD is fine.
 */
#ifndef ISLET_BASE_FD_H
#define ISLET_BASE_FD_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Opens `path` so that no symlink, ".." or magic link can leave the tree of `rootfd`: openat2 with
 * RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS (Linux 5.6). EAGAIN (a rename raced) is retried.
 * Absolute paths and symlinks are taken as starting at rootfd.
 */
int fd_open_in(int rootfd, const char *path, int flags, mode_t mode, struct err *e) must_check;

/* Reads to the end; more than `max` bytes is an error. *ret is NUL-terminated and the caller's. */
int fd_read_all(int fd, size_t max, char **ret, size_t *ret_len, struct err *e) must_check;

/* Opens and reads a whole file, following symlinks: for files of the host. */
int fd_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len,
        struct err *e) must_check;

/* Writes everything; short writes and EINTR are continued. */
int fd_write_all(int fd, const void *buf, size_t len, struct err *e) must_check;

/* Opens an existing file (kernel interface) and writes `text` in one write(2). */
int fd_write_file(int dirfd, const char *path, const char *text, struct err *e) must_check;

/* Writes `name` in dirfd whole or not at all: temporary file beside it, then rename. Not synced to
 * disk: what is written so lives in /run and ends with the machine. */
int fd_write_atomic(int dirfd, const char *name, const void *buf, size_t len, mode_t mode,
        struct err *e) must_check;

/* mkdir -p for paths of the host; an existing directory is fine. */
int fd_mkdir_all(const char *path, mode_t mode, struct err *e) must_check;

/* Removes a tree below dirfd without following symlinks; a missing name is fine. */
int fd_remove_tree(int dirfd, const char *name, struct err *e) must_check;

/* Turns on or off FD_CLOEXEC. */
int fd_cloexec(int fd, int on, struct err *e) must_check;

#endif
