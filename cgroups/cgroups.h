// SPDX-License-Identifier: Apache-2.0
/*
 * One cgroup (v2): make, limit, device rules, freeze, count, watch, kill, remove.
 *
 * v2 only. The hierarchy is found at /sys/fs/cgroup (pure v2) or /sys/fs/cgroup/unified (hybrid
 * hosts, where controllers may be held by v1 and then cannot be had: asking for such a limit is an
 * ERR_UNSUPPORTED error that names the limit). Paths are relative to the hierarchy's root, begin
 * with '/', and hold no "..". Nothing here knows what a container is.
 */
#ifndef ISLET_CGROUPS_CGROUPS_H
#define ISLET_CGROUPS_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"

/* An open cgroup: directory fd (O_PATH works for clone3 CLONE_INTO_CGROUP, Linux 5.7). */
struct cg {
    int dirfd;  /* -1 when closed */
    char *path; /* relative to the hierarchy root, e.g. "/islet-web" */
};

/* runtime-spec config-linux#control-groups; each line says unit and the v2 file. */
struct cg_device_rule {
    struct json_bool allow;
    char *type;            /* "a", "c", "b"; NULL = "a" */
    struct json_i64 major; /* unset or -1: any */
    struct json_i64 minor;
    char *access; /* letters of "rwm"; NULL = all */
};
struct cg_huge {
    char *page_size;       /* "2MB", "1GB" */
    struct json_u64 limit; /* bytes -> hugetlb.<size>.rsvd.max and .max */
};
struct cg_throttle {
    struct json_i64 major;
    struct json_i64 minor;
    struct json_u64 rate; /* bytes/s or operations/s -> io.max */
};
struct cg_weight_device {
    struct json_i64 major;
    struct json_i64 minor;
    struct json_u64 weight; /* 10..1000, as blkio v1 */
};
struct cg_limits {
    struct cg_device_rule *devices;
    size_t n_devices;
    struct {
        struct json_i64 limit;       /* bytes, -1 = max -> memory.max */
        struct json_i64 swap;        /* bytes of memory+swap, -1 = max -> memory.swap.max */
        struct json_i64 reservation; /* bytes -> memory.low */
        struct json_bool check_before_update;
    } memory;
    struct {
        struct json_u64 shares; /* 2..262144, 0 = unset -> cpu.weight */
        struct json_i64 quota;  /* us per period, <= 0 = max -> cpu.max */
        struct json_u64 burst;  /* us -> cpu.max.burst (Linux 5.14) */
        struct json_u64 period; /* us -> cpu.max */
        struct json_i64 idle;   /* 0 or 1 -> cpu.idle (Linux 5.15) */
        char *cpus;             /* list -> cpuset.cpus */
        char *mems;             /* list -> cpuset.mems */
    } cpu;
    struct {
        struct json_i64 limit; /* -1 = max, 0 is a real limit -> pids.max */
    } pids;
    struct {
        struct json_u64 weight; /* 10..1000, 0 = unset -> io.bfq.weight or io.weight */
        struct cg_weight_device *weight_devices;
        size_t n_weight_devices;
        struct cg_throttle *read_bps, *write_bps, *read_iops, *write_iops;
        size_t n_read_bps, n_write_bps, n_read_iops, n_write_iops;
    } block_io;
    struct cg_huge *huge;
    size_t n_huge;
    json_t *rdma;            /* {device: {hcaHandles, hcaObjects}} -> rdma.max */
    struct json_map unified; /* file name -> text, written as it is, last */
};

/* The table of linux.resources; fields that v1 had and v2 lacks are refused by name. */
extern const struct json_field cg_limits_fields[];

/* What the kernel of this machine offers. */
struct cg_host {
    char *mount;       /* where the v2 hierarchy is, e.g. "/sys/fs/cgroup" */
    bool is_hybrid;    /* v1 controllers are mounted too */
    char *controllers; /* of the root: "cpuset cpu io memory …" */
};
int cg_host_probe(struct cg_host *ret, struct err *e) must_check;
void cg_host_release(struct cg_host *h);

/*
 * Makes the cgroup and its missing parents, enabling in each parent the controllers that `limits`
 * needs (and, where the parent lets us, those that are available, so that stats exist). An existing
 * populated cgroup is ERR_EXISTS; an existing empty one is taken over (thawed, and able to take
 * processes). *ret_made tells whether the leaf was made here (then cg_remove is ours to call).
 * A controller that cannot be had is cg_apply's to report. `limits` may be NULL. A failing call
 * removes what it made.
 */
int cg_create(const char *path, const struct cg_limits *limits, struct cg *ret, bool *ret_made,
        struct err *e) must_check;
int cg_open(const char *path, struct cg *ret, struct err *e) must_check;
void cg_close(struct cg *c);

/*
 * Writes every limit that is set; idempotent. A limit that cannot be enforced here is an error that
 * names it, unless `ret_gaps` is not NULL: then it is left out and one line ("memory.limit: no
 * memory controller in '/…'") is added to the NULL-terminated list, the caller's to free; *ret_gaps
 * is NULL or a list of an earlier call, and stays as it is when nothing is left out.
 * pids.limit 0 is written as it is: from then on clone3 into the cgroup fails with EAGAIN, so the
 * caller applies such a limit after the first process.
 */
int cg_apply(const struct cg *c, const struct cg_limits *limits, char ***ret_gaps,
        struct err *e) must_check;

/* Loads the rules (in order; for each of r, w, m the last match wins; default deny) as a
 * BPF_CGROUP_DEVICE program and attaches it, atomically replacing one that was attached by an
 * earlier call. n == 0 changes nothing. */
int cg_devices_apply(const struct cg *c, const struct cg_device_rule *rules, size_t n,
        struct err *e) must_check;

int cg_freeze(const struct cg *c, bool is_frozen, struct err *e) must_check; /* waits until so */
int cg_is_frozen(const struct cg *c, bool *ret, struct err *e) must_check;
int cg_is_populated(const struct cg *c, bool *ret, struct err *e) must_check;
int cg_move(const struct cg *c, pid_t pid, struct err *e) must_check;

/* SIGKILL to everything below (cgroup.kill, Linux 5.14; else freeze and signal each). */
int cg_kill(const struct cg *c, struct err *e) must_check;
/* Any signal to every process of the subtree. *ret_n counts the processes signalled. */
int cg_signal(const struct cg *c, int sig, size_t *ret_n, struct err *e) must_check;
/* Pids of the whole subtree, the caller's to free. */
int cg_pids(const struct cg *c, pid_t **ret, size_t *ret_n, struct err *e) must_check;

/* Removes the cgroup and its sub-cgroups; waits up to timeout_ms for it to empty. Missing is fine. */
int cg_remove(const struct cg *c, int timeout_ms, struct err *e) must_check;

/* cgroup.events as an inotify/poll fd: readable (POLLPRI) when populated or frozen changed. */
int cg_watch(const struct cg *c, struct err *e) must_check;

/* Pure helpers, public for their tests. */
uint64_t cg_weight_from_shares(
        uint64_t shares); /* 10^((log2²x + 125·log2 x)/612 − 7/34), 1..10000 */
uint64_t cg_io_weight_from_blkio(uint64_t weight); /* 10..1000 -> 1..10000, linear */

#endif
