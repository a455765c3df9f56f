// SPDX-License-Identifier: Apache-2.0
/* The grammar of command lines, rule by rule, as conmon, go-runc, CRI-O and people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "cli/opt.h"

struct values {
    bool detach;
    bool tty;
    bool force;
    const char *bundle;
    const char *cgroup;
    unsigned fds;
    int form;
    struct opt_strs env;
    struct opt_u32s gids;
    bool quiet_end;
};

static const struct opt_word forms[] = {
        {"table", 1},
        {"json",  2},
        {"tab",   1},
        {NULL,    0},
};

static const struct opt table[] = {
        OPT_BOOL("detach", 'd', struct values, detach, 0, "do not wait"),
        OPT_BOOL("tty", 't', struct values, tty, 0, "a terminal"),
        OPT_BOOL("no-subreaper", 0, struct values, force, OPT_HIDDEN, "ignored"),
        OPT_STR("bundle", 'b', struct values, bundle, 0, "DIR", "the bundle"),
        OPT_STR("resources", 'r', struct values, bundle, 0, "FILE", "the same place"),
        OPT_STR("cgroup", 0, struct values, cgroup, OPT_REFUSED, "PATH", "no sub-cgroups"),
        OPT_BOOL("linger", 0, struct values, quiet_end, OPT_REFUSED, "no lingering"),
        OPT_UINT("preserve-fds", 0, struct values, fds, 0, "N", "pass fds"),
        OPT_WORD("format", 'f', struct values, form, 0, forms, "form"),
        OPT_STRS("env", 'e', struct values, env, 0, "K=V", "a variable"),
        OPT_U32S("gid", 'g', struct values, gids, 0, "GID", "a group"),
        OPT_END,
};

struct outcome {
    struct values v;
    struct opt_rest rest;
    struct err e;
    char *argv[16];
    int rc;
};

/* `words` is split at blanks; "''" stands for an empty word. */
static void parse_as(struct outcome *o, enum opt_order order, const char *words)
{
    static char text[400];
    size_t n = 0;
    *o = (struct outcome){0};
    assert_true(strlen(words) < sizeof(text));
    memcpy(text, words, strlen(words) + 1);
    for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        assert_true(n < ARRAY_LEN(o->argv) - 1);
        if (strcmp(w, "''") == 0)
            *w = '\0';
        o->argv[n++] = w;
    }
    o->rc = opt_parse(table, order, o->argv, &o->v, &o->rest, &o->e);
}

static void parse(struct outcome *o, const char *words)
{
    parse_as(o, OPT_ANY_ORDER, words);
}

static void done(struct outcome *o)
{
    opt_release(table, &o->v);
}

static void assert_refused(const char *words, enum err_kind kind, const char *text)
{
    struct outcome o;
    parse(&o, words);
    assert_int_equal(o.rc, -1);
    assert_int_equal(o.e.kind, kind);
    assert_string_equal(o.e.text, text);
    done(&o);
}

static void test_opt_takes_the_next_word_as_value(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "--bundle /b -f json x");
    assert_int_equal(o.rc, 0);
    assert_string_equal(o.v.bundle, "/b");
    assert_int_equal(o.v.form, 2);
    assert_int_equal(o.rest.argc, 1);
    assert_string_equal(o.rest.argv[0], "x");
    assert_null(o.rest.argv[1]);
}

static void test_opt_takes_values_behind_equal_signs(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "--bundle=/b=c -f=json --preserve-fds=3");
    assert_int_equal(o.rc, 0);
    assert_string_equal(o.v.bundle, "/b=c");
    assert_int_equal(o.v.form, 2);
    assert_int_equal(o.v.fds, 3);
    parse(&o, "--bundle= x");
    assert_string_equal(o.v.bundle, "");
    assert_int_equal(o.rest.argc, 1);
}

