// SPDX-License-Identifier: Apache-2.0
/* Finding the hierarchy, and the names of controllers. */
#include "tests/unit/cgroups/real.h"

static void test_host_probe_finds_a_v2_mount(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg_host h;
    OK(cg_host_probe(&h, &e));
    assert_int_equal(h.is_hybrid, strcmp(h.mount, "/sys/fs/cgroup/unified") == 0);
    autofree char *file = str_fmt("%s/cgroup.controllers", h.mount);
    assert_int_equal(access(file, R_OK), 0);
    cg_host_release(&h);
    assert_null(h.mount);
    cg_host_release(&h);
    cg_host_release(NULL);
}

static void test_host_controllers_are_bits_and_back(void **state)
{
    (void)state;
    char text[128];
    unsigned mask = cg_ctl_parse("cpuset cpu io memory nosuch pids\n");
    assert_int_equal(mask, CG_CTL_CPUSET | CG_CTL_STATS);
    cg_ctl_text(mask, "+", text, sizeof(text));
    assert_string_equal(text, "+cpuset +cpu +io +memory +pids");
    cg_ctl_text(0, "+", text, sizeof(text));
    assert_string_equal(text, "");
    assert_int_equal(cg_ctl_parse(""), 0);
    assert_int_equal(cg_ctl_named("cpuset.cpus", 6), CG_CTL_CPUSET);
    assert_int_equal(cg_ctl_named("cpuset.cpus", 3), CG_CTL_CPU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_host_probe_finds_a_v2_mount),
            cmocka_unit_test(test_host_controllers_are_bits_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, real_cleanup);
}
