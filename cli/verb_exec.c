// SPDX-License-Identifier: Apache-2.0
/* exec: from words, or from a process document that a client wrote. */
#include <string.h>

#include "cli/verbs.h"

struct values {
    const char *process;
    const char *console_socket;
    const char *pid_file;
    const char *pidfd_socket;
    const char *cwd;
    const char *user;
    const char *apparmor;
    const char *process_label;
    const char *cgroup;
    struct opt_strs env;
    struct opt_strs caps;
    struct opt_u32s gids;
    unsigned preserve_fds;
    bool is_detached;
    bool has_tty;
    bool no_new_privs;
    bool ignore_paused;
    bool no_subreaper;
};
_Static_assert(sizeof(struct values) <= CLI_VALUES_MAX, "grow CLI_VALUES_MAX");

#define V struct values
const struct opt cli_exec_opts[] = {
        OPT_STR("process", 'p', V, process, 0, "FILE", "take all of the process from a JSON file"),
        OPT_BOOL("detach", 'd', V, is_detached, 0, "do not wait for the program to end"),
        OPT_BOOL("tty", 't', V, has_tty, 0, "give the program a terminal"),
        OPT_STR("console-socket", 0, V, console_socket, 0, "SOCKET",
                "AF_UNIX socket that gets the master end of the terminal"),
        OPT_STR("pid-file", 0, V, pid_file, 0, "FILE", "write the process id to FILE"),
        OPT_STR("pidfd-socket", 0, V, pidfd_socket, OPT_REFUSED, "SOCKET", "not yet"),
        OPT_STR("cwd", 0, V, cwd, 0, "DIR", "working directory in the container"),
        OPT_STRS("env", 'e', V, env, 0, "NAME=VALUE", "add a variable; may be repeated"),
        OPT_STR("user", 'u', V, user, 0, "UID[:GID]", "numbers only"),
        OPT_U32S("additional-gids", 'g', V, gids, 0, "GID", "add a group; may be repeated"),
        OPT_STRS("cap", 'c', V, caps, 0, "CAP", "add a capability; may be repeated"),
        OPT_BOOL("no-new-privs", 0, V, no_new_privs, 0, "set no_new_privs"),
        OPT_STR("apparmor", 0, V, apparmor, 0, "PROFILE", "AppArmor profile of the program"),
        OPT_UINT("preserve-fds", 0, V, preserve_fds, 0, "N",
                "pass N more file descriptors to the program"),
        OPT_BOOL("ignore-paused", 0, V, ignore_paused, 0, "do it in a paused container too"),
        OPT_STR("process-label", 0, V, process_label, OPT_REFUSED, "LABEL", "SELinux"),
        OPT_STR("cgroup", 0, V, cgroup, OPT_REFUSED, "PATH", "sub-cgroups of a container"),
        OPT_BOOL("no-subreaper", 0, V, no_subreaper, OPT_HIDDEN, "taken and ignored"),
        OPT_END,
};
#undef V

static int check(const struct values *v, int words, struct err *e)
{
    if (v->process && words)
        return err_set(e, ERR_USAGE, "exec: a command and '--process' exclude each other");
    if (!v->process && !words)
        return err_set(e, ERR_USAGE, "exec: no command: give one after ID, or '--process'");
    for (size_t i = 0; i < v->env.n; i++) {
        const char *eq = strchr(v->env.items[i], '=');
        if (!eq || eq == v->env.items[i])
            return err_set(e, ERR_USAGE, "flag '--env': '%s' is not NAME=VALUE", v->env.items[i]);
    }
    return 0;
}

int cli_exec(const struct cli_call *call, struct err *e)
{
    const struct values *v = call->values;
    int status = 0;
    if (check(v, call->argc - 1, e) < 0)
        return -1;
    struct rt_exec r = {
            .id = call->argv[0],
            .process_file = v->process,
            .argv = call->argv + 1,
            .env = v->env.items,
            .cwd = v->cwd,
            .user = v->user,
            .caps = (const char *const *)v->caps.items,
            .apparmor = v->apparmor,
            .gids = v->gids.items,
            .n_gids = v->gids.n,
            .has_tty = v->has_tty,
            .no_new_privs = v->no_new_privs,
            .console_socket = v->console_socket,
            .pid_file = v->pid_file,
            .preserve_fds = v->preserve_fds,
            .is_detached = v->is_detached,
            .ignore_paused = v->ignore_paused,
    };
    if (rt_exec(call->context, &r, &status, e) < 0)
        return -1;
    return status;
}
