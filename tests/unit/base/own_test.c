// SPDX-License-Identifier: Apache-2.0
/* base/own.h: what the attributes give back, what steal_* leaves behind, and the allocators. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int null_open(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void test_own_close_closes_and_keeps_errno(void **state)
{
    (void)state;
    int seen = null_open();
    {
        autoclose int fd = seen;
        autoclose int none = -1;
        errno = ENOTTY;
        (void)fd;
        (void)none;
    }
    assert_int_equal(errno, ENOTTY);
    assert_false(is_open(seen));
}

static void test_own_steal_hands_over(void **state)
{
    (void)state;
    int kept = -1;
    char *text = NULL;
    {
        autoclose int fd = null_open();
        autofree char *s = str_dup("x");
        kept = steal_fd(fd);
        text = steal_ptr(s);
        assert_int_equal(fd, -1);
        assert_null(s);
    }
    assert_true(is_open(kept));
    assert_string_equal(text, "x");
    (void)close(kept);
    mem_free(text);
}

static void test_own_closedir_closes(void **state)
{
    (void)state;
    int seen;
    {
        autodir DIR *d = opendir("/");
        autodir DIR *none = NULL;
        (void)none;
        assert_non_null(d);
        seen = dirfd(d);
    }
    assert_false(is_open(seen));
}

struct thing {
    int *counter;
};

static void thing_free(struct thing *t)
{
    *t->counter += 1;
}
DEFINE_OWN(thing, thing_free)

static void test_own_auto_of_calls_the_destructor_once(void **state)
{
    (void)state;
    int n = 0;
    struct thing thing = {.counter = &n};
    {
        auto_of(thing) struct thing *t = &thing;
        auto_of(thing) struct thing *none = NULL;
        auto_of(thing) struct thing *stolen = &thing;
        (void)t;
        (void)none;
        (void)steal_ptr(stolen);
    }
    assert_int_equal(n, 1);
}

static void test_own_memory_is_zeroed_and_grows(void **state)
{
    (void)state;
    unsigned char *p = mem_new(100, 3);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(p[i], 0);
    memset(p, 7, 300);
    p = mem_grow(p, 5000, 2);
    assert_int_equal(p[299], 7);
    p = mem_grow(p, 0, 2); /* nothing is a valid size */
    mem_free(p);
    mem_free(mem_new(0, 8));
    mem_free(mem_grow(NULL, 1, 1));
    mem_free(mem_dup("", 0));
    mem_free(NULL);
}

static void test_own_strings_are_copied(void **state)
{
    (void)state;
    autofree char *whole = str_dup("abc");
    autofree char *part = str_ndup("abc", 2);
    autofree char *more = str_ndup("abc", 9);
    autofree char *text = str_fmt("%s-%d", "a", 5);
    autofree char *bytes = mem_dup("a\0b", 3);
    assert_string_equal(whole, "abc");
    assert_string_equal(part, "ab");
    assert_string_equal(more, "abc");
    assert_string_equal(text, "a-5");
    assert_memory_equal(bytes, "a\0b", 3);
}

/* The exit status of a child that does `act`, its stderr thrown away. */
static int status_of(void (*act)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        act();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static volatile size_t huge = SIZE_MAX / 4;

static void grow_beyond(void)
{
    mem_free(mem_grow(NULL, huge, 16));
}

static void fail_assert(void)
{
    ASSERT(huge == 0);
}

static void pass_assert(void)
{
    ASSERT(huge != 0);
}

static void test_own_overflow_ends_the_process(void **state)
{
    (void)state;
    int status = status_of(grow_beyond);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void test_own_assert_aborts(void **state)
{
    (void)state;
    int status = status_of(fail_assert);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_int_equal(status_of(pass_assert), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_own_close_closes_and_keeps_errno),
            cmocka_unit_test(test_own_steal_hands_over),
            cmocka_unit_test(test_own_closedir_closes),
            cmocka_unit_test(test_own_auto_of_calls_the_destructor_once),
            cmocka_unit_test(test_own_memory_is_zeroed_and_grows),
            cmocka_unit_test(test_own_strings_are_copied),
            cmocka_unit_test(test_own_overflow_ends_the_process),
            cmocka_unit_test(test_own_assert_aborts),
    };
    return cmocka_run_group_tests_name("base/own", tests, NULL, NULL);
}
