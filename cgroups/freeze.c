// SPDX-License-Identifier: Apache-2.0
/*
 * cgroup.freeze (Linux 5.2). Writing 1 only asks; the cgroup is frozen when cgroup.events says so,
 * which every process must reach by itself. A process in an uninterruptible sleep may never get
 * there: after the time-out the request is taken back, so that nobody is left half frozen.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "cgroups/tree.h"

#define FREEZE_TIMEOUT_MS 10000
#define SLICE_MS 50 /* notifications are rate limited (watch.c): look by ourselves as well */

static int64_t now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A cgroup below a frozen one stays frozen whatever its own file says. */
static bool is_asked_by_ancestor(const struct cg *c)
{
    struct err ignored = {0};
    char text[16];
    return cg_read_small(c->dirfd, "cgroup.freeze", text, sizeof(text), &ignored) == 0 &&
           text[0] == '0';
}

static int frozen_wait(const struct cg *c, int fd, bool is_frozen, struct err *e)
{
    int64_t end = now_ms() + FREEZE_TIMEOUT_MS;
    int slice = 1;
    for (;;) {
        struct cg_events ev;
        if (cg_events_read(fd, &ev, e) < 0)
            return err_add(e, "cgroup '%s'", c->path);
        if (ev.is_frozen == is_frozen)
            return 0;
        if (now_ms() >= end)
            break;
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        (void)poll(&p, 1, slice); /* the loop looks at the truth, however poll ends */
        slice = slice * 2 < SLICE_MS ? slice * 2 : SLICE_MS;
    }
    if (!is_frozen && is_asked_by_ancestor(c))
        return err_set(e, ERR_STATE, "cgroup '%s': stays frozen, an ancestor is frozen", c->path);
    return err_set(e, ERR_SYSTEM, "cgroup '%s': not %s after %d s", c->path,
            is_frozen ? "frozen" : "thawed", FREEZE_TIMEOUT_MS / 1000);
}

int cg_freeze(const struct cg *c, bool is_frozen, struct err *e)
{
    if (cg_path_check(c->path, false, e) < 0)
        return -1;
    autoclose int fd = cg_events_open(c, e);
    if (fd < 0)
        return -1;
    if (fd_write_file(c->dirfd, "cgroup.freeze", is_frozen ? "1" : "0", e) < 0)
        return err_add(e, "cgroup '%s'", c->path);
    if (frozen_wait(c, fd, is_frozen, e) == 0)
        return 0;
    if (is_frozen) {
        struct err ignored = {0};
        (void)!fd_write_file(c->dirfd, "cgroup.freeze", "0", &ignored); /* already failing */
    }
    return -1;
}
