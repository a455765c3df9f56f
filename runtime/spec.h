// SPDX-License-Identifier: Apache-2.0
/*
 * The OCI config.json as structs: decoded by tables, checked for sense, refused by name where a
 * field cannot be honoured. Nothing here touches the system; strings are owned by the struct.
 * Source: runtime-spec 1.3 (config.md, config-linux.md). Every property of the published schema is
 * in one of the tables or refused with a reason.
 */
#ifndef ISLET_RUNTIME_SPEC_H
#define ISLET_RUNTIME_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "cgroups/cgroups.h"

enum spec_ns_type {
    SPEC_NS_NONE,
    SPEC_NS_PID,
    SPEC_NS_NETWORK,
    SPEC_NS_MOUNT,
    SPEC_NS_IPC,
    SPEC_NS_UTS,
    SPEC_NS_USER,
    SPEC_NS_CGROUP,
    SPEC_NS_TIME,
    SPEC_NS_COUNT,
};

struct spec_namespace {
    int type;   /* enum spec_ns_type */
    char *path; /* NULL: a new one */
};

struct spec_mount {
    char *destination; /* absolute, or made so (runc accepts relative ones) */
    char *type;
    char *source;
    char **options;
    size_t n_options;
};

struct spec_rlimit {
    char *type; /* "RLIMIT_NOFILE" */
    struct json_u64 soft;
    struct json_u64 hard;
};

struct spec_caps { /* names, "CAP_KILL" */
    char **bounding, **effective, **inheritable, **permitted, **ambient;
    size_t n_bounding, n_effective, n_inheritable, n_permitted, n_ambient;
};

struct spec_process {
    struct json_bool terminal;
    struct {
        struct json_u64 height, width;
    } console_size;
    bool has_console_size;
    struct {
        struct json_u64 uid, gid, umask;
        uint64_t *additional_gids;
        size_t n_additional_gids;
    } user;
    char **args;
    size_t n_args;
    char **env;
    size_t n_env;
    char *cwd;
    struct spec_caps caps;
    bool has_caps;
    struct spec_rlimit *rlimits;
    size_t n_rlimits;
    struct json_bool no_new_privileges;
    char *apparmor_profile;
    struct json_i64 oom_score_adj;
};

struct spec_id_map {
    struct json_u64 container_id, host_id, size;
};

struct spec_device {
    char *path;
    char *type; /* "c", "u", "b", "p" */
    struct json_i64 major, minor;
    struct json_u64 file_mode, uid, gid;
};

struct spec_syscall_arg {
    struct json_u64 index, value, value_two;
    char *op; /* "SCMP_CMP_EQ" */
};

struct spec_syscall {
    char **names;
    size_t n_names;
    char *action;
    struct json_u64 errno_ret;
    struct spec_syscall_arg *args;
    size_t n_args;
};

struct spec_seccomp {
    char *default_action;
    struct json_u64 default_errno_ret;
    char **architectures;
    size_t n_architectures;
    char **flags;
    size_t n_flags;
    struct spec_syscall *syscalls;
    size_t n_syscalls;
};

struct spec_linux {
    struct spec_namespace *namespaces;
    size_t n_namespaces;
    struct spec_id_map *uid_mappings, *gid_mappings;
    size_t n_uid_mappings, n_gid_mappings;
    struct spec_device *devices;
    size_t n_devices;
    struct cg_limits resources;
    char *cgroups_path;
    char *rootfs_propagation;
    struct spec_seccomp seccomp;
    bool has_seccomp;
    struct json_map sysctl;
    char **masked_paths, **readonly_paths;
    size_t n_masked_paths, n_readonly_paths;
    struct {
        char *domain;
        char **flags;
        size_t n_flags;
    } personality;
    bool has_personality;
};

struct spec {
    char *oci_version;
    struct spec_process process;
    bool has_process;
    struct {
        char *path;
        struct json_bool readonly;
    } root;
    bool has_root;
    char *hostname;
    char *domainname;
    struct spec_mount *mounts;
    size_t n_mounts;
    struct json_map annotations;
    struct spec_linux linux_; /* `linux` is a predefined macro in gnu11 */
    bool has_linux;
};

extern const struct json_field spec_fields[];
extern const struct json_field spec_process_fields[];

/* Decodes and checks. `doc` is borrowed. */
int spec_load(json_t *doc, struct spec *ret, struct err *e) must_check;
void spec_release(struct spec *s);

/* A process object of its own, as `exec --process` gives it. */
int spec_process_load(json_t *doc, struct spec_process *ret, struct err *e) must_check;
void spec_process_release(struct spec_process *p);

/* Sense beyond types; `path` is the pointer of the object, e.g. "/process". */
int spec_check(const struct spec *s, struct err *e) must_check;
int spec_process_check(const struct spec_process *p, const char *path, struct err *e) must_check;

/* The namespace of that type, or NULL when the container shares its caller's. */
const struct spec_namespace *spec_namespace(const struct spec *s, enum spec_ns_type type);

/* CLONE_NEW* of a namespace type. */
int spec_ns_clone_flag(enum spec_ns_type type);

/* "net.ipv4.ip_forward" and "net/ipv4/ip_forward" -> the latter: as in sysctl(8), the first separator
 * decides what a dot means. The caller's. */
char *spec_sysctl_path(const char *key);

/* RLIMIT_* by name; -1 when there is no such limit. */
int spec_rlimit_number(const char *name);

/* The mask of capability names; unknown names are left out (runtime-spec config#process) and the
 * first is put in *ret_unknown when that is not NULL. */
uint64_t spec_cap_mask(char *const *names, size_t n, const char **ret_unknown);

#endif
