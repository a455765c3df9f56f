// SPDX-License-Identifier: Apache-2.0
/* Terminals on islet's side: handing a pty master to a console socket, and being the other end of
 * one in the foreground. */
#ifndef ISLET_RUNTIME_CONSOLE_H
#define ISLET_RUNTIME_CONSOLE_H

#include <sys/types.h>

#include "base/err.h"

/* Connects to an AF_UNIX stream socket. */
int console_connect(const char *path, struct err *e) must_check;

/* One message: the pty's name with its master as one SCM_RIGHTS fd, as conmon and containerd take it. */
int console_send(int sockfd, int masterfd, const char *name, struct err *e) must_check;

/* From here to console_foreground signals wait, to be passed on then: a payload half made is not
 * left behind by one. What we start resets its mask. */
void console_hold_signals(void);

/* The size of our own terminal (stdin), if it is one, for the payload's: before the payload looks. */
void console_copy_size(int masterfd);

/*
 * Foreground: waits for `pid` (our child), passes signals on to it by pidfd, and with a master
 * (>= 0) copies between it and our stdin and stdout, stdin in raw mode. *ret_status: exit code, or
 * 128+n when a signal ended it.
 */
int console_foreground(pid_t pid, int pidfd, int masterfd, int *ret_status,
        struct err *e) must_check;

#endif
