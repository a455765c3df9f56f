// SPDX-License-Identifier: Apache-2.0
/* Signal names as callers write them: "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3", "rtmax-1". */
#ifndef ISLET_CLI_SIGNALS_H
#define ISLET_CLI_SIGNALS_H

#include "base/err.h"

/* The number, 0 to 64; 0 only asks whether the process is there. */
int cli_signal_parse(const char *text, struct err *e) must_check;

#endif
