// SPDX-License-Identifier: Apache-2.0
/* The tables of config.json: one line per property; see spec.h. */
#include "runtime/spec.h"

#include <string.h>

#define NOT_YET "this build does not apply it yet"
#define OTHER_OS "for another operating system"
#define ERRNO_MAX 4094 /* what libseccomp takes; the kernel cuts at 4095 */

static const struct json_enum ns_names[] = {
        {"pid",     SPEC_NS_PID    },
        {"network", SPEC_NS_NETWORK},
        {"mount",   SPEC_NS_MOUNT  },
        {"ipc",     SPEC_NS_IPC    },
        {"uts",     SPEC_NS_UTS    },
        {"user",    SPEC_NS_USER   },
        {"cgroup",  SPEC_NS_CGROUP },
        {"time",    SPEC_NS_TIME   },
        {NULL,      0              },
};

static const struct json_field namespace_fields[] = {
        J_ENUM("type", struct spec_namespace, type, ns_names, JSON_REQUIRED),
        J_STR("path", struct spec_namespace, path, 0),
        J_END,
};

static const struct json_field mount_fields[] = {
        J_STR("destination", struct spec_mount, destination, JSON_REQUIRED | JSON_NONEMPTY),
        J_STR("type", struct spec_mount, type, 0),
        J_STR("source", struct spec_mount, source, 0),
        J_STRS("options", struct spec_mount, options, n_options, 0),
        J_REFUSE("uidMappings", NOT_YET),
        J_REFUSE("gidMappings", NOT_YET),
        J_END,
};

static const struct json_field rlimit_fields[] = {
        J_STR("type", struct spec_rlimit, type, JSON_REQUIRED),
        J_U64("soft", struct spec_rlimit, soft, UINT64_MAX),
        J_U64("hard", struct spec_rlimit, hard, UINT64_MAX),
        J_END,
};

static const struct json_field caps_fields[] = {
        J_STRS("bounding", struct spec_caps, bounding, n_bounding, 0),
        J_STRS("effective", struct spec_caps, effective, n_effective, 0),
        J_STRS("inheritable", struct spec_caps, inheritable, n_inheritable, 0),
        J_STRS("permitted", struct spec_caps, permitted, n_permitted, 0),
        J_STRS("ambient", struct spec_caps, ambient, n_ambient, 0),
        J_END,
};

static const struct json_field user_fields[] = {
        J_U64("uid", struct spec_process, user.uid, UINT32_MAX - 1),
        J_U64("gid", struct spec_process, user.gid, UINT32_MAX - 1),
        J_U64("umask", struct spec_process, user.umask, 0777),
        J_U64S("additionalGids", struct spec_process, user.additional_gids, user.n_additional_gids,
                UINT32_MAX - 1),
        J_SKIP("username", OTHER_OS),
        J_END,
};

static const struct json_field console_size_fields[] = {
        J_U64("height", struct spec_process, console_size.height, UINT16_MAX),
        J_U64("width", struct spec_process, console_size.width, UINT16_MAX),
        J_END,
};

/* Sub-tables of user, console_size and the like address the outer struct, hence offset 0. */
#define J_PART(nm, table)                                                                          \
    {                                                                                              \
        .name = (nm), .type = JSON_T_OBJ, .offset = 0, .sub = (table)                              \
    }
#define J_PART_HAS(nm, s, present, table)                                                          \
    {                                                                                              \
        .name = (nm), .type = JSON_T_OBJ, .offset = 0, .sub = (table), .has_presence = true,       \
        .count_offset = offsetof(s, present) + JSON_CHECK_(s, present, bool)                       \
    }

