// SPDX-License-Identifier: Apache-2.0
/*
 * Sense beyond types: what a well-formed config.json may still get wrong. Each check names the
 * pointer of the field and what would be right.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include "base/own.h"
#include "runtime/spec.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

const struct spec_namespace *spec_namespace(const struct spec *s, enum spec_ns_type type)
{
    for (size_t i = 0; i < s->linux_.n_namespaces; i++)
        if (s->linux_.namespaces[i].type == (int)type)
            return &s->linux_.namespaces[i];
    return NULL;
}

int spec_ns_clone_flag(enum spec_ns_type type)
{
    static const int flags[SPEC_NS_COUNT] = {
            [SPEC_NS_PID] = CLONE_NEWPID,
            [SPEC_NS_NETWORK] = CLONE_NEWNET,
            [SPEC_NS_MOUNT] = CLONE_NEWNS,
            [SPEC_NS_IPC] = CLONE_NEWIPC,
            [SPEC_NS_UTS] = CLONE_NEWUTS,
            [SPEC_NS_USER] = CLONE_NEWUSER,
            [SPEC_NS_CGROUP] = CLONE_NEWCGROUP,
            [SPEC_NS_TIME] = CLONE_NEWTIME,
    };
    return flags[type];
}

int spec_rlimit_number(const char *name)
{
    static const char *const names[] = {
            [RLIMIT_AS] = "AS",
            [RLIMIT_CORE] = "CORE",
            [RLIMIT_CPU] = "CPU",
            [RLIMIT_DATA] = "DATA",
            [RLIMIT_FSIZE] = "FSIZE",
            [RLIMIT_LOCKS] = "LOCKS",
            [RLIMIT_MEMLOCK] = "MEMLOCK",
            [RLIMIT_MSGQUEUE] = "MSGQUEUE",
            [RLIMIT_NICE] = "NICE",
            [RLIMIT_NOFILE] = "NOFILE",
            [RLIMIT_NPROC] = "NPROC",
            [RLIMIT_RSS] = "RSS",
            [RLIMIT_RTPRIO] = "RTPRIO",
            [RLIMIT_RTTIME] = "RTTIME",
            [RLIMIT_SIGPENDING] = "SIGPENDING",
            [RLIMIT_STACK] = "STACK",
    };
    if (strncmp(name, "RLIMIT_", 7) != 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i] && strcmp(names[i], name + 7) == 0)
            return (int)i;
    return -1;
}

/* libcap takes numbers as well, and a name with anything behind it. */
static bool is_cap_name(const char *name)
{
    static const char letters[] = "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return strncasecmp(name, "CAP_", 4) == 0 && name[strspn(name, letters)] == '\0';
}

uint64_t spec_cap_mask(char *const *names, size_t n, const char **ret_unknown)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < n; i++) {
        cap_value_t cap;
        if (is_cap_name(names[i]) && cap_from_name(names[i], &cap) == 0)
            mask |= UINT64_C(1) << cap;
        else if (ret_unknown && !*ret_unknown)
            *ret_unknown = names[i];
    }
    return mask;
}

static int rlimits_check(const struct spec_process *p, const char *path, struct err *e)
{
    unsigned seen = 0;
    for (size_t i = 0; i < p->n_rlimits; i++) {
        const struct spec_rlimit *r = &p->rlimits[i];
        int number = spec_rlimit_number(r->type);
        if (number < 0)
            return err_set(e, ERR_CONFIG, "%s/rlimits/%zu/type: no such limit '%s'", path, i,
                    r->type);
        if (seen & (1u << number))
            return err_set(e, ERR_CONFIG, "%s/rlimits/%zu/type: '%s' stands twice", path, i,
                    r->type);
        seen |= 1u << number;
        if (!r->soft.is_set || !r->hard.is_set)
            return err_set(e, ERR_CONFIG, "%s/rlimits/%zu: needs both soft and hard", path, i);
        if (r->soft.v > r->hard.v)
            return err_set(e, ERR_CONFIG, "%s/rlimits/%zu/soft: above the hard limit", path, i);
    }
    return 0;
}

static int env_check(const struct spec_process *p, const char *path, struct err *e)
{
    for (size_t i = 0; i < p->n_env; i++)
        if (!strchr(p->env[i], '=') || p->env[i][0] == '=')
            return err_set(e, ERR_CONFIG, "%s/env/%zu: '%.60s' is not NAME=VALUE", path, i,
                    p->env[i]);
    return 0;
}

