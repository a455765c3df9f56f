// SPDX-License-Identifier: Apache-2.0
/*
 * Uids for the processes of VMs: a block of VM_UID_BLOCK per VM, so that no two VMs share one.
 *
 * A held block is a file <root>/.vm-uids/<first uid>, created with O_EXCL, its text the holder's
 * id. So there is nothing to lock, nothing to repair after a crash, and delete gives it back by id.
 * Where the search starts depends on the root's path: state roots of different clients on one
 * machine (which do not know of each other) start far apart.
 */
#ifndef ISLET_RUNTIME_VM_UIDS_H
#define ISLET_RUNTIME_VM_UIDS_H

#include <sys/types.h>

#include "base/err.h"

#define VM_UID_FIRST 2000000000u
#define VM_UID_BLOCK 16u
#define VM_UID_BLOCKS 65536u

int vm_uid_take(const char *root, const char *id, uid_t *ret, struct err *e) must_check;
/* Every block that `id` holds. */
int vm_uid_give(const char *root, const char *id, struct err *e) must_check;

#endif
