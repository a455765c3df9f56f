// SPDX-License-Identifier: Apache-2.0
/* hv/boot/cache.h: made once, found again, nothing left of a failure, strangers refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/fd.h"
#include "base/own.h"
#include "hv/boot/cache.h"

static int made;

static int make(void *arg, const char *path, struct err *e)
{
    made++;
    autoclose int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "create");
    return arg ? err_set(e, ERR_SYSTEM, "failed half-way") : 0;
}

static void test_cache_makes_once(void **state)
{
    struct err e;
    char dir[] = "/tmp/islet-cache-test.XXXXXX";
    (void)state;
    made = 0;
    assert_non_null(mkdtemp(dir));
    autofree char *cache = str_fmt("%s/a/b", dir);
    for (int i = 0; i < 2; i++) {
        autofree char *path = NULL;
        assert_int_equal(cache_get(cache, "thing", 0xabc, make, NULL, &path, &e), 0);
        assert_int_equal(access(path, F_OK), 0);
        assert_string_equal(path + strlen(cache), "/thing-0000000000000abc");
    }
    assert_int_equal(made, 1);
    autofree char *old = str_fmt("%s/thing-0000000000000abc", cache);
    struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);
    autofree char *path = NULL;
    assert_int_equal(cache_get(cache, "thing", 0xabd, make, NULL, &path, &e), 0);
    assert_int_equal(access(old, F_OK), -1); /* pruned */
    assert_int_equal(fd_remove_tree(AT_FDCWD, dir, &e), 0);
}

static void test_cache_leaves_nothing_of_a_failure(void **state)
{
    struct err e;
    char dir[] = "/tmp/islet-cache-test.XXXXXX";
    char *path = NULL;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(cache_get(dir, "thing", 1, make, dir, &path, &e), -1);
    autofree char *temp = str_fmt("%s/thing-0000000000000001.new", dir);
    assert_int_equal(access(temp, F_OK), -1);
    assert_int_equal(cache_get(dir, "thing", 1, make, NULL, &path, &e), 0);
    mem_free(path);
    assert_int_equal(fd_remove_tree(AT_FDCWD, dir, &e), 0);
}

static void test_cache_refuses_a_directory_of_others(void **state)
{
    struct err e;
    char dir[] = "/tmp/islet-cache-test.XXXXXX";
    char *path = NULL;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(cache_get(dir, "thing", 1, make, NULL, &path, &e), -1);
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_int_equal(fd_remove_tree(AT_FDCWD, dir, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_cache_makes_once),
            cmocka_unit_test(test_cache_leaves_nothing_of_a_failure),
            cmocka_unit_test(test_cache_refuses_a_directory_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
