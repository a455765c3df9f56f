// SPDX-License-Identifier: Apache-2.0
/*
 * One link, many streams: couples file descriptors on this side with those on the other. Used by
 * the host process and by the agent alike; see wire.h for the frames.
 *
 * A *source* reads a descriptor and sends it as a stream; it reads only when the link can take a
 * frame and the stream has credit, so nothing is queued. A *sink* writes a stream to a descriptor;
 * it holds at most a window. Control frames overtake data. Credits are merged while the link is
 * stalled, so a peer that does not read costs no memory; queued control frames have a limit that
 * only a broken peer reaches.
 *
 * Descriptors may be blocking (an inherited stdio cannot be switched without switching it for its
 * other owners too): then each operation is preceded by a poll and small enough not to block.
 */
#ifndef ISLET_RUNTIME_VM_MUX_H
#define ISLET_RUNTIME_VM_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "runtime/vm/wire.h"

struct mux;
struct mux_source;
struct mux_sink;

struct mux_events {
    /* Any frame that is not about a stream. */
    void (*frame)(void *arg, const struct wire_frame *f);
    /* Once: the other side is gone (why->kind ERR_NONE) or does not speak the protocol. */
    void (*broken)(void *arg, const struct err *why);
};

/* Takes the descriptor (a connected socket or a virtio port) when it succeeds. An end of file is an
 * end of the link, unless is_port: a virtio port reads as ended until the host has opened it. */
struct mux *mux_new(struct loop *l, int fd, bool is_port, const struct mux_events *ev, void *arg,
        struct err *e) must_check;
void mux_free(struct mux *m); /* with all streams; nothing is called back */

/* Queues a frame. On a broken link it is dropped. */
void mux_send(struct mux *m, uint16_t type, uint32_t id, const struct wire_out *data);
bool mux_is_idle(const struct mux *m); /* everything queued has left */

/* Called at the end of a stream, also of one that ends with the link (then after `broken`, and after
 * a sink has written what it held); the handle is gone then. is_clean: all bytes went through. */
typedef void mux_end_fn(void *arg, bool is_clean);

/* Without a descriptor yet. `ended` may be NULL. */
struct mux_source *mux_source_new(struct mux *m, uint32_t stream, mux_end_fn *ended, void *arg);
int mux_source_attach(struct mux_source *s, int fd, struct err *e) must_check; /* takes fd */
void mux_source_drain(struct mux_source *s); /* what is there now, then the end */
void mux_source_close(struct mux_source *s); /* now; `ended` is not called; NULL is fine */

struct mux_sink *mux_sink_new(struct mux *m, uint32_t stream, mux_end_fn *ended, void *arg);
int mux_sink_attach(struct mux_sink *k, int fd, struct err *e) must_check; /* takes fd */
void mux_sink_close(struct mux_sink *k); /* as above; tells the sender to stop */

#endif
