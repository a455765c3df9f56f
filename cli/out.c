// SPDX-License-Identifier: Apache-2.0
/* Everything is put together in memory and written with one write: a reader of a pipe that goes
 * away, or a full disk, is an error like any other. */
#include "cli/out.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/own.h"

/* A growing text; `text` is NULL until the first byte. */
struct pile {
    char *text;
    size_t len;
    size_t room;
};

static void pile_add(struct pile *p, const char *s, size_t len)
{
    if (p->len + len + 1 > p->room) {
        p->room = (p->len + len + 1) * 2;
        p->text = mem_grow(p->text, p->room, 1);
    }
    memcpy(p->text + p->len, s, len);
    p->len += len;
    p->text[p->len] = '\0';
}

static void pile_blanks(struct pile *p, size_t n)
{
    while (n--)
        pile_add(p, " ", 1);
}

/* Continuation bytes of UTF-8 take no column of their own. */
static size_t width(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0u) != 0x80u;
    return n;
}

/* Bytes of the letter that starts at p; 1 where they are no UTF-8 (the lead byte alone says enough:
 * all that matters here is that no byte of a sequence is taken for a control). */
static size_t letter_len(const unsigned char *p)
{
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 1;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0u) != 0x80u)
            return 1;
    return n;
}

/* C0, DEL, stray bytes, and the C1 controls (U+0080 to U+009F, in UTF-8 c2 80 to c2 9f). */
static bool steers(const unsigned char *p, size_t len)
{
    if (len == 1)
        return p[0] < 0x20 || p[0] >= 0x7f;
    return len == 2 && p[0] == 0xc2 && p[1] <= 0x9f;
}

static char *safe(const char *s)
{
    if (!s || !*s)
        return str_dup("-");
    struct pile p = {0};
    size_t len;
    for (const unsigned char *c = (const unsigned char *)s; *c; c += len) {
        char hex[5];
        len = letter_len(c);
        if (!steers(c, len))
            pile_add(&p, (const char *)c, len);
        for (size_t i = 0; steers(c, len) && i < len; i++) {
            (void)snprintf(hex, sizeof(hex), "\\x%02x", c[i]);
            pile_add(&p, hex, 4);
        }
    }
    return p.text;
}

static void add_row(struct pile *p, const char *const *cells, size_t n, const size_t *widths)
{
    for (size_t i = 0; i < n; i++) {
        pile_add(p, cells[i], strlen(cells[i]));
        if (i + 1 < n)
            pile_blanks(p, widths[i] - width(cells[i]) + 2);
    }
    pile_add(p, "\n", 1);
}

char *out_table_text(const struct out_table *t)
{
    size_t n = t->columns * t->rows;
    char **cells = mem_new(n, sizeof(*cells));
    autofree size_t *widths = mem_new(t->columns, sizeof(*widths));
    for (size_t i = 0; i < t->columns; i++)
        widths[i] = width(t->heads[i]);
    for (size_t i = 0; i < n; i++) {
        cells[i] = safe(t->cells[i]);
        if (width(cells[i]) > widths[i % t->columns])
            widths[i % t->columns] = width(cells[i]);
    }
    struct pile p = {0};
    add_row(&p, t->heads, t->columns, widths);
    for (size_t i = 0; i < t->rows; i++)
        add_row(&p, (const char *const *)cells + i * t->columns, t->columns, widths);
    for (size_t i = 0; i < n; i++)
        mem_free(cells[i]);
    mem_free(cells);
    return p.text;
}

int out_text(const char *text, struct err *e)
{
    if (fd_write_all(STDOUT_FILENO, text, strlen(text), e) < 0)
        return err_add(e, "write the answer");
    return 0;
}

int out_table(const struct out_table *t, struct err *e)
{
    autofree char *text = out_table_text(t);
    return out_text(text, e);
}

int out_json(const json_t *value, enum out_json form, struct err *e)
{
    autofree char *text = json_text(value, form == OUT_JSON_PRETTY);
    size_t len = strlen(text);
    while (len && text[len - 1] == '\n')
        len--;
    autofree char *line = str_fmt("%.*s\n", (int)len, text);
    return out_text(line, e);
}
