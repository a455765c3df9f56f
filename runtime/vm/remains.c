// SPDX-License-Identifier: Apache-2.0
/* See vm.h: status and delete, from files alone. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/own.h"
#include "runtime/vm/host.h"
#include "runtime/vm/liveness.h"
#include "runtime/vm/uids.h"
#include "runtime/vm/vm.h"

#define KILL_WAIT_MS 5000

static int is_there(const struct vmw_place *p, const char *name, bool *ret, struct err *e)
{
    struct stat st;
    *ret = fstatat(p->statedir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*ret && errno != ENOENT && errno != ENOTDIR)
        return err_sys(e, "'%s' of '%s'", name, p->id);
    return 0;
}

int vmw_status(const struct vmw_place *p, pid_t pid, uint64_t starttime, enum rt_status *ret,
        struct err *e)
{
    bool has_ended, is_paused, has_started;
    if (is_there(p, "exit.json", &has_ended, e) < 0 ||
            is_there(p, "vm/" HOST_MARK_PAUSED, &is_paused, e) < 0 ||
            is_there(p, "vm/" HOST_MARK_STARTED, &has_started, e) < 0)
        return -1;
    if (has_ended || !liveness_is_alive(pid, starttime))
        *ret = RT_STOPPED;
    else if (is_paused)
        *ret = RT_PAUSED;
    else
        *ret = has_started ? RT_RUNNING : RT_CREATED;
    return 0;
}

/* The processes that the host process recorded; a missing or broken record names none. */
static int recorded_kill(const struct vmw_place *p, struct err *e)
{
    struct err ignored;
    json_t *doc = NULL;
    size_t i;
    json_t *one;
    bool is_left = false;
    autoclose int fd = openat(p->statedir_fd, "vm/vm.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || json_load(fd, "vm.json", &doc, &ignored) < 0)
        return 0;
    json_array_foreach(json_object_get(doc, "processes"), i, one)
    {
        pid_t pid = (pid_t)json_integer_value(json_object_get(one, "pid"));
        uint64_t start = 0;
        if (pid > 1 && json_to_u64(json_object_get(one, "startTime"), &start, &ignored) == 0 &&
                !liveness_kill(pid, start, KILL_WAIT_MS))
            is_left = true;
    }
    json_decref(doc);
    return is_left ? err_set(e, ERR_SYSTEM, "a process of the VM of '%s' does not die", p->id) : 0;
}

int vmw_delete(const struct vmw_place *p, pid_t pid, uint64_t starttime, struct err *e)
{
    /* the host process first: it would take the others' deaths for a crash */
    if (pid > 1 && !liveness_kill(pid, starttime, KILL_WAIT_MS))
        return err_set(e, ERR_SYSTEM, "the host process of '%s' does not die", p->id);
    if (recorded_kill(p, e) < 0)
        return -1;
    return vm_uid_give(p->root, p->id, e);
}
