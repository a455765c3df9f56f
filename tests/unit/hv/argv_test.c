// SPDX-License-Identifier: Apache-2.0
/* hv/qemu/argv.h and fs.h: what QEMU and virtiofsd are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "hv/qemu/argv.h"
#include "hv/qemu/fs.h"

static const struct qemu_plan plan = {
        .program = "/usr/bin/qemu-system-x86_64",
        .name = "web,evil=1",
        .kernel = "/kernel",
        .initramfs = "/initramfs",
        .accel = VM_ACCEL_EMULATED,
        .vcpus = 3,
        .memory = (300ull << 20) + 5,
        .tsc_khz = 2445000,
        .qmp_fd = 3,
        .console_fd = 4,
        .channel_fd = 5,
        .fs_fd = 6,
};

/* The argument after `name`, or NULL. */
static const char *value_of(const struct argv *a, const char *name)
{
    for (size_t i = 0; i + 1 < a->n; i++)
        if (strcmp(a->v[i], name) == 0)
            return a->v[i + 1];
    return NULL;
}

static bool has(const struct argv *a, const char *text)
{
    for (size_t i = 0; i < a->n; i++)
        if (strstr(a->v[i], text))
            return true;
    return false;
}

static void test_argv_emulated_machine(void **state)
{
    struct argv a = {0};
    struct err e;
    (void)state;
    assert_int_equal(qemu_argv(&plan, &a, &e), 0);
    assert_string_equal(a.v[0], plan.program);
    assert_null(a.v[a.n]);
    assert_string_equal(value_of(&a, "-accel"), "tcg,thread=multi");
    assert_string_equal(value_of(&a, "-m"), "300M");
    assert_string_equal(value_of(&a, "-smp"), "3");
    assert_string_equal(value_of(&a, "-name"), "islet-web_evil_1");
    assert_non_null(strstr(value_of(&a, "-append"), "tsc_early_khz=2445000"));
    assert_true(has(&a, "virtio-mmio.force-legacy=false"));
    assert_true(has(&a, "memory-backend-memfd,id=mem,size=300M,share=on"));
    assert_true(has(&a, "virtserialport,chardev=channel,nr=1,name=islet.0"));
    assert_true(has(&a, "socket,id=fs,fd=6"));
    argv_release(&a);
}

static void test_argv_always_carries_its_walls(void **state)
{
    static const char *const walls[] = {"-nodefaults", "-no-user-config", "-no-reboot"};
    (void)state;
    for (int kvm = 0; kvm < 2; kvm++) {
        struct qemu_plan p = plan;
        struct argv a = {0};
        struct err e;
        p.accel = kvm ? VM_ACCEL_KVM : VM_ACCEL_EMULATED;
        assert_int_equal(qemu_argv(&p, &a, &e), 0);
        assert_string_equal(value_of(&a, "-sandbox"),
                "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
        for (size_t i = 0; i < ARRAY_LEN(walls); i++)
            assert_true(has(&a, walls[i]));
        assert_false(has(&a, "-netdev") || has(&a, "-drive") || has(&a, "path="));
        argv_release(&a);
    }
}

static void test_argv_kvm_needs_no_tsc_and_no_share_is_no_device(void **state)
{
    struct qemu_plan p = plan;
    struct argv a = {0};
    struct err e;
    (void)state;
    p.accel = VM_ACCEL_KVM;
    p.fs_fd = -1;
    assert_int_equal(qemu_argv(&p, &a, &e), 0);
    assert_string_equal(value_of(&a, "-accel"), "kvm");
    assert_string_equal(value_of(&a, "-cpu"), "host");
    assert_false(has(&a, "tsc_early_khz") || has(&a, "vhost-user"));
    argv_release(&a);
}

static void test_argv_command_line_has_a_limit(void **state)
{
    struct qemu_plan p = plan;
    struct argv a = {0};
    struct err e;
    (void)state;
    autofree char *extra = mem_new(2100, 1);
    memset(extra, 'x', 2099);
    p.cmdline_extra = extra;
    assert_int_equal(qemu_argv(&p, &a, &e), -1);
    assert_int_equal(e.kind, ERR_CONFIG);
    extra[10] = '\0';
    assert_int_equal(qemu_argv(&p, &a, &e), 0);
    assert_non_null(strstr(value_of(&a, "-append"), " xxxxxxxxxx"));
    argv_release(&a);
}

static void test_argv_virtiofsd_keeps_its_sandbox(void **state)
{
    char path[] = "/usr/libexec/virtiofsd";
    (void)state;
    for (int kind = FS_C; kind <= FS_RUST; kind++) {
        struct fs_program p = {.kind = (enum fs_kind)kind, .path = path};
        struct argv a = {0};
        fs_argv(&p, "/share", 3, &a);
        assert_true(has(&a, "sandbox=namespace"));
        assert_true(has(&a, "--fd=3"));
        assert_true(has(&a, kind == FS_C ? "source=/share" : "--shared-dir=/share"));
        assert_true(has(&a, "xattr"));
        assert_false(has(&a, "none") || has(&a, "modcaps"));
        argv_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_argv_emulated_machine),
            cmocka_unit_test(test_argv_always_carries_its_walls),
            cmocka_unit_test(test_argv_kvm_needs_no_tsc_and_no_share_is_no_device),
            cmocka_unit_test(test_argv_command_line_has_a_limit),
            cmocka_unit_test(test_argv_virtiofsd_keeps_its_sandbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
