// SPDX-License-Identifier: Apache-2.0
/* The verbs create, start and run for the container wall; the choice of the wall. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "runtime/birth.h"
#include "runtime/console.h"
#include "runtime/engine.h"
#include "runtime/launch.h"
#include "runtime/runtime.h"
#include "runtime/sync.h"

int ns_engine_create(struct birth *b, struct err *e)
{
    if (launch_preserved_check(b->req->preserve_fds, e) < 0 || birth_plan(b, e) < 0)
        return -1;
    if (!b->has_user_ns && launch_caps_check(&b->spec.process, e) < 0)
        return err_add(e, "config.json");
    return birth_run(b, birth_ns_steps, STEP_HOST, e);
}

static int let_go(struct birth *b, struct err *e)
{
    struct stage_msg go = {.type = STAGE_MSG_GO};
    sync_send(b->sync[0], &go);
    if (sync_wait_exec(b->sync[0], e) == 0)
        return 0;
    birth_undo(b, birth_ns_steps);
    return -1;
}

int ns_engine_run(struct birth *b, int *ret_status, struct err *e)
{
    if (!b->req->is_detached)
        console_hold_signals();
    if (ns_engine_create(b, e) < 0 || let_go(b, e) < 0)
        return -1;
    *ret_status = 0;
    if (b->req->is_detached)
        return 0;
    /* while the payload runs, other verbs may take the lock; it is taken again for the burial */
    own_close(&b->lock_fd);
    b->lock_fd = -1;
    if (console_foreground(b->pid, b->pidfd, b->master_fd, ret_status, e) < 0)
        return -1;
    if (b->req->keep)
        return 0;
    b->lock_fd = state_lock(b->ctx->root, b->req->id, e);
    return b->lock_fd < 0 ? -1 : birth_bury(b, e);
}

int ns_engine_start(struct engine_place *p, struct err *e)
{
    switch (state_status(&p->dir, &p->state)) {
    case RT_CREATED:
        break;
    case RT_STOPPED:
        return err_set(e, ERR_STATE, "cannot start a container that has stopped");
    case RT_CREATING:
    case RT_RUNNING:
    case RT_PAUSED:
        return err_set(e, ERR_STATE, "cannot start an already running container");
    }
    autoclose int fd = openat(p->dir.fd, "start", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || write(fd, "", 1) != 1)
        return err_sys(e, "start: '%s/start'", p->dir.path);
    (void)unlinkat(p->dir.fd, "start", 0); /* delete would do it too */
    return 0;
}
