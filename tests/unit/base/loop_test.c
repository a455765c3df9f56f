// SPDX-License-Identifier: Apache-2.0
/* base/loop.c: what is ready, what is never pollable, what hung up, and who deletes whom. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

// cmocka needs the above
#include <cmocka.h>

#include "base/loop.h"

static struct loop *loop;
static unsigned calls, order;
static uint32_t seen;
static struct loop_fd *watch, *other;

static int setup(void **state)
{
    (void)state;
    struct err e;
    calls = order = 0;
    seen = 0;
    watch = other = NULL;
    loop = loop_new(&e);
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void count(void *arg, uint32_t events)
{
    (void)arg;
    seen = events;
    if (++calls == 3)
        loop_stop(loop);
}

static void run(void)
{
    struct err e;
    assert_int_equal(loop_run(loop, &e), 0);
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void test_loop_calls_while_readable(void **state)
{
    (void)state;
    struct err e;
    int p[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    watch = loop_add_fd(loop, p[0], EPOLLIN, count, NULL, &e);
    assert_non_null(watch);
    assert_int_equal(write(p[1], "x", 1), 1);
    run();
    assert_int_equal(calls, 3);
    assert_true(seen & EPOLLIN);
    (void)close(p[0]);
    (void)close(p[1]);
}

static void test_loop_takes_files_and_null_as_always_ready(void **state)
{
    (void)state;
    struct err e;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    watch = loop_add_fd(loop, null, EPOLLIN | EPOLLOUT, count, NULL, &e);
    assert_non_null(watch);
    run();
    assert_int_equal(calls, 3);
    loop_set_fd(watch, 0);
    (void)loop_add_timer(loop, 20, stop, NULL);
    run();
    assert_int_equal(calls, 3);
    (void)close(null);
}

static void test_loop_does_not_spin_on_a_hangup_without_interest(void **state)
{
    (void)state;
    struct err e;
    int p[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    watch = loop_add_fd(loop, p[0], EPOLLIN, count, NULL, &e);
    (void)close(p[1]);
    loop_set_fd(watch, 0);
    (void)loop_add_timer(loop, 20, stop, NULL);
    run();
    assert_int_equal(calls, 0);
    loop_set_fd(watch, EPOLLIN);
    run();
    assert_int_equal(calls, 3);
    (void)close(p[0]);
}

static void delete_both(void *arg, uint32_t events)
{
    (void)arg;
    (void)events;
    calls++;
    loop_del_fd(watch);
    loop_del_fd(other);
}

static void test_loop_watch_may_delete_itself_and_its_neighbour(void **state)
{
    (void)state;
    struct err e;
    int p[2], q[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(pipe2(q, O_CLOEXEC), 0);
    watch = loop_add_fd(loop, p[0], EPOLLIN, delete_both, NULL, &e);
    other = loop_add_fd(loop, q[0], EPOLLIN, delete_both, NULL, &e);
    assert_int_equal(write(p[1], "x", 1), 1);
    assert_int_equal(write(q[1], "x", 1), 1);
    (void)loop_add_timer(loop, 20, stop, NULL);
    run();
    assert_int_equal(calls, 1);
    (void)close(p[0]);
    (void)close(p[1]);
    (void)close(q[0]);
    (void)close(q[1]);
}

static void digit(void *arg)
{
    order = order * 10 + *(unsigned *)arg;
}

static void test_loop_timers_fire_once_in_order(void **state)
{
    (void)state;
    unsigned one = 1, two = 2, three = 3;
    (void)loop_add_timer(loop, 20, digit, &two);
    (void)loop_add_timer(loop, 40, stop, NULL);
    struct loop_timer *gone = loop_add_timer(loop, 15, digit, &three);
    (void)loop_add_timer(loop, 5, digit, &one);
    loop_del_timer(gone);
    run();
    assert_int_equal(order, 12);
}

static void test_loop_refuses_a_closed_descriptor(void **state)
{
    (void)state;
    struct err e;
    assert_null(loop_add_fd(loop, 999, EPOLLIN, count, NULL, &e));
    assert_string_equal(e.text, "epoll_ctl of descriptor 999: Bad file descriptor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
            T(test_loop_calls_while_readable),
            T(test_loop_takes_files_and_null_as_always_ready),
            T(test_loop_does_not_spin_on_a_hangup_without_interest),
            T(test_loop_watch_may_delete_itself_and_its_neighbour),
            T(test_loop_timers_fire_once_in_order),
            T(test_loop_refuses_a_closed_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
