// SPDX-License-Identifier: Apache-2.0
/*
 * Roles: our own binary again, as another process with one duty, a config and the descriptors it
 * was given, and nothing else of its parent: no other descriptors, default signals, empty mask.
 *
 * Convention: argv is {"islet", "@name", title}; descriptors 0, 1, 2 are stdio, 3 is the config (a
 * sealed memfd), 4… are those passed, in order.
 */
#ifndef ISLET_BASE_ROLE_H
#define ISLET_BASE_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define ROLE_CONFIG_FD 3
#define ROLE_FIRST_FD 4
#define ROLE_MAX_FDS 16

struct role_spawn {
    const char *name;  /* "@vmhost" */
    const char *title; /* argv[2], seen in ps; may be NULL */
    const void *config;
    size_t config_len;
    const int *fds; /* become ROLE_FIRST_FD…; stay the caller's */
    size_t n_fds;
    int stdio[3];     /* -1: /dev/null */
    int cgroup_fd;    /* starts in this cgroup (clone3, Linux 5.7); -1: stays in the caller's */
    bool has_session; /* setsid */
};

/* The child is the caller's to reap. A failing exec ends it with 127. */
int role_spawn(const struct role_spawn *r, pid_t *ret_pid, struct err *e) must_check;

/* In the role's main: checks that exactly n_fds were passed, makes all close-on-exec, and gives the
 * config's bytes (NUL-terminated, the caller's). */
int role_enter(size_t n_fds, char **ret_config, size_t *ret_len, struct err *e) must_check;

#endif