int spec_process_check(const struct spec_process *p, const char *path, struct err *e)
{
    if (p->n_args == 0)
        return err_set(e, ERR_CONFIG, "%s/args: empty, there is nothing to run", path);
    if (p->args[0][0] == '\0')
        return err_set(e, ERR_CONFIG, "%s/args/0: empty, there is nothing to run", path);
    if (!p->cwd || p->cwd[0] != '/')
        return err_set(e, ERR_CONFIG, "%s/cwd: '%s' is not an absolute path", path,
                p->cwd ? p->cwd : "");
    if (env_check(p, path, e) < 0)
        return -1;
    return rlimits_check(p, path, e);
}

static int namespaces_check(const struct spec *s, struct err *e)
{
    unsigned seen = 0;
    for (size_t i = 0; i < s->linux_.n_namespaces; i++) {
        const struct spec_namespace *ns = &s->linux_.namespaces[i];
        if (seen & (1u << ns->type))
            return err_set(e, ERR_CONFIG, "/linux/namespaces/%zu/type: stands twice", i);
        seen |= 1u << ns->type;
        if (ns->type == SPEC_NS_TIME)
            return err_set(e, ERR_UNSUPPORTED,
                    "/linux/namespaces/%zu/type: time: not supported: this build does not apply it yet",
                    i);
        if (ns->path && ns->path[0] != '\0' && ns->path[0] != '/')
            return err_set(e, ERR_CONFIG, "/linux/namespaces/%zu/path: not absolute", i);
    }
    if (!(seen & (1u << SPEC_NS_MOUNT)))
        return err_set(e, ERR_CONFIG,
                "/linux/namespaces: no mount namespace: a root of its own needs {\"type\": \"mount\"}");
    bool has_user = seen & (1u << SPEC_NS_USER);
    if (!has_user && (s->linux_.n_uid_mappings || s->linux_.n_gid_mappings))
        return err_set(e, ERR_CONFIG, "/linux/uidMappings: given without a user namespace");
    const struct spec_namespace *user = spec_namespace(s, SPEC_NS_USER);
    bool is_new_user = user && (!user->path || !*user->path);
    if (is_new_user && (!s->linux_.n_uid_mappings || !s->linux_.n_gid_mappings))
        return err_set(e, ERR_CONFIG,
                "/linux/uidMappings: a new user namespace needs uidMappings and gidMappings");
    if (s->hostname && s->hostname[0] && !(seen & (1u << SPEC_NS_UTS)))
        return err_set(e, ERR_CONFIG, "/hostname: needs a uts namespace");
    if (s->domainname && s->domainname[0] && !(seen & (1u << SPEC_NS_UTS)))
        return err_set(e, ERR_CONFIG, "/domainname: needs a uts namespace");
    return 0;
}

char *spec_sysctl_path(const char *key)
{
    char *path = str_dup(key);
    size_t first = strcspn(key, "./");
    for (char *p = path; key[first] == '.' && *p; p++)
        *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
    return path;
}

/* The namespace that holds a sysctl, by its path. */
static enum spec_ns_type sysctl_home(const char *path)
{
    static const struct {
        const char *prefix; /* ends with '/': all below it */
        enum spec_ns_type type;
    } homes[] = {
            {"net/",                   SPEC_NS_NETWORK},
            {"user/",                  SPEC_NS_USER   },
            {"fs/mqueue/",             SPEC_NS_IPC    },
            {"kernel/domainname",      SPEC_NS_UTS    },
            {"kernel/msgmax",          SPEC_NS_IPC    },
            {"kernel/msgmnb",          SPEC_NS_IPC    },
            {"kernel/msgmni",          SPEC_NS_IPC    },
            {"kernel/sem",             SPEC_NS_IPC    },
            {"kernel/shmall",          SPEC_NS_IPC    },
            {"kernel/shmmax",          SPEC_NS_IPC    },
            {"kernel/shmmni",          SPEC_NS_IPC    },
            {"kernel/shm_rmid_forced", SPEC_NS_IPC    },
    };
    for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
        size_t len = strlen(homes[i].prefix);
        bool is_tree = homes[i].prefix[len - 1] == '/';
        if (is_tree ? strncmp(path, homes[i].prefix, len) == 0 : strcmp(path, homes[i].prefix) == 0)
            return homes[i].type;
    }
    return SPEC_NS_NONE;
}

