// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a kernel image, as the ELF file in it, and as the tables of its modules. What is
 * accepted must keep the promises of the headers: the payload lies in the file, the release is one
 * path component, module paths stay below their directory.
 */
#include <stdint.h>
#include <string.h>

#include "base/own.h"
#include "hv/boot/bzimage.h"
#include "hv/boot/modules.h"

static void image(const uint8_t *data, size_t len)
{
    struct bzimage b;
    struct err e;
    uint64_t file_size = (uint64_t)len * 16; /* the header is only its start */
    if (bzimage_parse(data, len, file_size, &b, &e) < 0)
        return;
    ASSERT(b.payload_offset <= file_size && b.payload_length <= file_size - b.payload_offset);
    ASSERT(*b.release && *b.release != '.' && !strchr(b.release, '/'));
}

static void tables(const uint8_t *data, size_t len)
{
    static const char *const names[] = {"a", "b-c", NULL};
    struct module_list l = {0};
    struct err e;
    autofree char *dep = str_ndup((const char *)data, len);
    size_t n = strlen(dep);
    autofree char *builtin =
            n < len ? str_ndup((const char *)data + n + 1, len - n - 1) : str_dup("");
    if (modules_order(dep, builtin, names, &l, &e) < 0)
        return;
    for (size_t i = 0; i < l.n; i++) {
        autofree char *plain = modules_plain_name(l.path[i]);
        ASSERT(l.path[i][0] != '/' && !strstr(l.path[i], ".."));
        ASSERT(!strchr(plain, '/'));
    }
    modules_release(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e;
    bool has_pvh;
    image(data, len);
    if (bzimage_elf_pvh(data, len, &has_pvh, &e) == 0)
        ASSERT(len >= 64);
    tables(data, len);
    return 0;
}
