// SPDX-License-Identifier: Apache-2.0
/* Listing, signalling and killing the processes of a subtree. */
#include "tests/unit/cgroups/real.h"

/* A cgroup with one sleeper in a sub-cgroup and one below another (none in the top: it has
 * controllers, so the kernel wants its processes in leaves). */
struct family {
    char *path;
    struct cg top;
    struct cg one;
    struct cg below;
    pid_t pids[2];
};

static struct family family_new(const char *name)
{
    struct family f = {.path = unique(name)};
    autofree char *one = str_fmt("%s/one", f.path);
    autofree char *below = str_fmt("%s/two/below", f.path);
    f.top = make(f.path);
    f.one = make(one);
    f.below = make(below);
    f.pids[0] = sleeper(&f.one);
    f.pids[1] = sleeper(&f.below);
    return f;
}

static void family_free(struct family *f)
{
    cg_close(&f->below);
    cg_close(&f->one);
    cg_close(&f->top);
    unmake(f->path);
    mem_free(f->path);
}

static void test_kill_pids_lists_the_subtree(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct family f = family_new("pids");
    pid_t *pids = NULL;
    size_t n = 0;
    OK(cg_pids(&f.top, &pids, &n, &e));
    assert_int_equal(n, 2);
    assert_true((pids[0] == f.pids[0] && pids[1] == f.pids[1]) ||
                (pids[0] == f.pids[1] && pids[1] == f.pids[0]));
    mem_free(pids);
    OK(cg_kill(&f.top, &e));
    assert_int_equal(reap(f.pids[0]), 1000 + SIGKILL);
    assert_int_equal(reap(f.pids[1]), 1000 + SIGKILL);
    OK(cg_pids(&f.top, &pids, &n, &e));
    assert_int_equal(n, 0);
    mem_free(pids);
    family_free(&f);
}

static void test_kill_signal_reaches_every_process(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct family f = family_new("sig");
    size_t n = 0;
    OK(cg_signal(&f.top, SIGCONT, &n, &e));
    assert_int_equal(n, 2);
    OK(cg_signal(&f.below, SIGUSR1, &n, &e));
    assert_int_equal(n, 1);
    assert_int_equal(reap(f.pids[1]), 1000 + SIGUSR1);
    OK(cg_signal(&f.top, SIGKILL, &n, &e));
    assert_int_equal(n, 1);
    assert_int_equal(reap(f.pids[0]), 1000 + SIGKILL);
    OK(cg_signal(&f.top, SIGTERM, &n, &e));
    assert_int_equal(n, 0);
    family_free(&f);
}

static void test_kill_signals_more_than_one_batch(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    pid_t pids[300];
    size_t n = 0;
    autofree char *path = unique("many");
    struct cg c = make(path);
    for (size_t i = 0; i < ARRAY_LEN(pids); i++)
        pids[i] = sleeper(&c);
    OK(cg_signal(&c, SIGTERM, &n, &e));
    assert_int_equal(n, ARRAY_LEN(pids));
    for (size_t i = 0; i < ARRAY_LEN(pids); i++)
        assert_int_equal(reap(pids[i]), 1000 + SIGTERM);
    cg_close(&c);
    unmake(path);
}

static void test_kill_of_a_removed_cgroup_is_done(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    pid_t *pids = NULL;
    size_t n = 1;
    autofree char *path = unique("gone");
    struct cg c = make(path);
    OK(cg_remove(&c, 0, &e));
    OK(cg_kill(&c, &e));
    OK(cg_pids(&c, &pids, &n, &e));
    assert_int_equal(n, 0);
    OK(cg_signal(&c, SIGTERM, &n, &e));
    assert_int_equal(n, 0);
    mem_free(pids);
    cg_close(&c);
}

static void test_kill_reaches_frozen_processes(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct family f = family_new("frz");
    OK(cg_freeze(&f.top, true, &e));
    OK(cg_kill(&f.top, &e));
    assert_int_equal(reap(f.pids[0]), 1000 + SIGKILL);
    assert_int_equal(reap(f.pids[1]), 1000 + SIGKILL);
    family_free(&f);
}

static void test_kill_move_says_which_cgroup(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("move");
    struct cg c = make(path);
    REFUSED(cg_move(&c, 0x7ffffff0, &e), ERR_SYSTEM, path);
    assert_int_equal(e.sys, ESRCH);
    cg_close(&c);
    unmake(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_kill_pids_lists_the_subtree),
            cmocka_unit_test(test_kill_signal_reaches_every_process),
            cmocka_unit_test(test_kill_signals_more_than_one_batch),
            cmocka_unit_test(test_kill_of_a_removed_cgroup_is_done),
            cmocka_unit_test(test_kill_reaches_frozen_processes),
            cmocka_unit_test(test_kill_move_says_which_cgroup),
    };
    return cmocka_run_group_tests(tests, NULL, real_cleanup);
}
