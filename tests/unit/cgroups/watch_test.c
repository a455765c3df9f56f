// SPDX-License-Identifier: Apache-2.0
/* cgroup.events through poll. */
#include <poll.h>

#include "tests/unit/cgroups/real.h"

static bool is_populated(const struct cg *c)
{
    struct err e = {0};
    bool ret = false;
    OK(cg_is_populated(c, &ret, &e));
    return ret;
}

static int wait_for(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLPRI};
    int n = poll(&p, 1, ms);
    assert_true(n >= 0);
    return n && (p.revents & POLLPRI);
}

static void test_watch_wakes_when_the_last_process_ends(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg_events ev;
    autofree char *path = unique("watch");
    struct cg c = make(path);
    pid_t pid = sleeper(&c);
    assert_true(is_populated(&c));
    (void)usleep(30000); /* the notification of the move may still be due */
    autoclose int fd = cg_watch(&c, &e);
    OK(fd);
    assert_int_equal(wait_for(fd, 30), 0);
    OK(cg_kill(&c, &e));
    assert_int_equal(reap(pid), 1000 + SIGKILL);
    assert_int_equal(wait_for(fd, 5000), 1);
    OK(cg_events_read(fd, &ev, &e));
    assert_false(ev.is_populated);
    assert_false(is_populated(&c));
    cg_close(&c);
    unmake(path);
}

static void test_watch_of_a_removed_cgroup_is_not_found(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    bool ret = false;
    autofree char *path = unique("gone");
    struct cg c = make(path);
    OK(cg_remove(&c, 0, &e));
    REFUSED(cg_watch(&c, &e), ERR_NOT_FOUND, path);
    REFUSED(cg_is_populated(&c, &ret, &e), ERR_NOT_FOUND, path);
    cg_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_watch_wakes_when_the_last_process_ends),
            cmocka_unit_test(test_watch_of_a_removed_cgroup_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, real_cleanup);
}
