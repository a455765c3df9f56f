// SPDX-License-Identifier: Apache-2.0
/*
 * Who the payload is: LSM label for the next exec, bounding set, groups, ids, capabilities,
 * no_new_privs, in the one order that works (capabilities(7), runtime-spec config#process).
 */
#include <asm/statfs.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>

#include "runtime/stage/parts.h"
#include "runtime/stage/sys.h"

enum { AT_FDCWD_ = -100, O_WRONLY_ = 1, O_PATH_ = 010000000, O_CLOEXEC_ = 02000000, ENOENT_ = 2 };

/* A procfs nobody else can have mounted over: our own, else the container's, checked to be procfs
 * (CVE-2019-16884, CVE-2025-52881). */
static long private_proc(const struct stage *s)
{
    long fs = sys2(__NR_fsopen, SYS_PTR("proc"), FSOPEN_CLOEXEC);
    long mnt = -1;
    if (fs >= 0 && sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0) == 0)
        mnt = sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, 0);
    if (fs >= 0)
        (void)sys1(__NR_close, fs);
    if (mnt >= 0)
        return mnt;
    mnt = sys4(__NR_openat, AT_FDCWD_, SYS_PTR("/proc"), O_PATH_ | O_CLOEXEC_, 0);
    struct statfs st;
    if (mnt < 0 || sys2(__NR_fstatfs, mnt, SYS_PTR(&st)) < 0 || st.f_type != 0x9fa0)
        stage_fail(s, STAGE_AT_LABEL, mnt < 0 ? mnt : -22, "/proc is not a procfs");
    return mnt;
}

static long open_attr(long proc, const char *path)
{
    struct open_how how = {.flags = O_WRONLY_ | O_CLOEXEC_,
            .resolve = RESOLVE_NO_XDEV | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return sys4(__NR_openat2, proc, SYS_PTR(path), SYS_PTR(&how), sizeof(how));
}

void stage_label(const struct stage *s)
{
    const char *profile = stage_str(s, s->plan->label);
    if (!profile[0])
        return;
    long proc = private_proc(s);
    long fd = open_attr(proc, "thread-self/attr/apparmor/exec");
    if (fd == -ENOENT_)
        fd = open_attr(proc, "thread-self/attr/exec");
    if (fd < 0)
        stage_fail(s, STAGE_AT_LABEL, fd, profile);
    char text[512] = "exec ";
    stage_copy(text + 5, sizeof(text) - 5, profile);
    uint64_t len = 0;
    while (text[len])
        len++;
    long rc = sys3(__NR_write, fd, SYS_PTR(text), len);
    if (rc < 0)
        stage_fail(s, STAGE_AT_LABEL, rc, profile);
    (void)sys1(__NR_close, fd);
    (void)sys1(__NR_close, proc);
}

struct rlimit_ {
    uint64_t soft, hard;
};

void stage_raise_rlimits(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    const struct stage_rlimit *r = stage_bytes(s, p->rlimits, p->n_rlimits * sizeof(*r));
    for (uint32_t i = 0; i < p->n_rlimits; i++) {
        struct rlimit_ now;
        long rc = sys4(__NR_prlimit64, 0, r[i].resource, 0, SYS_PTR(&now));
        if (rc == 0 && r[i].hard > now.hard) {
            now.hard = r[i].hard;
            rc = sys4(__NR_prlimit64, 0, r[i].resource, SYS_PTR(&now), 0);
        }
        if (rc < 0)
            stage_fail(s, STAGE_AT_RLIMIT, rc, stage_str(s, r[i].name));
    }
}

void stage_set_rlimits(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    const struct stage_rlimit *r = stage_bytes(s, p->rlimits, p->n_rlimits * sizeof(*r));
    for (uint32_t i = 0; i < p->n_rlimits; i++) {
        struct rlimit_ wanted = {r[i].soft, r[i].hard};
        long rc = sys4(__NR_prlimit64, 0, r[i].resource, SYS_PTR(&wanted), 0);
        if (rc < 0)
            stage_fail(s, STAGE_AT_RLIMIT, rc, stage_str(s, r[i].name));
    }
}

static void drop_bounding(const struct stage *s)
{
    for (int cap = 0; cap < 64; cap++) {
        if (s->plan->bounding & (1ULL << cap))
            continue;
        long rc = sys2(__NR_prctl, PR_CAPBSET_DROP, cap);
        if (rc == -22) /* beyond the kernel's last capability */
            break;
        if (rc < 0)
            stage_fail(s, STAGE_AT_BOUND, rc, NULL);
    }
}

static void set_ids(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    long rc;
    if (p->flags & STAGE_SETGROUPS) {
        rc = sys2(__NR_setgroups, p->n_groups, SYS_PTR(stage_bytes(s, p->groups, p->n_groups * 4)));
        if (rc < 0)
            stage_fail(s, STAGE_AT_GROUPS, rc, NULL);
    }
    rc = sys3(__NR_setresgid, p->gid, p->gid, p->gid);
    if (rc < 0)
        stage_fail(s, STAGE_AT_GID, rc, NULL);
    rc = sys3(__NR_setresuid, p->uid, p->uid, p->uid);
    if (rc < 0)
        stage_fail(s, STAGE_AT_UID, rc, NULL);
}

static void set_caps(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = (uint32_t)(p->effective >> (32 * i));
        data[i].permitted = (uint32_t)(p->permitted >> (32 * i));
        data[i].inheritable = (uint32_t)(p->inheritable >> (32 * i));
    }
    long rc = sys2(__NR_capset, SYS_PTR(&head), SYS_PTR(data));
    if (rc < 0)
        stage_fail(s, STAGE_AT_CAPS, rc, NULL);
    (void)sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int cap = 0; cap < 64; cap++) {
        if (!(p->ambient & (1ULL << cap)))
            continue;
        rc = sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
        if (rc < 0)
            stage_fail(s, STAGE_AT_AMBIENT, rc, NULL);
    }
}

void stage_identity(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    long rc;
    if (p->personality != 0xffffffffu) {
        rc = sys1(__NR_personality, p->personality);
        if (rc < 0)
            stage_fail(s, STAGE_AT_PERSONALITY, rc, NULL);
    }
    if (p->flags & STAGE_CAPS)
        drop_bounding(s);
    rc = sys2(__NR_prctl, PR_SET_KEEPCAPS, 1);
    if (rc < 0)
        stage_fail(s, STAGE_AT_KEEPCAPS, rc, NULL);
    set_ids(s);
    (void)sys2(__NR_prctl, PR_SET_KEEPCAPS, 0);
    (void)sys2(__NR_prctl, PR_SET_DUMPABLE, 0);
    if (p->flags & STAGE_CAPS)
        set_caps(s);
    if (p->flags & STAGE_NNP) {
        rc = sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (rc < 0)
            stage_fail(s, STAGE_AT_NNP, rc, NULL);
    }
}
