// SPDX-License-Identifier: Apache-2.0
/*
 * The log: one line per event. Text form on a terminal or file, JSON form with the field names that
 * callers of OCI runtimes parse (level, msg, time). A room never prints errors: it returns them, and
 * main logs them once. log_debug is free to all.
 */
#ifndef ISLET_BASE_LOG_H
#define ISLET_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/*
 * Sets where lines go: `path` (O_APPEND, created 0644; "file:PATH" is the same) or NULL for stderr
 * alone. Errors go to stderr as text too when a file is set, since clients show either.
 */
int log_open(const char *path, enum log_format format, enum log_level level,
        struct err *e) must_check;

/* Who speaks, e.g. "agent"; a static string. */
void log_set_role(const char *role);
bool log_enabled(enum log_level level);
int log_fd(void);

void log_error(const char *fmt, ...) printf_like(1, 2);
void log_warn(const char *fmt, ...) printf_like(1, 2);
void log_info(const char *fmt, ...) printf_like(1, 2);
void log_debug(const char *fmt, ...) printf_like(1, 2);

#endif
