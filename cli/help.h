// SPDX-License-Identifier: Apache-2.0
/* Help from the tables of verbs and flags. */
#ifndef ISLET_CLI_HELP_H
#define ISLET_CLI_HELP_H

#include "cli/verbs.h"

/* All verbs by family, and the global flags. The caller's. */
char *cli_help_all(void);

/* One verb with its flags. The caller's. */
char *cli_help_verb(const struct cli_verb *v);

#endif
