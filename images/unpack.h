// SPDX-License-Identifier: Apache-2.0
/*
 * Unpacking one compressed stream by its magic number: gzip, xz, zstd and LZ4 "legacy" frames, the
 * formats of kernel payloads and kernel modules. Output is bounded by the caller.
 */
#ifndef ISLET_IMAGES_UNPACK_H
#define ISLET_IMAGES_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Takes the bytes in order; -1 with e set stops the unpacking. */
typedef int unpack_sink_fn(void *arg, const void *buf, size_t len, struct err *e);

struct unpack_out {
    unpack_sink_fn *sink;
    void *arg;
    uint64_t max; /* bytes that may still come out; one more is an error */
};

/* A magic number that is none of ours is ERR_UNSUPPORTED. Bytes after the end of the stream are
 * ignored: kernels append the unpacked size there. */
int unpack(const void *in, size_t len, struct unpack_out *out, struct err *e) must_check;

#endif
