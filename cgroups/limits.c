// SPDX-License-Identifier: Apache-2.0
/*
 * Writing limits: one table of what goes where, and below it those that are lists. To add a limit:
 * a member in struct cg_limits, a row in its field table (resources.c), a row in `knobs`.
 *
 * Zero, empty and -1 mean what they mean to runc: 0 is "unset" except for pids.limit and the
 * amounts of hugepageLimits, -1 is "max".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "cgroups/tree.h"

/* -- values: each leaves buf empty when the limit is unset ------------------------------------ */

#define TEXT_ROOM 1024 /* a list of cpus can be long */
typedef int knob_text_fn(const struct cg_limits *l, char *buf, struct err *e);

/* An amount of which -1 is no limit. */
static void amount_text(int64_t v, char *buf)
{
    if (v < 0)
        (void)snprintf(buf, TEXT_ROOM, "max");
    else
        (void)snprintf(buf, TEXT_ROOM, "%" PRId64, v);
}

static void u64_text(uint64_t v, char *buf)
{
    (void)snprintf(buf, TEXT_ROOM, "%" PRIu64, v);
}

static int pids_text(const struct cg_limits *l, char *buf, struct err *e)
{
    (void)e;
    if (l->pids.limit.is_set)
        amount_text(l->pids.limit.v, buf);
    return 0;
}

static int memory_text(const struct cg_limits *l, char *buf, struct err *e)
{
    (void)e;
    if (l->memory.limit.v)
        amount_text(l->memory.limit.v, buf);
    return 0;
}

static int memory_low_text(const struct cg_limits *l, char *buf, struct err *e)
{
    (void)e;
    if (l->memory.reservation.v)
        amount_text(l->memory.reservation.v, buf);
    return 0;
}

/* OCI's swap is memory and swap together, v2's is swap alone. As on v1, an explicitly unlimited
 * memory without a word about swap unlimits swap too (runc). */
static int swap_text(const struct cg_limits *l, char *buf, struct err *e)
{
    int64_t limit = l->memory.limit.v;
    int64_t swap = l->memory.swap.v;
    if (swap < 0 || (swap == 0 && limit < 0)) {
        amount_text(-1, buf);
        return 0;
    }
    if (swap == 0)
        return 0;
    if (limit <= 0)
        return err_set(e, ERR_CONFIG,
                "memory.swap: %" PRId64 " counts memory and swap, so memory.limit must be set too",
                swap);
    if (swap < limit)
        return err_set(e, ERR_CONFIG,
                "memory.swap: %" PRId64 " counts memory and swap, so it cannot be below "
                "memory.limit %" PRId64,
                swap, limit);
    amount_text(swap - limit, buf);
    return 0;
}

static int cpu_idle_text(const struct cg_limits *l, char *buf, struct err *e)
{
    (void)e;
    if (l->cpu.idle.is_set)
        amount_text(l->cpu.idle.v, buf);
    return 0;
}

/* An idle group has a fixed weight; the kernel answers EINVAL to another (sched/fair.c). */
static int cpu_weight_text(const struct cg_limits *l, char *buf, struct err *e)
{
    (void)e;
    if (l->cpu.shares.v && !(l->cpu.idle.is_set && l->cpu.idle.v == 1))
        u64_text(cg_weight_from_shares(l->cpu.shares.v), buf);
    return 0;
}

static int cpu_max_text(const struct cg_limits *l, char *buf, struct err *e)
{
    (void)e;
    int64_t quota = l->cpu.quota.v;
    uint64_t period = l->cpu.period.v;
    if (quota == 0 && period == 0)
        return 0;
    if (quota > 0)
        (void)snprintf(buf, TEXT_ROOM, "%" PRId64 " %" PRIu64, quota, period ? period : 100000);
    else
        (void)snprintf(buf, TEXT_ROOM, "max %" PRIu64, period ? period : 100000);
    return 0;
}

static int cpu_burst_text(const struct cg_limits *l, char *buf, struct err *e)
{
    (void)e;
    if (l->cpu.burst.is_set)
        u64_text(l->cpu.burst.v, buf);
    return 0;
}

