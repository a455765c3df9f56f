// SPDX-License-Identifier: Apache-2.0
/* When a wall counts as working; and that the probes answer and leave nothing behind. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "cli/doctor.h"

static void add(struct doctor_list *list, bool is_needed, enum doctor_state state)
{
    struct doctor_check c = {.name = "x", .is_needed = is_needed, .state = state};
    c.found = str_dup("found");
    doctor_add(list, &c);
}

static void test_doctor_needs_what_is_needed(void **state)
{
    (void)state;
    struct doctor_list l = {0};
    assert_false(doctor_works(&l)); /* nothing was looked at */
    add(&l, true, DOCTOR_OK);
    add(&l, true, DOCTOR_DEGRADED);
    add(&l, false, DOCTOR_MISSING);
    assert_true(doctor_works(&l));
    add(&l, true, DOCTOR_MISSING);
    assert_false(doctor_works(&l));
    doctor_release(&l);
    assert_int_equal(l.n, 0);
}

static void test_doctor_names_its_states(void **state)
{
    (void)state;
    assert_string_equal(doctor_state_name(DOCTOR_OK), "ok");
    assert_string_equal(doctor_state_name(DOCTOR_DEGRADED), "degraded");
    assert_string_equal(doctor_state_name(DOCTOR_MISSING), "missing");
}

static size_t open_fds(void)
{
    size_t n = 0;
    autodir DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    return n;
}

static void test_doctor_probes_leave_nothing_behind(void **state)
{
    (void)state;
    struct rlimit before, after;
    struct doctor_list l = {0};
    size_t fds = open_fds();
    assert_int_equal(getrlimit(RLIMIT_MSGQUEUE, &before), 0);
    doctor_container(&l);
    assert_int_equal(getrlimit(RLIMIT_MSGQUEUE, &after), 0);
    assert_int_equal(open_fds(), fds);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child */
    assert_int_equal(before.rlim_max, after.rlim_max);
    assert_int_equal(before.rlim_cur, after.rlim_cur);
    doctor_release(&l);
}

static void test_doctor_gives_a_remedy_for_all_that_is_not_ok(void **state)
{
    (void)state;
    struct doctor_list l = {0};
    doctor_container(&l);
    assert_true(l.n > 10);
    for (size_t i = 0; i < l.n; i++) {
        assert_non_null(l.items[i].found);
        assert_true(strlen(l.items[i].found) > 0);
        assert_int_equal(l.items[i].state == DOCTOR_OK, l.items[i].remedy == NULL);
    }
    doctor_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_doctor_needs_what_is_needed),
            cmocka_unit_test(test_doctor_names_its_states),
            cmocka_unit_test(test_doctor_probes_leave_nothing_behind),
            cmocka_unit_test(test_doctor_gives_a_remedy_for_all_that_is_not_ok),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
