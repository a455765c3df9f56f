// SPDX-License-Identifier: Apache-2.0
/* runtime/vm/uids.c in a directory of its own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

// cmocka needs the above
#include <cmocka.h>

#include "base/fd.h"
#include "runtime/vm/uids.h"

static char root[] = "/tmp/vm_uids_test.XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    struct err e;
    return fd_remove_tree(AT_FDCWD, root, &e);
}

static uid_t take(const char *id)
{
    struct err e;
    uid_t uid = 0;
    assert_int_equal(vm_uid_take(root, id, &uid, &e), 0);
    return uid;
}

static void test_uids_no_two_holders_share_a_block(void **state)
{
    (void)state;
    struct err e;
    uid_t a = take("a"), b = take("b"), c = take("c");
    assert_true(a >= VM_UID_FIRST && a % VM_UID_BLOCK == VM_UID_FIRST % VM_UID_BLOCK);
    assert_true(a != b && b != c && a != c);
    assert_int_equal(vm_uid_give(root, "b", &e), 0);
    assert_int_equal(take("d"), b);
    assert_int_equal(vm_uid_give(root, "a", &e), 0);
    assert_int_equal(vm_uid_give(root, "a", &e), 0); /* twice is fine */
    assert_int_equal(vm_uid_give(root, "c", &e), 0);
    assert_int_equal(vm_uid_give(root, "d", &e), 0);
}

static void test_uids_give_without_a_root_is_fine(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(vm_uid_give("/nonexistent/islet", "a", &e), 0);
}

static void test_uids_hold_under_a_race(void **state)
{
    (void)state;
    int p[2];
    unsigned seen[64] = {0};
    assert_int_equal(pipe(p), 0);
    for (int i = 0; i < 8; i++) {
        if (fork() != 0)
            continue;
        for (int k = 0; k < 8; k++) {
            struct err e;
            uid_t uid = 0;
            if (vm_uid_take(root, "race", &uid, &e) < 0 ||
                    write(p[1], &uid, sizeof(uid)) != sizeof(uid))
                _exit(1);
        }
        _exit(0);
    }
    for (unsigned i = 0; i < 64; i++) {
        uid_t uid = 0;
        assert_int_equal(read(p[0], &uid, sizeof(uid)), sizeof(uid));
        for (unsigned k = 0; k < i; k++)
            assert_true(seen[k] != uid);
        seen[i] = uid;
    }
    for (int i = 0; i < 8; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    struct err e;
    assert_int_equal(vm_uid_give(root, "race", &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_uids_no_two_holders_share_a_block),
            cmocka_unit_test(test_uids_give_without_a_root_is_fine),
            cmocka_unit_test(test_uids_hold_under_a_race),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
