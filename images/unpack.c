// SPDX-License-Identifier: Apache-2.0
/*
 * See unpack.h. Sources: Linux lib/decompress_*.c and scripts/Makefile.lib (how payloads are made:
 * `lz4 -l`, `xz` with the x86 filter, `zstd --ultra`, gzip, each but gzip followed by the unpacked
 * size as 32 bits), lz4_Block_format and lz4 "legacy frame" (magic, then blocks of at most 8 MiB,
 * each with its packed size in front).
 */
#include "images/unpack.h"

#include <lz4.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/own.h"

#define CHUNK (1u << 20)
#define LZ4_BLOCK (8u << 20)
#define XZ_MEMORY (256u << 20)

static int put(struct unpack_out *out, const void *buf, size_t len, struct err *e)
{
    if (len > out->max)
        return err_set(e, ERR_CONFIG, "unpacks to more than is allowed");
    out->max -= len;
    return len ? out->sink(out->arg, buf, len, e) : 0;
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int unpack_lz4_legacy(const uint8_t *in, size_t len, struct unpack_out *out, struct err *e)
{
    autofree char *buf = mem_new(LZ4_BLOCK, 1);
    size_t at = 4;
    size_t blocks = 0;
    while (len - at >= 4) {
        uint32_t size = le32(in + at);
        if (size == 0x184c2102) { /* a second frame: only its magic */
            at += 4;
            continue;
        }
        if (size > len - at - 4) {
            if (blocks && len - at == 4)
                break; /* the unpacked size */
            return err_set(e, ERR_CONFIG, "lz4: block %zu reaches beyond the end", blocks);
        }
        if (size == 0)
            break;
        int n = LZ4_decompress_safe((const char *)in + at + 4, buf, (int)size, (int)LZ4_BLOCK);
        if (n < 0)
            return err_set(e, ERR_CONFIG, "lz4: block %zu is damaged", blocks);
        if (put(out, buf, (size_t)n, e) < 0)
            return -1;
        at += 4 + (size_t)size;
        blocks++;
    }
    if (!blocks)
        return err_set(e, ERR_CONFIG, "lz4: no data");
    return 0;
}

static int unpack_gzip(const uint8_t *in, size_t len, struct unpack_out *out, struct err *e)
{
    autofree uint8_t *buf = mem_new(CHUNK, 1);
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)in, .avail_in = (uInt)len};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return err_set(e, ERR_INTERNAL, "gzip: cannot start");
    int rc = 0;
    int state = Z_OK;
    while (rc == 0 && state != Z_STREAM_END) {
        z.next_out = buf;
        z.avail_out = CHUNK;
        state = inflate(&z, Z_NO_FLUSH);
        if (state != Z_OK && state != Z_STREAM_END)
            rc = err_set(e, ERR_CONFIG, "gzip: damaged or cut short");
        else
            rc = put(out, buf, CHUNK - z.avail_out, e);
    }
    (void)inflateEnd(&z); /* frees; its answer says nothing new */
    return rc;
}

static int unpack_xz(const uint8_t *in, size_t len, struct unpack_out *out, struct err *e)
{
    autofree uint8_t *buf = mem_new(CHUNK, 1);
    lzma_stream x = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&x, XZ_MEMORY, 0) != LZMA_OK)
        return err_set(e, ERR_INTERNAL, "xz: cannot start");
    x.next_in = in;
    x.avail_in = len;
    int rc = 0;
    lzma_ret state = LZMA_OK;
    while (rc == 0 && state != LZMA_STREAM_END) {
        x.next_out = buf;
        x.avail_out = CHUNK;
        state = lzma_code(&x, LZMA_RUN);
        if (state != LZMA_OK && state != LZMA_STREAM_END)
            rc = err_set(e, ERR_CONFIG, "xz: damaged or cut short (liblzma says %d)", (int)state);
        else
            rc = put(out, buf, CHUNK - x.avail_out, e);
    }
    lzma_end(&x);
    return rc;
}

static int unpack_zstd(const uint8_t *in, size_t len, struct unpack_out *out, struct err *e)
{
    autofree uint8_t *buf = mem_new(CHUNK, 1);
    ZSTD_DCtx *d = ZSTD_createDCtx();
    if (!d)
        return err_set(e, ERR_INTERNAL, "zstd: cannot start");
    ZSTD_inBuffer src = {.src = in, .size = len};
    int rc = 0;
    size_t left = 1;
    while (rc == 0 && left != 0) {
        ZSTD_outBuffer dst = {.dst = buf, .size = CHUNK};
        size_t before = src.pos;
        left = ZSTD_decompressStream(d, &dst, &src);
        if (ZSTD_isError(left))
            rc = err_set(e, ERR_CONFIG, "zstd: %s", ZSTD_getErrorName(left));
        else if (left && dst.pos == 0 && src.pos == before)
            rc = err_set(e, ERR_CONFIG, "zstd: cut short");
        else
            rc = put(out, buf, dst.pos, e);
    }
    (void)ZSTD_freeDCtx(d);
    return rc;
}

static const struct {
    uint8_t magic[6];
    size_t len;
    int (*fn)(const uint8_t *in, size_t len, struct unpack_out *out, struct err *e);
} formats[] = {
        {{0x02, 0x21, 0x4c, 0x18},         4, unpack_lz4_legacy},
        {{0x1f, 0x8b, 0x08},               3, unpack_gzip      },
        {{0xfd, '7', 'z', 'X', 'Z', 0x00}, 6, unpack_xz        },
        {{0x28, 0xb5, 0x2f, 0xfd},         4, unpack_zstd      },
};

int unpack(const void *in, size_t len, struct unpack_out *out, struct err *e)
{
    if (len > UINT32_MAX / 4)
        return err_set(e, ERR_CONFIG, "larger than %u bytes", UINT32_MAX / 4);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (len > formats[i].len && memcmp(in, formats[i].magic, formats[i].len) == 0)
            return formats[i].fn(in, len, out, e);
    return err_set(e, ERR_UNSUPPORTED, "compressed in a way that is not gzip, xz, zstd or lz4");
}