static void test_opt_takes_long_names_with_one_dash(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "-no-subreaper -bundle /b -preserve-fds=2 x");
    assert_int_equal(o.rc, 0);
    assert_true(o.v.force);
    assert_string_equal(o.v.bundle, "/b");
    assert_int_equal(o.v.fds, 2);
}

static void test_opt_takes_letters_with_two_dashes(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "--b /b --d");
    assert_int_equal(o.rc, 0);
    assert_string_equal(o.v.bundle, "/b");
    assert_true(o.v.detach);
}

static void test_opt_takes_values_that_look_like_flags(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "--resources - ID");
    assert_int_equal(o.rc, 0);
    assert_string_equal(o.v.bundle, "-");
    assert_int_equal(o.rest.argc, 1);
    parse(&o, "--bundle --tty");
    assert_int_equal(o.rc, 0);
    assert_string_equal(o.v.bundle, "--tty");
    assert_false(o.v.tty);
    parse(&o, "--bundle -- x");
    assert_string_equal(o.v.bundle, "--");
    assert_int_equal(o.rest.argc, 1);
}

static void test_opt_switches_take_true_and_false(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "--detach -t=true x");
    assert_int_equal(o.rc, 0);
    assert_true(o.v.detach);
    assert_true(o.v.tty);
    parse(&o, "--detach --detach=false");
    assert_false(o.v.detach);
    parse(&o, "--detach=1 --tty=F");
    assert_true(o.v.detach);
    assert_false(o.v.tty);
    assert_refused("--detach=yes", ERR_USAGE, "flag '--detach': 'yes' is not true or false");
}

static void test_opt_switches_leave_the_next_word_alone(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "--detach false");
    assert_true(o.v.detach);
    assert_int_equal(o.rest.argc, 1);
}

static void test_opt_lets_the_last_of_repeated_flags_win(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "--bundle=/a --bundle /b -f json -f table");
    assert_int_equal(o.rc, 0);
    assert_string_equal(o.v.bundle, "/b");
    assert_int_equal(o.v.form, 1);
}

static void test_opt_appends_to_lists(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "-e A=1 --env=B=2 x -e C= -g 5 --gid 4294967295");
    assert_int_equal(o.rc, 0);
    assert_int_equal(o.v.env.n, 3);
    assert_string_equal(o.v.env.items[0], "A=1");
    assert_string_equal(o.v.env.items[1], "B=2");
    assert_string_equal(o.v.env.items[2], "C=");
    assert_null(o.v.env.items[3]);
    assert_int_equal(o.v.gids.n, 2);
    assert_int_equal(o.v.gids.items[0], 5);
    assert_int_equal(o.v.gids.items[1], UINT32_MAX);
    done(&o);
    assert_null(o.v.env.items);
    assert_int_equal(o.v.gids.n, 0);
}

static void test_opt_takes_flags_in_any_order(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "ID -d KILL --bundle /b");
    assert_int_equal(o.rc, 0);
    assert_true(o.v.detach);
    assert_string_equal(o.v.bundle, "/b");
    assert_int_equal(o.rest.argc, 2);
    assert_string_equal(o.rest.argv[0], "ID");
    assert_string_equal(o.rest.argv[1], "KILL");
    assert_null(o.rest.argv[2]);
}

static void test_opt_stops_at_the_first_word_when_flags_come_first(void **state)
{
    (void)state;
    struct outcome o;
    parse_as(&o, OPT_FLAGS_FIRST, "-d ID ls -t --nonsense -- x");
    assert_int_equal(o.rc, 0);
    assert_true(o.v.detach);
    assert_false(o.v.tty);
    assert_int_equal(o.rest.argc, 6);
    assert_string_equal(o.rest.argv[0], "ID");
    assert_string_equal(o.rest.argv[3], "--nonsense");
    assert_string_equal(o.rest.argv[4], "--");
    assert_null(o.rest.argv[6]);
}

