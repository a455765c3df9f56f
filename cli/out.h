// SPDX-License-Identifier: Apache-2.0
/*
 * Answers on standard output, whole or an error: text, JSON, tables. Cells of a table may hold
 * words from containers and bundles, so bytes that would steer a terminal are shown as \xNN.
 */
#ifndef ISLET_CLI_OUT_H
#define ISLET_CLI_OUT_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* cells: rows * columns strings, row by row; NULL counts as "-". */
struct out_table {
    const char *const *heads;
    size_t columns;
    const char *const *cells;
    size_t rows;
};

/* Columns aligned left, two blanks between them, the last one ragged. */
int out_table(const struct out_table *t, struct err *e) must_check;

/* The text of out_table; the caller's. */
char *out_table_text(const struct out_table *t);

enum out_json { OUT_JSON_LINE, OUT_JSON_PRETTY };

/* One document and a newline. */
int out_json(const json_t *value, enum out_json form, struct err *e) must_check;

int out_text(const char *text, struct err *e) must_check;

#endif
