// SPDX-License-Identifier: Apache-2.0
/* hv/boot/version.h: the order of kernel releases. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/fd.h"
#include "base/own.h"
#include "hv/boot/version.h"

static void test_version_orders_as_people_expect(void **state)
{
    static const char *const order[] = {"5.10.0-30-amd64", "6.1.0~rc1", "6.1.0", "6.1.0-9-amd64",
            "6.1.0-40-amd64", "6.1.0-40-cloud-amd64", "6.12.1", "10.0"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        for (size_t k = 0; k < ARRAY_LEN(order); k++) {
            int got = version_compare(order[i], order[k]);
            assert_int_equal((got > 0) - (got < 0), (i > k) - (i < k));
        }
    assert_int_equal(version_compare("6.01", "6.1"), 0);
}

static void test_version_newest_takes_the_newest_image(void **state)
{
    struct err e;
    char dir[] = "/tmp/islet-version-test.XXXXXX";
    static const char *const names[] = {"vmlinuz-6.1.0-9-amd64", "vmlinuz-6.1.0-40-amd64",
            "vmlinuz-6.1.0-50-amd64.dpkg-tmp", "vmlinuz-", "initrd.img-9.9"};
    (void)state;
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        autofree char *path = str_fmt("%s/%s", dir, names[i]);
        autoclose int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
    }
    autofree char *got = NULL;
    autofree char *want = str_fmt("%s/vmlinuz-6.1.0-40-amd64", dir);
    assert_int_equal(version_newest(dir, "vmlinuz-", &got, &e), 0);
    assert_string_equal(got, want);
    assert_int_equal(fd_remove_tree(AT_FDCWD, dir, &e), 0);
    char *none = NULL;
    assert_int_equal(version_newest(dir, "vmlinuz-", &none, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_version_orders_as_people_expect),
            cmocka_unit_test(test_version_newest_takes_the_newest_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
