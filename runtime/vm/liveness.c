// SPDX-License-Identifier: Apache-2.0
/* See liveness.h. */
#include "runtime/vm/liveness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"

bool liveness_start_time(pid_t pid, uint64_t *ret)
{
    struct err ignored;
    autofree char *stat = NULL;
    autofree char *path = str_fmt("/proc/%d/stat", (int)pid);
    if (pid <= 0 || fd_read_file(AT_FDCWD, path, 8192, &stat, NULL, &ignored) < 0)
        return false;
    char *p = strrchr(stat, ')'); /* the name may hold anything */
    if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
        return false;
    p += 2; /* field 3 */
    for (int field = 3; field < 22; field++) {
        p = strchr(p, ' ');
        if (!p)
            return false;
        p++;
    }
    *ret = strtoull(p, NULL, 10);
    return true;
}

bool liveness_is_alive(pid_t pid, uint64_t start_time)
{
    uint64_t now = 0;
    return liveness_start_time(pid, &now) && now == start_time;
}

bool liveness_kill(pid_t pid, uint64_t start_time, int timeout_ms)
{
    autoclose int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (fd < 0 || !liveness_is_alive(pid, start_time)) /* looked at after the pidfd was had */
        return true;
    (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1 || !liveness_is_alive(pid, start_time);
}
