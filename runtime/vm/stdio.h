// SPDX-License-Identifier: Apache-2.0
/* Terminals and inherited descriptors on the host's side of the VM wall. */
#ifndef ISLET_RUNTIME_VM_STDIO_H
#define ISLET_RUNTIME_VM_STDIO_H

#include <stdbool.h>
#include <termios.h>

#include "base/err.h"

/*
 * A descriptor for the same pipe, terminal or file that can be switched to non-blocking without
 * switching it for the others who hold it: its own open file description where that can be had.
 * Takes `fd`; the result may be fd itself.
 */
int stdio_own(int fd, bool is_input);

/* Puts /dev/null in the place of 0, 1 and 2. */
int stdio_null(struct err *e) must_check;

/* A new pty: the master goes to the console socket (a connected one, which is closed), the slave,
 * raw, becomes the controlling terminal of this session leader, who so gets SIGWINCH. */
int stdio_pty(int console_fd, int *ret_slave, struct err *e) must_check;

/* stdin in raw mode, until stdio_cooked. False when it is no terminal. */
bool stdio_raw(struct termios *ret_before);
void stdio_cooked(const struct termios *before);

/* Ends this process as the payload ended: by the same signal, else with the code. */
void stdio_end_as(int code, int signal) __attribute__((noreturn));

#endif
