// SPDX-License-Identifier: Apache-2.0
/* Weights: the same numbers as runc for every share there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "cgroups/cgroups.h"

static void test_convert_shares_hit_the_known_points(void **state)
{
    (void)state;
    static const uint64_t points[][2] = {
            {0,          0    },
            {1,          1    },
            {2,          1    },
            {3,          2    },
            {10,         4    },
            {100,        17   },
            {512,        59   },
            {1023,       100  },
            {1024,       100  },
            {1025,       101  },
            {2048,       174  },
            {4096,       303  },
            {10000,      627  },
            {65536,      3023 },
            {262143,     10000},
            {262144,     10000},
            {UINT64_MAX, 10000},
    };
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        assert_int_equal(cg_weight_from_shares(points[i][0]), points[i][1]);
}

/* The digest is that of ceil(pow(10, (l*l + 125*l)/612.0 - 7.0/34.0)) with l = log2(x), computed by
 * Python's libm for 0..262145: runc's ConvertCPUSharesToCgroupV2Value in the same arithmetic. */
static void test_convert_shares_agree_with_runc_everywhere(void **state)
{
    (void)state;
    uint64_t sum = 0;
    uint64_t digest = 0;
    uint64_t before = 0;
    for (uint64_t x = 0; x < 262146; x++) {
        uint64_t w = cg_weight_from_shares(x);
        assert_true(w >= before);
        before = w;
        sum += w;
        digest = digest * 1099511628211u + w;
    }
    assert_int_equal(sum, 1405388461);
    assert_int_equal(digest, 472753691124777407);
}

static void test_convert_blkio_is_linear_and_clamped(void **state)
{
    (void)state;
    assert_int_equal(cg_io_weight_from_blkio(0), 0);
    assert_int_equal(cg_io_weight_from_blkio(1), 1);
    assert_int_equal(cg_io_weight_from_blkio(10), 1);
    assert_int_equal(cg_io_weight_from_blkio(100), 910);
    assert_int_equal(cg_io_weight_from_blkio(500), 4950);
    assert_int_equal(cg_io_weight_from_blkio(1000), 10000);
    assert_int_equal(cg_io_weight_from_blkio(UINT64_MAX), 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_convert_shares_hit_the_known_points),
            cmocka_unit_test(test_convert_shares_agree_with_runc_everywhere),
            cmocka_unit_test(test_convert_blkio_is_linear_and_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