static void test_opt_ends_flags_at_two_dashes(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "a -d -- --tty -- b");
    assert_int_equal(o.rc, 0);
    assert_true(o.v.detach);
    assert_false(o.v.tty);
    assert_int_equal(o.rest.argc, 4);
    assert_string_equal(o.rest.argv[1], "--tty");
    assert_string_equal(o.rest.argv[2], "--");
    parse_as(&o, OPT_FLAGS_FIRST, "-- -d x");
    assert_false(o.v.detach);
    assert_string_equal(o.rest.argv[0], "-d");
}

static void test_opt_keeps_a_lone_dash_and_empty_words(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "- '' -d");
    assert_int_equal(o.rc, 0);
    assert_int_equal(o.rest.argc, 2);
    assert_string_equal(o.rest.argv[0], "-");
    assert_string_equal(o.rest.argv[1], "");
    assert_true(o.v.detach);
}

static void test_opt_takes_joined_letters(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "-dt x");
    assert_int_equal(o.rc, 0);
    assert_true(o.v.detach);
    assert_true(o.v.tty);
    parse(&o, "-dtf json x");
    assert_int_equal(o.rc, 0);
    assert_int_equal(o.v.form, 2);
    assert_int_equal(o.rest.argc, 1);
    parse(&o, "-dt=false");
    assert_true(o.v.detach);
    assert_false(o.v.tty);
    assert_refused("-fd json", ERR_USAGE, "unknown flag '-fd'");
    assert_refused("--dt", ERR_USAGE, "unknown flag '--dt'");
}

static void test_opt_names_an_unknown_flag_and_the_nearest(void **state)
{
    (void)state;
    assert_refused("--bundel /b", ERR_USAGE, "unknown flag '--bundel', did you mean '--bundle'?");
    assert_refused("-detahc", ERR_USAGE, "unknown flag '-detahc', did you mean '--detach'?");
    assert_refused("--frob=1", ERR_USAGE, "unknown flag '--frob'");
    assert_refused("-x", ERR_USAGE, "unknown flag '-x'");
    assert_refused("-9", ERR_USAGE, "unknown flag '-9'");
}

static void test_opt_does_not_propose_hidden_flags(void **state)
{
    (void)state;
    assert_refused("--no-subreape", ERR_USAGE, "unknown flag '--no-subreape'");
    assert_refused("--cgruop", ERR_USAGE, "unknown flag '--cgruop'");
}

static void test_opt_names_the_flag_whose_value_is_missing(void **state)
{
    (void)state;
    assert_refused("--bundle", ERR_USAGE, "flag '--bundle' needs a value");
    assert_refused("-d -b", ERR_USAGE, "flag '-b' needs a value");
}

static void test_opt_takes_plain_numbers_only(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "--preserve-fds 4294967295");
    assert_int_equal(o.rc, 0);
    assert_int_equal(o.v.fds, UINT32_MAX);
    static const char *const wrong[] = {"-1", "+1", "0x1", "1x", "''", "4294967296",
            "99999999999999999999", "1.0"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        autofree char *words = str_fmt("--preserve-fds %s", wrong[i]);
        autofree char *text = str_fmt("flag '--preserve-fds': '%s' is not a number",
                strcmp(wrong[i], "''") == 0 ? "" : wrong[i]);
        assert_refused(words, ERR_USAGE, text);
    }
    assert_refused("-g 1 -g x", ERR_USAGE, "flag '--gid': 'x' is not a number");
}

static void test_opt_lists_the_words_it_takes(void **state)
{
    (void)state;
    assert_refused("-f xml", ERR_USAGE, "flag '--format': 'xml' is none of 'table', 'json', 'tab'");
    assert_refused("-f ''", ERR_USAGE, "flag '--format': '' is none of 'table', 'json', 'tab'");
    assert_string_equal(opt_word_name(forms, 1), "table");
    assert_null(opt_word_name(forms, 9));
}

