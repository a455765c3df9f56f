// SPDX-License-Identifier: Apache-2.0
/*
 * Probes of what the container wall stands on. Each asks the kernel by doing the thing itself, or
 * by calling with arguments that a kernel which knows the call refuses in its own way: version
 * numbers lie on distribution kernels, and sandboxes take calls away.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "cgroups/cgroups.h"
#include "cli/doctor.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 0x0001U
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL /* Linux 5.7 */
#endif
#define REBOOT_V2 "boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all"

static void say(struct doctor_check *c, enum doctor_state state, char *found, const char *remedy)
{
    c->state = state;
    c->found = found;
    c->remedy = remedy ? str_dup(remedy) : NULL;
}

/* One line of a small file of the kernel, or NULL. */
static char *read_line(const char *path)
{
    struct err ignored;
    char *text = NULL;
    size_t len = 0;
    if (fd_read_file(AT_FDCWD, path, 4096, &text, &len, &ignored) < 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void add_word(char **all, const char *word)
{
    char *old = *all;
    *all = str_fmt("%s%s%s", old ? old : "", old ? " " : "", word);
    mem_free(old);
}

static void check_rights(struct doctor_check *c)
{
    static const struct {
        unsigned cap;
        const char *name;
    } needed[] = {
            {CAP_CHOWN,        "CAP_CHOWN"       },
            {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
            {CAP_KILL,         "CAP_KILL"        },
            {CAP_SETGID,       "CAP_SETGID"      },
            {CAP_SETUID,       "CAP_SETUID"      },
            {CAP_SETPCAP,      "CAP_SETPCAP"     },
            {CAP_NET_ADMIN,    "CAP_NET_ADMIN"   },
            {CAP_SYS_CHROOT,   "CAP_SYS_CHROOT"  },
            {CAP_SYS_ADMIN,    "CAP_SYS_ADMIN"   },
            {CAP_MKNOD,        "CAP_MKNOD"       },
    };
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    autofree char *lacking = NULL;
    size_t n = 0;
    if (syscall(SYS_capget, &head, data) < 0)
        memset(data, 0, sizeof(data));
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (data[0].effective & (1u << needed[i].cap)) /* all of them are below 32 */
            n++;
        else
            add_word(&lacking, needed[i].name);
    }
    if (geteuid() == 0 && !lacking)
        say(c, DOCTOR_OK, str_dup("uid 0 with the capabilities it needs"), NULL);
    else
        say(c, DOCTOR_MISSING,
                str_fmt("uid %u%s%s", geteuid(), lacking ? " without " : "",
                        !lacking ? ""
                        : n      ? lacking
                                 : "capabilities"),
                "run as root with all capabilities; rootless is not supported yet");
}

static void check_kernel(struct doctor_check *c)
{
    struct utsname u;
    if (uname(&u) < 0)
        u.release[0] = '\0';
    char *dot = u.release;
    unsigned long major = strtoul(u.release, &dot, 10);
    unsigned long minor = *dot == '.' ? strtoul(dot + 1, NULL, 10) : 0;
    if (major < 5 || (major == 5 && minor < 14))
        say(c, DOCTOR_DEGRADED, str_dup(*u.release ? u.release : "unknown version"),
                "use Linux 5.14 or newer (cgroup.kill, mount_setattr)");
    else
        say(c, DOCTOR_OK, str_dup(u.release), NULL);
}

static void check_cgroup(struct doctor_check *c)
{
    struct cg_host h = {0};
    struct err e = {0};
    if (cg_host_probe(&h, &e) < 0)
        say(c, DOCTOR_MISSING, str_dup(e.text), REBOOT_V2);
    else if (h.is_hybrid)
        say(c, DOCTOR_DEGRADED, str_fmt("hybrid, v2 at %s", h.mount), REBOOT_V2);
    else
        say(c, DOCTOR_OK, str_fmt("pure, at %s", h.mount), NULL);
    cg_host_release(&h);
}

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p += len)
        if ((p == list || p[-1] == ' ') && strchr(" \n", p[len]))
            return true;
    return false;
}

static void check_controllers(struct doctor_check *c)
{
    static const char *const needed[] = {"cpu", "cpuset", "io", "memory", "pids"};
    struct cg_host h = {0};
    struct err e = {0};
    autofree char *lacking = NULL;
    bool is_there = cg_host_probe(&h, &e) == 0;
    char *list = is_there ? str_dup(h.controllers) : str_dup("");
    list[strcspn(list, "\n")] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!has_word(list, needed[i]))
            add_word(&lacking, needed[i]);
    if (!lacking)
        say(c, DOCTOR_OK, str_dup(list), NULL);
    else
        say(c, DOCTOR_DEGRADED, str_fmt("%s%swithout %s", list, *list ? ", " : "", lacking),
                "their limits cannot be had; " REBOOT_V2);
    mem_free(list);
    cg_host_release(&h);
}

