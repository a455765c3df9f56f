// SPDX-License-Identifier: Apache-2.0
/* Freezing and thawing, with processes and without. */
#include "tests/unit/cgroups/real.h"

static bool is_frozen(const struct cg *c)
{
    struct err e = {0};
    bool ret = false;
    OK(cg_is_frozen(c, &ret, &e));
    return ret;
}

static void test_freeze_waits_until_it_is_so(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("freeze");
    struct cg c = make(path);
    pid_t pid = sleeper(&c);
    assert_false(is_frozen(&c));
    for (int i = 0; i < 3; i++) {
        OK(cg_freeze(&c, true, &e));
        assert_true(is_frozen(&c));
        OK(cg_freeze(&c, true, &e)); /* again is fine */
        OK(cg_freeze(&c, false, &e));
        assert_false(is_frozen(&c));
    }
    cg_close(&c);
    unmake(path);
    assert_int_equal(reap(pid), 1000 + SIGKILL);
}

static void on_usr1(int sig)
{
    (void)sig;
    _exit(7);
}

static void test_freeze_stops_the_processes(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("stops");
    struct cg c = make(path);
    (void)signal(SIGUSR1, on_usr1); /* fatal signals do end frozen processes on v2 */
    pid_t pid = sleeper(&c);
    OK(cg_freeze(&c, true, &e));
    assert_int_equal(kill(pid, SIGUSR1), 0);
    (void)usleep(20000);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    OK(cg_freeze(&c, false, &e));
    assert_int_equal(reap(pid), 7);
    cg_close(&c);
    unmake(path);
}

static void test_freeze_of_a_removed_cgroup_is_not_found(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("gone");
    struct cg c = make(path);
    OK(cg_remove(&c, 0, &e));
    REFUSED(cg_freeze(&c, true, &e), ERR_NOT_FOUND, path);
    cg_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_freeze_waits_until_it_is_so),
            cmocka_unit_test(test_freeze_stops_the_processes),
            cmocka_unit_test(test_freeze_of_a_removed_cgroup_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, real_cleanup);
}
