// SPDX-License-Identifier: Apache-2.0
/* base/err.h: what the texts look like, and that the reason survives when they are too long. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/err.h"

static void long_name(char *name, size_t size)
{
    memset(name, 'x', size - 1);
    name[size - 1] = '\0';
}

static void test_err_set_fills_kind_and_text(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(err_set(&e, ERR_STATE, "container '%s' is %s", "c1", "running"), -1);
    assert_int_equal(e.kind, ERR_STATE);
    assert_int_equal(e.sys, 0);
    assert_string_equal(e.text, "container 'c1' is running");
}

static void test_err_sys_appends_the_errno(void **state)
{
    (void)state;
    struct err e;
    errno = ENOENT;
    assert_int_equal(err_sys(&e, "open '%s'", "/x"), -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
    assert_int_equal(e.sys, ENOENT);
    assert_string_equal(e.text, "open '/x': No such file or directory");
    assert_int_equal(err_sysno(&e, EPERM, "mount"), -1);
    assert_string_equal(e.text, "mount: Operation not permitted");
    assert_int_equal(err_sysno(&e, 4000, "mount"), -1);
    assert_string_equal(e.text, "mount: error 4000");
}

static void test_err_sys_keeps_the_reason_of_a_long_object(void **state)
{
    (void)state;
    struct err e;
    char name[2000];
    const char *end = "…: Permission denied";
    long_name(name, sizeof(name));
    (void)err_sysno(&e, EACCES, "open '%s'", name);
    assert_memory_equal(e.text, "open 'xxx", 9);
    assert_true(strlen(e.text) < sizeof(e.text));
    assert_string_equal(e.text + strlen(e.text) - strlen(end), end);
}

static void test_err_add_puts_phrases_in_front(void **state)
{
    (void)state;
    struct err e;
    (void)err_sysno(&e, EBUSY, "write");
    assert_int_equal(err_add(&e, "limit %s", "memory"), -1);
    assert_int_equal(err_add(&e, "create 'c1'"), -1);
    assert_string_equal(e.text, "create 'c1': limit memory: write: Device or resource busy");
    assert_int_equal(e.kind, ERR_SYSTEM);
    assert_int_equal(e.sys, EBUSY);
}

static void test_err_add_keeps_the_end_when_it_does_not_fit(void **state)
{
    (void)state;
    struct err e;
    char name[300];
    const char *end = "xxx: Device or resource busy";
    long_name(name, sizeof(name));
    for (int i = 0; i < 3; i++) {
        (void)err_sysno(&e, EBUSY, "%s", name);
        for (int j = 0; j < i + 1; j++)
            (void)err_add(&e, "phrase %d %.200s", j, name);
        assert_memory_equal(e.text, "phrase ", 7);
        assert_true(strlen(e.text) < sizeof(e.text));
        assert_string_equal(e.text + strlen(e.text) - strlen(end), end);
    }
}

static void test_err_add_gives_way_to_the_reason(void **state)
{
    (void)state;
    struct err e;
    char name[1000];
    long_name(name, sizeof(name));
    (void)err_set(&e, ERR_CONFIG, "no");
    (void)err_add(&e, "%s", name);
    assert_string_equal(e.text, "no");
}

static void test_err_exit_code_depends_on_the_kind_alone(void **state)
{
    (void)state;
    static const int codes[] = {
            [ERR_NONE] = 1,
            [ERR_USAGE] = 2,
            [ERR_CONFIG] = 3,
            [ERR_STATE] = 1,
            [ERR_NOT_FOUND] = 4,
            [ERR_EXISTS] = 1,
            [ERR_UNSUPPORTED] = 1,
            [ERR_SYSTEM] = 1,
            [ERR_INTERNAL] = 1,
    };
    for (int kind = ERR_NONE; kind <= ERR_INTERNAL; kind++) {
        struct err e = {.kind = kind};
        assert_int_equal(err_exit_code(&e), codes[kind]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_err_set_fills_kind_and_text),
            cmocka_unit_test(test_err_sys_appends_the_errno),
            cmocka_unit_test(test_err_sys_keeps_the_reason_of_a_long_object),
            cmocka_unit_test(test_err_add_puts_phrases_in_front),
            cmocka_unit_test(test_err_add_keeps_the_end_when_it_does_not_fit),
            cmocka_unit_test(test_err_add_gives_way_to_the_reason),
            cmocka_unit_test(test_err_exit_code_depends_on_the_kind_alone),
    };
    return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
