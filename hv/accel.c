// SPDX-License-Identifier: Apache-2.0
/*
 * Whether KVM can be used: /dev/kvm opens, speaks API 12, and stands on hardware virtualisation.
 * The last is not a formality: implementations without it (kvm_pvm) answer every ioctl as the real
 * ones do, run small payloads, and then let a stock kernel die after half a minute of emulated
 * instructions. Trying would be slow, so we look at what KVM stands on: the processor's flag and
 * the vendor's module, both.
 */
#include "hv/accel.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/own.h"

#define KVM_API 12

enum vm_accel accel_judge(const struct accel_facts *f, char **ret_why)
{
    const char *why = NULL;
    if (f->open_errno == ENOENT || f->open_errno == ENXIO || f->open_errno == ENODEV)
        why = "there is no /dev/kvm (switch virtualisation on in the firmware, or in the "
              "hypervisor that this machine runs on, and load kvm_intel or kvm_amd)";
    else if (f->open_errno)
        why = "/dev/kvm cannot be opened by this user";
    else if (f->api != KVM_API)
        why = "/dev/kvm has an API version that is not 12";
    if (why) {
        *ret_why = str_dup(why);
        return VM_ACCEL_EMULATED;
    }
    bool is_hardware = (f->has_vmx && f->has_intel) || (f->has_svm && f->has_amd);
    if (!is_hardware) {
        *ret_why = str_fmt("/dev/kvm is there but without hardware virtualisation (%s%s): a stock "
                           "kernel does not boot on it",
                *f->other ? "it is " : "neither kvm_intel with VMX nor kvm_amd with SVM", f->other);
        return VM_ACCEL_EMULATED;
    }
    *ret_why = str_fmt("KVM with %s", f->has_vmx ? "VMX (kvm_intel)" : "SVM (kvm_amd)");
    return VM_ACCEL_KVM;
}

static void look_at_processor(struct accel_facts *f)
{
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d))
        f->has_vmx = c & (1u << 5);
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        f->has_svm = c & (1u << 2);
}

static void look_at_device(struct accel_facts *f)
{
    autoclose int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    f->open_errno = fd < 0 ? errno : 0;
    f->api = fd < 0 ? 0 : ioctl(fd, KVM_GET_API_VERSION, 0);
}

int vm_accel_probe(enum vm_accel *ret, char **ret_why, struct err *e)
{
    struct accel_facts f = {0};
    autofree char *why = NULL;
    (void)e; /* every failure to look is an answer */
    look_at_processor(&f);
    look_at_device(&f);
    f.has_intel = access("/sys/module/kvm_intel", F_OK) == 0;
    f.has_amd = access("/sys/module/kvm_amd", F_OK) == 0;
    if (access("/sys/module/kvm_pvm", F_OK) == 0)
        (void)snprintf(f.other, sizeof(f.other), "kvm_pvm");
    *ret = accel_judge(&f, &why);
    if (ret_why)
        *ret_why = steal_ptr(why);
    return 0;
}

const char *vm_accel_name(enum vm_accel a)
{
    return a == VM_ACCEL_KVM ? "kvm" : "emulated";
}
