// SPDX-License-Identifier: Apache-2.0
/*
 * See confine.h. System calls directly: libcap and libseccomp would be heavier than the fifty lines
 * they replace, and the helper programs do not link them.
 */
#include "base/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

int confine_no_new_privs(struct err *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "set no_new_privs");
    return 0;
}

int confine_caps_bounding(uint64_t keep, struct err *e)
{
    for (int cap = 0; cap < 64; cap++) {
        if (keep & (1ull << cap))
            continue;
        int have = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
        if (have < 0)
            break; /* beyond the last capability of this kernel */
        if (have > 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return err_sys(e, "drop capability %d from the bounding set", cap);
    }
    return 0;
}

int confine_caps(uint64_t keep, struct err *e)
{
    /* Without CAP_SETPCAP the bounding set cannot shrink; no_new_privs makes it idle anyway. */
    if (confine_caps_bounding(keep, e) < 0 && e->sys != EPERM)
        return -1;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return err_sys(e, "clear the ambient capabilities");
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data) < 0)
        return err_sys(e, "read the capabilities");
    for (int i = 0; i < 2; i++) {
        data[i].permitted &= (uint32_t)(keep >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &head, data) < 0)
        return err_sys(e, "set the capabilities");
    return 0;
}

int confine_rlimit(int resource, uint64_t value, struct err *e)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
        return err_sys(e, "read resource limit %d", resource);
    if (value > now.rlim_max)
        value = now.rlim_max;
    struct rlimit want = {.rlim_cur = value, .rlim_max = value};
    if (setrlimit((__rlimit_resource_t)resource, &want) < 0)
        return err_sys(e, "set resource limit %d to %llu", resource, (unsigned long long)value);
    return 0;
}

int confine_syscalls(const int *allowed, size_t n, struct err *e)
{
    struct sock_filter code[256];
    size_t at = 0;
    ASSERT(n <= 200);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
            offsetof(struct seccomp_data, arch));
    code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
            offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < n; i++) /* the n - i - 1 rows left, then the kill */
        code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i],
                (uint8_t)(n - i), 0);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog prog = {.len = (unsigned short)at, .filter = code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
        return err_sys(e, "install the system call filter");
    return 0;
}
