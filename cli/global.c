// SPDX-License-Identifier: Apache-2.0
/*
 * Global flags. Callers repeat them (conmon-rs gives --root twice) and put in all they know, so
 * what matters only to some verbs is refused by those verbs, not here.
 */
#include "cli/global.h"

#include <string.h>

#include "base/log.h"

const struct opt_word cli_isolation_words[] = {
        {"container", RT_ISOLATION_CONTAINER},
        {"vm",        RT_ISOLATION_VM       },
        {NULL,        0                     },
};

static const struct opt_word format_words[] = {
        {"text", LOG_FORMAT_TEXT},
        {"json", LOG_FORMAT_JSON},
        {NULL,   0              },
};

static const struct opt_word level_words[] = {
        {"error",   1 + LOG_LEVEL_ERROR},
        {"warning", 1 + LOG_LEVEL_WARN },
        {"warn",    1 + LOG_LEVEL_WARN },
        {"info",    1 + LOG_LEVEL_INFO },
        {"debug",   1 + LOG_LEVEL_DEBUG},
        {NULL,      0                  },
};

static const struct opt_word manager_words[] = {
        {"cgroupfs", 1 + RT_CGROUPFS       },
        {"systemd",  1 + RT_CGROUP_SYSTEMD },
        {"disabled", 1 + RT_CGROUP_DISABLED},
        {NULL,       0                     },
};

static const struct opt_word rootless_words[] = {
        {"true",  CLI_ROOTLESS_TRUE },
        {"false", CLI_ROOTLESS_FALSE},
        {"auto",  CLI_ROOTLESS_AUTO },
        {NULL,    0                 },
};

#define G struct cli_global
const struct opt cli_global_opts[] = {
        OPT_STR("root", 0, G, root, 0, "DIR", "state of containers (default " CLI_ROOT_DEFAULT ")"),
        CLI_WALL_OPTS(G, wall),
        OPT_STR("log", 0, G, log, 0, "FILE", "where the log goes (default: standard error)"),
        OPT_WORD("log-format", 0, G, log_format, 0, format_words, "form of its lines"),
        OPT_WORD("log-level", 0, G, log_level, 0, level_words, "what to log (default warning)"),
        OPT_BOOL("debug", 0, G, is_debug, 0, "the same as --log-level debug"),
        OPT_BOOL("systemd-cgroup", 0, G, is_systemd_cgroup, 0,
                "the same as --cgroup-manager systemd"),
        OPT_WORD("cgroup-manager", 0, G, cgroup_manager, 0, manager_words,
                "who makes cgroups; systemd: not yet"),
        OPT_WORD("rootless", 0, G, rootless, 0, rootless_words,
                "run without root's rights; true: not yet"),
        OPT_STR("criu", 0, G, criu, OPT_HIDDEN, "PATH", "what old containerds give; ignored"),
        OPT_BOOL("version", 'v', G, want_version, 0, "print the version"),
        OPT_END,
};
#undef G

static bool ends_with(const char *s, const char *tail)
{
    size_t len = strlen(s);
    size_t n = strlen(tail);
    return len >= n && strcmp(s + len - n, tail) == 0;
}

int cli_wall_apply(const struct cli_wall *w, struct rt_context *c, struct err *e)
{
    if (w->isolation != RT_ISOLATION_UNSET)
        c->isolation = (enum rt_isolation)w->isolation;
    if (w->vm_engine)
        c->vm_engine = w->vm_engine;
    if (w->vm_kernel)
        c->vm_kernel = w->vm_kernel;
    if (w->allow_degraded)
        c->allow_degraded = true;
    if (c->vm_engine && strcmp(c->vm_engine, "qemu") != 0)
        return err_set(e, ERR_UNSUPPORTED, "VM engine '%s' is not supported; there is 'qemu'",
                c->vm_engine);
    return 0;
}

static int open_log(const struct cli_global *g, struct err *e)
{
    enum log_level level = LOG_LEVEL_WARN;
    if (g->log_level)
        level = (enum log_level)(g->log_level - 1);
    if (g->is_debug)
        level = LOG_LEVEL_DEBUG;
    const char *path = g->log && *g->log ? g->log : NULL;
    if (path && (strncmp(path, "journald:", 9) == 0 || strncmp(path, "syslog:", 7) == 0))
        return err_set(e, ERR_UNSUPPORTED, "flag '--log': '%s' is not supported, give a file",
                path);
    return log_open(path, (enum log_format)g->log_format, level, e);
}

int cli_global_apply(const struct cli_global *g, const char *program, struct rt_context *ret,
        struct err *e)
{
    if (open_log(g, e) < 0)
        return -1;
    if (g->rootless == CLI_ROOTLESS_TRUE)
        return err_set(e, ERR_UNSUPPORTED, "flag '--rootless': 'true' is not supported yet");
    struct rt_context c = {
            .root = g->root && *g->root ? g->root : CLI_ROOT_DEFAULT,
            .is_debug = g->is_debug || g->log_level == 1 + LOG_LEVEL_DEBUG,
    };
    if (g->cgroup_manager)
        c.cgroup_manager = (enum rt_cgroup_manager)(g->cgroup_manager - 1);
    else if (g->is_systemd_cgroup)
        c.cgroup_manager = RT_CGROUP_SYSTEMD;
    if (ends_with(program, "-vm"))
        c.isolation = RT_ISOLATION_VM;
    if (cli_wall_apply(&g->wall, &c, e) < 0)
        return -1;
    *ret = c;
    return 0;
}
