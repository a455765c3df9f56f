// SPDX-License-Identifier: Apache-2.0
/* What the creator of a VM tells its host process, besides five descriptors in this order: the
 * socket it waits on, the state directory, the shared root, the console socket, the body of CREATE
 * (a memfd); those that are not there are /dev/null. Same binary on both sides, so no version. */
#ifndef ISLET_RUNTIME_VM_HOST_ROLE_H
#define ISLET_RUNTIME_VM_HOST_ROLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "hv/hv.h"
#include "runtime/vm/wire.h"

enum host_role_fd {
    HOST_FD_READY,
    HOST_FD_STATE,
    HOST_FD_SHARE,
    HOST_FD_CONSOLE,
    HOST_FD_BODY,
    HOST_FDS
};

enum host_role_flag {
    HOST_ROLE_TTY = 1u << 0,
    HOST_ROLE_CONSOLE = 1u << 1, /* a console socket was passed */
    HOST_ROLE_EMULATED = 1u << 2,
};

struct host_role {
    char *id;
    char *run_dir; /* absolute path of <state dir>/vm */
    uint32_t flags;
    uint32_t uid;
    uint32_t vcpus;
    uint64_t memory;
    struct vm_kernel kernel;
    char *initramfs;
};

void host_role_encode(struct wire_out *o, const struct host_role *r);
int host_role_decode(const void *p, size_t n, struct host_role *ret, struct err *e) must_check;
void host_role_release(struct host_role *r);

#endif
