// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/steps.c: what can be said of the tables without running them, and how birth_run goes down
 * one and back up, on tables of the test's own.
 */
#include "runtime/birth.h"
#include "tests/unit/runtime/kit.h"

/* HOST steps that need no revert, and why. A new one without a revert belongs here or is a leak. */
static const struct {
    const char *name, *why;
} without_revert[] = {
        {"sources",    "fds, closed with the birth"            },
        {"namespaces", "fds, closed with the birth"            },
        {"console",    "an fd, closed with the birth"          },
        {"fifo",       "lies in the state directory"           },
        {"id-maps",    "of the child's namespace, dies with it"},
        {"plan",       "an fd, closed with the birth"          },
        {"limits",     "of the cgroup, die with it"            },
        {"memory",     "of the cgroup, dies with it"           },
        {"state",      "lies in the state directory"           },
        {"publish",    "lies in the state directory"           },
        {"ready",      "waits, makes nothing"                  },
        {"oom-score",  "of the child, dies with it"            },
};

static const struct step *const tables[] = {birth_ns_steps, birth_vm_steps};

static bool is_excused(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(without_revert); i++)
        if (strcmp(without_revert[i].name, name) == 0)
            return without_revert[i].why[0] != '\0';
    return false;
}

static const struct step *find(const struct step *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static void test_steps_have_unique_names(void **state)
{
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++)
        for (const struct step *s = tables[t]; s->name; s++) {
            assert_ptr_equal(find(tables[t], s->name), s);
            assert_non_null(s->apply);
            /* ISLET_FAIL_STEP and the documentation name them */
            assert_int_equal(strspn(s->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(s->name));
        }
}

static void test_steps_that_make_something_have_a_revert(void **state)
{
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++)
        for (const struct step *s = tables[t]; s->name; s++) {
            if (s->where == STEP_CHILD) /* dies with its namespaces */
                assert_null(s->revert);
            else if (!s->revert && !is_excused(s->name))
                fail_msg("step %s: no revert, and no reason in this test", s->name);
            else if (s->revert && is_excused(s->name))
                fail_msg("step %s: has a revert, and a reason for none in this test", s->name);
        }
    for (size_t i = 0; i < ARRAY_LEN(without_revert); i++)
        if (!find(birth_ns_steps, without_revert[i].name) &&
                !find(birth_vm_steps, without_revert[i].name))
            fail_msg("step %s: in this test, and in no table", without_revert[i].name);
}

static bool is_before(const char *first, const char *second)
{
    const struct step *a = find(birth_ns_steps, first);
    const struct step *b = find(birth_ns_steps, second);
    if (!a || !b)
        fail_msg("%s, %s: no such step", first, second);
    return a < b;
}

/* What breaks a wall when it moves. */
static void test_steps_stand_in_an_order_that_holds(void **state)
{
    (void)state;
    assert_true(is_before("state-dir", "cgroup")); /* a crash is found again by the directory */
    assert_true(is_before("cgroup", "clone"));     /* no process without limits */
    assert_true(is_before("sources", "clone"));    /* opened before the container can see them */
    assert_true(is_before("join", "root"));
    assert_true(is_before("root", "mounts"));
    assert_true(is_before("mounts", "devices"));
    assert_true(is_before("mounts", "paths")); /* masks lie on top */
    assert_true(is_before("sysctl", "paths")); /* before /proc/sys is read-only */
    assert_true(is_before("paths", "pivot"));
    assert_true(is_before("pivot", "stage"));
    assert_true(is_before("ready", "pid-file")); /* never a pid file of a failed create */
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        const struct step *last = tables[t];
        while (last[1].name)
            last++;
        assert_string_equal(last->name, "pid-file");
    }
}

/* -- birth_run, on tables of our own --------------------------------------------------------------- */

static char trace[64];

static void note(char c)
{
    size_t n = strlen(trace);
    assert_true(n + 1 < sizeof(trace));
    trace[n] = c;
}

#define STEP_FN(c)                                                                                 \
    static int apply_##c(struct birth *b, struct err *e)                                           \
    {                                                                                              \
        (void)b;                                                                                   \
        (void)e;                                                                                   \
        note(#c[0]);                                                                               \
        return 0;                                                                                  \
    }                                                                                              \
    static void revert_##c(struct birth *b)                                                        \
    {                                                                                              \
        (void)b;                                                                                   \
        note((char)(#c[0] - 'a' + 'A'));                                                           \
    }
STEP_FN(a)
STEP_FN(b)
STEP_FN(c)
STEP_FN(d)

static int apply_fail(struct birth *b, struct err *e)
{
    (void)b;
    note('!');
    return err_set(e, ERR_SYSTEM, "no");
}

static const struct step good[] = {
        {"a",  STEP_HOST,  apply_a, revert_a},
        {"b",  STEP_CHILD, apply_b, NULL    },
        {"c",  STEP_HOST,  apply_c, NULL    },
        {"d",  STEP_HOST,  apply_d, revert_d},
        {NULL, STEP_HOST,  NULL,    NULL    },
};

static const struct step bad[] = {
        {"a",    STEP_HOST,  apply_a,    revert_a},
        {"b",    STEP_HOST,  apply_b,    revert_b},
        {"x",    STEP_CHILD, apply_fail, NULL    },
        {"fail", STEP_HOST,  apply_fail, revert_c}, /* half made: its own revert runs too */
        {"d",    STEP_HOST,  apply_d,    revert_d},
        {NULL,   STEP_HOST,  NULL,       NULL    },
};

static void run(const struct step *steps, enum step_where where, int rc, const char *expected)
{
    struct err e = {0};
    struct birth b = {0};
    memset(trace, 0, sizeof(trace));
    assert_int_equal(birth_run(&b, steps, where, &e), rc);
    assert_string_equal(trace, expected);
    if (rc < 0)
        assert_string_equal(e.text, "no");
}

static void test_steps_of_one_side_run_in_order(void **state)
{
    (void)state;
    run(good, STEP_HOST, 0, "acd");
    run(good, STEP_CHILD, 0, "b");
}

static void test_steps_are_undone_backwards(void **state)
{
    (void)state;
    run(bad, STEP_HOST, -1, "ab!CBA");
    run(bad, STEP_CHILD, -1, "!"); /* the host's side sees to it */
    struct birth b = {0};
    memset(trace, 0, sizeof(trace));
    birth_undo(&b, good);
    assert_string_equal(trace, "DA");
}

/* A birth that made nothing is undone by all reverts without harm. */
static void test_steps_reverts_take_an_empty_birth(void **state)
{
    (void)state;
    struct rt_context ctx = {.root = "/nonexistent/islet"};
    struct rt_create req = {.id = "islet-unit-none"};
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        struct birth b;
        birth_init(&b, &ctx, &req);
        birth_undo(&b, tables[t]);
        birth_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_steps_have_unique_names),
            cmocka_unit_test(test_steps_that_make_something_have_a_revert),
            cmocka_unit_test(test_steps_stand_in_an_order_that_holds),
            cmocka_unit_test(test_steps_of_one_side_run_in_order),
            cmocka_unit_test(test_steps_are_undone_backwards),
            cmocka_unit_test(test_steps_reverts_take_an_empty_birth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
