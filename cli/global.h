// SPDX-License-Identifier: Apache-2.0
/* Flags before the verb, and how they become the context of a call. */
#ifndef ISLET_CLI_GLOBAL_H
#define ISLET_CLI_GLOBAL_H

#include <stdbool.h>

#include "cli/opt.h"
#include "runtime/runtime.h"

/* The choice of the wall: global flags, and flags of the verbs that create. */
struct cli_wall {
    int isolation; /* enum rt_isolation */
    const char *vm_engine;
    const char *vm_kernel;
    bool allow_degraded;
};

#define CLI_WALL_OPTS(s, m)                                                                        \
    OPT_WORD("isolation", 0, s, m.isolation, 0, cli_isolation_words,                               \
            "which wall stands around the workload (default container)"),                          \
            OPT_STR("vm-engine", 0, s, m.vm_engine, 0, "NAME", "what runs a VM: qemu"),            \
            OPT_STR("vm-kernel", 0, s, m.vm_kernel, 0, "PATH",                                     \
                    "kernel of a VM (default: the newest /boot/vmlinuz-*)"),                       \
            OPT_BOOL("allow-degraded", 0, s, m.allow_degraded, 0,                                  \
                    "record what cannot be had here instead of refusing")

extern const struct opt_word cli_isolation_words[];

struct cli_global {
    const char *root;
    const char *log;
    const char *criu;
    int log_format;     /* enum log_format */
    int log_level;      /* 1 + enum log_level; 0: not given */
    int cgroup_manager; /* 1 + enum rt_cgroup_manager; 0: not given */
    int rootless;       /* enum cli_rootless */
    bool is_debug;
    bool is_systemd_cgroup;
    bool want_version;
    struct cli_wall wall;
};

enum cli_rootless { CLI_ROOTLESS_AUTO, CLI_ROOTLESS_TRUE, CLI_ROOTLESS_FALSE };

#define CLI_ROOT_DEFAULT "/run/islet"

extern const struct opt cli_global_opts[];

/* Lays what a verb's own flags chose over the context. */
int cli_wall_apply(const struct cli_wall *w, struct rt_context *c, struct err *e) must_check;

/* Opens the log and fills the context. `program` is argv[0]: "…-vm" means --isolation=vm. */
int cli_global_apply(const struct cli_global *g, const char *program, struct rt_context *ret,
        struct err *e) must_check;

#endif