const struct json_field spec_process_fields[] = {
        J_BOOL("terminal", struct spec_process, terminal),
        J_PART_HAS("consoleSize", struct spec_process, has_console_size, console_size_fields),
        J_PART("user", user_fields),
        J_STRS("args", struct spec_process, args, n_args, 0),
        J_SKIP("commandLine", OTHER_OS),
        J_STRS("env", struct spec_process, env, n_env, 0),
        J_STR("cwd", struct spec_process, cwd, JSON_REQUIRED),
        J_OBJ_HAS("capabilities", struct spec_process, caps, has_caps, caps_fields),
        J_ARR("rlimits", struct spec_process, rlimits, n_rlimits, rlimit_fields, 0),
        J_BOOL("noNewPrivileges", struct spec_process, no_new_privileges),
        J_STR("apparmorProfile", struct spec_process, apparmor_profile, 0),
        J_I64("oomScoreAdj", struct spec_process, oom_score_adj, -1000, 1000),
        J_REFUSE("selinuxLabel", NOT_YET),
        J_REFUSE("scheduler", NOT_YET),
        J_REFUSE("ioPriority", NOT_YET),
        J_REFUSE("execCPUAffinity", NOT_YET),
        J_END,
};

static const struct json_field root_fields[] = {
        J_STR("path", struct spec, root.path, JSON_REQUIRED | JSON_NONEMPTY),
        J_BOOL("readonly", struct spec, root.readonly),
        J_END,
};

static const struct json_field id_map_fields[] = {
        J_U64("containerID", struct spec_id_map, container_id, UINT32_MAX),
        J_U64("hostID", struct spec_id_map, host_id, UINT32_MAX),
        J_U64("size", struct spec_id_map, size, UINT32_MAX),
        J_END,
};

static const struct json_field device_fields[] = {
        J_STR("path", struct spec_device, path, JSON_REQUIRED | JSON_NONEMPTY),
        J_STR("type", struct spec_device, type, JSON_REQUIRED),
        J_I64("major", struct spec_device, major, 0, UINT32_MAX),
        J_I64("minor", struct spec_device, minor, 0, UINT32_MAX),
        J_U64("fileMode", struct spec_device, file_mode, UINT32_MAX),
        J_U64("uid", struct spec_device, uid, UINT32_MAX - 1),
        J_U64("gid", struct spec_device, gid, UINT32_MAX - 1),
        J_END,
};

static const struct json_field syscall_arg_fields[] = {
        J_U64("index", struct spec_syscall_arg, index, 5),
        J_U64("value", struct spec_syscall_arg, value, UINT64_MAX),
        J_U64("valueTwo", struct spec_syscall_arg, value_two, UINT64_MAX),
        J_STR("op", struct spec_syscall_arg, op, JSON_REQUIRED),
        J_END,
};

static const struct json_field syscall_fields[] = {
        J_STRS("names", struct spec_syscall, names, n_names, JSON_REQUIRED | JSON_NONEMPTY),
        J_STR("action", struct spec_syscall, action, JSON_REQUIRED),
        J_U64("errnoRet", struct spec_syscall, errno_ret, ERRNO_MAX),
        J_ARR("args", struct spec_syscall, args, n_args, syscall_arg_fields, 0),
        J_END,
};

static const struct json_field seccomp_fields[] = {
        J_STR("defaultAction", struct spec_seccomp, default_action, JSON_REQUIRED),
        J_U64("defaultErrnoRet", struct spec_seccomp, default_errno_ret, ERRNO_MAX),
        J_STRS("architectures", struct spec_seccomp, architectures, n_architectures, 0),
        J_STRS("flags", struct spec_seccomp, flags, n_flags, 0),
        J_REFUSE("listenerPath", NOT_YET),
        J_REFUSE("listenerMetadata", NOT_YET),
        J_ARR("syscalls", struct spec_seccomp, syscalls, n_syscalls, syscall_fields, 0),
        J_END,
};

static const struct json_field personality_fields[] = {
        J_STR("domain", struct spec_linux, personality.domain, JSON_REQUIRED),
        J_STRS("flags", struct spec_linux, personality.flags, personality.n_flags, 0),
        J_END,
};

