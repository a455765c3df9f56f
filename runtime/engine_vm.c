// SPDX-License-Identifier: Apache-2.0
/* The VM wall behind the verbs; the work is in runtime/vm/. */
#include "runtime/engine.h"

static int not_yet(struct err *e)
{
    return err_set(e, ERR_UNSUPPORTED, "--isolation=vm: not in this build");
}

static int vm_create(const struct rt_context *c, const struct rt_create *r, struct err *e)
{
    (void)c;
    (void)r;
    return not_yet(e);
}

const struct engine_ops engine_vm = {
        .name = "qemu",
        .create = vm_create,
};
