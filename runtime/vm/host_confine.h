// SPDX-License-Identifier: Apache-2.0
/*
 * What the host process can still do once its VM runs and before the guest's first byte is read:
 * talk on descriptors, write its few files, signal and reap the VM's processes (which have other
 * uids, hence CAP_KILL), end. It starts no program, makes no socket, enters no namespace.
 */
#ifndef ISLET_RUNTIME_VM_HOST_CONFINE_H
#define ISLET_RUNTIME_VM_HOST_CONFINE_H

#include "base/err.h"

int host_confine(struct err *e) must_check;

#endif