/* runtime-spec config-linux#sysctl: only those that a namespace of the container holds. */
static int sysctl_check(const struct spec *s, struct err *e)
{
    for (size_t i = 0; i < s->linux_.sysctl.n; i++) {
        const char *key = s->linux_.sysctl.pairs[i].key;
        autofree char *path = spec_sysctl_path(key);
        enum spec_ns_type needs = sysctl_home(path);
        if (strcmp(path, "kernel/hostname") == 0)
            return err_set(e, ERR_CONFIG, "/linux/sysctl/%s: use /hostname", key);
        if (needs == SPEC_NS_NONE || strstr(path, "..") || strstr(path, "//"))
            return err_set(e, ERR_CONFIG,
                    "/linux/sysctl/%s: not in a namespace, it would change the host", key);
        if (!spec_namespace(s, needs))
            return err_set(e, ERR_CONFIG, "/linux/sysctl/%s: needs a namespace of its own", key);
    }
    return 0;
}

static int devices_check(const struct spec *s, struct err *e)
{
    for (size_t i = 0; i < s->linux_.n_devices; i++) {
        const struct spec_device *d = &s->linux_.devices[i];
        if (d->path[0] != '/')
            return err_set(e, ERR_CONFIG, "/linux/devices/%zu/path: not absolute", i);
        if (strlen(d->type) != 1 || !strchr("cubp", d->type[0]))
            return err_set(e, ERR_CONFIG, "/linux/devices/%zu/type: '%s' is none of c, u, b, p", i,
                    d->type);
        if (d->type[0] != 'p' && (!d->major.is_set || !d->minor.is_set))
            return err_set(e, ERR_CONFIG, "/linux/devices/%zu: needs major and minor", i);
    }
    return 0;
}

static int propagation_check(const struct spec *s, struct err *e)
{
    static const char *const known[] = {"", "shared", "rshared", "slave", "rslave", "private",
            "rprivate", "unbindable", "runbindable"};
    const char *p = s->linux_.rootfs_propagation;
    if (!p)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(p, known[i]) == 0)
            return 0;
    return err_set(e, ERR_CONFIG, "/linux/rootfsPropagation: no such propagation '%s'", p);
}

static int version_check(const struct spec *s, struct err *e)
{
    if (strncmp(s->oci_version, "1.", 2) != 0)
        return err_set(e, ERR_CONFIG, "/ociVersion: '%.40s' is not 1.x", s->oci_version);
    return 0;
}

static int personality_check(const struct spec *s, struct err *e)
{
    if (!s->linux_.has_personality)
        return 0;
    const char *domain = s->linux_.personality.domain;
    if (strcmp(domain, "LINUX") != 0 && strcmp(domain, "LINUX32") != 0)
        return err_set(e, ERR_CONFIG,
                "/linux/personality/domain: '%s' is neither LINUX nor LINUX32", domain);
    if (s->linux_.personality.n_flags)
        return err_set(e, ERR_UNSUPPORTED,
                "/linux/personality/flags: not supported: none is defined");
    return 0;
}

static int paths_check(char *const *paths, size_t n, const char *name, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (paths[i][0] != '/')
            return err_set(e, ERR_CONFIG, "/linux/%s/%zu: '%s' is not absolute", name, i, paths[i]);
    return 0;
}

int spec_check(const struct spec *s, struct err *e)
{
    if (version_check(s, e) < 0)
        return -1;
    if (!s->has_root)
        return err_set(e, ERR_CONFIG, "/root: missing");
    if (!s->has_process)
        return err_set(e, ERR_CONFIG, "/process: missing");
    if (!s->has_linux)
        return err_set(e, ERR_CONFIG, "/linux: missing");
    if (spec_process_check(&s->process, "/process", e) < 0 || namespaces_check(s, e) < 0 ||
            sysctl_check(s, e) < 0 || devices_check(s, e) < 0 || propagation_check(s, e) < 0 ||
            personality_check(s, e) < 0)
        return -1;
    if (paths_check(s->linux_.masked_paths, s->linux_.n_masked_paths, "maskedPaths", e) < 0)
        return -1;
    return paths_check(s->linux_.readonly_paths, s->linux_.n_readonly_paths, "readonlyPaths", e);
}
