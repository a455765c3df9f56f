// SPDX-License-Identifier: Apache-2.0
/*
 * How large a VM is: OCI limits in, RAM and vCPUs out. Pure.
 *
 * The VM boots with its maximum (no hotplug) and is throttled by its host cgroup. Memory is the
 * limit plus a fixed overhead for kernel and agent, so that the limit itself is enforced exactly by
 * the guest's own cgroup; without a limit 2 GiB, at most half of the host. vCPUs are ceil(quota),
 * else the host's CPUs; an emulated VM gets two at most, since they share one emulator.
 */
#ifndef ISLET_RUNTIME_VM_SIZE_H
#define ISLET_RUNTIME_VM_SIZE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct vm_size_host {
    uint64_t memory; /* bytes */
    unsigned cpus;
    bool is_emulated;
};

struct vm_size {
    uint64_t memory; /* bytes, a multiple of 2 MiB */
    unsigned vcpus;
};

void vm_size_host_get(bool is_emulated, struct vm_size_host *ret);
int vm_size_plan(const json_t *config, const struct vm_size_host *host, struct vm_size *ret,
        struct err *e) must_check;

#endif
