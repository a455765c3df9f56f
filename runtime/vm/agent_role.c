// SPDX-License-Identifier: Apache-2.0
/* The main of role @agent, which is /init in the guest. */
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/vm/agent.h"
#include "runtime/vm/vm.h"

int vm_agent_main(int argc, char **argv)
{
    static const struct agent_rt verbs = {
            .create = rt_create,
            .start = rt_start,
            .exec = rt_exec,
            .kill = rt_kill,
            .delete_ = rt_delete,
            .ps = rt_ps,
            .pause = rt_pause,
    };
    struct agent_config c = {.channel_fd = -1,
            .is_port = true,
            .is_machine = true,
            .dir = "/run/islet",
            .rt = &verbs};
    struct err e = {0};
    (void)argc;
    (void)argv;
    log_set_role("agent");
    if (getpid() != 1) {
        log_error("the agent is started by the kernel of a guest, not by hand");
        return 2;
    }
    if (agent_boot(&c.channel_fd, &e) < 0 || agent_serve(&c, &e) < 0)
        log_error("%s", e.text);
    agent_power_off();
}
