// SPDX-License-Identifier: Apache-2.0
/*
 * Messages between our own processes on one machine: SOCK_SEQPACKET, whole or error, with file
 * descriptors. An error travels as a message too. A message that was cut, has more descriptors than
 * allowed, or lies about its length is an error, and its descriptors are closed.
 */
#ifndef ISLET_BASE_MSG_H
#define ISLET_BASE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MSG_MAX_DATA 65536u
#define MSG_MAX_FDS 8u
#define MSG_TYPE_ERR 0xffffffffu /* data is a struct err */

/* A received message. Owned: msg_release. */
struct msg {
    uint32_t type;
    uint32_t len;
    unsigned char *data; /* len bytes and a NUL behind them */
    uint32_t nfds;
    int fds[MSG_MAX_FDS]; /* close-on-exec; -1 where taken over with steal_fd */
};

/* A connected pair, close-on-exec. */
int msg_pair(int ret_fds[2], struct err *e) must_check;

int msg_send(int fd, uint32_t type, const void *data, size_t len, const int *fds, size_t nfds,
        struct err *e) must_check;
int msg_send_err(int fd, const struct err *what, struct err *e) must_check;

/* Blocks (unless the fd does not). *ret_closed: the other side is gone, nothing was received. */
int msg_recv(int fd, struct msg *ret, bool *ret_closed, struct err *e) must_check;

/* As msg_recv for one who waits for an answer: an error message becomes `e`, and an end too. */
int msg_recv_answer(int fd, struct msg *ret, struct err *e) must_check;

void msg_release(struct msg *m);

#endif
