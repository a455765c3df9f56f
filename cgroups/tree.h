// SPDX-License-Identifier: Apache-2.0
/*
 * Private to cgroups/: the hierarchy's root, controllers as bits, small kernel files, and a walk
 * over a subtree. Names of controllers and their kinds: Linux Documentation/admin-guide/cgroup-v2.
 */
#ifndef ISLET_CGROUPS_TREE_H
#define ISLET_CGROUPS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cgroups/cgroups.h"

/* Controllers as bits; CG_CTL_CORE is what every cgroup has ("cgroup.*" files). */
enum cg_ctl {
    CG_CTL_CORE = 0,
    CG_CTL_CPUSET = 1u << 0,
    CG_CTL_CPU = 1u << 1,
    CG_CTL_IO = 1u << 2,
    CG_CTL_MEMORY = 1u << 3,
    CG_CTL_HUGETLB = 1u << 4,
    CG_CTL_PIDS = 1u << 5,
    CG_CTL_RDMA = 1u << 6,
    CG_CTL_MISC = 1u << 7,
    CG_CTL_DMEM = 1u << 8,
    CG_CTL_PERF = 1u << 9,
};

/* Enabled wherever they can be had, so that stats exist. */
#define CG_CTL_STATS ((unsigned)CG_CTL_CPU | CG_CTL_IO | CG_CTL_MEMORY | CG_CTL_PIDS)

/* These may be enabled in a populated parent, which then becomes a thread root whose children are
 * "domain invalid": of no use to us, so the kernel's EBUSY must be made up for them. */
#define CG_CTL_THREADED ((unsigned)CG_CTL_CPUSET | CG_CTL_CPU | CG_CTL_PIDS | CG_CTL_PERF)

/* "memory pids" or "+memory +pids" (prefix "+"); unknown names in a text are passed over. */
unsigned cg_ctl_parse(const char *text);
void cg_ctl_text(unsigned mask, const char *prefix, char *buf, size_t room);
/* The bit of one controller's name of `len` bytes; 0 when unknown. */
unsigned cg_ctl_named(const char *name, size_t len);

/* What cg_apply would need. `limits` may be NULL. */
unsigned cg_limits_controllers(const struct cg_limits *limits);

/* The hierarchy's root, O_PATH. ret_mount and ret_is_hybrid may be NULL. */
int cg_root_open(const char **ret_mount, bool *ret_is_hybrid, struct err *e) must_check;

/* '/'-rooted, no empty, "." or ".." component; "/" itself passes only with is_root_fine. */
int cg_path_check(const char *path, bool is_root_fine, struct err *e) must_check;

/* openat2 below rootfd (Linux 5.6), no symlinks; `path` without its leading '/'. -1 with errno, no
 * struct err: callers word it. */
int cg_open_below(int rootfd, const char *path, int flags);

/* Reads a small file whole into buf, terminated, the last newline cut. */
int cg_read_small(int dirfd, const char *name, char *buf, size_t room, struct err *e) must_check;

/* cgroup.events, already open. */
struct cg_events {
    bool is_populated;
    bool is_frozen;
};
int cg_events_read(int fd, struct cg_events *ret, struct err *e) must_check;
int cg_events_open(const struct cg *c, struct err *e) must_check;

/*
 * Goes over the cgroups below dirfd (itself included when asked), holding two fds and the names on
 * the heap however deep a hostile container nested them: descends by name, climbs by "..".
 * `enter` sees each directory before its children (parentfd and name NULL/-1 for the top), `leave`
 * sees it after them, when the walk is back in its parent. Either may be NULL.
 */
struct cg_walk {
    int (*enter)(void *arg, int dirfd, struct err *e);
    int (*leave)(void *arg, int parentfd, const char *name, struct err *e);
    void *arg;
};
int cg_walk_tree(int dirfd, const struct cg_walk *w, struct err *e) must_check;

#endif
