// SPDX-License-Identifier: Apache-2.0
/* create, start, run: a container's birth. */
#include "cli/global.h"
#include "cli/verbs.h"

struct values {
    struct cli_wall wall;
    const char *bundle;
    const char *config;
    const char *console_socket;
    const char *pid_file;
    const char *pidfd_socket;
    unsigned preserve_fds;
    bool no_pivot;
    bool no_new_keyring;
    bool no_subreaper;
    bool is_detached;
    bool keep;
};
_Static_assert(sizeof(struct values) <= CLI_VALUES_MAX, "grow CLI_VALUES_MAX");

#define V struct values
#define BIRTH_OPTS                                                                                 \
    OPT_STR("bundle", 'b', V, bundle, 0, "DIR", "the bundle (default: the current directory)"),    \
            OPT_STR("config", 'f', V, config, 0, "FILE", "another config.json than the bundle's"), \
            OPT_STR("console-socket", 0, V, console_socket, 0, "SOCKET",                           \
                    "AF_UNIX socket that gets the master end of the terminal"),                    \
            OPT_STR("pid-file", 0, V, pid_file, 0, "FILE", "write the first process' id to FILE"), \
            OPT_STR("pidfd-socket", 0, V, pidfd_socket, OPT_REFUSED, "SOCKET", "not yet"),         \
            OPT_BOOL("no-pivot", 0, V, no_pivot, 0, "chroot instead of pivot_root (in ramfs)"),    \
            OPT_BOOL("no-new-keyring", 0, V, no_new_keyring, 0, "keep the caller's session keys"), \
            OPT_UINT("preserve-fds", 0, V, preserve_fds, 0, "N",                                   \
                    "pass N more file descriptors to the program"),                                \
            OPT_BOOL("no-subreaper", 0, V, no_subreaper, OPT_HIDDEN, "taken and ignored"),         \
            CLI_WALL_OPTS(V, wall)

const struct opt cli_create_opts[] = {
        BIRTH_OPTS,
        OPT_END,
};

const struct opt cli_run_opts[] = {
        OPT_BOOL("detach", 'd', V, is_detached, 0, "do not wait for the program to end"),
        OPT_BOOL("keep", 0, V, keep, 0, "do not delete the container when its program ended"),
        BIRTH_OPTS,
        OPT_END,
};
#undef V

static int prepare(const struct cli_call *call, struct rt_context *ret_context,
        struct rt_create *ret, struct err *e)
{
    const struct values *v = call->values;
    *ret_context = *call->context;
    if (cli_wall_apply(&v->wall, ret_context, e) < 0)
        return -1;
    if (ret_context->cgroup_manager == RT_CGROUP_SYSTEMD)
        return err_set(e, ERR_UNSUPPORTED,
                "flag '--systemd-cgroup': systemd's cgroups are not supported yet, use cgroupfs");
    *ret = (struct rt_create){
            .id = call->argv[0],
            .bundle = v->bundle,
            .config = v->config,
            .console_socket = v->console_socket,
            .pid_file = v->pid_file,
            .preserve_fds = v->preserve_fds,
            .no_pivot = v->no_pivot,
            .no_new_keyring = v->no_new_keyring,
            .is_detached = v->is_detached,
            .keep = v->keep,
    };
    return 0;
}

int cli_create(const struct cli_call *call, struct err *e)
{
    struct rt_context c;
    struct rt_create r;
    if (prepare(call, &c, &r, e) < 0)
        return -1;
    return rt_create(&c, &r, e);
}

int cli_run(const struct cli_call *call, struct err *e)
{
    struct rt_context c;
    struct rt_create r;
    int status = 0;
    if (prepare(call, &c, &r, e) < 0 || rt_run(&c, &r, &status, e) < 0)
        return -1;
    return status;
}

int cli_start(const struct cli_call *call, struct err *e)
{
    return rt_start(call->context, call->argv[0], e);
}
