// SPDX-License-Identifier: Apache-2.0
/* HOME of a process that brings none: from the passwd of its root, which may hold anything. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "runtime/launch.h"

#define PASSWD_MAX (1u << 20)

/* The image may have made it a device, whose opening alone can act: looked at first, and then that
 * very file is opened. Needs the host's /proc. */
static int open_regular(int rootfd, const char *path)
{
    struct err ignored;
    struct stat st;
    char again[40];
    autoclose int fd = fd_open_in(rootfd, path, O_PATH, 0, &ignored);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -1;
    (void)snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
    return open(again, O_RDONLY | O_CLOEXEC);
}

static char *home_of(int rootfd, uint64_t uid)
{
    struct err ignored;
    autofree char *text = NULL;
    autoclose int fd = open_regular(rootfd, "/etc/passwd");
    if (fd < 0 || fd_read_all(fd, PASSWD_MAX, &text, NULL, &ignored) < 0)
        return str_dup("/");
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *field[7] = {line};
        int n = 1;
        for (char *p = line; *p && n < 7; p++)
            if (*p == ':') {
                *p = '\0';
                field[n++] = p + 1;
            }
        if (n < 7 || !*field[2] || field[2][strspn(field[2], "0123456789")])
            continue; /* strtoull would take signs and spaces */
        if (strtoull(field[2], NULL, 10) == uid && field[5][0] == '/')
            return str_dup(field[5]);
    }
    return str_dup("/");
}

char *launch_home(int rootfd, const struct spec_process *p)
{
    if (launch_env(p->env, p->n_env, "HOME"))
        return NULL;
    autofree char *home = home_of(rootfd, p->user.uid.v);
    return str_fmt("HOME=%s", home);
}
