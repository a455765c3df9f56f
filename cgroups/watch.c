// SPDX-License-Identifier: Apache-2.0
/*
 * cgroup.events: "populated" and "frozen", and waking up when they change. The kernel reports a
 * change as POLLPRI to those who have read the file since the last one, at most once in 10 ms per
 * file (CGROUP_FILE_NOTIFY_MIN_INTV), so nobody here waits on it without a shorter slice of his own
 * where speed counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cgroups/tree.h"

int cg_events_open(const struct cg *c, struct err *e)
{
    int fd = openat(c->dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    int sysno = errno;
    (void)err_sysno(e, sysno, "cgroup '%s': open 'cgroup.events'", c->path);
    if (sysno == ENOENT || sysno == ENODEV)
        e->kind = ERR_NOT_FOUND;
    return -1;
}

int cg_events_read(int fd, struct cg_events *ret, struct err *e)
{
    char text[128];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    if (n < 0) {
        int sysno = errno;
        (void)err_sysno(e, sysno, "read 'cgroup.events'");
        if (sysno == ENODEV) /* removed since it was opened */
            e->kind = ERR_NOT_FOUND;
        return -1;
    }
    text[n] = '\0';
    *ret = (struct cg_events){
            .is_populated = strstr(text, "populated 1") != NULL,
            .is_frozen = strstr(text, "frozen 1") != NULL,
    };
    return 0;
}

static int events_of(const struct cg *c, struct cg_events *ret, struct err *e)
{
    autoclose int fd = cg_events_open(c, e);
    if (fd < 0)
        return -1;
    if (cg_events_read(fd, ret, e) < 0)
        return err_add(e, "cgroup '%s'", c->path);
    return 0;
}

int cg_is_populated(const struct cg *c, bool *ret, struct err *e)
{
    struct cg_events ev = {0};
    if (events_of(c, &ev, e) < 0)
        return -1;
    *ret = ev.is_populated;
    return 0;
}

int cg_is_frozen(const struct cg *c, bool *ret, struct err *e)
{
    struct cg_events ev = {0};
    if (events_of(c, &ev, e) < 0)
        return -1;
    *ret = ev.is_frozen;
    return 0;
}

int cg_watch(const struct cg *c, struct err *e)
{
    struct cg_events ev = {0};
    autoclose int fd = cg_events_open(c, e);
    if (fd < 0 || cg_events_read(fd, &ev, e) < 0) /* the read arms poll */
        return -1;
    return steal_fd(fd);
}