static void check_namespaces(struct doctor_check *c)
{
    static const char *const all[] = {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user", "time"};
    enum { NEEDED = 6 };
    autofree char *found = NULL;
    autofree char *lacking = NULL;
    bool is_short = false;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        autofree char *path = str_fmt("/proc/self/ns/%s", all[i]);
        bool is_there = access(path, F_OK) == 0;
        add_word(is_there ? &found : &lacking, all[i]);
        is_short |= !is_there && i < NEEDED;
    }
    if (!lacking)
        say(c, DOCTOR_OK, steal_ptr(found), NULL);
    else
        say(c, is_short ? DOCTOR_MISSING : DOCTOR_DEGRADED, str_fmt("no %s", lacking),
                "use a kernel with all of CONFIG_NAMESPACES");
}

/* clone(2) as fork, in a new user namespace; the child is gone when this returns. */
static int try_userns(void)
{
    long pid = syscall(SYS_clone, (unsigned long)(CLONE_NEWUSER | SIGCHLD), 0, 0, 0, 0);
    if (pid < 0)
        return -1;
    if (pid == 0)
        _exit(0);
    while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return 0;
}

static void check_userns(struct doctor_check *c)
{
    autofree char *max = read_line("/proc/sys/user/max_user_namespaces");
    if (try_userns() == 0)
        say(c, DOCTOR_OK, str_fmt("yes, at most %s", max ? max : "?"), NULL);
    else if (max && strcmp(max, "0") == 0)
        say(c, DOCTOR_MISSING, str_dup("turned off"),
                "sysctl -w user.max_user_namespaces=15000; else containers share the host's ids");
    else
        say(c, DOCTOR_MISSING, str_fmt("cannot make one: %s", strerrordesc_np(errno)),
                "use a kernel with CONFIG_USER_NS; else containers share the host's ids");
}

static void check_seccomp(struct doctor_check *c)
{
    static const struct {
        uint32_t action;
        const char *name;
    } actions[] = {
            {SECCOMP_RET_KILL_PROCESS, "kill-process"},
            {SECCOMP_RET_ERRNO,        "errno"       },
            {SECCOMP_RET_LOG,          "log"         },
            {SECCOMP_RET_USER_NOTIF,   "notify"      },
    };
    autofree char *lacking = NULL;
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        uint32_t action = actions[i].action;
        if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0)
            n++;
        else
            add_word(&lacking, actions[i].name);
    }
    const struct scmp_version *v = seccomp_version();
    if (!lacking && v)
        say(c, DOCTOR_OK, str_fmt("filters, libseccomp %u.%u.%u", v->major, v->minor, v->micro),
                NULL);
    else
        say(c, n ? DOCTOR_DEGRADED : DOCTOR_MISSING,
                str_fmt("no action %s", lacking ? lacking : "at all"),
                "use a kernel with CONFIG_SECCOMP_FILTER, 5.0 or newer");
}

static void check_apparmor(struct doctor_check *c)
{
    autofree char *on = read_line("/sys/module/apparmor/parameters/enabled");
    if (on && *on == 'Y')
        say(c, DOCTOR_OK, str_dup("enabled"), NULL);
    else
        say(c, DOCTOR_MISSING, str_dup(on ? "built in, not enabled" : "not in this kernel"),
                "only for bundles that name a profile: boot with lsm=…,apparmor");
}

static void check_device_rules(struct doctor_check *c)
{
    struct bpf_insn code[] = {
            {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
            {.code = BPF_JMP | BPF_EXIT                          },
    };
    static const char license[] = "Apache-2.0";
    union bpf_attr attr = {
            .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
            .insns = (uint64_t)(uintptr_t)code,
            .insn_cnt = ARRAY_LEN(code),
            .license = (uint64_t)(uintptr_t)license,
    };
    autoclose int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
    if (fd >= 0)
        say(c, DOCTOR_OK, str_dup("BPF programs of type cgroup_device"), NULL);
    else
        say(c, DOCTOR_MISSING, str_fmt("cannot load a program: %s", strerrordesc_np(errno)),
                "use a kernel with CONFIG_CGROUP_BPF, and allow bpf(2)");
}

static void check_openat2(struct doctor_check *c)
{
    struct open_how how = {
            .flags = O_PATH | O_CLOEXEC,
            .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    autoclose int fd = (int)syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));
    if (fd >= 0)
        say(c, DOCTOR_OK, str_dup("yes"), NULL);
    else
        say(c, DOCTOR_MISSING, str_dup(strerrordesc_np(errno)), "use Linux 5.6 or newer");
}

