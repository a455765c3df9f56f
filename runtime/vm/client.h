// SPDX-License-Identifier: Apache-2.0
/* Talking to a host process as a later verb. */
#ifndef ISLET_RUNTIME_VM_CLIENT_H
#define ISLET_RUNTIME_VM_CLIENT_H

#include <signal.h>

#include "base/err.h"
#include "base/msg.h"
#include "runtime/vm/vm.h"
#include "runtime/vm/wire.h"

/* A connection; nobody there is ERR_STATE with the words that clients of a runtime look for. */
int client_connect(const struct vmw_place *p, struct err *e) must_check;

/* One question, one answer. */
int client_ask(const struct vmw_place *p, enum wire_type type, const struct wire_out *data,
        struct msg *ret, struct err *e) must_check;

/* All signals that are passed on, blocked and in a signalfd; the mask before is for fork's child. */
int client_signals(struct err *e) must_check;

#endif
