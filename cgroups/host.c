// SPDX-License-Identifier: Apache-2.0
/*
 * Where cgroup v2 is on this machine: /sys/fs/cgroup itself, or its "unified" folder on hybrid
 * hosts, told by the file system's magic and not by mount tables (two system calls, no parsing).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/own.h"
#include "cgroups/tree.h"

static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

int cg_root_open(const char **ret_mount, bool *ret_is_hybrid, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
        struct statfs st;
        autoclose int fd = open(mounts[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fstatfs(fd, &st) < 0 || st.f_type != CGROUP2_SUPER_MAGIC)
            continue;
        if (ret_mount)
            *ret_mount = mounts[i];
        if (ret_is_hybrid)
            *ret_is_hybrid = i > 0;
        return steal_fd(fd);
    }
    return err_set(e, ERR_UNSUPPORTED,
            "no cgroup v2 hierarchy at '%s' or '%s' (mount one: mount -t cgroup2 none %s)",
            mounts[0], mounts[1], mounts[0]);
}

int cg_host_probe(struct cg_host *ret, struct err *e)
{
    const char *mount = NULL;
    bool is_hybrid = false;
    char controllers[256];
    autoclose int fd = cg_root_open(&mount, &is_hybrid, e);
    if (fd < 0)
        return -1;
    if (cg_read_small(fd, "cgroup.controllers", controllers, sizeof(controllers), e) < 0)
        return err_add(e, "cgroup hierarchy '%s'", mount);
    *ret = (struct cg_host){
            .mount = str_dup(mount),
            .is_hybrid = is_hybrid,
            .controllers = str_dup(controllers),
    };
    return 0;
}

void cg_host_release(struct cg_host *h)
{
    if (!h)
        return;
    mem_free(h->mount);
    mem_free(h->controllers);
    *h = (struct cg_host){0};
}
