// SPDX-License-Identifier: Apache-2.0
/* hv/qemu/console.h: the log has a limit, and a panic is seen across pieces. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "hv/qemu/console.h"

static bool panics(const char *text, size_t step)
{
    struct console c = {.out_fd = -1};
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i += step)
        console_feed(&c, text + i, len - i < step ? len - i : step);
    return c.is_panic;
}

static void test_console_sees_a_panic_in_pieces(void **state)
{
    (void)state;
    for (size_t step = 1; step < 40; step++) {
        assert_true(panics("[ 1.0] Kernel panic - not syncing: VFS\n", step));
        assert_true(panics("KernelKKernel panic - not syncing", step));
        assert_false(panics("Kernel panic - not sync Kernel panic", step));
    }
}

static void test_console_stops_writing_at_its_limit(void **state)
{
    struct stat st;
    (void)state;
    autoclose int fd = memfd_create("console", MFD_CLOEXEC);
    autofree char *piece = mem_new(100000, 1);
    struct console c = {.out_fd = fd};
    for (int i = 0; i < 30; i++)
        console_feed(&c, piece, 100000);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_size >= CONSOLE_MAX && st.st_size < CONSOLE_MAX + 100);
    console_feed(&c, "Kernel panic - not syncing", 26);
    assert_true(c.is_panic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_console_sees_a_panic_in_pieces),
            cmocka_unit_test(test_console_stops_writing_at_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
