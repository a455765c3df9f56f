// SPDX-License-Identifier: Apache-2.0
/* hv/accel.h: KVM counts only with hardware under it. */
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
#include "hv/accel.h"

static enum vm_accel judge(struct accel_facts f, const char *want)
{
    autofree char *why = NULL;
    enum vm_accel a = accel_judge(&f, &why);
    assert_non_null(strstr(why, want));
    return a;
}

static void test_accel_takes_hardware_kvm(void **state)
{
    (void)state;
    assert_int_equal(judge((struct accel_facts){.api = 12, .has_vmx = true, .has_intel = true},
                             "VMX"),
            VM_ACCEL_KVM);
    assert_int_equal(judge((struct accel_facts){.api = 12, .has_svm = true, .has_amd = true},
                             "SVM"),
            VM_ACCEL_KVM);
}

static void test_accel_refuses_the_rest_with_a_reason(void **state)
{
    (void)state;
    assert_int_equal(judge((struct accel_facts){.open_errno = 2}, "no /dev/kvm"),
            VM_ACCEL_EMULATED);
    assert_int_equal(
            judge((struct accel_facts){.open_errno = 13, .has_vmx = true, .has_intel = true},
                    "cannot be opened"),
            VM_ACCEL_EMULATED);
    assert_int_equal(judge((struct accel_facts){.api = 11, .has_vmx = true, .has_intel = true},
                             "API"),
            VM_ACCEL_EMULATED);
    assert_int_equal(judge((struct accel_facts){.api = 12, .other = "kvm_pvm"}, "it is kvm_pvm"),
            VM_ACCEL_EMULATED);
    assert_int_equal(judge((struct accel_facts){.api = 12, .has_vmx = true}, "without hardware"),
            VM_ACCEL_EMULATED);
    assert_int_equal(judge((struct accel_facts){.api = 12, .has_intel = true, .has_svm = true},
                             "without hardware"),
            VM_ACCEL_EMULATED);
}

static void test_accel_probe_answers(void **state)
{
    struct err e;
    enum vm_accel a;
    autofree char *why = NULL;
    (void)state;
    assert_int_equal(vm_accel_probe(&a, &why, &e), 0);
    assert_true(why && *why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_accel_takes_hardware_kvm),
            cmocka_unit_test(test_accel_refuses_the_rest_with_a_reason),
            cmocka_unit_test(test_accel_probe_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
