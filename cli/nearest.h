// SPDX-License-Identifier: Apache-2.0
/*
 * "Did you mean …": the nearest spelling among known names. A name is near when one edit (two, for
 * words of six letters or more) leads from one to the other; an edit is a letter added, dropped or
 * changed, or two neighbours swapped.
 */
#ifndef ISLET_CLI_NEAREST_H
#define ISLET_CLI_NEAREST_H

struct cli_nearest {
    const char *asked;
    const char *best;  /* NULL: nothing is near */
    unsigned distance; /* of best; before any offer, one more than what counts as near */
};

struct cli_nearest cli_nearest_to(const char *asked);

/* Keeps `name` if it is nearer than what was offered before. */
void cli_nearest_offer(struct cli_nearest *n, const char *name);

#endif
