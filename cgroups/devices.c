// SPDX-License-Identifier: Apache-2.0
/*
 * Attaching device rules (devices_compile.c) to a cgroup. Our program is known by its name, so that
 * a later call replaces it in place (BPF_F_REPLACE, Linux 5.6: no moment without rules), and others
 * (systemd's DeviceAllow=) stay beside it: with BPF_F_ALLOW_MULTI an access needs the yes of all.
 * Attaching needs no process in the cgroup, so it is done before the first one is made.
 */
#include "cgroups/devices.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

#define PROGRAM_NAME "islet_devices"
#define PROGRAM_LICENSE "Apache-2.0" /* it calls no helper that asks for GPL */
#define ATTACHED_MAX 64 /* the kernel's own limit per cgroup and type, BPF_CGROUP_MAX_PROGS */

/* A program that was attached here by an earlier call, as an fd. */
static int attached_find(int cgfd, int *ret_fd, struct err *e)
{
    uint32_t ids[ATTACHED_MAX];
    uint32_t n = ARRAY_LEN(ids);
    if (bpf_prog_query(cgfd, BPF_CGROUP_DEVICE, 0, NULL, ids, &n) < 0)
        return err_sys(e, "ask for attached programs");
    for (uint32_t i = 0; i < n; i++) {
        struct bpf_prog_info info = {0};
        uint32_t len = sizeof(info);
        autoclose int fd = bpf_prog_get_fd_by_id(ids[i]);
        if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
            continue; /* gone meanwhile, or not ours to see: then it is not ours */
        if (strncmp(info.name, PROGRAM_NAME, sizeof(info.name)) == 0) {
            *ret_fd = steal_fd(fd);
            return 0;
        }
    }
    *ret_fd = -1;
    return 0;
}

/* The bare call: bpf_prog_load first probes the kernel with two programs of its own, which takes
 * longer than loading ours. */
static int program_load_once(const struct bpf_insn *insns, size_t n)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr)); /* padding too: the kernel refuses unknown non-zero bytes */
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uint64_t)(uintptr_t)insns;
    attr.insn_cnt = (uint32_t)n;
    attr.license = (uint64_t)(uintptr_t)PROGRAM_LICENSE;
    memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
    for (int tries = 0; tries < 5; tries++) { /* EAGAIN: a signal during verification */
        long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
        if (fd >= 0 || errno != EAGAIN)
            return (int)fd;
    }
    return -1;
}

/* EPERM may be RLIMIT_MEMLOCK before Linux 5.11, which libbpf knows to raise. */
static int program_load(const struct bpf_insn *insns, size_t n, struct err *e)
{
    int fd = program_load_once(insns, n);
    if (fd < 0 && errno == EPERM)
        fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, PROGRAM_NAME, PROGRAM_LICENSE, insns, n,
                NULL);
    if (fd >= 0)
        return fd;
    bool is_refused = errno == EPERM || errno == EACCES;
    (void)err_sys(e, "load the BPF program%s", is_refused ? " (needs root or CAP_BPF)" : "");
    if (is_refused)
        e->kind = ERR_UNSUPPORTED;
    return -1;
}

static int program_attach(int cgfd, int prog, struct err *e)
{
    int old = -1;
    if (attached_find(cgfd, &old, e) < 0)
        return -1;
    autoclose int replaced = old;
    LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = BPF_F_ALLOW_MULTI);
    if (replaced >= 0) {
        opts.flags |= BPF_F_REPLACE;
        opts.replace_prog_fd = replaced;
    }
    if (bpf_prog_attach_opts(prog, cgfd, BPF_CGROUP_DEVICE, &opts) < 0)
        return err_sys(e, "attach the BPF program");
    return 0;
}

int cg_devices_apply(const struct cg *c, const struct cg_device_rule *rules, size_t n,
        struct err *e)
{
    autofree struct bpf_insn *insns = NULL;
    size_t n_insns = 0;
    if (n == 0)
        return 0;
    if (cg_devices_compile(rules, n, &insns, &n_insns, e) < 0)
        return -1;
    autoclose int prog = program_load(insns, n_insns, e);
    if (prog < 0 || program_attach(c->dirfd, prog, e) < 0)
        return err_add(e, "devices of cgroup '%s'", c->path);
    return 0;
}
