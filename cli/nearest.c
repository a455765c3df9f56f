// SPDX-License-Identifier: Apache-2.0
/*
 * Optimal string alignment distance over three rows of fixed size: names longer than a row are
 * simply never near.
 */
#include "cli/nearest.h"

#include <stddef.h>
#include <string.h>

enum { LONGEST = 40 };

static unsigned min2(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned edits(const char *a, size_t n, const char *b, size_t m)
{
    unsigned rows[3][LONGEST + 1] = {{0}};
    unsigned *before = rows[0];
    unsigned *last = rows[1];
    unsigned *row = rows[2];
    for (size_t j = 0; j <= m; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned change = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min2(change, min2(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min2(row[j], before[j - 2] + 1);
        }
        unsigned *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[m];
}

struct cli_nearest cli_nearest_to(const char *asked)
{
    return (struct cli_nearest){.asked = asked, .distance = strlen(asked) < 6 ? 2 : 3};
}

void cli_nearest_offer(struct cli_nearest *n, const char *name)
{
    size_t asked = strlen(n->asked);
    size_t len = strlen(name);
    if (asked < 2 || asked > LONGEST || len > LONGEST)
        return;
    unsigned d = edits(n->asked, asked, name, len);
    if (d < n->distance) {
        n->distance = d;
        n->best = name;
    }
}
