// SPDX-License-Identifier: Apache-2.0
/* kill, delete, pause, resume: what is done to a container that exists. */
#include "cli/signals.h"
#include "cli/verbs.h"

struct kill_values {
    bool is_all;
};
const struct opt cli_kill_opts[] = {
        OPT_BOOL("all", 'a', struct kill_values, is_all, 0, "send it to all of its processes"),
        OPT_END,
};

struct delete_values {
    bool is_forced;
};
const struct opt cli_delete_opts[] = {
        OPT_BOOL("force", 'f', struct delete_values, is_forced, 0,
                "kill it first if need be; a container that is not there is no error"),
        OPT_END,
};

int cli_kill(const struct cli_call *call, struct err *e)
{
    const struct kill_values *v = call->values;
    const char *name = call->argc > 1 && *call->argv[1] ? call->argv[1] : "TERM";
    int sig = cli_signal_parse(name, e);
    if (sig < 0)
        return -1;
    return rt_kill(call->context, call->argv[0], sig, v->is_all, e);
}

int cli_delete(const struct cli_call *call, struct err *e)
{
    const struct delete_values *v = call->values;
    return rt_delete(call->context, call->argv[0], v->is_forced, e);
}

int cli_pause(const struct cli_call *call, struct err *e)
{
    return rt_pause(call->context, call->argv[0], true, e);
}

int cli_resume(const struct cli_call *call, struct err *e)
{
    return rt_pause(call->context, call->argv[0], false, e);
}