static int list_text(const char *list, const char *name, char *buf, struct err *e)
{
    if (!list || !list[0])
        return 0;
    if (strlen(list) >= TEXT_ROOM)
        return err_set(e, ERR_CONFIG, "%s: longer than %d bytes", name, TEXT_ROOM);
    (void)snprintf(buf, TEXT_ROOM, "%s", list);
    return 0;
}

static int cpus_text(const struct cg_limits *l, char *buf, struct err *e)
{
    return list_text(l->cpu.cpus, "cpu.cpus", buf, e);
}

static int mems_text(const struct cg_limits *l, char *buf, struct err *e)
{
    return list_text(l->cpu.mems, "cpu.mems", buf, e);
}

/* -- writing ---------------------------------------------------------------------------------- */

struct knob {
    const char *name; /* in OCI words */
    const char *file;
    unsigned ctl;
    knob_text_fn *text;
    const char *since; /* why the file may be missing although the controller is there */
};

/* In order. cpu.idle 0 comes before the weight that it makes possible; burst see burst_write. */
static const struct knob knobs[] = {
        {"pids.limit",         "pids.max",        CG_CTL_PIDS,   pids_text,       NULL                },
        {"memory.limit",       "memory.max",      CG_CTL_MEMORY, memory_text,     NULL                },
        {"memory.swap",        "memory.swap.max", CG_CTL_MEMORY, swap_text,       "no swap accounting"},
        {"memory.reservation", "memory.low",      CG_CTL_MEMORY, memory_low_text, NULL                },
        {"cpu.idle",           "cpu.idle",        CG_CTL_CPU,    cpu_idle_text,   "needs Linux 5.15"  },
        {"cpu.shares",         "cpu.weight",      CG_CTL_CPU,    cpu_weight_text, NULL                },
        {"cpu.quota",          "cpu.max",         CG_CTL_CPU,    cpu_max_text,    "no CFS bandwidth"  },
        {"cpu.burst",          "cpu.max.burst",   CG_CTL_CPU,    cpu_burst_text,  "needs Linux 5.14"  },
        {"cpu.cpus",           "cpuset.cpus",     CG_CTL_CPUSET, cpus_text,       NULL                },
        {"cpu.mems",           "cpuset.mems",     CG_CTL_CPUSET, mems_text,       NULL                },
};

/* One cg_apply under way. */
struct applying {
    const struct cg *c;
    const struct cg_limits *l;
    bool want_gaps;
    char **gaps;
    size_t n_gaps;
};

/* What cannot be enforced: an error, or a line in the list. */
static int __attribute__((format(printf, 3, 4)))
gap(struct applying *a, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    autofree char *text = str_vfmt(fmt, ap);
    va_end(ap);
    if (!a->want_gaps)
        return err_set(e, ERR_UNSUPPORTED, "%s", text);
    a->gaps = mem_grow(a->gaps, a->n_gaps + 2, sizeof(char *));
    a->gaps[a->n_gaps++] = steal_ptr(text);
    a->gaps[a->n_gaps] = NULL;
    return 0;
}

static bool has_controller(int dirfd, const char *ctl)
{
    struct err ignored = {0};
    char text[256];
    if (cg_read_small(dirfd, "cgroup.controllers", text, sizeof(text), &ignored) < 0)
        return false;
    size_t len = strlen(ctl);
    for (const char *p = text; *p; p += strspn(p, " ")) {
        size_t word = strcspn(p, " ");
        if (word == len && memcmp(p, ctl, len) == 0)
            return true;
        p += word;
    }
    return false;
}

/* The file of a limit does not exist: say why. */
static int file_missing(struct applying *a, const char *name, const char *ctl, const char *file,
        const char *since, struct err *e)
{
    if (has_controller(a->c->dirfd, ctl))
        return gap(a, e, "%s: no file '%s' in '%s' (%s)", name, file, a->c->path,
                since ? since : "not in this kernel");
    struct err ignored = {0};
    autoclose int rootfd = cg_root_open(NULL, NULL, &ignored);
    if (rootfd >= 0 && has_controller(rootfd, ctl))
        return gap(a, e, "%s: no %s controller in '%s' (not enabled in its parent)", name, ctl,
                a->c->path);
    return gap(a, e, "%s: no %s controller in cgroup v2 here (held by cgroup v1?)", name, ctl);
}

