// SPDX-License-Identifier: Apache-2.0
/* The `features` document (runtime-spec features.md, features-linux.md), from what the tables hold.
 * Consumers: containerd and CRI-O read linux.mountExtensions, mountOptions and namespaces. */
#include <seccomp.h>
#include <string.h>
#include <sys/capability.h>

#include "base/own.h"
#include "runtime/mount_opts.h"
#include "runtime/runtime.h"

static json_t *strings(const char *const *names)
{
    json_t *a = json_array();
    for (; *names; names++)
        json_array_append_new(a, json_string(*names));
    return a;
}

static json_t *enabled(bool is_on)
{
    return json_pack("{s:b}", "enabled", is_on);
}

static json_t *capabilities(void)
{
    json_t *a = json_array();
    for (cap_value_t cap = 0; cap <= CAP_LAST_CAP; cap++) {
        char *name = cap_to_name(cap);
        for (char *p = name; p && *p; p++)
            if (*p >= 'a' && *p <= 'z')
                *p = (char)(*p - 32);
        json_array_append_new(a, json_string(name ? name : ""));
        cap_free(name);
    }
    return a;
}

static json_t *seccomp(void)
{
    static const char *const actions[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
            "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_TRACE",
            "SCMP_ACT_TRAP", NULL};
    static const char *const ops[] = {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE",
            "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE", NULL};
    static const char *const archs[] = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPS",
            "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
            "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE",
            "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_X32",
            "SCMP_ARCH_X86", "SCMP_ARCH_X86_64", NULL};
    static const char *const flags[] = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
            "SECCOMP_FILTER_FLAG_TSYNC", NULL};
    return json_pack("{s:b,s:o,s:o,s:o,s:o,s:o}", "enabled", 1, "actions", strings(actions),
            "operators", strings(ops), "archs", strings(archs), "knownFlags", strings(flags),
            "supportedFlags", strings(flags));
}

static json_t *linux_features(void)
{
    static const char *const namespaces[] = {"cgroup", "ipc", "mount", "network", "pid", "user",
            "uts", NULL};
    json_t *l = json_object();
    json_object_set_new(l, "namespaces", strings(namespaces));
    json_object_set_new(l, "capabilities", capabilities());
    json_object_set_new(l, "cgroup",
            json_pack("{s:b,s:b,s:b,s:b,s:b}", "v1", 0, "v2", 1, "systemd", 0, "systemdUser", 0,
                    "rdma", 1));
    json_object_set_new(l, "seccomp", seccomp());
    json_object_set_new(l, "apparmor", enabled(true));
    json_object_set_new(l, "selinux", enabled(false));
    json_object_set_new(l, "intelRdt", enabled(false));
    json_object_set_new(l, "memoryPolicy", json_object());
    json_object_set_new(l, "mountExtensions", json_pack("{s:o}", "idmap", enabled(false)));
    json_object_set_new(l, "netDevices", enabled(false));
    return l;
}

json_t *rt_features(void)
{
    json_t *f = json_object();
    const struct scmp_version *v = seccomp_version();
    autofree char *libseccomp = str_fmt("%u.%u.%u", v->major, v->minor, v->micro);
    json_object_set_new(f, "ociVersionMin", json_string("1.0.0"));
    json_object_set_new(f, "ociVersionMax", json_string(RT_OCI_VERSION));
    json_object_set_new(f, "hooks", json_array());
    json_object_set_new(f, "mountOptions", strings(mount_opts_names()));
    json_object_set_new(f, "linux", linux_features());
    json_object_set_new(f, "annotations",
            json_pack("{s:s}", "io.github.seccomp.libseccomp.version", libseccomp));
    json_object_set_new(f, "potentiallyUnsafeConfigAnnotations", json_array());
    return f;
}
