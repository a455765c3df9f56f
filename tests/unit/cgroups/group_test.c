// SPDX-License-Identifier: Apache-2.0
/* Making, opening and removing cgroups in the real hierarchy. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "tests/unit/cgroups/real.h"

static void test_group_create_makes_missing_parents(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg c;
    bool is_made = false;
    autofree char *top = unique("a");
    autofree char *path = str_fmt("%s/b/c", top);
    OK(cg_create(path, NULL, &c, &is_made, &e));
    assert_true(is_made);
    assert_true(exists(path));
    assert_string_equal(c.path, path);
    OK(cg_remove(&c, 0, &e));
    assert_false(exists(path));
    OK(cg_remove(&c, 0, &e)); /* missing is fine */
    cg_close(&c);
    assert_int_equal(c.dirfd, -1);
    unmake(top);
    assert_false(exists(top));
}

static void test_group_create_takes_over_an_empty_one(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg again;
    bool is_made = true;
    autofree char *path = unique("old");
    struct cg c = make(path);
    OK(cg_freeze(&c, true, &e)); /* left frozen, it would stop our first process */
    OK(cg_create(path, NULL, &again, &is_made, &e));
    assert_false(is_made);
    bool is_frozen = true;
    OK(cg_is_frozen(&again, &is_frozen, &e));
    assert_false(is_frozen);
    cg_close(&again);
    cg_close(&c);
    unmake(path);
}

static void test_group_create_refuses_a_populated_one(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg again = {.dirfd = -1};
    bool is_made = false;
    autofree char *path = unique("busy");
    struct cg c = make(path);
    pid_t pid = sleeper(&c);
    REFUSED(cg_create(path, NULL, &again, &is_made, &e), ERR_EXISTS, "exists and has processes");
    assert_true(exists(path));
    cg_close(&c);
    unmake(path);
    assert_int_equal(reap(pid), 1000 + SIGKILL);
}

static void test_group_paths_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "x", "/x/../y", "/..", "//x", "/x/", "/x//y", "/./x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        struct cg c;
        bool is_made = false;
        REFUSED(cg_create(bad[i], NULL, &c, &is_made, &e), ERR_CONFIG, "cgroup path '");
        REFUSED(cg_open(bad[i], &c, &e), ERR_CONFIG, "cgroup path '");
    }
    struct err e = {0};
    struct cg root = {.dirfd = -1, .path = NULL};
    bool is_made = false;
    REFUSED(cg_create("/", NULL, &root, &is_made, &e), ERR_CONFIG, "not ours to manage");
    need_hierarchy();
    OK(cg_open("/", &root, &e));
    size_t n = 0;
    REFUSED(cg_kill(&root, &e), ERR_CONFIG, "not ours to manage");
    REFUSED(cg_signal(&root, SIGCONT, &n, &e), ERR_CONFIG, "not ours to manage");
    REFUSED(cg_freeze(&root, true, &e), ERR_CONFIG, "not ours to manage");
    REFUSED(cg_remove(&root, 0, &e), ERR_CONFIG, "not ours to manage");
    cg_close(&root);
}

static void test_group_open_says_not_found(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg c;
    autofree char *path = unique("missing");
    REFUSED(cg_open(path, &c, &e), ERR_NOT_FOUND, path);
}

static void test_group_remove_takes_sub_cgroups_along(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("tree");
    struct cg c = make(path);
    static const char *const below[] = {"a", "a/b", "a/b/c", "a/d", "e", "e/f"};
    for (size_t i = 0; i < ARRAY_LEN(below); i++)
        assert_int_equal(mkdirat(c.dirfd, below[i], 0755), 0);
    OK(cg_remove(&c, 0, &e));
    assert_false(exists(path));
    cg_close(&c);
}