/* Writes one text to one file. `ctl` is the file's first word. */
static int limit_write(struct applying *a, const char *name, const char *file, const char *text,
        const char *since, struct err *e)
{
    struct err failed = {0};
    if (fd_write_file(a->c->dirfd, file, text, &failed) == 0)
        return 0;
    /* kernfs makes no files, so ENOENT or (as with O_CREAT) EPERM is a missing one */
    if (failed.sys == ENOENT && faccessat(a->c->dirfd, file, F_OK, 0) < 0 && errno == ENOENT) {
        autofree char *ctl = str_ndup(file, strcspn(file, "."));
        return file_missing(a, name, ctl, file, since, e);
    }
    *e = failed;
    return err_add(e, "%s", name);
}

/* Without swap accounting nothing is lost when "max" is asked, or 0 on a host without swap. */
static bool is_swap_moot(const struct cg *c, const char *text)
{
    struct err ignored = {0};
    autofree char *swaps = NULL;
    if (faccessat(c->dirfd, "memory.swap.max", F_OK, 0) == 0 || !has_controller(c->dirfd, "memory"))
        return false;
    if (strcmp(text, "max") == 0)
        return true;
    if (strcmp(text, "0") != 0)
        return false;
    if (fd_read_file(AT_FDCWD, "/proc/swaps", 1u << 16, &swaps, NULL, &ignored) < 0)
        return false;
    const char *line = strchr(swaps, '\n'); /* the first line is a heading */
    return !line || !line[1];
}

static int knobs_write(struct applying *a, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
        const struct knob *k = &knobs[i];
        char text[TEXT_ROOM] = "";
        if (k->text(a->l, text, e) < 0)
            return -1;
        if (!text[0])
            continue;
        if (k->text == swap_text && is_swap_moot(a->c, text))
            continue;
        if (limit_write(a, k->name, k->file, text, k->since, e) < 0)
            return -1;
    }
    return 0;
}

/* The kernel wants burst <= quota at every moment: when both change, a lower burst must go before
 * cpu.max and a higher one after it. Before: its failure says nothing yet. */
static void burst_lower(const struct applying *a)
{
    struct err ignored = {0};
    char burst[TEXT_ROOM] = "";
    if (!a->l->cpu.burst.is_set || a->l->cpu.quota.v <= 0)
        return;
    u64_text(a->l->cpu.burst.v, burst);
    (void)!fd_write_file(a->c->dirfd, "cpu.max.burst", burst, &ignored);
}

/* checkBeforeUpdate: best effort, as a cgroup whose use cannot be read is checked by nobody. */
static int memory_check(const struct applying *a, struct err *e)
{
    struct err ignored = {0};
    char text[64];
    if (!a->l->memory.check_before_update.v || a->l->memory.limit.v <= 0)
        return 0;
    if (cg_read_small(a->c->dirfd, "memory.current", text, sizeof(text), &ignored) < 0)
        return 0;
    uint64_t used = strtoull(text, NULL, 10);
    if ((uint64_t)a->l->memory.limit.v > used)
        return 0;
    return err_set(e, ERR_STATE,
            "memory.limit: %" PRId64 " is not above the %" PRIu64
            " bytes in use (checkBeforeUpdate)",
            a->l->memory.limit.v, used);
}

/* -- block I/O -------------------------------------------------------------------------------- */

/* BFQ knows v1's range; io.weight (iocost) has its own. */
static int io_weights_write(struct applying *a, struct err *e)
{
    bool has_bfq = faccessat(a->c->dirfd, "io.bfq.weight", F_OK, 0) == 0;
    const char *file = has_bfq ? "io.bfq.weight" : "io.weight";
    const char *since = "neither BFQ nor blk-iocost in this kernel";
    char text[TEXT_ROOM];
    uint64_t weight = a->l->block_io.weight.v;
    if (weight) {
        u64_text(has_bfq ? weight : cg_io_weight_from_blkio(weight), text);
        if (limit_write(a, "blockIO.weight", file, text, since, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < a->l->block_io.n_weight_devices; i++) {
        const struct cg_weight_device *d = &a->l->block_io.weight_devices[i];
        if (!d->weight.v)
            continue;
        (void)snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %" PRIu64, d->major.v,
                d->minor.v, has_bfq ? d->weight.v : cg_io_weight_from_blkio(d->weight.v));
        if (limit_write(a, "blockIO.weightDevice", file, text, since, e) < 0)
            return -1;
    }
    return 0;
}

/* v1 takes a rate of 0 as "no limit" and so do its callers; io.max calls that "max". */
static int throttle_write(struct applying *a, const char *name, const char *key,
        const struct cg_throttle *list, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        char text[TEXT_ROOM];
        char rate[32] = "max";
        if (list[i].rate.v)
            (void)snprintf(rate, sizeof(rate), "%" PRIu64, list[i].rate.v);
        (void)snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %s=%s", list[i].major.v,
                list[i].minor.v, key, rate);
        if (limit_write(a, name, "io.max", text, "no blk-throttle in this kernel", e) < 0)
            return -1;
    }
    return 0;
}

