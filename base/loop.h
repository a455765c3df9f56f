// SPDX-License-Identifier: Apache-2.0
/*
 * The event loop of every long-lived process: file descriptors and one-shot timers over epoll.
 *
 * Two habits of epoll are hidden here. Regular files and /dev/null cannot be polled (EPERM): such a
 * descriptor counts as always ready. And a hung-up descriptor reports EPOLLHUP even when nobody
 * asked, which makes a loop spin: with an interest of 0 it leaves the set altogether.
 *
 * A callback may delete any watch or timer, its own too. Delete a watch before closing its fd.
 */
#ifndef ISLET_BASE_LOOP_H
#define ISLET_BASE_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

struct loop;
struct loop_fd;
struct loop_timer;

typedef void loop_fd_fn(void *arg, uint32_t events);
typedef void loop_timer_fn(void *arg);

struct loop *loop_new(struct err *e) must_check; /* NULL with e set */
void loop_free(struct loop *l);                  /* watches and timers go with it, fds stay open */

/* `events` is EPOLLIN, EPOLLOUT, both or 0. NULL with e set. The fd stays the caller's. */
struct loop_fd *loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
        struct err *e) must_check;
void loop_set_fd(struct loop_fd *w, uint32_t events);
void loop_del_fd(struct loop_fd *w); /* NULL is fine */

/* Fires once, then the handle is gone. */
struct loop_timer *loop_add_timer(struct loop *l, unsigned ms, loop_timer_fn *fn, void *arg);
void loop_del_timer(struct loop_timer *t); /* NULL is fine */

/* Until loop_stop. */
int loop_run(struct loop *l, struct err *e) must_check;
void loop_stop(struct loop *l);

#endif
