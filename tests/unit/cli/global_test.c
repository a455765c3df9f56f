// SPDX-License-Identifier: Apache-2.0
/* Global flags as clients give them, and the context that comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "cli/global.h"

static int apply(const char *program, const char *words, struct rt_context *ret, struct err *e)
{
    static char text[400];
    char *argv[16] = {NULL};
    size_t n = 0;
    struct cli_global g = {0};
    struct opt_rest rest;
    assert_true(strlen(words) < sizeof(text));
    memcpy(text, words, strlen(words) + 1);
    for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        assert_true(n < ARRAY_LEN(argv) - 1);
        argv[n++] = w;
    }
    if (opt_parse(cli_global_opts, OPT_FLAGS_FIRST, argv, &g, &rest, e) < 0)
        return -1;
    return cli_global_apply(&g, program, ret, e);
}

static struct rt_context context(const char *program, const char *words)
{
    struct rt_context c = {0};
    struct err e = {0};
    assert_int_equal(apply(program, words, &c, &e), 0);
    return c;
}

static void assert_refused(const char *words, enum err_kind kind, const char *text)
{
    struct rt_context c = {0};
    struct err e = {0};
    assert_int_equal(apply("islet", words, &c, &e), -1);
    assert_int_equal(e.kind, kind);
    assert_string_equal(e.text, text);
}

static void test_global_has_defaults(void **state)
{
    (void)state;
    struct rt_context c = context("islet", "");
    assert_string_equal(c.root, "/run/islet");
    assert_int_equal(c.cgroup_manager, RT_CGROUPFS);
    assert_int_equal(c.isolation, RT_ISOLATION_UNSET);
    assert_null(c.vm_engine);
    assert_null(c.vm_kernel);
    assert_false(c.allow_degraded);
    assert_false(c.is_debug);
}

static void test_global_takes_what_conmon_rs_repeats(void **state)
{
    (void)state;
    struct rt_context c = context("islet",
            "--root=/a --systemd-cgroup --root=/a --systemd-cgroup --log-format json create");
    assert_string_equal(c.root, "/a");
    assert_int_equal(c.cgroup_manager, RT_CGROUP_SYSTEMD);
}

static void test_global_prefers_the_named_cgroup_manager(void **state)
{
    (void)state;
    assert_int_equal(context("islet", "--systemd-cgroup --cgroup-manager disabled").cgroup_manager,
            RT_CGROUP_DISABLED);
    assert_int_equal(context("islet", "--cgroup-manager=systemd").cgroup_manager,
            RT_CGROUP_SYSTEMD);
    assert_int_equal(context("islet", "--cgroup-manager=cgroupfs").cgroup_manager, RT_CGROUPFS);
}

static void test_global_reads_the_wall_from_the_name_of_the_program(void **state)
{
    (void)state;
    assert_int_equal(context("islet-vm", "").isolation, RT_ISOLATION_VM);
    assert_int_equal(context("/usr/bin/islet-vm", "").isolation, RT_ISOLATION_VM);
    assert_int_equal(context("/opt/x-vm/islet", "").isolation, RT_ISOLATION_UNSET);
    assert_int_equal(context("islet", "--isolation vm").isolation, RT_ISOLATION_VM);
}

static void test_global_takes_the_choice_of_the_wall(void **state)
{
    (void)state;
    struct rt_context c = context("islet",
            "--isolation=vm --vm-engine qemu --vm-kernel /k --allow-degraded --debug");
    assert_int_equal(c.isolation, RT_ISOLATION_VM);
    assert_string_equal(c.vm_engine, "qemu");
    assert_string_equal(c.vm_kernel, "/k");
    assert_true(c.allow_degraded);
    assert_true(c.is_debug);
    assert_true(context("islet", "--log-level debug").is_debug);
}

static void test_global_lays_a_verbs_choice_over_its_own(void **state)
{
    (void)state;
    struct rt_context c = context("islet", "--isolation=vm --vm-kernel /k");
    struct err e = {0};
    struct cli_wall none = {0};
    assert_int_equal(cli_wall_apply(&none, &c, &e), 0);
    assert_int_equal(c.isolation, RT_ISOLATION_VM);
    struct cli_wall some = {.isolation = RT_ISOLATION_CONTAINER, .vm_kernel = "/other"};
    assert_int_equal(cli_wall_apply(&some, &c, &e), 0);
    assert_int_equal(c.isolation, RT_ISOLATION_CONTAINER);
    assert_string_equal(c.vm_kernel, "/other");
}

static void test_global_refuses_what_is_not_to_be_had(void **state)
{
    (void)state;
    assert_refused("--rootless true", ERR_UNSUPPORTED,
            "flag '--rootless': 'true' is not supported yet");
    assert_refused("--vm-engine xen", ERR_UNSUPPORTED,
            "VM engine 'xen' is not supported; there is 'qemu'");
    assert_refused("--log journald:x", ERR_UNSUPPORTED,
            "flag '--log': 'journald:x' is not supported, give a file");
    assert_refused("--isolation strong", ERR_USAGE,
            "flag '--isolation': 'strong' is none of 'container', 'vm'");
    assert_int_equal(context("islet", "--rootless=false").cgroup_manager, RT_CGROUPFS);
    assert_int_equal(context("islet", "--rootless auto").cgroup_manager, RT_CGROUPFS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_global_has_defaults),
            cmocka_unit_test(test_global_takes_what_conmon_rs_repeats),
            cmocka_unit_test(test_global_prefers_the_named_cgroup_manager),
            cmocka_unit_test(test_global_reads_the_wall_from_the_name_of_the_program),
            cmocka_unit_test(test_global_takes_the_choice_of_the_wall),
            cmocka_unit_test(test_global_lays_a_verbs_choice_over_its_own),
            cmocka_unit_test(test_global_refuses_what_is_not_to_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