static int io_write(struct applying *a, struct err *e)
{
    const struct cg_limits *l = a->l;
    if (io_weights_write(a, e) < 0 ||
            throttle_write(a, "blockIO.throttleReadBpsDevice", "rbps", l->block_io.read_bps,
                    l->block_io.n_read_bps, e) < 0 ||
            throttle_write(a, "blockIO.throttleWriteBpsDevice", "wbps", l->block_io.write_bps,
                    l->block_io.n_write_bps, e) < 0 ||
            throttle_write(a, "blockIO.throttleReadIOPSDevice", "riops", l->block_io.read_iops,
                    l->block_io.n_read_iops, e) < 0)
        return -1;
    return throttle_write(a, "blockIO.throttleWriteIOPSDevice", "wiops", l->block_io.write_iops,
            l->block_io.n_write_iops, e);
}

/* -- huge pages, rdma, unified ---------------------------------------------------------------- */

/* The schema's pattern ^[1-9][0-9]*[KMG]B$, which keeps '/' out of the file's name. */
static bool is_page_size(const char *s)
{
    size_t digits = s ? strspn(s, "0123456789") : 0;
    return digits > 0 && digits < 16 && s[0] != '0' && s[digits] && strchr("KMG", s[digits]) &&
           strcmp(s + digits + 1, "B") == 0;
}

/* rsvd (Linux 5.7) refuses mmap where the plain limit kills with SIGBUS, so it is set first. */
static int huge_write(struct applying *a, struct err *e)
{
    for (size_t i = 0; i < a->l->n_huge; i++) {
        const struct cg_huge *h = &a->l->huge[i];
        char text[TEXT_ROOM];
        if (!is_page_size(h->page_size))
            return err_set(e, ERR_CONFIG, "hugepageLimits: pageSize '%s' is not like '2MB'",
                    h->page_size ? h->page_size : "");
        autofree char *rsvd = str_fmt("hugetlb.%s.rsvd.max", h->page_size);
        autofree char *plain = str_fmt("hugetlb.%s.max", h->page_size);
        u64_text(h->limit.v, text);
        bool has_rsvd = faccessat(a->c->dirfd, rsvd, F_OK, 0) == 0;
        if (has_rsvd && limit_write(a, "hugepageLimits", rsvd, text, NULL, e) < 0)
            return -1;
        if (limit_write(a, "hugepageLimits", plain, text, "no huge pages of this size", e) < 0)
            return -1;
    }
    return 0;
}

static int rdma_count(json_t *entry, const char *device, const char *name, const char *key,
        char *buf, size_t room, struct err *e)
{
    uint64_t v = 0;
    json_t *value = json_object_get(entry, name);
    buf[0] = '\0';
    if (!value || json_is_null(value))
        return 0;
    if (json_to_u64(value, &v, e) < 0)
        return err_add(e, "rdma: '%s': %s", device, name);
    if (v > INT32_MAX) /* the kernel's own "max" */
        (void)snprintf(buf, room, " %s=max", key);
    else
        (void)snprintf(buf, room, " %s=%" PRIu64, key, v);
    return 0;
}

