// SPDX-License-Identifier: Apache-2.0
/*
 * See cpio.h. Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst: a header of
 * "070701" and thirteen numbers of eight hex digits, the name with its NUL, the data; header + name
 * and data each padded to four bytes; the entry TRAILER!!! ends it.
 */
#include "hv/boot/cpio.h"

#include <string.h>
#include <sys/stat.h>

#include "base/own.h"

struct entry {
    const char *path;
    uint32_t mode;
    uint32_t rmajor;
    uint32_t rminor;
    const void *data;
    size_t len;
};

static void append(struct cpio *c, const void *p, size_t len)
{
    if (c->room - c->len < len) {
        c->room = (c->len + len) * 3 / 2 + 4096;
        c->buf = mem_grow(c->buf, c->room, 1);
    }
    if (len)
        memcpy(c->buf + c->len, p, len);
    c->len += len;
}

static void pad(struct cpio *c)
{
    append(c, "\0\0\0", -c->len & 3);
}

static void add(struct cpio *c, const struct entry *n)
{
    size_t name = strlen(n->path) + 1;
    ASSERT(n->len < UINT32_MAX);
    autofree char *head = str_fmt("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
            ++c->inode, n->mode, 0u, 0u, 1u, 0u, (unsigned)n->len, 0u, 0u, n->rmajor, n->rminor,
            (unsigned)name, 0u);
    append(c, head, 110);
    append(c, n->path, name);
    pad(c);
    append(c, n->data, n->len);
    pad(c);
}

void cpio_dir(struct cpio *c, const char *path, mode_t mode)
{
    add(c, &(struct entry){.path = path, .mode = S_IFDIR | mode});
}

void cpio_file(struct cpio *c, const char *path, mode_t mode, const void *data, size_t len)
{
    add(c, &(struct entry){.path = path, .mode = S_IFREG | mode, .data = data, .len = len});
}

void cpio_char_device(struct cpio *c, const char *path, mode_t mode, unsigned major_,
        unsigned minor_)
{
    add(c, &(struct entry){.path = path,
                   .mode = S_IFCHR | mode,
                   .rmajor = major_,
                   .rminor = minor_});
}

void cpio_end(struct cpio *c)
{
    add(c, &(struct entry){.path = "TRAILER!!!"});
}

void cpio_release(struct cpio *c)
{
    mem_free(c->buf);
    *c = (struct cpio){0};
}
