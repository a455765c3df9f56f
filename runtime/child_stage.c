// SPDX-License-Identifier: Apache-2.0
/* The CHILD's last step: what belongs to the process and not to the stage, then the stage. */
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/birth.h"
#include "runtime/launch.h"
#include "runtime/sync.h"

int step_child_stage(struct birth *b, struct err *e)
{
    const struct spec_process *p = &b->spec.process;
    struct stage_msg m;
    launch_reset(p);
    int stage = launch_stage_fd(e);
    if (stage < 0)
        return -1;
    /* only the plan, the socket and the fifo reach the stage; a host fd would be a way out */
    if (syscall(SYS_close_range, 3 + b->req->preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
        return err_sys(e, "close_range");
    if (fd_cloexec(b->sync[1], 0, e) < 0 || (b->fifo_fd >= 0 && fd_cloexec(b->fifo_fd, 0, e) < 0))
        return -1;
    if (sync_receive(b->sync[1], &m, NULL, e) < 0) /* the plan is filled: most often long ago */
        return -1;
    if (m.type != STAGE_MSG_GO)
        return err_set(e, ERR_SYSTEM, "islet is gone");
    return launch_exec(stage, b->plan_fd, b->home, e);
}