static int rdma_write(struct applying *a, struct err *e)
{
    const char *device;
    json_t *entry;
    json_object_foreach(a->l->rdma, device, entry)
    {
        char handles[64];
        char objects[64];
        if (!device[0] || device[strcspn(device, " \t\n")])
            return err_set(e, ERR_CONFIG, "rdma: '%s' is not a device's name", device);
        if (rdma_count(entry, device, "hcaHandles", "hca_handle", handles, sizeof(handles), e) <
                        0 ||
                rdma_count(entry, device, "hcaObjects", "hca_object", objects, sizeof(objects), e) <
                        0)
            return -1;
        if (!handles[0] && !objects[0])
            continue;
        autofree char *text = str_fmt("%s%s%s", device, handles, objects);
        if (limit_write(a, "rdma", "rdma.max", text, NULL, e) < 0)
            return -1;
    }
    return 0;
}

static int unified_check(const char *file, struct err *e)
{
    if (!file[0] || file[0] == '.' || strchr(file, '/') || strstr(file, ".."))
        return err_set(e, ERR_CONFIG, "unified: '%s' is not the name of a cgroup's file", file);
    if (!strchr(file, '.'))
        return err_set(e, ERR_CONFIG, "unified: '%s' is not of the form 'controller.name'", file);
    return 0;
}

/* Files such as io.max take one entry in a write: each line goes by itself, as runc does. */
static int unified_write(struct applying *a, struct err *e)
{
    for (size_t i = 0; i < a->l->unified.n; i++) {
        const struct json_pair *p = &a->l->unified.pairs[i];
        if (unified_check(p->key, e) < 0)
            return -1;
        autofree char *name = str_fmt("unified '%s'", p->key);
        autofree char *copy = str_dup(p->value);
        for (char *line = copy, *next; line; line = next) {
            next = strchr(line, '\n');
            if (next)
                *next++ = '\0';
            if (!line[0] && line != copy)
                continue;
            if (limit_write(a, name, p->key, line, NULL, e) < 0)
                return -1;
        }
    }
    return 0;
}

/* -- all of it -------------------------------------------------------------------------------- */

unsigned cg_limits_controllers(const struct cg_limits *l)
{
    unsigned mask = 0;
    struct err ignored = {0}; /* what is wrong in the limits is cg_apply's to say */
    if (!l)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
        char text[TEXT_ROOM] = "";
        if (knobs[i].text(l, text, &ignored) == 0 && text[0])
            mask |= knobs[i].ctl;
    }
    if (l->block_io.weight.v || l->block_io.n_weight_devices || l->block_io.n_read_bps ||
            l->block_io.n_write_bps || l->block_io.n_read_iops || l->block_io.n_write_iops)
        mask |= CG_CTL_IO;
    if (l->n_huge)
        mask |= CG_CTL_HUGETLB;
    if (json_object_size(l->rdma))
        mask |= CG_CTL_RDMA;
    for (size_t i = 0; i < l->unified.n; i++)
        mask |= cg_ctl_named(l->unified.pairs[i].key, strcspn(l->unified.pairs[i].key, "."));
    return mask;
}

static void gaps_free(struct applying *a)
{
    for (size_t i = 0; i < a->n_gaps; i++)
        mem_free(a->gaps[i]);
    mem_free(a->gaps);
}

/* Adds our lines to those of an earlier call. */
static void gaps_hand_over(struct applying *a, char ***ret)
{
    size_t have = 0;
    if (!a->n_gaps)
        return;
    while (*ret && (*ret)[have])
        have++;
    *ret = mem_grow(*ret, have + a->n_gaps + 1, sizeof(char *));
    memcpy(*ret + have, a->gaps, (a->n_gaps + 1) * sizeof(char *));
    mem_free(a->gaps);
}

int cg_apply(const struct cg *c, const struct cg_limits *limits, char ***ret_gaps, struct err *e)
{
    struct applying a = {.c = c, .l = limits, .want_gaps = ret_gaps != NULL};
    if (!limits)
        return 0;
    if (memory_check(&a, e) < 0)
        return -1;
    burst_lower(&a);
    if (knobs_write(&a, e) < 0 || io_write(&a, e) < 0 || huge_write(&a, e) < 0 ||
            rdma_write(&a, e) < 0 || unified_write(&a, e) < 0) {
        gaps_free(&a);
        return -1;
    }
    if (ret_gaps)
        gaps_hand_over(&a, ret_gaps);
    return 0;
}
