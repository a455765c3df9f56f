// SPDX-License-Identifier: Apache-2.0
/* Talk between islet and the process it makes (struct stage_msg over SOCK_SEQPACKET), and the pid
 * file that tells the caller about it. */
#ifndef ISLET_RUNTIME_SYNC_H
#define ISLET_RUNTIME_SYNC_H

#include <sys/types.h>

#include "base/err.h"
#include "runtime/stage/stage.h"

/* A dead peer is no error here: it shows at the next receive. */
void sync_send(int fd, const struct stage_msg *m);
void sync_send_err(int fd, const struct err *e);

/* End of file gives STAGE_MSG_NONE. A passed fd goes to *ret_fd (may be NULL), else it is closed. */
int sync_receive(int fd, struct stage_msg *ret, int *ret_fd, struct err *e) must_check;

/* After GO: nothing but the end of the socket (the payload runs) or a failure of its exec. */
int sync_wait_exec(int fd, struct err *e) must_check;

/* Decimal, whole or not at all (temporary file and rename beside it). */
int sync_pid_file(const char *path, pid_t pid, struct err *e) must_check;

#endif