static const struct json_field linux_fields[] = {
        J_ARR("namespaces", struct spec_linux, namespaces, n_namespaces, namespace_fields, 0),
        J_ARR("uidMappings", struct spec_linux, uid_mappings, n_uid_mappings, id_map_fields, 0),
        J_ARR("gidMappings", struct spec_linux, gid_mappings, n_gid_mappings, id_map_fields, 0),
        J_REFUSE("timeOffsets", NOT_YET),
        J_ARR("devices", struct spec_linux, devices, n_devices, device_fields, 0),
        J_REFUSE("netDevices", NOT_YET),
        J_STR("cgroupsPath", struct spec_linux, cgroups_path, 0),
        J_OBJ("resources", struct spec_linux, resources, cg_limits_fields),
        J_REFUSE("intelRdt", NOT_YET),
        J_REFUSE("memoryPolicy", NOT_YET),
        J_STR("rootfsPropagation", struct spec_linux, rootfs_propagation, 0),
        J_OBJ_HAS("seccomp", struct spec_linux, seccomp, has_seccomp, seccomp_fields),
        J_MAP("sysctl", struct spec_linux, sysctl),
        J_STRS("maskedPaths", struct spec_linux, masked_paths, n_masked_paths, 0),
        J_STRS("readonlyPaths", struct spec_linux, readonly_paths, n_readonly_paths, 0),
        J_REFUSE("mountLabel", NOT_YET),
        J_PART_HAS("personality", struct spec_linux, has_personality, personality_fields),
        J_END,
};

static const struct json_field hooks_fields[] = {
        J_REFUSE("prestart", NOT_YET),
        J_REFUSE("createRuntime", NOT_YET),
        J_REFUSE("createContainer", NOT_YET),
        J_REFUSE("startContainer", NOT_YET),
        J_REFUSE("poststart", NOT_YET),
        J_REFUSE("poststop", NOT_YET),
        J_END,
};

static const struct json_field vm_fields[] = {
        J_REFUSE("hypervisor", "host paths are the administrator's: use --vm-engine"),
        J_REFUSE("kernel", "host paths are the administrator's: use --vm-kernel"),
        J_REFUSE("image", NOT_YET),
        J_REFUSE("hwConfig", NOT_YET),
        J_END,
};

const struct json_field spec_fields[] = {
        J_STR("ociVersion", struct spec, oci_version, JSON_REQUIRED | JSON_NONEMPTY),
        J_OBJ_HAS("process", struct spec, process, has_process, spec_process_fields),
        J_PART_HAS("root", struct spec, has_root, root_fields),
        J_STR("hostname", struct spec, hostname, 0),
        J_STR("domainname", struct spec, domainname, 0),
        J_ARR("mounts", struct spec, mounts, n_mounts, mount_fields, 0),
        J_PART("hooks", hooks_fields),
        J_MAP("annotations", struct spec, annotations),
        J_OBJ_HAS("linux", struct spec, linux_, has_linux, linux_fields),
        J_PART("vm", vm_fields),
        J_SKIP("solaris", OTHER_OS),
        J_SKIP("windows", OTHER_OS),
        J_SKIP("freebsd", OTHER_OS),
        J_SKIP("zos", OTHER_OS),
        J_END,
};

int spec_load(json_t *doc, struct spec *ret, struct err *e)
{
    struct spec s = {0};
    if (json_decode(doc, spec_fields, &s, "", NULL, e) < 0)
        return -1;
    if (spec_check(&s, e) < 0) {
        spec_release(&s);
        return -1;
    }
    *ret = s;
    return 0;
}

void spec_release(struct spec *s)
{
    json_release(spec_fields, s);
}

int spec_process_load(json_t *doc, struct spec_process *ret, struct err *e)
{
    struct spec_process p = {0};
    if (json_decode(doc, spec_process_fields, &p, "", NULL, e) < 0)
        return -1;
    if (spec_process_check(&p, "", e) < 0) {
        spec_process_release(&p);
        return -1;
    }
    *ret = p;
    return 0;
}

void spec_process_release(struct spec_process *p)
{
    json_release(spec_process_fields, p);
}
