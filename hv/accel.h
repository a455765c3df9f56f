// SPDX-License-Identifier: Apache-2.0
/* Judging whether this machine's KVM boots stock kernels, apart from looking. */
#ifndef ISLET_HV_ACCEL_H
#define ISLET_HV_ACCEL_H

#include <stdbool.h>

#include "hv/hv.h"

struct accel_facts {
    int open_errno; /* of /dev/kvm for reading and writing; 0: opened */
    int api;        /* KVM_GET_API_VERSION */
    bool has_vmx;   /* the processor's own answer (CPUID) */
    bool has_svm;
    bool has_intel; /* kvm_intel is loaded or built in */
    bool has_amd;
    char other[32]; /* some other implementation: "kvm_pvm"; "" */
};

/* Pure. *ret_why is a sentence for people, the caller's. */
enum vm_accel accel_judge(const struct accel_facts *f, char **ret_why);

#endif
