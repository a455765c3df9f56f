// SPDX-License-Identifier: Apache-2.0
/* Tables and JSON on standard output. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "cli/out.h"

static const char *const heads[] = {"ID", "STATUS", "BUNDLE"};

static void assert_table(const char *const *cells, size_t rows, const char *text)
{
    struct out_table t = {.heads = heads, .columns = 3, .cells = cells, .rows = rows};
    autofree char *made = out_table_text(&t);
    assert_string_equal(made, text);
}

static void test_out_prints_the_heads_of_an_empty_table(void **state)
{
    (void)state;
    assert_table(NULL, 0, "ID  STATUS  BUNDLE\n");
}

static void test_out_aligns_columns_without_trailing_blanks(void **state)
{
    (void)state;
    static const char *const cells[] = {"a", "running", "/b", "longer-name", "up", "/bundle/two"};
    assert_table(cells, 2,
            "ID           STATUS   BUNDLE\n"
            "a            running  /b\n"
            "longer-name  up       /bundle/two\n");
}

static void test_out_shows_missing_cells(void **state)
{
    (void)state;
    static const char *const cells[] = {"a", NULL, ""};
    assert_table(cells, 1, "ID  STATUS  BUNDLE\na   -       -\n");
}

static void test_out_counts_letters_not_bytes(void **state)
{
    (void)state;
    static const char *const cells[] = {"ää", "x", "ö"};
    assert_table(cells, 1, "ID  STATUS  BUNDLE\nää  x       ö\n");
}

static void test_out_shows_bytes_that_steer_terminals(void **state)
{
    (void)state;
    static const char *const cells[] = {"\033[2J", "a\nb\x7f", "\xc2\x9b;\x9b;\xc3"};
    static const char text[] = "ID       STATUS      BUNDLE\n"
                               "\\x1b[2J  a\\x0ab\\x7f  \\xc2\\x9b;\\x9b;\\xc3\n";
    assert_table(cells, 1, text);
}

/* Runs fn with standard output going to a pipe; what came out, or NULL when fn failed. */
static char *capture(int (*fn)(struct err *), struct err *e)
{
    static char text[4096];
    int ends[2];
    int saved = dup(STDOUT_FILENO);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
    int rc = fn(e);
    assert_true(dup2(saved, STDOUT_FILENO) == STDOUT_FILENO);
    (void)close(saved);
    (void)close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof(text) - 1);
    (void)close(ends[0]);
    assert_true(n >= 0);
    text[n] = '\0';
    return rc == 0 ? text : NULL;
}

static int line(struct err *e)
{
    json_t *v = json_pack("[i, i]", 1, 2);
    int rc = out_json(v, OUT_JSON_LINE, e);
    json_decref(v);
    return rc;
}

static void test_out_writes_json_on_one_line(void **state)
{
    (void)state;
    struct err e = {0};
    assert_string_equal(capture(line, &e), "[1,2]\n");
}

static int pretty(struct err *e)
{
    json_t *v = json_pack("{s: s}", "id", "a");
    int rc = out_json(v, OUT_JSON_PRETTY, e);
    json_decref(v);
    return rc;
}

static void test_out_writes_json_for_people(void **state)
{
    (void)state;
    struct err e = {0};
    assert_string_equal(capture(pretty, &e), "{\n  \"id\": \"a\"\n}\n");
}

static void test_out_reports_a_full_disk(void **state)
{
    (void)state;
    struct err e = {0};
    int saved = dup(STDOUT_FILENO);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(dup2(full, STDOUT_FILENO) == STDOUT_FILENO);
    int rc = out_text("x\n", &e);
    assert_true(dup2(saved, STDOUT_FILENO) == STDOUT_FILENO);
    (void)close(full);
    (void)close(saved);
    assert_int_equal(rc, -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
    assert_non_null(strstr(e.text, "No space left on device"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_out_prints_the_heads_of_an_empty_table),
            cmocka_unit_test(test_out_aligns_columns_without_trailing_blanks),
            cmocka_unit_test(test_out_shows_missing_cells),
            cmocka_unit_test(test_out_counts_letters_not_bytes),
            cmocka_unit_test(test_out_shows_bytes_that_steer_terminals),
            cmocka_unit_test(test_out_writes_json_on_one_line),
            cmocka_unit_test(test_out_writes_json_for_people),
            cmocka_unit_test(test_out_reports_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
