// SPDX-License-Identifier: Apache-2.0
/* "Did you mean …". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "cli/nearest.h"

static const char *best(const char *asked)
{
    static const char *const names[] = {"create", "delete", "kill", "list", "state", "start",
            "restore"};
    struct cli_nearest n = cli_nearest_to(asked);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        cli_nearest_offer(&n, names[i]);
    return n.best;
}

static void test_nearest_forgives_one_edit(void **state)
{
    (void)state;
    assert_string_equal(best("crete"), "create");
    assert_string_equal(best("killl"), "kill");
    assert_string_equal(best("lits"), "list");
    assert_string_equal(best("stare"), "state");
}

static void test_nearest_forgives_two_edits_in_long_words(void **state)
{
    (void)state;
    assert_string_equal(best("derete"), "delete");
    assert_string_equal(best("resotres"), "restore");
    assert_null(best("klli2"));
}

static void test_nearest_prefers_the_nearer_name(void **state)
{
    (void)state;
    assert_string_equal(best("star"), "start");
    assert_string_equal(best("delet"), "delete");
}

static void test_nearest_knows_when_nothing_is_near(void **state)
{
    (void)state;
    assert_null(best("frobnicate"));
    assert_null(best("x"));
    assert_null(best(""));
    assert_null(best("createcreatecreatecreatecreatecreatecreatecreatecreatecreate"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_nearest_forgives_one_edit),
            cmocka_unit_test(test_nearest_forgives_two_edits_in_long_words),
            cmocka_unit_test(test_nearest_prefers_the_nearer_name),
            cmocka_unit_test(test_nearest_knows_when_nothing_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
