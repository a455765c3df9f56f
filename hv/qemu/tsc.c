// SPDX-License-Identifier: Apache-2.0
/*
 * See tsc.h. The counter is compared with the clock twice, some milliseconds apart. A reading counts
 * only if counter and clock were read close together: a process can lose the CPU between the two.
 */
#include "hv/qemu/tsc.h"

#include <time.h>
#include <x86intrin.h>

#define GAP_NS 5000000
#define TRIES 20

struct reading {
    uint64_t ticks;
    uint64_t ns;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC_RAW, &t); /* cannot fail with this clock */
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The tightest of some tries. */
static struct reading take(void)
{
    struct reading best = {0};
    uint64_t width = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = __rdtsc();
        uint64_t ns = now_ns();
        uint64_t after = __rdtsc();
        if (after - before < width) {
            width = after - before;
            best = (struct reading){.ticks = before + (after - before) / 2, .ns = ns};
        }
    }
    return best;
}

uint64_t tsc_khz(void)
{
    struct reading a = take();
    struct timespec gap = {.tv_nsec = GAP_NS};
    (void)nanosleep(&gap, NULL); /* cut short by a signal: less exact, still right */
    struct reading b = take();
    while (b.ns - a.ns < GAP_NS / 5)
        b = take();
    return (uint64_t)((double)(b.ticks - a.ticks) * 1e6 / (double)(b.ns - a.ns) + 0.5);
}
