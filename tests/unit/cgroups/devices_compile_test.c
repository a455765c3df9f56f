// SPDX-License-Identifier: Apache-2.0
/* The compiler of device rules against a plain evaluator, over hand-made and generated lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "base/own.h"
#include "tests/unit/cgroups/device_model.h"

#define RULE(al, ty, ma, mi, ac)                                                                   \
    {                                                                                              \
        .allow = {true, (al)}, .type = (ty), .major = {true, (ma)}, .minor = {true, (mi)},         \
        .access = (ac)                                                                             \
    }

static char type_a[] = "a", type_b[] = "b", type_c[] = "c", type_u[] = "u", type_none[] = "";
static char rwm[] = "rwm", r_[] = "r", w_[] = "w", m_[] = "m", rw[] = "rw", none[] = "";

static struct bpf_insn *compile(const struct cg_device_rule *rules, size_t n, size_t *ret_n)
{
    struct err e = {0};
    struct bpf_insn *insns = NULL;
    if (cg_devices_compile(rules, n, &insns, ret_n, &e) < 0)
        fail_msg("%s", e.text);
    return insns;
}

static int ask(const struct cg_device_rule *rules, size_t n, uint32_t type, uint32_t major,
        uint32_t minor, uint32_t access)
{
    size_t len = 0;
    autofree struct bpf_insn *insns = compile(rules, n, &len);
    const struct bpf_cgroup_dev_ctx ctx = {access << 16 | type, major, minor};
    return model_run(insns, len, &ctx);
}

#define CHAR BPF_DEVCG_DEV_CHAR
#define BLOCK BPF_DEVCG_DEV_BLOCK
#define R BPF_DEVCG_ACC_READ
#define W BPF_DEVCG_ACC_WRITE
#define M BPF_DEVCG_ACC_MKNOD

static void test_devices_compile_denies_by_default(void **state)
{
    (void)state;
    assert_int_equal(ask(NULL, 0, CHAR, 1, 3, R), 0);
    assert_int_equal(ask(NULL, 0, BLOCK, 8, 0, W), 0);
    assert_int_equal(ask(NULL, 0, CHAR, 1, 3, 0), 1); /* faccessat F_OK asks for nothing */
}

static void test_devices_compile_lets_the_last_match_win(void **state)
{
    (void)state;
    const struct cg_device_rule rules[] = {
            RULE(true, type_a, -1, -1, rwm),
            RULE(false, type_c, 10, -1, rwm),
            RULE(true, type_c, 10, 200, rw),
    };
    assert_int_equal(ask(rules, 3, CHAR, 1, 3, R | W | M), 1);
    assert_int_equal(ask(rules, 3, BLOCK, 10, 1, R), 1);
    assert_int_equal(ask(rules, 3, CHAR, 10, 1, R), 0);
    assert_int_equal(ask(rules, 3, CHAR, 10, 200, R | W), 1);
    assert_int_equal(ask(rules, 3, CHAR, 10, 200, R | M), 0);
}

static void test_devices_compile_decides_each_access_by_itself(void **state)
{
    (void)state;
    const struct cg_device_rule deny_w[] = {
            RULE(true, NULL, -1, -1, NULL),
            RULE(false, type_c, 1, 3, w_),
    };
    assert_int_equal(ask(deny_w, 2, CHAR, 1, 3, R), 1);
    assert_int_equal(ask(deny_w, 2, CHAR, 1, 3, W), 0);
    assert_int_equal(ask(deny_w, 2, CHAR, 1, 3, R | W), 0); /* the evasion seen in peers */
    const struct cg_device_rule allow_two[] = {
            RULE(true, type_c, 1, 3, r_),
            RULE(true, type_c, 1, -1, w_),
    };
    assert_int_equal(ask(allow_two, 2, CHAR, 1, 3, R | W), 1);
    assert_int_equal(ask(allow_two, 2, CHAR, 1, 5, R | W), 0);
}

static void test_devices_compile_takes_unset_as_any(void **state)
{
    (void)state;
    const struct cg_device_rule rules[] = {
            {.allow = {true, true}, .type = type_none, .access = none, .major = {true, 7}},
    };
    assert_int_equal(ask(rules, 1, CHAR, 7, 9, R | W | M), 1);
    assert_int_equal(ask(rules, 1, BLOCK, 7, 0, R | W | M), 1);
    assert_int_equal(ask(rules, 1, BLOCK, 8, 0, R), 0);
    const struct cg_device_rule unset_allow[] = {{.type = type_a}};
    assert_int_equal(ask(unset_allow, 1, BLOCK, 8, 0, R), 0);
}