static void test_opt_refuses_by_name_what_is_not_to_be_had(void **state)
{
    (void)state;
    struct outcome o;
    assert_refused("--cgroup /x", ERR_UNSUPPORTED,
            "flag '--cgroup' is not supported: no sub-cgroups");
    assert_refused("--linger", ERR_UNSUPPORTED, "flag '--linger' is not supported: no lingering");
    assert_refused("--linger=maybe", ERR_USAGE, "flag '--linger': 'maybe' is not true or false");
    parse(&o, "--cgroup= --linger=false x");
    assert_int_equal(o.rc, 0);
    assert_null(o.v.cgroup);
    parse(&o, "--cgroup '' x");
    assert_int_equal(o.rc, 0);
    assert_int_equal(o.rest.argc, 1);
}

static void test_opt_finds_a_call_for_help(void **state)
{
    (void)state;
    struct outcome o;
    static const char *const calls[] = {"--help", "-help", "-h", "--h", "x --help", "-d --help -q"};
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        parse(&o, calls[i]);
        assert_int_equal(o.rc, 0);
        assert_true(o.rest.want_help);
    }
    parse_as(&o, OPT_FLAGS_FIRST, "x --help");
    assert_false(o.rest.want_help);
    parse(&o, "-- --help");
    assert_false(o.rest.want_help);
}

static void test_opt_needs_no_table(void **state)
{
    (void)state;
    struct outcome o = {0};
    char word[] = "ID";
    char flag[] = "--all";
    o.argv[0] = word;
    assert_int_equal(opt_parse(NULL, OPT_ANY_ORDER, o.argv, &o.v, &o.rest, &o.e), 0);
    assert_int_equal(o.rest.argc, 1);
    o.argv[1] = flag;
    assert_int_equal(opt_parse(NULL, OPT_ANY_ORDER, o.argv, &o.v, &o.rest, &o.e), -1);
    assert_string_equal(o.e.text, "unknown flag '--all'");
    opt_release(NULL, &o.v);
}

static void test_opt_takes_no_words_at_all(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, "");
    assert_int_equal(o.rc, 0);
    assert_int_equal(o.rest.argc, 0);
    assert_null(o.rest.argv[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_opt_takes_the_next_word_as_value),
            cmocka_unit_test(test_opt_takes_values_behind_equal_signs),
            cmocka_unit_test(test_opt_takes_long_names_with_one_dash),
            cmocka_unit_test(test_opt_takes_letters_with_two_dashes),
            cmocka_unit_test(test_opt_takes_values_that_look_like_flags),
            cmocka_unit_test(test_opt_switches_take_true_and_false),
            cmocka_unit_test(test_opt_switches_leave_the_next_word_alone),
            cmocka_unit_test(test_opt_lets_the_last_of_repeated_flags_win),
            cmocka_unit_test(test_opt_appends_to_lists),
            cmocka_unit_test(test_opt_takes_flags_in_any_order),
            cmocka_unit_test(test_opt_stops_at_the_first_word_when_flags_come_first),
            cmocka_unit_test(test_opt_ends_flags_at_two_dashes),
            cmocka_unit_test(test_opt_keeps_a_lone_dash_and_empty_words),
            cmocka_unit_test(test_opt_takes_joined_letters),
            cmocka_unit_test(test_opt_names_an_unknown_flag_and_the_nearest),
            cmocka_unit_test(test_opt_does_not_propose_hidden_flags),
            cmocka_unit_test(test_opt_names_the_flag_whose_value_is_missing),
            cmocka_unit_test(test_opt_takes_plain_numbers_only),
            cmocka_unit_test(test_opt_lists_the_words_it_takes),
            cmocka_unit_test(test_opt_refuses_by_name_what_is_not_to_be_had),
            cmocka_unit_test(test_opt_finds_a_call_for_help),
            cmocka_unit_test(test_opt_needs_no_table),
            cmocka_unit_test(test_opt_takes_no_words_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