/* A container that may write its cgroup can nest deeper than there are fds or bytes in a path. */
static void test_group_remove_survives_deep_nesting(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("deep");
    struct cg c = make(path);
    int cur = openat(c.dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int depth = 0;
    for (; depth < 1500; depth++) {
        if (mkdirat(cur, "n", 0755) < 0)
            break; /* a kernel's or an administrator's limit: then this deep is all there is */
        int next = openat(cur, "n", O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        (void)close(cur);
        cur = next;
    }
    (void)close(cur);
    assert_true(depth > 0);
    pid_t *pids = NULL;
    size_t n = 1;
    OK(cg_pids(&c, &pids, &n, &e));
    assert_int_equal(n, 0);
    mem_free(pids);
    OK(cg_remove(&c, 0, &e));
    assert_false(exists(path));
    cg_close(&c);
}

static void test_group_remove_waits_for_the_last_process(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("wait");
    struct cg c = make(path);
    pid_t pid = sleeper(&c);
    REFUSED(cg_remove(&c, 20, &e), ERR_STATE, "still has 1 processes");
    assert_true(exists(path));
    pid_t killer = fork();
    if (killer == 0) {
        (void)usleep(100000);
        (void)kill(pid, SIGKILL);
        _exit(0);
    }
    OK(cg_remove(&c, 5000, &e));
    assert_false(exists(path));
    assert_int_equal(reap(pid), 1000 + SIGKILL);
    assert_int_equal(reap(killer), 0);
    cg_close(&c);
}

/* hugetlb is what a hybrid host has on v2, any controller does elsewhere. */
static void test_group_create_enables_what_limits_need(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg_host host;
    OK(cg_host_probe(&host, &e));
    unsigned have = cg_ctl_parse(host.controllers);
    cg_host_release(&host);
    struct json_pair pair = {NULL, NULL};
    char key[64];
    unsigned bit = have & (CG_CTL_HUGETLB | CG_CTL_PIDS);
    bit &= ~bit + 1; /* one of them */
    if (!bit)
        skip();
    cg_ctl_text(bit, "", key, sizeof(key) - 8);
    pair.key = str_fmt("%s.max", key);
    struct cg_limits l = {
            .unified = {.pairs = &pair, .n = 1}
    };
    struct cg c;
    bool is_made = false;
    autofree char *top = unique("ctl");
    autofree char *path = str_fmt("%s/b/c", top);
    struct cg parent = make(top); /* here already, and lacking the controller */
    OK(cg_create(path, &l, &c, &is_made, &e));
    char text[256];
    OK(cg_read_small(c.dirfd, "cgroup.controllers", text, sizeof(text), &e));
    assert_true(cg_ctl_parse(text) & bit);
    cg_close(&c);
    cg_close(&parent);
    mem_free(pair.key);
    unmake(top);
}

static void test_group_create_makes_an_old_parent_a_leaf(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg c;
    bool is_made = true;
    static char key[] = "hugetlb.x";
    struct json_pair pair = {.key = key};
    struct cg_limits l = {
            .unified = {.pairs = &pair, .n = 1}
    };
    autofree char *top = unique("old");
    autofree char *path = str_fmt("%s/b", top);
    OK(cg_create(path, &l, &c, &is_made, &e)); /* hugetlb, or whatever there is, in the parent */
    char text[256];
    struct cg parent;
    OK(cg_open(top, &parent, &e));
    OK(cg_read_small(parent.dirfd, "cgroup.subtree_control", text, sizeof(text), &e));
    if (text[0]) {
        struct cg again;
        REFUSED(cg_create(top, NULL, &again, &is_made, &e), ERR_EXISTS, "has sub-cgroups");
    }
    OK(cg_remove(&c, 0, &e));
    cg_close(&c);
    OK(cg_create(top, NULL, &c, &is_made, &e));
    assert_false(is_made);
    pid_t pid = sleeper(&c);
    cg_close(&c);
    cg_close(&parent);
    unmake(top);
    assert_int_equal(reap(pid), 1000 + SIGKILL);
}

/* The rule of no internal processes, and that nothing made is left behind by the failure. */
static void test_group_create_names_a_populated_parent(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg_host host;
    OK(cg_host_probe(&host, &e));
    bool has_hugetlb = cg_ctl_parse(host.controllers) & CG_CTL_HUGETLB;
    cg_host_release(&host);
    if (!has_hugetlb)
        skip();
    static char size[] = "2MB";
    struct cg_huge huge = {
            .page_size = size,
            .limit = {true, 0}
    };
    struct cg_limits l = {.huge = &huge, .n_huge = 1};
    autofree char *top = unique("inner");
    autofree char *mid = str_fmt("%s/b", top);
    autofree char *path = str_fmt("%s/b/c", top);
    struct cg c;
    bool is_made = false;
    struct cg parent = make(top);
    pid_t pid = sleeper(&parent);
    /* on a host with all controllers the parent may have them already: then it takes no process */
    REFUSED(cg_create(path, &l, &c, &is_made, &e), ERR_STATE, "it has processes of its own");
    assert_non_null(strstr(e.text, top));
    assert_false(exists(mid));
    cg_close(&parent);
    unmake(top);
    assert_int_equal(reap(pid), 1000 + SIGKILL);
}

static void test_group_create_refuses_a_threaded_parent(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg c;
    bool is_made = false;
    autofree char *top = unique("thr");
    autofree char *mid = str_fmt("%s/b", top);
    autofree char *path = str_fmt("%s/b/c", top);
    struct cg parent = make(top);
    struct cg middle;
    /* by hand: cg_create would enable controllers that a parent of threaded ones cannot have */
    assert_int_equal(mkdirat(parent.dirfd, "b", 0755), 0);
    OK(cg_open(mid, &middle, &e));
    OK(fd_write_file(middle.dirfd, "cgroup.type", "threaded", &e));
    REFUSED(cg_create(path, NULL, &c, &is_made, &e), ERR_UNSUPPORTED,
            "its type is 'domain invalid'");
    assert_false(exists(path));
    cg_close(&middle);
    cg_close(&parent);
    unmake(top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_group_create_makes_missing_parents),
            cmocka_unit_test(test_group_create_takes_over_an_empty_one),
            cmocka_unit_test(test_group_create_refuses_a_populated_one),
            cmocka_unit_test(test_group_paths_are_checked),
            cmocka_unit_test(test_group_open_says_not_found),
            cmocka_unit_test(test_group_remove_takes_sub_cgroups_along),
            cmocka_unit_test(test_group_remove_survives_deep_nesting),
            cmocka_unit_test(test_group_remove_waits_for_the_last_process),
            cmocka_unit_test(test_group_create_enables_what_limits_need),
            cmocka_unit_test(test_group_create_makes_an_old_parent_a_leaf),
            cmocka_unit_test(test_group_create_names_a_populated_parent),
            cmocka_unit_test(test_group_create_refuses_a_threaded_parent),
    };
    return cmocka_run_group_tests(tests, NULL, real_cleanup);
}
