// SPDX-License-Identifier: Apache-2.0
/* hv/boot/modules.h: dependencies first, built-in ones left out, what lacks is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "hv/boot/modules.h"

static const char dep[] =
        "kernel/fs/fuse/virtiofs.ko.xz: kernel/fs/fuse/fuse.ko.xz "
        "kernel/drivers/virtio/virtio.ko.xz kernel/drivers/virtio/virtio_ring.ko.xz\n"
        "kernel/drivers/virtio/virtio.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz\n"
        "kernel/drivers/virtio/virtio_ring.ko.xz:\n"
        "kernel/drivers/char/hw_random/virtio-rng.ko.xz: "
        "kernel/drivers/virtio/virtio_ring.ko.xz kernel/drivers/virtio/virtio.ko.xz\n"
        "kernel/fs/fuse/fuse.ko.xz:\n"
        "kernel/a.ko: kernel/b.ko\n"
        "kernel/b.ko: kernel/a.ko\n"
        "../evil.ko:\n";
static const char builtin[] = "kernel/drivers/virtio/virtio_mmio.ko\nkernel/fs/ext4/ext4.ko\n";

static void test_modules_order_puts_needs_first(void **state)
{
    static const char *const names[] = {"virtiofs", "virtio_rng", "virtio-mmio", "fuse", NULL};
    static const char *const want[] = {"kernel/fs/fuse/fuse.ko.xz",
            "kernel/drivers/virtio/virtio_ring.ko.xz", "kernel/drivers/virtio/virtio.ko.xz",
            "kernel/fs/fuse/virtiofs.ko.xz", "kernel/drivers/char/hw_random/virtio-rng.ko.xz"};
    struct module_list l = {0};
    struct err e;
    (void)state;
    assert_int_equal(modules_order(dep, builtin, names, &l, &e), 0);
    assert_int_equal(l.n, ARRAY_LEN(want));
    for (size_t i = 0; i < l.n; i++)
        assert_string_equal(l.path[i], want[i]);
    modules_release(&l);
}

static void test_modules_order_names_what_lacks(void **state)
{
    static const char *const names[] = {"fuse", "9p", NULL};
    struct module_list l = {0};
    struct err e;
    (void)state;
    assert_int_equal(modules_order(dep, builtin, names, &l, &e), -1);
    assert_int_equal(e.kind, ERR_UNSUPPORTED);
    assert_non_null(strstr(e.text, "'9p'"));
}

static void test_modules_order_survives_bad_tables(void **state)
{
    static const char *const circle[] = {"a", NULL};
    static const char *const outside[] = {"evil", NULL};
    static const char *const fuse[] = {"fuse", NULL};
    struct module_list l = {0};
    struct err e;
    (void)state;
    assert_int_equal(modules_order(dep, builtin, circle, &l, &e), -1);
    assert_int_equal(modules_order(dep, builtin, outside, &l, &e), -1);
    assert_int_equal(modules_order("", "", fuse, &l, &e), -1);
    assert_int_equal(modules_order("no colon\n\n:\n:: :\nfuse.ko", "", fuse, &l, &e), -1);
    assert_int_equal(modules_order("fuse.ko:", "", fuse, &l, &e), 0);
    modules_release(&l);
}

static void test_modules_plain_name_drops_path_and_packing(void **state)
{
    (void)state;
    autofree char *a = modules_plain_name("kernel/fs/fuse/virtiofs.ko.xz");
    autofree char *b = modules_plain_name("fuse.ko");
    assert_string_equal(a, "virtiofs.ko");
    assert_string_equal(b, "fuse.ko");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_modules_order_puts_needs_first),
            cmocka_unit_test(test_modules_order_names_what_lacks),
            cmocka_unit_test(test_modules_order_survives_bad_tables),
            cmocka_unit_test(test_modules_plain_name_drops_path_and_packing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
