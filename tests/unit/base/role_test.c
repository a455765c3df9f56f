// SPDX-License-Identifier: Apache-2.0
/* base/role.c: this program starts itself in a role, which looks at what it was given. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// cmocka needs the above
#include <cmocka.h>

#include "base/fd.h"
#include "base/own.h"
#include "base/role.h"

/* The role: says on its first descriptor what it sees. */
static int role_main(int argc, char **argv)
{
    struct err e;
    autofree char *config = NULL;
    size_t len = 0;
    sigset_t mask;
    if (role_enter(1, &config, &len, &e) < 0) {
        (void)dprintf(ROLE_FIRST_FD, "%s", e.text);
        return 1;
    }
    (void)sigprocmask(SIG_SETMASK, NULL, &mask);
    (void)dprintf(ROLE_FIRST_FD, "%d %s %s %zu leader=%d cloexec=%d masked=%d usr1=%d", argc,
            argv[2], config, len, getsid(0) == getpid(), fcntl(ROLE_FIRST_FD, F_GETFD),
            sigismember(&mask, SIGTERM), signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    return 5;
}

static char *spawn(const struct role_spawn *like, int *ret_code)
{
    struct err e;
    int p[2], status = 0;
    pid_t pid = 0;
    char *said = NULL;
    struct role_spawn r = *like;
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    r.fds = &p[1];
    r.n_fds = 1;
    if (role_spawn(&r, &pid, &e) < 0)
        fail_msg("%s", e.text);
    (void)close(p[1]);
    assert_int_equal(fd_read_all(p[0], 4096, &said, NULL, &e), 0);
    (void)close(p[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    *ret_code = WEXITSTATUS(status);
    return said;
}

static void test_role_gets_config_descriptors_and_nothing_else(void **state)
{
    (void)state;
    int code = 0;
    sigset_t term;
    int leak = open("/dev/null", O_RDONLY); /* no O_CLOEXEC: must not get there all the same */
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL);
    (void)signal(SIGUSR1, SIG_IGN);
    struct role_spawn r = {
            .name = "@test",
            .title = "title",
            .config = "conf",
            .config_len = 4,
            .stdio = {-1, -1, 2},
            .cgroup_fd = -1,
            .has_session = true
    };
    autofree char *said = spawn(&r, &code);
    assert_string_equal(said, "3 title conf 4 leader=1 cloexec=1 masked=0 usr1=0");
    assert_int_equal(code, 5);
    (void)close(leak);
}

static void test_role_refuses_to_be_started_by_hand(void **state)
{
    (void)state;
    struct err e;
    char *config = NULL;
    size_t len = 0;
    assert_int_equal(role_enter(9, &config, &len, &e), -1);
    assert_string_equal(e.text, "a role is started by islet itself, not by hand");
}

static void test_role_has_a_limit_of_descriptors(void **state)
{
    (void)state;
    struct err e;
    pid_t pid;
    int fds[ROLE_MAX_FDS + 1] = {0};
    struct role_spawn r = {.name = "@test", .fds = fds, .n_fds = ROLE_MAX_FDS + 1, .cgroup_fd = -1};
    assert_int_equal(role_spawn(&r, &pid, &e), -1);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "@test") == 0)
        return role_main(argc, argv);
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_role_gets_config_descriptors_and_nothing_else),
            cmocka_unit_test(test_role_refuses_to_be_started_by_hand),
            cmocka_unit_test(test_role_has_a_limit_of_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
