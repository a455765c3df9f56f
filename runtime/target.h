// SPDX-License-Identifier: Apache-2.0
/*
 * Paths inside a container's root: every one is opened below the root's fd and the work is done on
 * the fd, so neither a symlink nor a rename that races with us leads out (rule of this project;
 * CVE-2019-18837, CVE-2021-30465, CVE-2024-45310, CVE-2025-31133, CVE-2026-41579).
 */
#ifndef ISLET_RUNTIME_TARGET_H
#define ISLET_RUNTIME_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

enum target_kind { TARGET_DIR, TARGET_FILE };

/* O_PATH fd of `path`, made when missing (directories 0755; a file is made empty, 0644). */
int target_open(int rootfd, const char *path, enum target_kind kind, struct err *e) must_check;

/* O_PATH fd of an existing path; *ret_missing instead of an error when there is none. */
int target_find(int rootfd, const char *path, bool *ret_missing, struct err *e) must_check;

/* As target_open for a directory, refusing any symlink on the way (for /proc and /sys). */
int target_open_plain_dir(int rootfd, const char *path, struct err *e) must_check;

/* Attaches a detached mount to an open target. */
int target_attach(int mountfd, int targetfd, const char *path, struct err *e) must_check;

/* A detached copy of what is mounted at fd (open_tree(2), Linux 5.2). */
int target_clone(int fd, const char *path, bool is_recursive, struct err *e) must_check;

/* mount_setattr(2) on a mount's fd. */
int target_setattr(int fd, bool is_recursive, unsigned long long set, unsigned long long clear,
        unsigned long long propagation, struct err *e) must_check;

#endif
