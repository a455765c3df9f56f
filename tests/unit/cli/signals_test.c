// SPDX-License-Identifier: Apache-2.0
/* Signals as Podman (numbers), CRI-O (names) and people write them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "cli/signals.h"

static int parse(const char *text)
{
    struct err e = {0};
    return cli_signal_parse(text, &e);
}

static void test_signals_take_names_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(parse("TERM"), SIGTERM);
    assert_int_equal(parse("SIGTERM"), SIGTERM);
    assert_int_equal(parse("sigterm"), SIGTERM);
    assert_int_equal(parse("Kill"), SIGKILL);
    assert_int_equal(parse("SigUsr1"), SIGUSR1);
    assert_int_equal(parse("winch"), SIGWINCH);
}

static void test_signals_know_every_name_of_the_kernel(void **state)
{
    (void)state;
    for (int n = 1; n < 32; n++) {
        const char *name = sigabbrev_np(n);
        assert_non_null(name);
        assert_int_equal(parse(name), n);
    }
    assert_int_equal(parse("CLD"), SIGCHLD);
    assert_int_equal(parse("IOT"), SIGABRT);
    assert_int_equal(parse("IO"), SIGPOLL);
}

static void test_signals_take_numbers(void **state)
{
    (void)state;
    assert_int_equal(parse("0"), 0);
    assert_int_equal(parse("9"), 9);
    assert_int_equal(parse("15"), 15);
    assert_int_equal(parse("37"), 37);
    assert_int_equal(parse("64"), 64);
}

static void test_signals_take_the_real_time_range(void **state)
{
    (void)state;
    assert_int_equal(parse("RTMIN"), 34);
    assert_int_equal(parse("SIGRTMIN+3"), 37);
    assert_int_equal(parse("rtmin+30"), 64);
    assert_int_equal(parse("RTMAX"), 64);
    assert_int_equal(parse("RTMAX-1"), 63);
    assert_int_equal(parse("sigrtmax-30"), 34);
}

static void test_signals_refuse_what_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "SIG", "FOO", "SIGSIGTERM", "65", "99", "-9", "+9",
            "9x", "0x9", " 9", "100", "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMAX-31", "RTMIN+",
            "RTMIN+x", "RTMINX", "SIG9", "RTMIN 3"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err e = {0};
        assert_int_equal(cli_signal_parse(wrong[i], &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        autofree char *text = str_fmt("unknown signal '%s'", wrong[i]);
        assert_string_equal(e.text, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_signals_take_names_in_any_case),
            cmocka_unit_test(test_signals_know_every_name_of_the_kernel),
            cmocka_unit_test(test_signals_take_numbers),
            cmocka_unit_test(test_signals_take_the_real_time_range),
            cmocka_unit_test(test_signals_refuse_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
