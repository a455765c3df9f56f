// SPDX-License-Identifier: Apache-2.0
/*
 * Weights of cgroup v1 in the ranges of v2, with the same results as runc 1.3.2 and crun 1.23:
 *   cpu:   ceil(10^((log2(x)^2 + 125 log2(x)) / 612 - 7/34)), which maps 2 -> 1, 1024 -> 100,
 *          262144 -> 10000 (runtime-spec config-linux#cpu gives v1 shares only)
 *   blkio: linear, 10..1000 -> 1..10000
 * Computed without libm, which nothing else here needs: a base-2 logarithm by repeated squaring,
 * and instead of a power a search for the smallest weight whose logarithm is not below.
 */
#include "cgroups/cgroups.h"

#define SHARES_MIN 2
#define SHARES_MAX 262144
#define WEIGHT_MAX 10000
#define LOG10_OF_2 0.301029995663981195213738894724493027L
#define EXACT 1e-12L /* three shares map to whole weights exactly; the next nearest is 1e-9 off */

static long double log2_of(uint64_t x)
{
    unsigned whole = 63u - (unsigned)__builtin_clzll(x);
    long double rest = (long double)x / (long double)(1ull << whole); /* 1 <= rest < 2 */
    long double result = whole;
    long double bit = 0.5L;
    for (int i = 0; i < 56; i++) {
        rest *= rest;
        if (rest >= 2) {
            rest /= 2;
            result += bit;
        }
        bit /= 2;
    }
    return result;
}

uint64_t cg_weight_from_shares(uint64_t shares)
{
    if (shares == 0)
        return 0; /* unset */
    if (shares <= SHARES_MIN)
        return 1;
    if (shares >= SHARES_MAX)
        return WEIGHT_MAX;
    long double l = log2_of(shares);
    long double exponent = (l * l + 125 * l) / 612 - 7.0L / 34;
    uint64_t low = 1;
    uint64_t high = WEIGHT_MAX;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (log2_of(middle) * LOG10_OF_2 >= exponent - EXACT)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint64_t cg_io_weight_from_blkio(uint64_t weight)
{
    if (weight == 0)
        return 0; /* unset */
    if (weight <= 10)
        return 1;
    if (weight >= 1000)
        return WEIGHT_MAX;
    return 1 + (weight - 10) * 9999 / 990;
}
