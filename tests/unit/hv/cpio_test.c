// SPDX-License-Identifier: Apache-2.0
/* hv/boot/cpio.h: an archive that the real cpio and the kernel read; here, its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "hv/boot/cpio.h"

/* Walks the archive as the kernel does and writes "path mode size" lines. */
static char *listing(const struct cpio *c)
{
    char *out = str_dup("");
    size_t at = 0;
    for (;;) {
        char field[9] = "";
        assert_true(c->len - at >= 110);
        assert_int_equal(at % 4, 0);
        assert_memory_equal(c->buf + at, "070701", 6);
        memcpy(field, c->buf + at + 14, 8);
        unsigned long mode = strtoul(field, NULL, 16);
        memcpy(field, c->buf + at + 54, 8);
        unsigned long size = strtoul(field, NULL, 16);
        memcpy(field, c->buf + at + 94, 8);
        unsigned long name = strtoul(field, NULL, 16);
        const char *path = c->buf + at + 110;
        assert_int_equal(strlen(path) + 1, name);
        at = (at + 110 + name + 3) & ~3ul;
        at = (at + size + 3) & ~3ul;
        assert_true(at <= c->len);
        if (strcmp(path, "TRAILER!!!") == 0)
            break;
        char *longer = str_fmt("%s%s %lo %lu\n", out, path, mode, size);
        mem_free(out);
        out = longer;
    }
    assert_int_equal(at, c->len);
    return out;
}

static void test_cpio_writes_what_a_reader_finds(void **state)
{
    struct cpio c = {0};
    autofree char *big = mem_new(100001, 1);
    (void)state;
    cpio_dir(&c, "dev", 0755);
    cpio_char_device(&c, "dev/console", 0600, 5, 1);
    cpio_file(&c, "init", 0755, big, 100001);
    cpio_file(&c, "empty", 0644, NULL, 0);
    cpio_file(&c, "x", 0644, "abcd", 4);
    cpio_end(&c);
    autofree char *got = listing(&c);
    assert_string_equal(got, "dev 40755 0\ndev/console 20600 0\ninit 100755 100001\n"
                             "empty 100644 0\nx 100644 4\n");
    assert_non_null(memmem(c.buf, c.len, "000000050000000100000", 21)); /* the device number */
    cpio_release(&c);
    assert_null(c.buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_cpio_writes_what_a_reader_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