/* Each call, known to the kernel, refuses these arguments with anything but ENOSYS. */
static void check_mount_api(struct doctor_check *c)
{
    static const struct {
        long number;
        const char *name;
    } calls[] = {
            {SYS_fsopen,        "fsopen"       },
            {SYS_fsconfig,      "fsconfig"     },
            {SYS_fsmount,       "fsmount"      },
            {SYS_open_tree,     "open_tree"    },
            {SYS_move_mount,    "move_mount"   },
            {SYS_mount_setattr, "mount_setattr"},
    };
    autofree char *lacking = NULL;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        if (syscall(calls[i].number, -1, NULL, ~0ul, NULL, ~0ul) < 0 && errno == ENOSYS)
            add_word(&lacking, calls[i].name);
    autoclose int fd = (int)syscall(SYS_fsopen, "tmpfs", 1ul /* FSOPEN_CLOEXEC */);
    if (!lacking && fd >= 0)
        say(c, DOCTOR_OK, str_dup("fsopen, open_tree, move_mount, mount_setattr"), NULL);
    else
        say(c, DOCTOR_MISSING,
                lacking ? str_fmt("no %s", lacking) : str_fmt("fsopen: %s", strerrordesc_np(errno)),
                "use Linux 5.12 or newer, and allow these calls");
}

/* A kernel that knows CLONE_INTO_CGROUP looks at the fd, which is none: EBADF. Older ones find the
 * struct too big, or the flag unknown. */
static void check_clone3(struct doctor_check *c)
{
    uint64_t args[11] = {0}; /* struct clone_args, 88 bytes */
    args[0] = CLONE_INTO_CGROUP;
    args[4] = SIGCHLD;
    args[10] = INT32_MAX;
    long pid = syscall(SYS_clone3, args, sizeof(args));
    if (pid == 0)
        _exit(0);
    if (pid < 0 && errno == EBADF)
        say(c, DOCTOR_OK, str_dup("yes"), NULL);
    else
        say(c, DOCTOR_MISSING, str_dup(pid < 0 ? strerrordesc_np(errno) : "strange answer"),
                "use Linux 5.7 or newer");
}

/* Raises a hard limit that nothing here uses, and lowers it again. */
static void check_rlimits(struct doctor_check *c)
{
    struct rlimit old;
    int rc = getrlimit(RLIMIT_MSGQUEUE, &old);
    struct rlimit more = {.rlim_cur = old.rlim_cur, .rlim_max = old.rlim_max + 1};
    if (rc == 0 && old.rlim_max != RLIM_INFINITY) {
        rc = setrlimit(RLIMIT_MSGQUEUE, &more);
        if (rc == 0)
            (void)setrlimit(RLIMIT_MSGQUEUE, &old); /* lowering is always allowed */
    }
    if (rc == 0)
        say(c, DOCTOR_OK, str_dup("hard limits can be raised"), NULL);
    else
        say(c, DOCTOR_DEGRADED, str_dup("hard limits cannot be raised"),
                "give CAP_SYS_RESOURCE; else rlimits above our own and lower oom scores fail");
}

static void check_memfd(struct doctor_check *c)
{
    autofree char *mode = read_line("/proc/sys/vm/memfd_noexec");
    autoclose int fd = (int)syscall(SYS_memfd_create, "islet-doctor", MFD_CLOEXEC | MFD_EXEC);
    if (fd < 0 && errno == EINVAL)
        fd = (int)syscall(SYS_memfd_create, "islet-doctor", MFD_CLOEXEC); /* before Linux 6.3 */
    if (fd >= 0)
        say(c, DOCTOR_OK, str_fmt("yes (vm.memfd_noexec %s)", mode ? mode : "unknown"), NULL);
    else
        say(c, DOCTOR_DEGRADED,
                str_fmt("%s (vm.memfd_noexec %s)", strerrordesc_np(errno), mode ? mode : "unknown"),
                "sysctl -w vm.memfd_noexec=1; a read-only mount is used instead");
}

void doctor_container(struct doctor_list *ret)
{
    static const struct {
        const char *name;
        bool is_needed;
        void (*fn)(struct doctor_check *c);
    } checks[] = {
            {"rights",               true,  check_rights      },
            {"kernel",               false, check_kernel      },
            {"cgroup v2",            true,  check_cgroup      },
            {"controllers",          false, check_controllers },
            {"namespaces",           true,  check_namespaces  },
            {"user namespaces",      false, check_userns      },
            {"seccomp",              true,  check_seccomp     },
            {"AppArmor",             false, check_apparmor    },
            {"device rules",         true,  check_device_rules},
            {"openat2",              true,  check_openat2     },
            {"mount API",            true,  check_mount_api   },
            {"clone3 into a cgroup", true,  check_clone3      },
            {"rlimits",              false, check_rlimits     },
            {"programs in memfds",   false, check_memfd       },
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        struct doctor_check c = {.name = checks[i].name, .is_needed = checks[i].is_needed};
        checks[i].fn(&c);
        doctor_add(ret, &c);
    }
}