/* Such numbers fit no device of Linux, and must not wrap around to one. */
static void test_devices_compile_large_numbers_match_nothing(void **state)
{
    (void)state;
    const struct cg_device_rule rules[] = {
            RULE(true, type_c, 4096 + 1, 3, rwm),
            RULE(true, type_c, 1, (1 << 20) + 3, rwm),
            RULE(true, type_c, UINT32_MAX, UINT32_MAX, rwm),
            RULE(true, type_c, -1, UINT32_MAX, rwm),
    };
    assert_int_equal(ask(rules, 4, CHAR, 1, 3, R), 0);
    assert_int_equal(ask(rules, 4, CHAR, 4095, (1 << 20) - 1, R), 0);
    const struct cg_device_rule top[] = {RULE(true, type_b, 4095, (1 << 20) - 1, rwm)};
    assert_int_equal(ask(top, 1, BLOCK, 4095, (1 << 20) - 1, R | W), 1);
    assert_int_equal(ask(top, 1, CHAR, 4095, (1 << 20) - 1, R), 0);
}

static void refused(const struct cg_device_rule *rule, const char *text)
{
    struct err e = {0};
    struct bpf_insn *insns = NULL;
    size_t n = 0;
    const struct cg_device_rule rules[] = {{.allow = {true, false}}, *rule};
    assert_int_equal(cg_devices_compile(rules, 2, &insns, &n, &e), -1);
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_string_equal(e.text, text);
    assert_null(insns);
}

static void test_devices_compile_names_the_bad_rule(void **state)
{
    (void)state;
    static char p[] = "p", bad[] = "rx";
    refused(&(struct cg_device_rule){.type = p}, "devices[1]: type 'p' is none of a, b, c");
    refused(&(struct cg_device_rule){.access = bad},
            "devices[1]: access 'rx' has other letters than r, w, m");
    refused(
            &(struct cg_device_rule){
                    .major = {true, -2}
    },
            "devices[1]: major -2 is out of range");
    refused(
            &(struct cg_device_rule){
                    .minor = {true, 1ll << 32}
    },
            "devices[1]: minor 4294967296 is out of range");
}

static void test_devices_compile_leaves_out_what_has_no_effect(void **state)
{
    (void)state;
    struct cg_device_rule rules[100];
    size_t n_all = 0;
    size_t n_none = 0;
    for (size_t i = 0; i < 99; i++)
        rules[i] = (struct cg_device_rule)RULE(i % 2, type_c, (int64_t)i, 1, rwm);
    rules[99] = (struct cg_device_rule)RULE(false, type_a, -1, -1, rwm);
    autofree struct bpf_insn *all = compile(rules, 100, &n_all);
    autofree struct bpf_insn *nothing = compile(NULL, 0, &n_none);
    assert_int_equal(n_all, n_none);
}

/* A small world, so that generated rules and requests meet often. */
static struct cg_device_rule random_rule(void)
{
    static char *const types[] = {NULL, type_none, type_a, type_b, type_c, type_u};
    static char *const accesses[] = {NULL, none, rwm, r_, w_, m_, rw};
    struct cg_device_rule r = {
            .allow = {rand() % 8 != 0, rand() % 2    },
            .type = types[(size_t)rand() % ARRAY_LEN(types)],
            .major = {rand() % 4 != 0, rand() % 5 - 1},
            .minor = {rand() % 4 != 0, rand() % 5 - 1},
            .access = accesses[(size_t)rand() % ARRAY_LEN(accesses)],
    };
    return r;
}

static void compare_all(const struct cg_device_rule *rules, size_t n)
{
    size_t len = 0;
    autofree struct bpf_insn *insns = compile(rules, n, &len);
    for (uint32_t i = 0; i < 2u * 5 * 5 * 8; i++) {
        uint32_t type = i % 2 ? CHAR : BLOCK;
        uint32_t major = i / 2 % 5;
        uint32_t minor = i / 10 % 5;
        uint32_t access = i / 50 % 8;
        const struct bpf_cgroup_dev_ctx ctx = {access << 16 | type, major, minor};
        int want = model_allows(rules, n, type, major, minor, access);
        int got = model_run(insns, len, &ctx);
        if (got != want)
            fail_msg("%zu rules, type %u %u:%u access %u: %d, not %d", n, type, major, minor,
                    access, got, want);
    }
}

static void test_devices_compile_agrees_with_the_reference(void **state)
{
    (void)state;
    srand(20261121);
    for (int round = 0; round < 5000; round++) {
        struct cg_device_rule rules[24];
        size_t n = (size_t)rand() % ARRAY_LEN(rules);
        for (size_t i = 0; i < n; i++)
            rules[i] = random_rule();
        compare_all(rules, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_devices_compile_denies_by_default),
            cmocka_unit_test(test_devices_compile_lets_the_last_match_win),
            cmocka_unit_test(test_devices_compile_decides_each_access_by_itself),
            cmocka_unit_test(test_devices_compile_takes_unset_as_any),
            cmocka_unit_test(test_devices_compile_large_numbers_match_nothing),
            cmocka_unit_test(test_devices_compile_names_the_bad_rule),
            cmocka_unit_test(test_devices_compile_leaves_out_what_has_no_effect),
            cmocka_unit_test(test_devices_compile_agrees_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
