// SPDX-License-Identifier: Apache-2.0
/* Private to cgroups/ and its tests: device rules as a BPF program, without a kernel. */
#ifndef ISLET_CGROUPS_DEVICES_H
#define ISLET_CGROUPS_DEVICES_H

#include <linux/bpf.h>
#include <stddef.h>

#include "base/err.h"
#include "cgroups/cgroups.h"

#define CG_DEVICES_MAX_RULES 4096

/*
 * For each of the accesses r, w, m that are asked for, the last rule that matches the device and
 * names that access decides; none: denied. The program returns 1 only when all of them are allowed.
 * Asking for none (faccessat F_OK, X_OK) is allowed. The instructions are the caller's.
 */
int cg_devices_compile(const struct cg_device_rule *rules, size_t n, struct bpf_insn **ret,
        size_t *ret_n, struct err *e) must_check;

#endif
