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
    char *vmlinux; /* what is booted: the extracted ELF in the cache, or the bzImage as it is */
};

/* Names of the two things that the guest finds: the port through /sys/class/virtio-ports/<dev>/name
 * (the device is /dev/vportNpM; without udev there is no /dev/virtio-ports), and the virtiofs tag. */
#define VM_CHANNEL_NAME "islet.0"
#define VM_SHARE_TAG "root"

/* path NULL: the newest /boot/vmlinuz-*. `cache` is a directory of ours (made when missing). */
int vm_kernel_find(const char *path, const char *cache, struct vm_kernel *ret,
        struct err *e) must_check;
/* As vm_kernel_find without unpacking: vmlinux stays NULL. */
int vm_kernel_look(const char *path, struct vm_kernel *ret, struct err *e) must_check;
void vm_kernel_release(struct vm_kernel *k);

/* An initramfs (newc cpio): /init from `init_path`, the modules named with their dependencies as
 * uncompressed files below /modules ("fuse.ko"), their names in load order one per line in
 * /modules/order. `modules` ends with NULL. There are /dev/console and /dev/null and empty proc,
 * sys, run, root and tmp. Cached by the identity of kernel, names and init; *ret_path is the
 * caller's. A module that the kernel lacks (neither built in nor present) is an error that names
 * it; one that is built in just is not in the list. */
int vm_initramfs(const struct vm_kernel *k, const char *init_path, const char *const *modules,
        const char *cache, char **ret_path, struct err *e) must_check;

enum vm_accel { VM_ACCEL_KVM, VM_ACCEL_EMULATED };
const char *vm_accel_name(enum vm_accel a);

/* Can /dev/kvm boot a stock kernel here? Cheap. *ret_why (may be NULL) is the caller's sentence. */
int vm_accel_probe(enum vm_accel *ret, char **ret_why, struct err *e) must_check;

struct vm_config {
    const char *name;    /* for process titles and errors */
    const char *run_dir; /* directory of ours (0700), e.g. "/run/islet/web/vm"; nothing stays */
    const struct vm_kernel *kernel;
    const char *initramfs;
    const char *cmdline_extra; /* after our own words; NULL for none */
    enum vm_accel accel;
    unsigned vcpus;
    uint64_t memory; /* bytes of guest RAM */
    int share_fd;    /* directory shared by virtiofs with tag VM_SHARE_TAG, with the mounts that lie
                     below it now (each its own st_dev in the guest); later ones do not appear.
                     O_PATH, or a detached mount (consumed before Linux 6.15); -1: none */
    bool share_readonly;
    int cgroup_fd;  /* all processes of the VM start in this cgroup; -1: stay */
    int channel_fd; /* our end's peer: one end of a socketpair (SOCK_STREAM) that becomes the
                       guest's port VM_CHANNEL_NAME. Stays the caller's: close it after vm_spawn */
    int console_fd; /* the guest kernel's log is written here, 1 MiB at most (a file, /dev/null) */
    uid_t uid_base; /* QEMU runs as this uid and gid (not 0); no two VMs share one */
};

enum vm_end { VM_END_POWEROFF, VM_END_REBOOT, VM_END_PANIC, VM_END_CRASH };

/* A running VM: processes are our children. */
struct vm {
    pid_t vmm_pid; /* 0 once reaped */
    int vmm_pidfd;
    pid_t fs_pid; /* 0 without a shared directory */
    int fs_pidfd;
    int events_fd; /* readable (epoll) when vm_poll should be called */
    void *engine;
};

/* Returns when both programs were executed; the guest boots meanwhile. They are killed when the
 * calling *thread* ends (PDEATHSIG), however that comes about. */
int vm_spawn(const struct vm_config *c, struct vm *ret, struct err *e) must_check;
/* Non-blocking: passes on the console, and: has it ended, and how? Once ended nothing of the VM is
 * left alive, and the answer stays the same. *ret is set only when ended. To be called whenever
 * events_fd is readable. */
int vm_poll(struct vm *v, bool *ret_ended, enum vm_end *ret, struct err *e) must_check;
/* A sentence about the end for people ("qemu ended with status 1: …"); "" before. Lives in v. */
const char *vm_why(const struct vm *v);
void vm_kill(struct vm *v);    /* SIGKILL to all its processes, reaped; idempotent */
void vm_release(struct vm *v); /* after vm_kill, implied */

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
