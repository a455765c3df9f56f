// SPDX-License-Identifier: Apache-2.0
/*
 * What a VM needs of this machine, looked at one by one for `islet doctor`. A check never fails: what
 * it cannot find out is what it reports. The order is that of a boot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "hv/boot/helper.h"
#include "hv/boot/modules.h"
#include "hv/hv.h"
#include "hv/qemu/fs.h"
#include "hv/qemu/probe.h"

typedef void check_fn(const char *kernel_path, struct vm_check *c);

static void good(struct vm_check *c, char *found)
{
    c->is_ok = true;
    c->found = found;
}

static void bad(struct vm_check *c, char *found, const char *remedy)
{
    c->found = found;
    c->remedy = str_dup(remedy);
}

static void check_root(const char *kernel_path, struct vm_check *c)
{
    (void)kernel_path;
    if (geteuid() == 0)
        good(c, str_dup("root"));
    else
        bad(c, str_fmt("user %u", geteuid()),
                "run VMs as root: their processes are confined by it");
}

static void check_qemu(const char *kernel_path, struct vm_check *c)
{
    struct err e;
    autofree char *path = NULL;
    autofree char *version = NULL;
    (void)kernel_path;
    if (probe_qemu(&path, &e) < 0 || probe_version(path, &version, &e) < 0)
        return bad(c, str_dup(e.text), "apt install qemu-system-x86");
    good(c, str_fmt("%s: %s", path, version));
}

static void check_firmware(const char *kernel_path, struct vm_check *c)
{
    static const char path[] = "/usr/share/qemu/bios-microvm.bin";
    (void)kernel_path;
    if (access(path, R_OK) == 0)
        good(c, str_dup(path));
    else
        bad(c, str_fmt("no '%s'", path), "apt install qemu-system-data seabios");
}

static void check_vhost_user(const char *kernel_path, struct vm_check *c)
{
    struct err e;
    autofree char *path = NULL;
    bool has = false;
    static const char *const args[] = {"-M", "none", "-device", "help", NULL};
    (void)kernel_path;
    if (probe_qemu(&path, &e) < 0 ||
            probe_prints(path, args, "\"vhost-user-fs-device\"", &has, &e) < 0)
        return bad(c, str_dup(e.text), "apt install qemu-system-x86");
    if (has)
        good(c, str_dup("vhost-user-fs-device"));
    else
        bad(c, str_dup("this QEMU has no vhost-user-fs-device"),
                "use a QEMU that is built with vhost-user");
}

static void check_virtiofsd(const char *kernel_path, struct vm_check *c)
{
    struct err e;
    struct fs_program p = {0};
    (void)kernel_path;
    if (fs_find(&p, &e) < 0)
        return bad(c, str_dup(e.text),
                "apt install qemu-system-common (Debian 12) or virtiofsd (Debian 13)");
    good(c, str_fmt("%s: %s", p.path, p.version));
    fs_program_release(&p);
}

static void check_helper(const char *kernel_path, struct vm_check *c)
{
    struct err e;
    char *path = NULL;
    (void)kernel_path;
    if (helper_find(&path, &e) < 0)
        return bad(c, str_dup(e.text), "install islet with its libexec directory");
    good(c, path);
}

static void check_kernel(const char *kernel_path, struct vm_check *c)
{
    struct err e;
    struct vm_kernel k = {0};
    if (vm_kernel_look(kernel_path, &k, &e) < 0)
        return bad(c, str_dup(e.text),
                "apt install linux-image-cloud-amd64 (or linux-image-amd64)");
    good(c, str_fmt("%s (%s)", k.vmlinuz, k.release));
    vm_kernel_release(&k);
}

static void check_modules(const char *kernel_path, struct vm_check *c)
{
    static const char *const names[] = {"virtio_mmio", "virtio_console", "virtio_rng", "fuse",
            "virtiofs", "overlay", NULL};
    static const char remedy[] = "use a kernel of the distribution: apt install "
                                 "linux-image-cloud-amd64 (or linux-image-amd64)";
    struct err e;
    struct vm_kernel k = {0};
    struct module_list list = {0};
    if (vm_kernel_look(kernel_path, &k, &e) < 0)
        return bad(c, str_dup(e.text), remedy);
    if (modules_resolve(k.modules, names, &list, &e) < 0) {
        bad(c, str_dup(e.text), remedy);
    } else {
        good(c, str_fmt("%s: %zu to load, the others built in", k.modules, list.n));
        modules_release(&list);
    }
    vm_kernel_release(&k);
}

static void check_kvm(const char *kernel_path, struct vm_check *c)
{
    struct err e;
    enum vm_accel accel = VM_ACCEL_EMULATED;
    char *why = NULL;
    (void)kernel_path;
    if (vm_accel_probe(&accel, &why, &e) < 0)
        why = str_dup(e.text);
    if (accel == VM_ACCEL_KVM)
        good(c, why);
    else
        bad(c, why,
                "without it a VM is emulated, slow and no security boundary, and starts only "
                "with --allow-degraded");
}

static void check_memfd(const char *kernel_path, struct vm_check *c)
{
    (void)kernel_path;
    autoclose int fd = memfd_create("islet-check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0)
        good(c, str_dup("sealed memfd"));
    else
        bad(c, str_fmt("memfd_create: %s", strerrordesc_np(errno)), "Linux 3.17 or newer");
}

static void check_namespaces(const char *kernel_path, struct vm_check *c)
{
    static const char *const names[] = {"mnt", "pid", "ipc", "uts", "net", "user"};
    (void)kernel_path;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err e;
        autofree char *ns = str_fmt("/proc/self/ns/%s", names[i]);
        autofree char *max = str_fmt("/proc/sys/user/max_%s_namespaces", names[i]);
        autofree char *text = NULL;
        if (access(ns, F_OK) < 0)
            return bad(c, str_fmt("no %s namespaces", names[i]), "a kernel with all namespaces");
        if (fd_read_file(AT_FDCWD, max, 64, &text, NULL, &e) == 0 && strcmp(text, "0\n") == 0)
            return bad(c, str_fmt("'%s' is 0", max), "raise it with sysctl");
    }
    good(c, str_dup("mnt pid ipc uts net user"));
}

static const struct {
    const char *name;
    check_fn *fn;
} checks[] = {
        {"root",       check_root      },
        {"qemu",       check_qemu      },
        {"firmware",   check_firmware  },
        {"vhost-user", check_vhost_user},
        {"virtiofsd",  check_virtiofsd },
        {"unpacker",   check_helper    },
        {"kernel",     check_kernel    },
        {"modules",    check_modules   },
        {"kvm",        check_kvm       },
        {"memfd",      check_memfd     },
        {"namespaces", check_namespaces},
};

int vm_checks(const char *kernel_path, struct vm_check **ret, size_t *ret_n, struct err *e)
{
    struct vm_check *c = mem_new(ARRAY_LEN(checks), sizeof(*c));
    (void)e; /* nothing here can fail */
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        c[i].name = checks[i].name;
        checks[i].fn(kernel_path, &c[i]);
    }
    *ret = c;
    *ret_n = ARRAY_LEN(checks);
    return 0;
}

void vm_checks_free(struct vm_check *c, size_t n)
{
    for (size_t i = 0; c && i < n; i++) {
        mem_free(c[i].found);
        mem_free(c[i].remedy);
    }
    mem_free(c);
}
