// SPDX-License-Identifier: Apache-2.0
/*
 * Building error texts in fixed memory: nothing is allocated while failing, and a text that does
 * not fit is cut at the front of the object, never at the reason.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void text_set(struct err *e, const char *fmt, va_list ap)
{
    int n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
    if (n < 0)
        e->text[0] = '\0';
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
    va_list ap;
    e->kind = kind;
    e->sys = 0;
    va_start(ap, fmt);
    text_set(e, fmt, ap);
    va_end(ap);
    return -1;
}

/* Appends ": reason"; a long object gives way to it. */
static void reason_append(struct err *e, int sysno)
{
    const char *reason = strerrordesc_np(sysno);
    char unknown[32];
    if (!reason) {
        (void)snprintf(unknown, sizeof(unknown), "error %d", sysno);
        reason = unknown;
    }
    size_t have = strlen(e->text);
    size_t need = strlen(reason) + 3;
    if (have + need > sizeof(e->text)) {
        have = sizeof(e->text) - need - 3;
        memcpy(e->text + have, "…", 3);
        have += 3;
    }
    (void)snprintf(e->text + have, sizeof(e->text) - have, ": %s", reason);
}

static void sys_set(struct err *e, int sysno, const char *fmt, va_list ap)
{
    e->kind = ERR_SYSTEM;
    e->sys = sysno;
    text_set(e, fmt, ap);
    reason_append(e, sysno);
}

int err_sys(struct err *e, const char *fmt, ...)
{
    int sysno = errno;
    va_list ap;
    va_start(ap, fmt);
    sys_set(e, sysno, fmt, ap);
    va_end(ap);
    return -1;
}

int err_sysno(struct err *e, int sysno, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sys_set(e, sysno, fmt, ap);
    va_end(ap);
    return -1;
}

int err_add(struct err *e, const char *fmt, ...)
{
    char tail[sizeof(e->text)];
    memcpy(tail, e->text, sizeof(tail));
    va_list ap;
    va_start(ap, fmt);
    text_set(e, fmt, ap);
    va_end(ap);
    size_t head = strlen(e->text);
    size_t room = sizeof(e->text) - 1 - head;
    size_t len = strlen(tail);
    if (head + 2 + len < sizeof(e->text)) {
        memcpy(e->text + head, ": ", 2);
        memcpy(e->text + head + 2, tail, len + 1);
        return -1;
    }
    if (room < 64) { /* the phrase alone fills the text: keep the reason instead */
        memcpy(e->text, tail, sizeof(tail));
        return -1;
    }
    size_t keep = room - 5; /* ": " and the three bytes of "…" */
    memcpy(e->text + head, ": …", 5);
    memcpy(e->text + head + 5, tail + len - keep, keep + 1);
    return -1;
}

int err_exit_code(const struct err *e)
{
    switch ((enum err_kind)e->kind) {
    case ERR_USAGE:
        return 2;
    case ERR_CONFIG:
        return 3;
    case ERR_NOT_FOUND:
        return 4;
    case ERR_NONE:
    case ERR_STATE:
    case ERR_EXISTS:
    case ERR_UNSUPPORTED:
    case ERR_SYSTEM:
    case ERR_INTERNAL:
        break;
    }
    return 1;
}
