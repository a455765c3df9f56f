// SPDX-License-Identifier: Apache-2.0
/*
 * One virtual machine: boot a stock Linux kernel with an initramfs, share directories, give back a
 * channel and an end. Knows no containers: the caller says which files go into the initramfs, which
 * directory is shared, and what to talk about on the channel.
 *
 * Engine "qemu": a confined QEMU `microvm` (KVM where usable, else TCG = "emulated", which is not a
 * security boundary and is used only when the caller allows it) and a jailed virtiofsd.
 */
#ifndef ISLET_HV_HV_H
#define ISLET_HV_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* A guest kernel, found on the host, made ready to boot and cached by build id. */
struct vm_kernel {
    char *vmlinuz; /* e.g. "/boot/vmlinuz-6.1.0-40-cloud-amd64" */
    char *release; /* "6.1.0-40-cloud-amd64" */
    char *modules; /* "/lib/modules/<release>", looked up beside vmlinuz's own tree first */
    char *vmlinux; /* the extracted ELF in the cache */
};

/* path NULL: the newest /boot/vmlinuz-*. `cache` is a directory of ours (made when missing). */
int vm_kernel_find(const char *path, const char *cache, struct vm_kernel *ret,
        struct err *e) must_check;
void vm_kernel_release(struct vm_kernel *k);

/* An initramfs (newc cpio): /init from `init_path`, the modules named with their dependencies as
 * uncompressed files below /modules in load order, listed in /modules/order, plus one line per
 * extra file. Cached by kernel release, names and the init's build id; *ret_path is the caller's.
 * A module that the kernel lacks (neither built in nor present) is an error that names it. */
int vm_initramfs(const struct vm_kernel *k, const char *init_path, const char *const *modules,
        const char *cache, char **ret_path, struct err *e) must_check;

enum vm_accel { VM_ACCEL_KVM, VM_ACCEL_EMULATED };
const char *vm_accel_name(enum vm_accel a);

/* Can /dev/kvm boot a stock kernel here? Cached probe; *ret_why (may be NULL) is the caller's. */
int vm_accel_probe(enum vm_accel *ret, char **ret_why, struct err *e) must_check;

struct vm_config {
    const char *name;    /* for process titles and errors */
    const char *run_dir; /* directory of ours for sockets, e.g. "/run/islet/web/vm" */
    const struct vm_kernel *kernel;
    const char *initramfs;
    const char *cmdline_extra;
    enum vm_accel accel;
    unsigned vcpus;
    uint64_t memory; /* bytes of guest RAM */
    int share_fd;    /* directory shared by virtiofs with tag "root" (O_PATH fd) */
    bool share_readonly;
    int cgroup_fd;  /* all processes of the VM start in this cgroup; -1: stay */
    int channel_fd; /* our end's peer: one end of a socketpair (SOCK_STREAM) that becomes the
                              guest's /dev/virtio-ports/islet.0 */
    int console_fd; /* guest kernel log goes here (a file with a size cap or /dev/null) */
    uid_t uid_base; /* QEMU runs as uid_base, virtiofsd in a user namespace of ours */
};

enum vm_end { VM_END_POWEROFF, VM_END_REBOOT, VM_END_PANIC, VM_END_CRASH };

/* A running VM: processes are our children. */
struct vm {
    pid_t vmm_pid;
    int vmm_pidfd;
    pid_t fs_pid;
    int fs_pidfd;
    int events_fd; /* readable when vm_poll has news (QMP or the like); -1: use the pidfds */
    void *engine;
};

int vm_spawn(const struct vm_config *c, struct vm *ret, struct err *e) must_check;
/* Non-blocking: has it ended, and how? SHUTDOWN events of guest poweroff, reset and panic are told
 * apart from a dead VMM process. */
int vm_poll(struct vm *v, bool *ret_ended, enum vm_end *ret, struct err *e) must_check;
void vm_kill(struct vm *v); /* SIGKILL to all its processes, reaped; idempotent */
void vm_release(struct vm *v);

/* What this machine can do for the engine, one line per need, for `doctor`. */
struct vm_check {
    const char *name; /* "qemu", "virtiofsd", "kernel", "kvm", … */
    bool is_ok;
    char *found;  /* version or path or what is wrong */
    char *remedy; /* NULL when ok */
};
int vm_checks(const char *kernel_path, struct vm_check **ret, size_t *ret_n,
        struct err *e) must_check;
void vm_checks_free(struct vm_check *c, size_t n);

#endif
