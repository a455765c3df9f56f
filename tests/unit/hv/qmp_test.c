// SPDX-License-Identifier: Apache-2.0
/* hv/qemu/qmp.h: SHUTDOWN is understood however its bytes arrive; anything else is skipped. */
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
#include "hv/qemu/qmp.h"

static enum qmp_stop stop_of(const char *text, size_t step)
{
    struct qmp *q = mem_new(1, sizeof(*q));
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i += step)
        qmp_feed(q, text + i, len - i < step ? len - i : step);
    enum qmp_stop stop = q->stop;
    mem_free(q);
    return stop;
}

#define EVENT(reason)                                                                              \
    "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"SHUTDOWN\", "             \
    "\"data\": {\"guest\": true, \"reason\": \"" reason "\"}}\r\n"

static void test_qmp_tells_reasons_apart(void **state)
{
    (void)state;
    for (size_t step = 1; step < 300; step += 37) {
        assert_int_equal(stop_of("{\"QMP\": {}}\r\n" EVENT("guest-shutdown"), step),
                QMP_STOP_POWEROFF);
        assert_int_equal(stop_of(EVENT("guest-reset"), step), QMP_STOP_RESET);
        assert_int_equal(stop_of(EVENT("guest-panic"), step), QMP_STOP_PANIC);
        assert_int_equal(stop_of(EVENT("host-signal"), step), QMP_STOP_HOST);
        assert_int_equal(stop_of(EVENT("guest-reset") EVENT("guest-shutdown"), step),
                QMP_STOP_RESET);
    }
}

static void test_qmp_skips_what_is_not_an_end(void **state)
{
    (void)state;
    assert_int_equal(stop_of("{\"return\": {}}\n{\"event\": \"STOP\"}\n", 5), QMP_RUNNING);
    assert_int_equal(stop_of("{\"return\": \"SHUTDOWN\"}\n", 5), QMP_RUNNING);
    assert_int_equal(stop_of("\"SHUTDOWN\" {{{{[[[\n\n", 5), QMP_RUNNING);
    assert_int_equal(stop_of("{\"event\": \"SHUTDOWN\"", 5), QMP_RUNNING);
    assert_int_equal(stop_of("{\"event\": \"SHUTDOWN\"}\n", 5), QMP_STOP_HOST);
}

static void test_qmp_bounds_a_line(void **state)
{
    (void)state;
    autofree char *text = mem_new(20000, 1);
    memset(text, 'a', 10000);
    (void)snprintf(text + 10000, 10000, "%s", EVENT("guest-reset"));
    assert_int_equal(stop_of(text, 1000), QMP_RUNNING); /* part of the long line */
    text[9999] = '\n';
    assert_int_equal(stop_of(text, 1000), QMP_STOP_RESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_qmp_tells_reasons_apart),
            cmocka_unit_test(test_qmp_skips_what_is_not_an_end),
            cmocka_unit_test(test_qmp_bounds_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
