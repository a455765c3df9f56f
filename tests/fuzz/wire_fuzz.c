// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/vm/wire.c and mux.c against a hostile other side: any bytes, in any pieces. First the
 * decoder and every value it may lead to, then a whole link with open streams in both directions.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "runtime/vm/mux.h"
#include "runtime/vm/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void values(const struct wire_frame *f)
{
    struct err e = {0};
    struct wire_in in = {.p = f->data, .left = f->len};
    struct wire_exec x;
    struct wire_create c;
    wire_get_err(&in, &e);
    mem_free(wire_get_str(&in));
    wire_strs_free(wire_get_strs(&in));
    (void)wire_get_u64(&in);
    if (wire_in_end(&in, "fuzz", &e) == 0 && in.left)
        __builtin_trap();
    if (wire_exec_decode(f->data, f->len, &x, &e) == 0)
        wire_exec_release(&x);
    if (wire_create_decode(f->data, f->len, &c, &e) == 0)
        wire_create_release(&c);
}

static void decoder(const uint8_t *data, size_t size)
{
    struct wire_decoder d;
    struct wire_frame f;
    struct err e;
    bool has = true;
    size_t step = size ? data[0] % 97 + 1 : 1;
    wire_decoder_init(&d);
    for (size_t at = 0; at < size; at += step) {
        size_t room;
        size_t n = size - at < step ? size - at : step;
        unsigned char *to = wire_decoder_room(&d, &room);
        if (room < n)
            __builtin_trap(); /* every whole frame was taken: there is room for one more */
        memcpy(to, data + at, n);
        wire_decoder_fed(&d, n);
        for (has = true; has;) {
            if (wire_decoder_next(&d, &f, &has, &e) < 0) {
                wire_decoder_release(&d);
                return;
            }
            if (has)
                values(&f);
        }
    }
    wire_decoder_release(&d);
}

static void on_frame(void *arg, const struct wire_frame *f)
{
    mux_send(*(struct mux **)arg, WIRE_REPLY, f->id, NULL);
}

static struct loop *fuzz_loop;

static void on_broken(void *arg, const struct err *why)
{
    (void)arg;
    (void)why;
    loop_stop(fuzz_loop);
}

static void mux(const uint8_t *data, size_t size)
{
    static const struct mux_events events = {on_frame, on_broken};
    struct err e;
    int pair[2];
    struct mux *m = NULL;
    if (size > 100000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    fuzz_loop = loop_new(&e);
    m = mux_new(fuzz_loop, pair[0], false, &events, &m, &e);
    struct mux_source *s = mux_source_new(m, 4, NULL, NULL);
    struct mux_sink *k = mux_sink_new(m, 5, NULL, NULL);
    (void)mux_sink_new(m, 6, NULL, NULL); /* never gets a descriptor */
    if (mux_source_attach(s, zero, &e) < 0 || mux_sink_attach(k, null, &e) < 0)
        __builtin_trap();
    if (write(pair[1], data, size) != (ssize_t)size || shutdown(pair[1], SHUT_WR) < 0)
        __builtin_trap();
    if (loop_run(fuzz_loop, &e) < 0)
        __builtin_trap();
    mux_free(m);
    loop_free(fuzz_loop);
    (void)close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)signal(SIGPIPE, SIG_IGN);
    decoder(data, size);
    mux(data, size);
    return 0;
}
